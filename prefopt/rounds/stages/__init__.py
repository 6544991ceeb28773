"""The stages of a round, one file each: what it reads, what it writes, and the function between.

A stage is declared with @stage (rounds/stage.py). To add one: its file here, its artifacts in rounds/artifacts.py, and its place in the
order in rounds/order.py.
"""
