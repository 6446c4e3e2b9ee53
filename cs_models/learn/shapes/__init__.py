"""What one rule looks like: its size, its cut, its shape, its segments."""
