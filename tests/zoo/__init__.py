"""Tiny random checkpoints of every causal LM that the installed transformers can build small."""
