"""Runs: parameters, notebooks executed in workers, one atomic pointer to the newest report."""
