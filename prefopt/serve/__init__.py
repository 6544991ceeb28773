"""The adapter in use as a service: answers with a record each, corrections, and what was learned in use back into the next round."""
