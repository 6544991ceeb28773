"""Make data sets: split, mask, generate, augment, and SFT rows."""
