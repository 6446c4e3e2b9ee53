"""The data contract, the sources mapped onto it, and simulated customers."""
