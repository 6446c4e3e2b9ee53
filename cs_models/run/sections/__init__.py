"""The sections of a run file: one frozen, strict model a notebook."""
