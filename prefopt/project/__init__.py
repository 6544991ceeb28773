"""A folder with prefopt.toml: open it, make it, read its problems, know which adapter is in use."""
