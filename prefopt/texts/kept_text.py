"""Texts of people in the length that prefopt keeps."""

from __future__ import annotations

import re

_CUT = re.compile(r" …\[[\d,]+ of ([\d,]+) characters / [\d,]+자 중 [\d,]+자\]\Z")
_MARK = 100
"""Characters that no mark exceeds."""


def kept_text(text: str, limit: int) -> str:
    """The text, or its beginning with a mark that says how long it was; without halves of surrogate pairs.

    Args:
        text: what a person wrote.
        limit: characters to keep; with the mark the result is a little longer, and it stays as it is when it is cut again.
    """
    whole = without_halves(text)
    if len(whole) <= limit or (is_cut(whole) and len(whole) <= limit + _MARK):
        return whole
    return f"{whole[:limit]} …[{limit:,} of {len(whole):,} characters / {len(whole):,}자 중 {limit:,}자]"


def is_cut(text: str) -> bool:
    """Whether a text ends with the mark of kept_text."""
    return _CUT.search(text[-_MARK:]) is not None


def without_halves(text: str) -> str:
    """The text with "�" in the place of each half of a surrogate pair, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
