"""A text in the two languages of the report."""

from __future__ import annotations

from typing import NamedTuple


class Say(NamedTuple):
    """One text in both languages."""

    ko: str
    en: str


def both(text: str) -> Say:
    """A text that is the same in both languages, such as a number."""
    return Say(text, text)
