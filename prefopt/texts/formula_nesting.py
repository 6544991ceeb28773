r"""How deeply a LaTeX formula is nested, so that no parser has to go deeper than it can: braces in braces, \sqrt\sqrt x, x^{x^{x}}."""

from __future__ import annotations

import re

MAX_NESTING = 40
"""Levels; a school's formula has at most five or six."""
_FORMULA = re.compile(r"\$[^$]+\$|\\[(\[]")
_SYMBOL = re.compile(r"\\[A-Za-z]+|\\.|[{}^_]|\s+|[^\\{}^_\s]+", re.S)
_TAKES_OPERAND = frozenset("\\" + name for name in ("sqrt", "frac", "dfrac", "tfrac", "overline", "bar", "text", "mathrm", "textrm"))


def nesting(formula: str) -> int:
    r"""The most levels of a formula: an opened brace is one, and so is a command or ^ and _ whose operand is being read. Linear."""
    deepest = depth = run = 0
    opened: list[int] = []  # levels that a brace and the commands before it add
    for found in _SYMBOL.finditer(formula):
        symbol = found[0]
        if symbol == "{":
            opened.append(run + 1)
            depth += run + 1
            run = 0
        elif symbol == "}":
            depth -= opened.pop() if opened else 0
            run = 0
        elif symbol in ("^", "_") or symbol in _TAKES_OPERAND:
            run += 1
        elif not symbol.isspace():
            run = 0
        deepest = max(deepest, depth + run)
    return deepest


def too_nested(text: str) -> tuple[int, int] | None:
    """Where a text's first formula begins and its levels, if a formula in it has more than MAX_NESTING; None otherwise."""
    found = _FORMULA.search(text)
    levels = nesting(text) if found else 0
    return (found.start(), levels) if found and levels > MAX_NESTING else None
