"""The adapter in use: predict with it, export it for other programs."""
