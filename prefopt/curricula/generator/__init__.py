"""Generated problems: one family of wordings per achievement standard, with computed answers."""
