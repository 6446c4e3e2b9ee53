"""What each notebook shows: tables, and figures with their tables."""
