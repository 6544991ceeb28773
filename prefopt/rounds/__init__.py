"""The round as a state machine, and its stages, one file each."""
