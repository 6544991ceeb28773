"""What is wrong with a data file, found before anything is spent on it."""
