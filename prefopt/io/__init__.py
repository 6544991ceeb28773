"""What touches disk and wire: stage folders, chunks, spreadsheets, HTTP."""
