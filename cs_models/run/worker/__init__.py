"""One notebook in one process: prepare, execute, judge, redact, export."""
