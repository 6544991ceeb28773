"""Families of the standards that the tiny model was not taught: `generate` gives them where they are asked for."""
