"""What a test paper puts around a problem: its number before it, its points beside it, and the marks of its choices.

A number before a problem is removed only where nothing else can be meant: "3. 5 + 2" has one, and "3.5 + 2", "3번 버스가" and
"(3) + 5" have none.
"""

from __future__ import annotations

import re

_TITLE = r"(?:문제|문항|예제|유제|연습 ?문제|확인 ?문제|[Qq]|[Nn]o\.?|문)"
_COUNTED = r"(?:개|번|명|가지|쪽|장|문항|점|회|종류|세트|권|과목|시간|분|중)(?![가-힣]{2})"
_N = r"(?P<{0}>[1-9]\d{{0,2}}|0[1-9])"
_NUMBER = re.compile(
    rf"{_TITLE}\.? ?{_N.format('a')} ?번?(?: ?[.):\]](?!\d)|\n)"  # 문제 12.
    rf"|(?:문제|문항|예제|유제|[Qq]) ?{_N.format('b')} (?!{_COUNTED}|[-+×÷=<>])"  # 문제 12 다음
    rf"|[\[<(【〔](?:{_TITLE} ?)?{_N.format('c')} ?번?(?:[\]>】〕]|\)(?! -))(?=[ \n])(?![ \n](?:[+×÷=*/^<>≤≥:~,·](?![가-힣])|- ))"  # [12]
    rf"|{_N.format('d')} ?번(?: ?문제)?(?: ?[.):](?!\d)|\n)"  # 12번.
    rf"|{_N.format('e')} ?\.(?![\d□△○☆?_])(?! [×÷=*/^,~+](?![가-힣]))"  # 12.
    rf"|{_N.format('f')} ?\)(?! ?[×÷=*/^,~+](?![가-힣])|\d|-| - )"  # 12)
    rf"|(?:제 ?{_N.format('h')} ?[문번]|#{_N.format('i')})[.:)]?[ \n]"  # 제12문, #12
    rf"|{_N.format('g')}-\d{{1,2}} ?[.)](?=[ \n])"  # 12-1.
)
_BARE = ("d", "e", "f")
_NEXT = re.compile(r"[ \n][\[<(【〔]?2 ?[.)\]>】〕번](?=[ \n])")
_LIST = re.compile(r"\s?\d{1,2} ?[.)](?!\d)")  # 3. 5. is a date

_WORTH = r"(?:(?:배점|총|각) ?:? ?)?\d{1,2}(?:\.\d)? ?(?:점|points?|pts?)"
_POINTS = re.compile(rf"(?:\[ ?(?:{_WORTH}|배점 ?:? ?\d{{1,2}}(?:\.\d)?) ?\]|[【〔<] ?{_WORTH} ?[】〕>]|\( ?{_WORTH} ?\))")
_FEW = re.compile(r"\D*\d(?!\d)")  # a problem is worth less than ten points, and a test more
_SCORE = re.compile(r"[가-힣]| (?:이상|이하|미만|초과|만점|짜리|문제|문항)")
_ENDS = frozenset("?.!)오까요다라은는고자")

_STYLES = (
    re.compile(r"(?<![^\s])\(([1-5])\)(?= ?\S)"),
    re.compile(r"(?<![^\s])([1-5])\)(?= ?\S)"),
    re.compile(r"(?<![^\s])([1-5])\.(?=\s)"),
)
_FILLED = {chr(0x2776 + i): chr(0x2460 + i) for i in range(10)} | {chr(0x2780 + i): chr(0x2460 + i) for i in range(10)}
_FILLED |= {chr(0x278A + i): chr(0x2460 + i) for i in range(10)}
_TO_CIRCLES = str.maketrans(_FILLED)
_LEAST_CHOICES = 4


def without_number(text: str) -> str:
    """Without the numbers of the item and of its part. The first of several numbered parts keeps its number."""
    for _ in range(2):  # 문제 3. (2)
        found = _NUMBER.match(text)
        if found is None:
            return text
        kind, number = next((kind, int(n)) for kind, n in found.groupdict().items() if n)
        rest = text[found.end() :].lstrip()
        if len(rest) < 2 or (kind in _BARE and _LIST.match(rest)) or (number == 1 and _NEXT.search(rest)):
            return text
        text = rest
    return text


def without_points(text: str) -> str:
    """Without the points that a problem is worth: at its start, at the end of its question, or before its choices.

    A mark anywhere else, as on a target or in a table of marks, is part of the problem.
    """
    marks = list(_POINTS.finditer(text)) if "점" in text or "p" in text else []
    kept, at = [], 0
    for mark in marks:
        if _is_aside(text, mark, alone=len(marks) == 1):
            kept += [text[at : mark.start()].rstrip(" "), " "]
            at = mark.end() + (text[mark.end() : mark.end() + 1] == " ")
    return "".join([*kept, text[at:]]).strip()


def _is_aside(text: str, mark: re.Match[str], *, alone: bool) -> bool:
    """Whether points belong to the paper and not to the problem; `alone`: the text names no others."""
    before = text[max(0, mark.start() - 2) : mark.start()].strip()[-1:]
    after = text[mark.end() : mark.end() + 2]
    is_worth = alone and (mark[0][0] != "(" or (_FEW.match(mark[0]) is not None and not _SCORE.match(text, mark.end())))
    if not before:
        return is_worth and after.strip() != ""
    question_ends = after[:1] in ("", "\n") or "①" <= after.strip()[:1] <= "⑳" or text.startswith("(단", mark.end() + 1)
    return question_ends and (before in _ENDS or is_worth)


def with_choices(text: str) -> str:
    """Choices marked (1) to (4) or (5), 1) to 5), 1. to 5., or with filled or sans-serif circles, marked with ①."""
    text = text.translate(_TO_CIRCLES)
    if "①" in text or "4" not in text:
        return text
    for style in _STYLES:
        marks = list(style.finditer(text))
        first = max((i for i, mark in enumerate(marks) if mark[1] == "1"), default=len(marks))
        run = marks[first:]
        if len(run) >= _LEAST_CHOICES and [mark[1] for mark in run] == list("12345")[: len(run)]:
            for mark in reversed(run):
                text = f"{text[: mark.start()]}{chr(0x2460 + int(mark[1]) - 1)} {text[mark.end() :]}"
            return text
    return text
