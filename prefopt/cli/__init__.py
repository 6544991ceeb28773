"""What is typed: one file per command group; arguments and output only."""
