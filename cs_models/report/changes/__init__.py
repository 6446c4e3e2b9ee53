"""What changed between a run and the one before it, in sentences."""
