"""What touches disk and network: files, locks, stage folders, CSV and JSON Lines, spreadsheets, HTTP."""
