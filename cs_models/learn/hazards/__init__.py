"""What stands behind ``survival``: hazards, curves and their tests."""
