"""What a quarter of renewals brings in: its shock, its sizes, its paths; in numbers."""
