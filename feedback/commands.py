"""Both groups of commands under their former module, for an environment that was installed before teachers_commands.py existed."""

from __future__ import annotations

from feedback.argilla_commands import argilla
from feedback.teachers_commands import teachers

__all__ = ["argilla", "teachers"]
