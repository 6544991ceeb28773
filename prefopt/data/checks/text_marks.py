"""Find what a program left in a text: unfilled template markers, HTML tags, escapes written out; not formulas that look alike."""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cached_property

from prefopt.texts.hwp_equations import has_script

_NAMES = (
    "name|names|problem|problems|text|texts|question|questions|answer|answers|label|labels|number|num|count|item|items|title|content|context|input|output"
    "|prompt|choice|choices|option|options|unit|person|object|first|second|third|value|image|instruction|response|user|system|placeholder|variable"
)
_TEMPLATE = re.compile(
    r"\[([가-힣]{1,4})/([가-힣]{1,4})\]|(?<![\\A-Za-z0-9}^_{])\{\{\s*([A-Za-z_가-힣][\w. ]{0,38}(?:\|[^{}]{0,20})?)\s*\}\}"
    r"|(?<![\\A-Za-z0-9}^_{])\{([a-z_]{3,20})\}|\$\{([a-z_]+)\}|%\([a-z_]+\)s"
)
_HEADINGS_TEXT = (
    "보기 예시 예 문제 풀이 정답 해설 참고 자료 표 그림 조건 서술형 단답형 객관식 주관식 선택형 논술형 기본 심화 상 중 하 "
    "확인 도움말 생각 활동 탐구 연습 준비물 앞 뒤"
)
_HEADINGS = frozenset(_HEADINGS_TEXT.split())
_BEFORE_FORMULA = re.compile(
    r"[-=+*/<>≤≥×÷^_&,(|∪∩⊂∈]\s?$|(?:[)\]}]|\.\.)$|(?:^|[^A-Za-z])[A-Za-z]\s?$|\\[A-Za-z]+\s?$|(?:rm|it|bold|sqrt|over|bar|vec|hat)\s?$"
)
_AFTER_FORMULA = re.compile(r"\s?[\^_]|\s?(?:over|OVER)\b")
_MATH = re.compile(r"\$[^$]{1,600}\$")

_HTML = re.compile(
    r"</?(?:p|br|b|i|u|div|span|table|tr|td|th|thead|tbody|sub|sup|img|font|strong|em|ul|ol|li|hr|h[1-6]|a)\b[^<>]{0,200}/?>|&(?:nbsp|lt|gt|amp|quot|#\d{2,5});",
    re.I,
)
_LETTER_TAG = re.compile(r"<([pbiua])>", re.I)
_BETWEEN_LETTERS = re.compile(r"[A-Za-z0-9)}]\s?$")

ESCAPE = re.compile(
    r"(?<!\\)\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}(?![A-Za-z])|r\\n|\"|/"
    r"|n(?!(?:u|e|i|eq\w*|e[gx]\w*|earrow|ot\w*|abla|mid|parallel|natural|atural|ewline|ewcommand\w*|exists|leq\w*|geq\w*|subset\w*|supset\w*|onumber|olimits"
    r"|ormalsize|warrow|less|gtr|sim|cong|prec\w*|succ\w*|obreak\w*|oindent|triangle\w*|space|ormal\w*)(?![A-Za-z]))"
    r"|t(?!(?:an|anh|au|ext\w*|frac|heta|hetasym|hin\w*|hick\w*|imes|o|op|riangle\w*|ilde|herefore|binom|t|iny|ag|imes|extbf|woheadrightarrow|able\w*|abular)(?![A-Za-z])))"
)
"""Escapes of JSON and programs that a text holds as letters; not the commands of LaTeX that begin alike (\\nu, \\theta)."""


def template_mark(text: str) -> re.Match[str] | None:
    """The first marker of a template that nothing was filled in for; None where there is none."""
    if "{" not in text and "[" not in text and "%(" not in text:
        return None
    seen = _Formulas(text)
    for found in _TEMPLATE.finditer(text):
        if found[1]:
            if found[1] not in _HEADINGS:
                return found
            continue
        name = found[3] or found[4] or found[5]
        if name is None:
            return found
        if not _is_formula(found, name, seen):
            return found
    return None


class _Formulas:
    """Where a text has formulas, found once for all of its braces."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _math(self) -> list[tuple[int, int]]:
        found = (formula for formula in _MATH.finditer(self._text) if not formula[0].startswith("${") or "\\" in formula[0])
        return [formula.span() for formula in found]

    @cached_property
    def _dollars(self) -> list[int]:
        return [at for at, c in enumerate(self._text) if c == "$"]

    @cached_property
    def are_script(self) -> bool:
        """Whether the text has equation script."""
        return has_script(self._text) is not None

    def hold(self, at: int) -> bool:
        """Whether a position is inside a formula between dollar signs."""
        before = bisect_left(self._math, (at, 0)) - 1
        return before >= 0 and self._math[before][0] < at < self._math[before][1]

    def dollars_before(self, at: int) -> int:
        """Number of dollar signs before a position."""
        return bisect_left(self._dollars, at)

    def dollar_from(self, at: int) -> int:
        """The first dollar sign at a position or behind it; -1 where there is none."""
        after = self.dollars_before(at)
        return self._dollars[after] if after < len(self._dollars) else -1


def _is_formula(found: re.Match[str], name: str, seen: _Formulas) -> bool:
    """Whether braces group a formula, as OCR writes it: A= {abc}, x^{{2}}, ${x}^2$."""
    text = found.string
    if found[5]:
        closing = seen.dollar_from(found.end())
        return closing > 0 and text[closing + 1 : closing + 2] != "{" and seen.dollars_before(found.start()) % 2 == 0
    if seen.hold(found.start()) or _AFTER_FORMULA.match(text, found.end()):
        return True
    if re.fullmatch(_NAMES, name) or "_" in name:
        return False
    if not name.isascii():
        return False
    if _BEFORE_FORMULA.search(text, max(0, found.start() - 30), found.start()) is not None or len(name) == 1:
        return True
    return seen.are_script


def html_mark(text: str) -> re.Match[str] | None:
    """The first HTML tag or character reference; None where there is none. a <b> c is an inequality."""
    if "<" not in text and "&" not in text:
        return None
    lowered = text.lower()
    for found in _HTML.finditer(text):
        letter = _LETTER_TAG.fullmatch(found[0])
        if letter and f"</{letter[1]}>".lower() not in lowered and _BETWEEN_LETTERS.search(text, max(0, found.start() - 2), found.start()):
            continue
        return found
    return None
