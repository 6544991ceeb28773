"""A text in one spelling of its characters, with a map back to the positions of the original.

Folding joins decomposed letters, makes full-width characters half-width, removes what is invisible, resolves HTML's character references,
and gives each dash, space, quote and middle dot one form. It keeps what a reader sees: superscripts become ^2 and subscripts _2, because
NFKC alone would turn x² into x2, and marks of choices (①, ㉠, ㄱ) stay, because it would turn ① into 1.
Sources: Unicode Standard Annex 15 (normalization), UTS 39 (default-ignorable characters).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
"""Characters that no reader sees, as the inside of a regular expression's class."""

_ONE: dict[str, str] = {
    **dict.fromkeys("‐‑‒–—―⁃−⏤─━﹘﹣－", "-"),
    **dict.fromkeys("〜～∼˜", "~"),
    **dict.fromkeys("・ㆍ‧⋅∙•･", "·"),
    **dict.fromkeys("‘’‚‛′＇ʼ", "'"),
    **dict.fromkeys("“”„‟″＂", '"'),
    **dict.fromkeys("〈⟨", "<"),
    **dict.fromkeys("〉⟩", ">"),
    **dict.fromkeys("\u2028\u2029\u0085\x0b\x0c", "\n"),
    "⁄": "/",
    "∕": "/",
    "\t": " ",
    "∗": "*",
    "∶": ":",
}
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", "0123456789+-=()ni", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", "0123456789+-=()", strict=True))
_PLAIN = re.compile("[\n -%'-~가-힣×÷·°]*")  # without &, which may begin a character reference
_UNIT = re.compile(
    f"[{INVISIBLE}]+"
    f"|[{''.join(_SUPERSCRIPTS)}]+|[{''.join(_SUBSCRIPTS)}]+"
    r"|&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});"
    r"|\r\n?"
    r"|[\u1100-\u115e][\u1161-\u11a7][\u11a8-\u11ff]?"
    r"|[\s\S][\u0300-\u034e\u0350-\u036f\u3099\u309a\u20d0-\u20ff]*"
)
_HIDDEN = re.compile(f"[{INVISIBLE}]+")
_MARK = re.compile("[\u2460-\u2473\u2776-\u2793\u24ea-\u24ff\u2474-\u2487\u3131-\u318e\u3200-\u32b0]")


@dataclass(frozen=True)
class Folded:
    """A folded text; character i of it comes from original[starts[i]:ends[i]]."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where text[start:end], at least one character, stands in the original."""
        return self.starts[start], self.ends[end - 1]


def fold(text: str) -> str:
    """The text in one spelling of its characters. fold(fold(t)) is fold(t) where t has no character references."""
    return text if _PLAIN.fullmatch(text) else "".join(unit for unit, _, _ in _units(text))


def folded(text: str) -> Folded:
    """As `fold`, with the positions of the original."""
    if _PLAIN.fullmatch(text):
        return Folded(text, range(len(text)), range(1, len(text) + 1))
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for unit, start, end in _units(text):
        parts.append(unit)
        starts += [start] * len(unit)
        ends += [end] * len(unit)
    return Folded("".join(parts), starts, ends)


def visible(text: str) -> str:
    """The text as files of problems should hold it: letters joined (NFC), line ends as \\n, and nothing invisible."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _HIDDEN.sub("", text)


def _units(text: str) -> Iterator[tuple[str, int, int]]:
    """The folded pieces of a text, each with the positions that it comes from."""
    last = ""
    for match in _UNIT.finditer(text):
        unit = _folded_unit(match[0], last)
        if unit:
            last = unit[-1]
            yield unit, match.start(), match.end()


def _folded_unit(unit: str, last: str) -> str:
    if len(unit) == 1 and (" " <= unit <= "~" or "가" <= unit <= "힣"):
        return unit
    if _HIDDEN.fullmatch(unit):
        return ""
    if unit in _ONE:
        return _ONE[unit]
    if unit[0] == "\r":
        return "\n"
    if unit[0] in _SUPERSCRIPTS:
        return "^" + "".join(_SUPERSCRIPTS[c] for c in unit)
    if unit[0] in _SUBSCRIPTS:
        return "_" + "".join(_SUBSCRIPTS[c] for c in unit)
    if unit[0] == "&" and len(unit) > 1:
        read = html.unescape(unit)
        return unit if read == unit else fold(read)
    return _compatible(unit, last)


def _compatible(unit: str, last: str) -> str:
    """One visible character, with its combining marks."""
    if _MARK.match(unit):
        return unit
    category = unicodedata.category(unit[0])
    if category == "Zs":
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(unit[0])) + unit[1:]
    joined = "".join(_ONE.get(c, c) for c in unicodedata.normalize("NFKC", unit))
    is_fraction = len(joined) > 2 and "/" in joined and category == "No"
    return f" {joined}" if is_fraction and last.isdecimal() else joined  # 3½ is 3 1/2, not 31/2
