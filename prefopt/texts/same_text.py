"""When two texts are the same problem: the one spelling that the model reads, and the key that all spellings share.

A teacher's file, a printed page and a PDF write one problem in many ways: another Unicode form, full-width digits, an item number before
it, its points behind it, choices in a line or below each other, $…$ around formulas, <br> between lines. None of it changes which standard
the problem belongs to. `canonical` removes all of it and stays readable; `key` also removes what a typist varies: case, spaces between
words, quotes and sentence marks. What tells problems apart stays in both: numbers, operators, letters, choices.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal

from prefopt.texts.folded import fold
from prefopt.texts.markup import without_delimiters, without_tags
from prefopt.texts.numbering import with_choices, without_answer_space, without_number, without_points

Spelling = Literal["canonical", "as written"]

_VALUE = r"0-9A-Za-z)\]}□△○√π°%²∠"
_SPACED_OPERATOR = re.compile(" [-+×÷=<>≤≥±/*^:]|[-+×÷=<>≤≥±/*^:] ")
_AROUND_OPERATOR = re.compile(
    rf"(?<=[{_VALUE}?!]) ?([-+×÷=<>≤≥±/*^:]) ?(?=[0-9A-Za-z(\[{{\\□△○?√π∠-])"
    rf"|(?<=[가-힣{_VALUE}]) ?([+×÷=≤≥±]) ?(?=[가-힣0-9A-Za-z(\[□△○√])"
)
_AROUND_SCRIPT = re.compile(r"(?<=[0-9A-Za-z)\]}]) ?([\^_]) ?(?=[0-9A-Za-z({\\-])")
_AROUND_MARK = re.compile(r" (?:(?=[?!;)\]]|[.,](?![\d.]))|(?<=[(\[] ))")
_BEFORE_UNIT = re.compile(r" (?<=\d )(?=(?:[kcm]?m(?:\^[23])?|[km]?g|m?L|m[lL]|t|°C|°|%)(?![A-Za-z0-9^]))")
_BESIDE_UNIT = re.compile(r"(?<=\d)(?=(?:[kcm]?m(?:\^[23])?|[km]?g|m?L|mℓ|ml)(?:[\s가-힣,.)]|$))")
_SHORT_POWER = re.compile(r"\^([23])(?![0-9A-Za-z^{(.,])")
_POWERS = {"2": "²", "3": "³"}
_THOUSANDS = re.compile(r"(?<![\d.,])([1-9]\d{0,2}),(\d{3})(?:,(\d{3}))?(?:,(\d{3}))?(?![\d,]*\d)")
_BETWEEN_CHOICES = re.compile(r" [/|]$")
_PARTICLE_APART = re.compile(
    r"(?<=[0-9A-Za-z)\]}°%π□]) (?=(?:은|는|이|가|을|를|의|에|에서|와|과|로|으로|일|인|임을|이고|이면|이라)(?:\s|$))"
)
_GROUPED_DIGITS = re.compile("(?<![\\d.,])\\d{1,3}(?:[\u2009\u202f]\\d{3})+(?!\\d)")
_COMMA = re.compile(r"(?<=[^\s,]),(?=[^\s,\d])|(?<=[^\s,\d]),(?=\d)|(?<=\d),(?=\d)")
_AT_MOST = re.compile(r"<=(?!>)")
_TYPED_TIMES = re.compile(r"(?<=[\d)]) ?\* ?(?=[\d(])")
_OPERATION = re.compile(r"[A-Za-z] ?\*|\* ?[A-Za-z]|연산|operation|defined?")
_SPACED_X = re.compile(r"(?<=\d) [xX] (?=\d)")
_ANY_X = re.compile("[xX]")
_TYPED_MINUS = re.compile(r"(?<=[0-9A-Za-z)]) ?[ㅡー] ?(?=[0-9A-Za-z(])|(?:(?<=[=(<>+×÷,≤≥\s])|^)[ㅡー](?=[0-9A-Za-z(])")
_DOTS = re.compile(r"·(?: ?·){2,}|\.{4,}")
_SINGLE_LETTER = re.compile(r"(?<![A-Za-z'])[A-Za-z]")
_BLANKS = frozenset("□○△☆_")
_BESIDE_HANGUL = re.compile(" (?:(?<=[가-힣] )|(?=[가-힣]))")
_SOFT = re.compile(r"[\s.,?!\"'`~·]+")


def as_read(text: str, spelling: Spelling) -> str:
    """A problem's text as a model or a baseline with this setting reads it."""
    return canonical(text) if spelling == "canonical" else text


def canonical(text: str) -> str:
    """The spelling of a problem that the model reads; the same for every spelling of its characters and layout.

    Where a choice is free it is the one of textbooks, which models have read most: 5 cm, x², 1, 2, 3, …

    An empty text stays empty, and a text is never made empty: where nothing else would be left, the folded text is returned.
    """
    shown = _plain(text)
    shown = _BESIDE_UNIT.sub(" ", shown)
    if "^" in shown:
        shown = _SHORT_POWER.sub(lambda m: _POWERS[m[1]], shown)
    return shown.replace("...", "…")


def _plain(text: str) -> str:
    """As `canonical`, with the fewest characters: 5cm, x^2, 1, 2, 3, ..."""
    if "\u2009" in text or "\u202f" in text:
        text = _GROUPED_DIGITS.sub(lambda m: m[0].replace("\u2009", "").replace("\u202f", ""), text)
    seen = _single_spaces(fold(text))
    shown = without_delimiters(without_tags(seen))
    shown = _one_sign(seen if shown == seen else _single_spaces(shown))
    shown = without_points(without_number(without_points(without_answer_space(with_choices(shown)))))
    pieces = re.split("([①-⑳])", shown)
    pieces[::2] = [_without_end(piece if not i else _without_start(piece)) for i, piece in enumerate(pieces[::2])]
    shown = _BEFORE_UNIT.sub("", " ".join(" ".join(pieces).split()))
    if _SPACED_OPERATOR.search(shown):
        shown = _AROUND_OPERATOR.sub(r"\1\2", shown)
    if "^" in shown or "_" in shown:
        shown = _AROUND_SCRIPT.sub(r"\1", shown)
    shown = _PARTICLE_APART.sub("", _AROUND_MARK.sub("", shown))
    if "," in shown:
        shown = _THOUSANDS.sub(r"\1\2\3\4", shown)
        shown = _COMMA.sub(", ", shown)
    return shown or " ".join(seen.split())


def _one_sign(text: str) -> str:
    """Signs that a keyboard lacks, typed with others: <= for ≤, ㅡ for a minus, * or x between numbers, ··· for an ellipsis."""
    if "=" in text:
        text = text.replace(">=", "≥") if "=>=" not in text else text
        text = _AT_MOST.sub("≤", text)
    if "*" in text or "x" in text or "X" in text:
        text = text if _OPERATION.search(text) else _TYPED_TIMES.sub("×", text)
        if len(_ANY_X.findall(text)) == len(found := _SPACED_X.findall(text)) and found:
            text = _SPACED_X.sub(" × ", text)
    if "ㅡ" in text or "ー" in text:
        text = _TYPED_MINUS.sub("-", text)
    if "··" in text or "...." in text or "· ·" in text:
        text = _DOTS.sub("...", text)
    return text


@lru_cache(maxsize=2**18)
def key(text: str) -> str:
    """What all spellings of a problem share, and no other problem: `canonical` without case, spaces, quotes and sentence marks.

    What parts two numbers stays: 3 5 is not 35, and neither is 3, 5. So do the marks of formulas: 5!, f'(x), 2·3, 1, 2, …, 9.
    """
    return _SOFT.sub(_kept, _BESIDE_HANGUL.sub("", _plain(text))).casefold()


def name_key(name: str) -> str:
    """What all spellings of an id, a person's or a file's name share: letters joined and half-width, no invisible characters, no case."""
    return " ".join(unicodedata.normalize("NFKC", fold(name)).split()).casefold()


def _single_spaces(text: str) -> str:
    """Without empty lines, and without spaces at the ends of a line or after another one."""
    return "\n".join(" ".join(line.split()) for line in text.split("\n") if line.strip())


def _without_start(piece: str) -> str:
    """What follows the mark of a choice, without the mark's own point or bracket."""
    piece = piece.lstrip()
    return piece[1:].lstrip() if piece[:1] in (".", ")", ":") and not piece[1:2].isdigit() else piece


def _without_end(piece: str) -> str:
    """Without the mark that ends a sentence. A factorial, a repeating decimal and a list that goes on keep theirs."""
    end = _BETWEEN_CHOICES.sub("", piece.rstrip(" \n?!.,~"))
    marks = piece[len(end) :]
    if not _is_value(end):
        return end
    if marks.startswith("!"):
        return f"{end}!"
    return end if "..." not in marks else f"{end}..." if marks.startswith("...") else f"{end}, ..."


def _is_value(text: str) -> bool:
    """Whether a text ends with a number, a closing bracket or a variable."""
    last = len(text) - 1
    return last >= 0 and (text[last].isdecimal() or text[last] in ")]}" or _SINGLE_LETTER.match(text, last) is not None)


def _kept(soft: re.Match[str]) -> str:
    """What stays of spaces and marks between two characters."""
    whole, marks = soft.string, "".join(soft[0].split())
    before, after = whole[soft.start() - 1 : soft.start()], whole[soft.end() : soft.end() + 1]
    is_value = _is_value(whole[max(0, soft.start() - 2) : soft.start()])
    if "..." in marks and (after or is_value):
        return "…"
    if before.isdecimal() and after.isdecimal():
        return _between_digits(soft[0], marks)
    in_formula = before.isascii() and after.isascii() and before != "" and after != ""
    kept = next((mark for mark in "·~," if mark in marks), "") if in_formula else ""
    if is_value and (first := soft[0][0]) in "!'":
        kept = first * (len(marks) - len(marks.lstrip(first))) + kept
    if marks.startswith("?") and before and before in "+-×÷=<>(":
        kept = "?" + kept
    if soft[0].endswith(".") and (after.isdecimal() or (before.isdecimal() and after in _BLANKS)):
        kept += "."
    return kept


def _between_digits(soft: str, marks: str) -> str:
    """What keeps two numbers apart, or one number together."""
    if marks == ".":
        return soft if soft == "." else " ." if soft.endswith(".") else ". "
    return next((mark for mark in "·~,?!" if mark in marks), " ")
