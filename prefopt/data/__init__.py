"""Data before it costs: readers and writers of many formats, checks, splits, generated problems. No torch in here."""
