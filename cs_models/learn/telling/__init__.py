"""What is told of a search: one row per rule, its details, and the headline."""
