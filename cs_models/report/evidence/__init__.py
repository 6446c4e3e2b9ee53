"""The small frames that are drawn, shown as tables and quoted in words."""
