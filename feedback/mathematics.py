r"""Problem texts as HTML: fractions, powers, tables and LaTeX become markup; everything else is escaped and otherwise unchanged.

Written as plain text, 3/4 becomes a fraction and x^2 a power; between $…$, \(…\), $$…$$ or \[…\] a part of LaTeX becomes MathML, which
browsers render. A formula that cannot be parsed as a whole is shown as its source text: a wrong formula would be worse than a plain one.
A note follows the source of a formula that is nested too deeply to be read.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from prefopt.texts.formula_nesting import MAX_NESTING, nesting

SYMBOLS = {
    "times": "×", "div": "÷", "cdot": "·", "pm": "±", "mp": "∓", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠",
    "approx": "≈", "equiv": "≡", "pi": "π", "theta": "θ", "alpha": "α", "beta": "β", "angle": "∠", "triangle": "△", "square": "□",
    "Box": "□", "circ": "∘", "degree": "°", "perp": "⊥", "parallel": "∥", "infty": "∞", "in": "∈", "cup": "∪", "cap": "∩", "to": "→",
    "ldots": "…", "cdots": "⋯", "dots": "…", "therefore": "∴", "because": "∵", "sim": "∼", "prime": "′",
    "sin": "sin", "cos": "cos", "tan": "tan", "log": "log", "lim": "lim",
}  # fmt: skip
SPACES = {",", ";", ":", "!", " ", "quad", "qquad", "left", "right", "displaystyle"}
MAX_FORMULA = 2000
"""Characters; a longer text between dollar signs is not a formula."""
_LATEX = re.compile(
    r"\$\$(.+?)\$\$|\\\[((?:(?!\\\[).)+?)\\\]|\\\(((?:(?!\\\().)+?)\\\)|\$(?=[^\s$'&])([^$\n]*?[^\s$\\])\$(?!\d)", re.DOTALL
)
_TOKEN = re.compile(r"\\([A-Za-z]+|.)|([0-9]+(?:[.,][0-9]+)*)|(\s+)|(.)", re.DOTALL)
_PLAIN = re.compile(
    r"(?P<top>(?<![A-Za-z0-9_./:^])\d{1,4})/(?P<bottom>\d{1,4}(?![A-Za-z0-9_/:]|\.\d))"
    r"|(?P<base>[A-Za-z0-9)\]])\^(?:\{(?P<braced>[A-Za-z0-9+\-− ]{1,12})\}|(?P<power>[0-9]{1,3}|[A-Za-z]))"
)
_CLOSING = re.compile(r"</(\w+)>")
"""Closing tags are written with a space, which browsers ignore: Argilla 2.8 puts a text with <x>…</x> into an iframe, in small letters and
without its keyboard shortcuts."""
MATH = '<math displaystyle="true" style="font-size:1.08em;padding:3px 0">'
TOO_NESTED = ' <small style="color:#667">(수식이 너무 깊게 겹쳐 있어 원문 그대로 보입니다)</small>'
_RULE = re.compile(r"\|?\s*:?-{3,}:?\s*(?:\|\s*:?-{3,}:?\s*)*\|?")


def to_markup(text: str) -> str:
    """Safe HTML of a text: escaped except for the markup generated here; line breaks and runs of spaces are kept."""
    parts: list[str] = []
    lines = text.replace("\r\n", "\n").split("\n")
    plain: list[str] = []
    at, even = 0, _even_rows(lines)
    while at < len(lines):
        rows = _table(lines, at, even)
        if rows is None:
            plain.append(lines[at])
            at += 1
            continue
        parts += [_prose("\n".join(plain)), rows[0]] if plain else [rows[0]]
        plain, at = [], rows[1]
    parts += [_prose("\n".join(plain))] if plain else []
    return _CLOSING.sub(r"</\1 >", "".join(parts))


def escaped(text: str) -> str:
    """Text as HTML. "$" is escaped too: it is special where the page writes a record into a script."""
    shown = html.escape(text, quote=True).replace("$", "&#36;")
    return shown.replace("\n", "<br>").replace("  ", "&nbsp; ")


def _prose(text: str) -> str:
    parts, end = [], 0
    for match in _LATEX.finditer(text):
        formula = next(group for group in match.groups() if group is not None)
        markup = latex_to_mathml(formula, block=match[1] is not None or match[2] is not None)
        if markup is None and nesting(formula) > MAX_NESTING:
            markup = escaped(match[0]) + TOO_NESTED
        if markup is not None:
            parts += [_plain(text[end : match.start()]), markup]
            end = match.end()
    return "".join([*parts, _plain(text[end:])])


def _plain(text: str) -> str:
    parts, end = [], 0
    for match in _PLAIN.finditer(text):
        if match["top"]:
            markup = f"{MATH}<mfrac><mn>{match['top']}</mn><mn>{match['bottom']}</mn></mfrac></math>"
        else:
            markup = f"{escaped(match['base'])}<sup>{escaped(match['braced'] or match['power'])}</sup>"
        parts += [escaped(text[end : match.start()]), markup]
        end = match.end()
    return "".join([*parts, escaped(text[end:])])


def _cells(line: str) -> list[str]:
    return line.strip().strip("|").split("|")


def _even_rows(lines: Sequence[str]) -> list[int]:
    """For each line, the end of the rows of cells that go on from it, if all of them have as many cells; -1 where they do not."""
    ends = list(range(len(lines) + 1))
    for at in reversed(range(len(lines))):
        if "|" in lines[at]:
            goes_on = at + 1 < len(lines) and "|" in lines[at + 1]
            is_even = not goes_on or len(_cells(lines[at])) == len(_cells(lines[at + 1]))
            ends[at] = (ends[at + 1] if goes_on else at + 1) if is_even else -1
    return ends


def _table(lines: Sequence[str], at: int, even: Sequence[int]) -> tuple[str, int] | None:
    """A table of the form | a | b | with a rule |---|---| below its head, and the line after it; None where none begins here.

    Args:
        lines: of the text.
        at: the head's line.
        even: as _even_rows says, so that a text of many such lines is read once.
    """
    if at + 1 >= len(lines) or "|" not in lines[at] or not _RULE.fullmatch(lines[at + 1].strip()):
        return None
    end = even[at + 2]
    if end < 0 or (end > at + 2 and len(_cells(lines[at])) != len(_cells(lines[at + 2]))):
        return None
    head, *body = ([_prose(cell.strip()) for cell in _cells(line)] for line in (lines[at], *lines[at + 2 : end]))
    style = 'style="border:1px solid #9aa3b5;padding:4px 12px;text-align:center"'
    rows = ["".join(f"<th {style}>{cell}</th>" for cell in head)]
    rows += ["".join(f"<td {style}>{cell}</td>" for cell in row) for row in body]
    made = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<table style="border-collapse:collapse;margin:8px 0">{made}</table>', end


def latex_to_mathml(formula: str, *, block: bool = False) -> str | None:
    r"""MathML of a LaTeX formula; None if a part of it is not supported (\frac, \sqrt, \text, powers, indices and symbols are)."""
    if len(formula) > MAX_FORMULA or nesting(formula) > MAX_NESTING:
        return None
    try:
        reader = _Reader(formula)
        inner = reader.row(until=None)
    except _UnknownError:
        return None
    opening = MATH.replace("<math", '<math display="block"') if block else MATH
    return f"{opening}{inner}</math>"


class _UnknownError(Exception):
    """A part of LaTeX that is not supported."""


class _Reader:
    """Recursive-descent parser of a formula, which writes MathML."""

    def __init__(self, formula: str) -> None:
        self._tokens = [(f[1], f[2], f[3], f[4]) for f in _TOKEN.finditer(formula)]
        self._at = 0

    def row(self, until: str | None) -> str:
        """Everything up to a closing bracket (or the end), as one row."""
        parts: list[str] = []
        while self._at < len(self._tokens):
            if until is not None and self._tokens[self._at][3] == until:
                self._at += 1
                return f"<mrow>{''.join(parts)}</mrow>"
            if self._peek() in ("^", "_"):
                if not parts:
                    raise _UnknownError
                parts.append(self._scripts(parts.pop()))
            else:
                parts.append(self._atom())
        if until is not None:
            raise _UnknownError
        return f"<mrow>{''.join(parts)}</mrow>"

    def _peek(self) -> str | None:
        return self._tokens[self._at][3] if self._at < len(self._tokens) else None

    def _scripts(self, base: str) -> str:
        given: dict[str, str] = {}
        while (sign := self._peek()) in ("^", "_"):
            if sign is None or sign in given:
                raise _UnknownError
            self._at += 1
            given[sign] = self._atom()
        if len(given) == 2:
            return f"<msubsup>{base}{given['_']}{given['^']}</msubsup>"
        return f"<msup>{base}{given['^']}</msup>" if "^" in given else f"<msub>{base}{given['_']}</msub>"

    def _atom(self) -> str:
        if self._at >= len(self._tokens):
            raise _UnknownError
        command, number, space, sign = self._tokens[self._at]
        self._at += 1
        if command is not None:
            return self._command(command)
        if number is not None:
            return f"<mn>{number}</mn>"
        if space is not None:
            return ""
        if sign == "{":
            return self.row(until="}")
        if sign in "}$#&%~\\^_":
            raise _UnknownError
        kind = "mi" if sign.isalpha() else "mo"
        return f"<{kind}>{escaped(sign)}</{kind}>"

    def _command(self, name: str) -> str:
        if name in ("frac", "dfrac", "tfrac"):
            return f"<mfrac>{self._group()}{self._group()}</mfrac>"
        if name == "sqrt":
            if self._peek() == "[":
                self._at += 1
                index = self.row(until="]")
                return f"<mroot>{self._group()}{index}</mroot>"
            return f"<msqrt>{self._group()}</msqrt>"
        if name in ("overline", "bar"):
            return f'<mover>{self._group()}<mo stretchy="true">‾</mo></mover>'
        if name in ("text", "mathrm", "textrm"):
            return f"<mtext>{escaped(self._raw())}</mtext>"
        if name in SPACES:
            return "<mspace width='0.5em'/>" if name in ("quad", "qquad", " ") else ""
        if name in ("{", "}", "%"):
            return f"<mo>{name}</mo>"
        if name in SYMBOLS:
            kind = "mi" if SYMBOLS[name].isalpha() else "mo"
            return f"<{kind}>{SYMBOLS[name]}</{kind}>"
        raise _UnknownError

    def _group(self) -> str:
        while self._at < len(self._tokens) and self._tokens[self._at][2] is not None:
            self._at += 1
        return self._atom()

    def _raw(self) -> str:
        """The text between the next pair of braces, verbatim."""
        if self._peek() != "{":
            raise _UnknownError
        self._at += 1
        parts: list[str] = []
        while self._at < len(self._tokens):
            command, number, space, sign = self._tokens[self._at]
            self._at += 1
            if sign == "}":
                return "".join(parts)
            if command is not None or sign == "{":
                raise _UnknownError
            parts.append(number or space or sign or "")
        raise _UnknownError
