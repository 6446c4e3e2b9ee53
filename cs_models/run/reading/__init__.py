"""Reading a run: a YAML file and `--set` words become checked parameters, or one refusal."""
