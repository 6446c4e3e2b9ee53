"""Measures of adoption: numerators and denominators, and durations with censoring (M1 to M12)."""
