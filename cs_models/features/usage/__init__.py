"""Use of the product up to a decision date: counted by the source's engine, then made columns."""
