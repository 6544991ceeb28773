"""Programs for maintainers, run from the repository and not part of the wheel.

constraints     compare constraints.txt with an environment
tiny_gpt_oss/   rebuild the tiny checkpoint that prefopt.model.tiny ships
"""
