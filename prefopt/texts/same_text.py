"""When two texts are the same problem: the one spelling that the model reads, and the key that all spellings share.

A teacher's file, a printed page and a PDF write one problem in many ways: another Unicode form, full-width digits, an item number before
it, its points behind it, choices in a line or below each other, $…$ around formulas, <br> between lines. None of it changes which standard
the problem belongs to. `canonical` removes all of it and stays readable; `key` also removes what a typist varies: case, spaces between
words, quotes and sentence marks. What tells problems apart stays in both: numbers, operators, letters, choices.
"""

from __future__ import annotations

import re
import unicodedata

from prefopt.texts.folded import fold

_BREAK = re.compile(r"<\s*(?:br\s*/?|/?\s*(?:p|div|li|ul|ol))\s*>", re.I)
_SPACING_TAG = re.compile(r"</?(?:b|i|u|em|strong|span|font|sub|sup)(?:\s[^<>]{0,200})?>", re.I)

_ITEM = re.compile(
    r"\s*(?:[\[<(]\s*(?:문제|문항|문)?\s*\d{1,3}\s*[\])>](?=\s)"  # [12] or (3) before the text
    r"|(?:문제|문항|문|Q|q|No\.?|no\.?)\s*\.?\s*\d{1,3}\s*(?:번)?\s*[.):\]]?(?=\s)"  # 문제 12.
    r"|\d{1,3}\s*(?:번\s*[.):]|[.)](?!\d)|번\s*문제\s*[.):]?))\s*"  # 12. or 12) or 12번.
)
_WORTH = r"\s*(?:배점\s*:?\s*)?\d{1,2}(?:\.\d)?\s*점"
_POINTS = re.compile(rf"\s*(?:\[(?:{_WORTH}|\s*배점\s*:?\s*\d{{1,2}}(?:\.\d)?)\s*\]|[<〔【{{]{_WORTH}\s*[>〕】}}])\s*")
_ROUND_POINTS = re.compile(rf"\s*\({_WORTH}\s*\)\s*(?=$|[①-⑳])")

_DOLLARS = re.compile(r"\$\$(.{1,2000}?)\$\$|\$(?=\S)([^$\n]{1,600}?)(?<=\S)\$(?!\d)", re.S)
_LATEX_DELIMITERS = re.compile(r"\\[()\[\]]")
_LATEX_SPACES = re.compile(r"\\(?:[,;:!> ]|q?quad(?![a-zA-Z])|(?:displaystyle|textstyle|limits|left|right|big|Big)(?![a-zA-Z]))")
_LATEX_SIGNS = {
    "times": "×", "div": "÷", "cdot": "·", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "pm": "±",
    "pi": "π", "theta": "θ", "alpha": "α", "beta": "β", "angle": "∠", "triangle": "△", "square": "□", "infty": "∞", "circ": "°",
    "dfrac": "\\frac", "tfrac": "\\frac", "lt": "<", "gt": ">", "cdots": "…", "ldots": "…", "dots": "…",
}  # fmt: skip
_LATEX_SIGN = re.compile(r"\\(" + "|".join(sorted(_LATEX_SIGNS, key=len, reverse=True)) + r")(?![a-zA-Z])\s?")
_LATEX_WORDS = re.compile(r"\\(?:mathrm|rm|text|operatorname|mathit)\s*\{([^{}]{0,200})\}")
_BRACE_SPACE = re.compile(r"(?<=[a-zA-Z}^_])\s+(?=\{)|(?<=\{)\s+|\s+(?=\})")
_DOUBLE_BRACES = re.compile(r"\{\{([^{}]{1,200})\}\}")
_ONE_IN_BRACES = re.compile(r"([\^_])\{(-?\w+)\}")

_CHOICE = re.compile(r"[\s?.!]*([①-⑳])[\s.):]*")
_PARENTHESIZED = {chr(0x2474 + i): chr(0x2460 + i) for i in range(20)} | {chr(0x2776 + i): chr(0x2460 + i) for i in range(10)}
_PARENTHESIZED |= {chr(0x2780 + i): chr(0x2460 + i) for i in range(10)} | {chr(0x278A + i): chr(0x2460 + i) for i in range(10)}
_NUMBERED = re.compile(r"(?:(?<=\s)|(?<=^))\(([1-5])\)")

_AROUND_OPERATOR = re.compile(r"(?<=[\w)\]}□△○?]) ?([-+×÷=<>≤≥±/*^:]) ?(?=[\w(\[{\\□△○?√-])")
_BEFORE_MARK = re.compile(r" +(?=[?!.,;)\]])|(?<=[(\[]) +")
_END = re.compile(r"[\s?.!…。~,]+$")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SPACES = re.compile(r"\s+")

_APART = re.compile(r"(?<=\d)\s+(?=\d)")
_SOFT = re.compile(r"""[.,](?!\d)|[\s?!…"'“”‘’·`~]""")


def canonical(text: str) -> str:
    """The spelling of a problem that the model reads; the same for every spelling of its characters and layout.

    An empty text stays empty, and a text is never made empty: where nothing else would be left, the folded text is returned.
    """
    seen = fold(text)
    shown = _layout(_formulas(seen))
    shown = _SPACES.sub(" ", shown).strip()
    number = _ITEM.match(shown)
    if number and len(shown) - number.end() >= 2:
        shown = shown[number.end() :]
    shown = _AROUND_OPERATOR.sub(r"\1", _BEFORE_MARK.sub("", _THOUSANDS.sub("", shown)))
    return _END.sub("", shown) or _SPACES.sub(" ", seen).strip()


def key(text: str) -> str:
    """What all spellings of a problem share, and no other problem: `canonical` without case, spaces, quotes and sentence marks.

    Digits that a space parts stay apart: 3 5 is not 35.
    """
    return _SOFT.sub("", _APART.sub("_", canonical(text).casefold()))


def name_key(name: str) -> str:
    """What all spellings of an id, a person's or a file's name share: letters joined and half-width, no invisible characters, no case."""
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", fold(name))).strip().casefold()


def _formulas(text: str) -> str:
    """The text without delimiters of formulas, and LaTeX's commands with one spelling."""
    text = _DOLLARS.sub(lambda m: m[1] or m[2], text)
    if "\\" in text:
        text = _LATEX_DELIMITERS.sub("", text)
        text = _LATEX_SIGN.sub(lambda m: _LATEX_SIGNS[m[1]], _LATEX_SPACES.sub(" ", text))
        text = _LATEX_WORDS.sub(r"\1", text)
    if "{" in text:
        text = _BRACE_SPACE.sub("", text)
        while (once := _DOUBLE_BRACES.sub(r"{\1}", text)) != text:
            text = once
        text = _ONE_IN_BRACES.sub(r"\1\2", text)
    return text


def _layout(text: str) -> str:
    """The text without breaks, points and the layout of its choices."""
    text = _SPACING_TAG.sub("", _BREAK.sub("\n", text)) if "<" in text else text
    text = "".join(_PARENTHESIZED.get(c, c) for c in text)
    if len({m[1] for m in _NUMBERED.finditer(text)}) >= 4 and "①" not in text:
        text = _NUMBERED.sub(lambda m: chr(0x2460 + int(m[1]) - 1), text)
    text = _ROUND_POINTS.sub(" ", _POINTS.sub(" ", text))
    return _CHOICE.sub(lambda m: f" {m[1]} ", text)
