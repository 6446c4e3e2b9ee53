"""The machinery of maximally selected rules: population, grid, engines, intervals, effects."""
