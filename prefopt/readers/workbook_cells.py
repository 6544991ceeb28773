"""What a cell of a workbook says beside its value, and the numbers that a reader sees in another form than they are stored."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

from prefopt.texts.personal_data import excerpt

ERRORS = frozenset(
    ("#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#BLOCKED!", "#FIELD!", "#GETTING_DATA")
)
"""Values that spreadsheet programs write where a formula fails."""

_EXPONENT = re.compile(r"[1-9]\.\d{2,}E\+1?\d{1,2}")  # what a CSV file holds of a long number that Excel showed in a narrow column
_PICTURE_FUNCTION = re.compile(r"=?(?:_xlfn\.)?(?:DISPIMG|IMAGE)\(", re.I)
_SUPERSCRIPTS = dict(zip("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ", strict=True))
_SUBSCRIPTS = dict(zip("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", strict=True))
_QUOTED = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\[\]]*\]')


class Odd(NamedTuple):
    """A cell of which more is to say than its value. `kind` is a key of finding_kinds.KINDS, or "date"."""

    value: Any
    kind: str
    said: tuple[object, ...]


Cells = dict[int, Any]
"""Filled cells of a row: column, counted from 1, to a value or an Odd."""


@dataclass
class Sides:
    """What a sheet holds beside its cells. Rows and columns are counted from 1."""

    filled: int = 0
    """Number of rows with a value."""
    merges: list[tuple[int, int, int, int]] = field(default_factory=list)
    """First row, first column, last row, last column."""
    hidden_rows: list[int] = field(default_factory=list)
    """Those with a value."""
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    objects: list[tuple[int, int, str]] = field(default_factory=list)
    """Row, column (0: unknown) and what it is: a picture, a chart, a text box."""
    comments: list[tuple[int, int]] = field(default_factory=list)


class Sheet(Protocol):
    """A sheet of a workbook of any kind."""

    @property
    def name(self) -> str:
        """The name on its tab."""

    @property
    def is_hidden(self) -> bool:
        """Whether the program does not show it."""

    @property
    def sides(self) -> Sides:
        """What it holds beside its cells."""

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """Number and filled cells of every row, in order; rows without a value may be left out."""


def text_value(text: str) -> Any:
    """A text of a cell: itself, or an Odd for what a program wrote there instead of a text."""
    if text[:1] in ("#", "=", "_", " ") or _EXPONENT.fullmatch(text):
        if text.strip() in ERRORS:
            return Odd(None, "error-cell", (text.strip(),))
        if _PICTURE_FUNCTION.match(text):
            return Odd(None, "picture-in-sheet", ("a picture in the cell",))
        if _EXPONENT.fullmatch(text):
            return Odd(None, "digits-lost", (text,))
    return text


def number_value(text: str) -> int | float | Odd:
    """A number as the file stores it. Excel keeps 15 digits, so a longer one that ends in zeros there has lost the others."""
    number = float(text)
    if not math.isfinite(number):
        return Odd(None, "error-cell", (text[:20],))
    if number.is_integer() and abs(number) < 1e40:
        whole = int(Decimal(text.strip()))
        is_cut = abs(whole) >= 10**15 and not str(abs(whole))[15:].strip("0")
        return Odd(None, "digits-lost", (f"{text[:4]}…",)) if is_cut else whole
    return number


def shown_number(number: int | float, code: str) -> str | None:
    """What a reader sees of a number where its format changes what it says: 007, 50%, 1/2. None: the number itself."""
    section = code.split(";")[0]
    bare = _QUOTED.sub("", section)
    if "%" in bare:
        return f"{(Decimal(f'{number:.15g}') * 100).normalize():f}%"
    if "?/" in bare or re.search(r"[#?0]/\d", bare):
        return _as_fraction(number, bare)
    if isinstance(number, int) and number >= 0 and "0" in bare and re.fullmatch(r"[#0 ()/.\-]*", bare) and _pads(bare):
        return _with_zeros(number, section)
    return None


def _pads(bare: str) -> bool:
    """Whether a format shows more than one digit of any number, and no decimal places."""
    return bare.count("0") > 1 and not re.search(r"\.0*+#*+\s*+$", bare.strip()) and "." not in bare.strip("0 ")


def _as_fraction(number: int | float, bare: str) -> str | None:
    if isinstance(number, int):
        return None
    fixed, free = re.search(r"/\s*(\d+)", bare), re.search(r"/\s*([?#]+)", bare)
    if fixed and not free:
        exact = Fraction(round(number * int(fixed[1])), int(fixed[1])) if int(fixed[1]) else Fraction(number)
    else:
        exact = Fraction(number).limit_denominator(10 ** (len(free[1]) if free else 1) - 1)
    whole, rest = divmod(abs(exact), 1)
    sign = "-" if exact < 0 else ""
    is_mixed = bool(re.search(r"[#0]\s+[?#0]+\s*/", bare))
    if not is_mixed or not whole:
        return f"{sign}{abs(exact).numerator}/{abs(exact).denominator}"
    return f"{sign}{whole} {rest.numerator}/{rest.denominator}" if rest else f"{sign}{whole}"


def _with_zeros(number: int, section: str) -> str | None:
    """The digits in the places of a format such as 000, "Q"000 or 000-0000, filled from the right."""
    pieces = re.findall(r'"[^"]*"|\\.|_.|\*.|\[[^\[\]]*\]|.', section)
    places = [i for i, piece in enumerate(pieces) if piece in "0#"]
    digits = str(number)
    shown = ["" for _ in pieces]
    for i, piece in enumerate(pieces):
        if piece[0] == '"':
            shown[i] = piece[1:-1]
        elif piece[0] == "\\":
            shown[i] = piece[1]
        elif piece[0] not in "_*[0#":
            shown[i] = piece
    for i in reversed(places):
        shown[i] = digits[-1:] or ("0" if pieces[i] == "0" else "")
        digits = digits[:-1]
    shown[places[0]] = digits + shown[places[0]]
    text = "".join(shown).strip()
    return None if text == str(number) else text


class RichText:
    """Collects the runs of a text with formatting (CT_Rst of ECMA-376)."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._align = ""
        self._said: dict[str, None] = {}
        self._is_struck = self._is_underlined = self._has_symbols = False
        self._marked = {"underlined": 0, "other": 0}
        self._is_reading = self._is_phonetic = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if tag == "t":
            self._is_reading = not self._is_phonetic
        elif tag == "r":
            self._plain()
        elif tag == "rPh":
            self._is_phonetic = True
        elif tag == "rFont":
            self._has_symbols = is_symbols(attributes.get("val", ""))
        elif tag == "vertAlign":
            self._align = attributes.get("val", "")
        elif tag == "strike":
            self._is_struck = is_on(attributes.get("val"))
        elif tag == "u":
            self._is_underlined = attributes.get("val") != "none"

    def end(self, tag: str) -> None:
        """An element ends."""
        if tag == "t":
            self._is_reading = False
        elif tag == "rPh":
            self._is_phonetic = False
        elif tag == "r":
            self._plain()

    def _plain(self) -> None:
        self._align, self._is_struck, self._is_underlined, self._has_symbols = "", False, False, False

    def text(self, data: str) -> None:
        """Characters."""
        if self._is_reading:
            marks = {"is_struck": self._is_struck, "is_underlined": self._is_underlined, "has_symbols": self._has_symbols}
            self.add(data, self._align, **marks)

    def add(self, piece: str, align: str = "", *, is_struck: bool = False, is_underlined: bool = False, has_symbols: bool = False) -> None:
        """A piece of the text with its formatting: `align` is superscript, subscript or another word."""
        read = scripted(piece, align)
        if read != piece:
            self._said["superscript or subscript"] = None
        if is_struck and piece.strip():
            self._said["struck out"] = None
        if has_symbols and piece.strip():
            self._said["font of symbols"] = None
        if piece.strip():
            self._marked["underlined" if is_underlined else "other"] += 1
        self._pieces.append(read)

    def take(self) -> Any:
        """The text; an Odd where its formatting says something."""
        text = unescaped("".join(self._pieces))
        if all(self._marked.values()):
            self._said["underlined"] = None
        return Odd(text, "rich-text", (", ".join(self._said), excerpt(text, 40))) if self._said else text


def is_symbols(font: str) -> bool:
    """Whether a font shows other characters than the text has: α for a."""
    return font.lower().startswith(("symbol", "wingdings", "webdings", "hyhwpeq", "mt extra"))


def is_on(value: str | None) -> bool:
    """The value of a yes-or-no attribute of an element that is there."""
    return value not in ("0", "false", "off", "none")


def scripted(piece: str, align: str) -> str:
    """A superscript or subscript as characters: ², ₁, or ^{n+m} where Unicode has none. Spaces around it stay."""
    if align not in ("superscript", "subscript") or not piece.strip():
        return piece
    inner = piece.strip()
    table = _SUPERSCRIPTS if align == "superscript" else _SUBSCRIPTS
    plain = inner.replace("−", "-")
    read = "".join(table[c] for c in plain) if all(c in table for c in plain) else ("^" if align == "superscript" else "_") + f"{{{inner}}}"
    return piece.replace(inner, read)


_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


def unescaped(text: str) -> str:
    """Resolve _x000D_ and the like (ECMA-376, ST_Xstring), with \\n for every line break."""
    if "_x" in text:
        text = _ESCAPE.sub(lambda m: chr(int(m[1], 16)), text)
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def address(row: int, column: int) -> str:
    """The name of a cell: B5."""
    return f"{letters(column)}{row}"


def letters(column: int) -> str:
    """The name of a column: 1 is A, 27 is AA."""
    name = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name
