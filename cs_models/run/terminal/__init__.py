"""What a person at a terminal sees of a run and sends to it: progress, faults, signals."""
