"""Point-in-time features: one row per (contract term, decision date)."""
