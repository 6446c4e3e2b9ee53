"""Lists to act on: what one asks, who is on it, who gets a person, and what past ones held."""
