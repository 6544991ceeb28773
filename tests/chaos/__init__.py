"""Faults on purpose: what a real machine does to prefopt, over and over, and what is left afterwards. See __main__.py."""
