"""Numbers as text. Numbers that are computed with are not rounded here."""

from __future__ import annotations

import unicodedata

from prefopt.grounds import Estimate

MINUS = "−"
SHOWN = 160
"""Characters of a problem that are shown."""


def percent(share: float, digits: int = 1) -> str:
    """0.732 -> "73.2%". Only a share of 0 or 1 reads as 0 or 100."""
    text = f"{100 * share:.{digits}f}"
    if (share < 1 and float(text) == 100) or (share > 0 and float(text) == 0):
        if digits >= 3:
            return "> 99.99%" if share > 0.5 else "< 0.01%"
        return percent(share, digits + 1)
    return f"{text}%"


def points(difference: float, digits: int = 1) -> str:
    """A difference of shares in percentage points, signed: 0.031 -> "+3.1"."""
    return signed(100 * difference, digits)


def signed(value: float, digits: int) -> str:
    """With its sign; a number that rounds to 0 has none."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return ("+" if value > 0 else MINUS) + text


def decimal(value: float, digits: int = 3) -> str:
    """A plain number with a true minus sign; 0 only where it is exactly 0."""
    if value == 0:
        return "0"
    text = f"{abs(value):.{digits}f}"
    return text if value >= 0 or float(text) == 0 else MINUS + text


def percent_range(estimate: Estimate, digits: int = 0) -> str:
    """The interval in percent, without the sign: "69–77"."""
    return f"{100 * estimate.low:.{digits}f}–{100 * estimate.high:.{digits}f}"


def points_range(estimate: Estimate, digits: int = 1) -> str:
    """The interval of a difference in points: "+0.4 ~ +5.8"."""
    return f"{points(estimate.low, digits)} ~ {points(estimate.high, digits)}"


def decimal_range(estimate: Estimate, digits: int = 3) -> str:
    """The interval of a plain number: "0.347 ~ 0.475"."""
    return f"{decimal(estimate.low, digits)} ~ {decimal(estimate.high, digits)}"


def out_of(share: float) -> tuple[int, int]:
    """(73, 100) for 0.732; out of 1,000 where a hundred would read as none or all."""
    if share in (0.0, 1.0) or 0.5 <= 100 * share < 99.5:
        return round(100 * share), 100
    return min(999, max(1, round(1000 * share))), 1000


def excerpt(text: str, most: int = SHOWN) -> str:
    """The start of a text for display: one line, no control, direction or private characters, cut with … at `most` characters."""
    head = text[: 4 * most]
    clean = "".join(" " if c.isspace() else "\ufffd" if unicodedata.category(c)[0] == "C" else c for c in head)
    line = " ".join(clean.split())
    return line if len(line) <= most and len(text) <= 4 * most else line[:most].rstrip() + "…"
