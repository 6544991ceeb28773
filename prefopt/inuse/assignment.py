"""Which adapter answers a unit of a split comparison: drawn by hash, so every process gives the same unit the same arm for good."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Literal

Arm = Literal["a", "b"]
Unit = Literal["problem", "client"]
"""What is drawn: each text, or each client with all that it asks."""


def folded(text: str) -> str:
    """The text in composed form (NFC) with every run of white space as one blank: the unit of a problem.

    Not the key by which prefopt compares texts elsewhere: that one may learn, and then units would change their arms.
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def drawn(salt: str, unit: str) -> int:
    """A number in [0, 2^64) drawn for a unit: the first 8 bytes of SHA-256(salt | unit), in UTF-8, big end first."""
    return int.from_bytes(hashlib.sha256(f"{salt}|{folded(unit)}".encode()).digest()[:8], "big")


def arm_of(salt: str, unit: str, share: float) -> Arm:
    """The arm of a unit.

    Args:
        salt: of the comparison; another one gives another draw.
        unit: a problem's text, or a client's name.
        share: of b, in (0, 1).

    Raises:
        ValueError: the share is not in (0, 1).
    """
    if not 0 < share < 1:
        raise ValueError(f"the share of b is in (0, 1), not {share!r}")
    return "b" if drawn(salt, unit) < int(share * 2**64) else "a"


def unit_digest(text: str) -> str:
    """The sha256 of a text that is kept only as a hash, after folding: equal for all spellings that are one unit."""
    return hashlib.sha256(folded(text).encode()).hexdigest()


def first_shown(salt: str, prediction: str) -> Arm:
    """The arm whose answer stands first where a teacher sees both, drawn by hash."""
    return arm_of(f"{salt}|order", prediction, 0.5)
