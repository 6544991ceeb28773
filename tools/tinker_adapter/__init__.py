"""The adapter in Tinker's layout that tests read, and what Tinker's own cookbook makes of it."""
