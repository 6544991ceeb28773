"""A text in one spelling of its characters, with a map back to the positions of the original.

Folding joins decomposed letters, makes full-width characters half-width, removes what is invisible, resolves HTML's character references,
and gives each dash, space, quote and middle dot one form. It keeps what a reader sees: superscripts become ^2 and subscripts _2, because
NFKC alone would turn x² into x2, and circled marks of choices (①, ㉠, ㄱ) stay, because it would turn ① into 1.
Sources: Unicode Standard Annex 15 (normalization; 30 combining marks at most, as in its stream-safe format), UTS 39 (default-ignorable
characters).
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.entities import html5

INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
"""Characters that no reader sees, as the inside of a regular expression's class."""

_ONE: dict[str, str] = {
    **dict.fromkeys("‐‑‒–—―⁃−⏤─━➖⸺⸻﹘﹣－", "-"),
    **dict.fromkeys("〜～∼˜", "~"),
    **dict.fromkeys("・ㆍ‧⋅∙•･", "·"),
    **dict.fromkeys("‘’‚‛′＇ʼ", "'"),
    **dict.fromkeys("“”„‟″＂", '"'),
    **dict.fromkeys("〈⟨", "<"),
    **dict.fromkeys("〉⟩", ">"),
    **dict.fromkeys("…⋯‥", "..."),
    **dict.fromkeys("≦⩽", "≤"),
    **dict.fromkeys("≧⩾", "≥"),
    **dict.fromkeys("º˚", "°"),
    **dict.fromkeys("✕✖⨯☓", "×"),
    "➗": "÷",
    **dict.fromkeys("\u2028\u2029\u0085\x0b\x0c", "\n"),
    "⁄": "/",
    "∕": "/",
    "\t": " ",
    "∗": "*",
    **dict.fromkeys("。｡", "."),
    **dict.fromkeys("、､", ","),
    "∶": ":",
    "∣": "|",
}


def _raised(tag: str, *blocks: range) -> dict[str, str]:
    """Characters that Unicode decomposes as <super> or <sub>, and what stands raised or lowered."""
    marked = ((c, unicodedata.decomposition(c)) for block in blocks for c in map(chr, block))
    return {c: unicodedata.normalize("NFKC", c).replace("−", "-") for c, of in marked if of.startswith(tag)}


_SUPERSCRIPTS = _raised("<super>", range(0xB2, 0xBA), range(0x2B0, 0x2B9), range(0x1D2C, 0x1D62), range(0x2070, 0x2080))
_SUBSCRIPTS = _raised("<sub>", range(0x1D62, 0x1D6B), range(0x2080, 0x209D))
_PLAIN_CHARACTER = "\n -%'-~가-힣×÷·°①-⑳□○△㉠-㉭ㄱ-ㅎ"  # without &, which may begin a character reference
_PLAIN = re.compile(f"[{_PLAIN_CHARACTER}]*")
_COMBINING = (
    "\u0300-\u034e\u0350-\u036f\u3099\u309a\u20d0-\u20ff\u1161-\u11ff\u0653-\u0655\u093c\u09be\u09d7\u0b3e\u0b56\u0b57\u0bbe\u0bd7"
    "\u0c56\u0cc2\u0cd5\u0cd6\u0d3e\u0d57\u0dca\u0dcf\u0ddf\u102e\u1b35\U000110ba\U00011127\U0001133e\U00011357\U000114b0\U000114ba\U000114bd"
    "\U000115af\U00011930"
)
"""Characters that NFC joins to the one before them, as the inside of a regular expression's class."""
_UNIT = re.compile(
    f"[{_PLAIN_CHARACTER}]+(?![{_COMBINING}])"
    f"|[{''.join(_SUPERSCRIPTS)}]+|[{''.join(_SUBSCRIPTS)}]+"
    r"|&(?:amp;){0,2}(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});"
    r"|\r\n?"
    f"|[\\s\\S][{_COMBINING}]{{0,30}}"
)
_STREAM_SAFE = re.compile(f"[^{_COMBINING}]*[{_COMBINING}]{{0,30}}")  # normalizing takes the square of a run of combining marks
_HIDDEN = re.compile(f"[{INVISIBLE}]+")


@dataclass(frozen=True)
class Folded:
    """A folded text; character i of it comes from original[starts[i]:ends[i]]."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where text[start:end], at least one character, is in the original."""
        return self.starts[start], self.ends[end - 1]


def fold(text: str) -> str:
    """The text in one spelling of its characters. fold(fold(t)) is fold(t) where t has no character references."""
    return text if _PLAIN.fullmatch(text) else "".join(unit for unit, _, _ in _units(_HIDDEN.sub("", text)))


def folded(text: str) -> Folded:
    """As `fold`, with the positions of the original."""
    if _PLAIN.fullmatch(text):
        return Folded(text, range(len(text)), range(1, len(text) + 1))
    places = [i for i, character in enumerate(text) if not _HIDDEN.match(character)]
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for unit, start, end in _units(_HIDDEN.sub("", text)):
        parts.append(unit)
        if len(unit) == end - start:
            starts += places[start:end]
            ends += [place + 1 for place in places[start:end]]
        else:
            starts += [places[start]] * len(unit)
            ends += [places[end - 1] + 1] * len(unit)
    return Folded("".join(parts), starts, ends)


def visible(text: str) -> str:
    """The text as files of problems should hold it: letters joined (NFC), line ends as \\n, and nothing invisible."""
    shown = _HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(unicodedata.normalize("NFC", piece) for piece in _STREAM_SAFE.findall(shown))


def _units(text: str) -> Iterator[tuple[str, int, int]]:
    """The folded pieces of a text without invisible characters, each with the positions that it comes from."""
    last = ""
    for match in _UNIT.finditer(text):
        unit = _folded_unit(match[0], last, text[match.end() : match.end() + 1])
        if unit:
            last = unit[-1]
            yield unit, match.start(), match.end()


def _folded_unit(unit: str, last: str, following: str) -> str:
    if _PLAIN.fullmatch(unit):
        return unit
    if unit in _ONE:
        return _ONE[unit]
    if unit[0] == "\r":
        return "\n"
    if unit[0] in _SUPERSCRIPTS:
        return "^" + _script("".join(_SUPERSCRIPTS[c] for c in unit), following)
    if unit[0] in _SUBSCRIPTS:
        return "_" + _script("".join(_SUBSCRIPTS[c] for c in unit), following)
    if unit[0] == "&" and len(unit) > 1:
        unit = re.sub("^&(?:amp;)+(?=[a-zA-Z#])", "&", unit)  # escaped twice
        read = html.unescape(unit) if unit[1] == "#" else html5.get(unit[1:], unit)
        return unit if read == unit else fold(read)
    return _compatible(unit, last)


def _script(raised: str, following: str) -> str:
    """In braces where what follows could be read as part of it: 2³5 is not 2³⁵."""
    return raised if raised.isdecimal() and not following.isdecimal() else f"{{{raised}}}"


def _compatible(unit: str, last: str) -> str:
    """One visible character, with its combining marks."""
    composed = unicodedata.decomposition(unit[0])
    if composed.startswith("<circle>") or "\u3131" <= unit[0] <= "\u318e":
        return unicodedata.normalize("NFC", unit)
    if composed.startswith("<square>"):  # ㎠ holds a superscript
        return fold("".join(chr(int(code, 16)) for code in composed.split()[1:])) + unit[1:]
    if composed.startswith("<narrow> 31"):  # half-width jamo, which NFKC would join to the syllable before
        return chr(int(composed.split()[1], 16)) + unit[1:]
    category = unicodedata.category(unit[0])
    if category == "Zs":
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(unit[0])) + unit[1:]
    joined = "".join(_ONE.get(c, c) for c in unicodedata.normalize("NFKC", unit))
    if joined.startswith(" "):  # an accent without a letter would become a space
        return unicodedata.normalize("NFC", unit)
    is_fraction = len(joined) > 2 and "/" in joined and category == "No"
    return f" {joined}" if is_fraction and last.isdecimal() else joined  # 3½ is 3 1/2, not 31/2
