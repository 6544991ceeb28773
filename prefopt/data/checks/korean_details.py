"""The details of findings in Korean. They are written in English where they are found; what has no pattern here stays as it is."""

from __future__ import annotations

import re

_WHERE = {"text": "문제 글", "reason": "근거", "concepts": "개념"}
_PATTERNS: tuple[tuple[str, str], ...] = (
    (r"(text|reason|concepts) holds it at character (\d+): (.*)", r"{1}의 \2번째 글자부터: \3"),
    (r"(text|reason|concepts) holds (.*) at character (\d+)", r"{1}의 \3번째 글자: \2"),
    (r"(text|reason|concepts) holds Hangul as separate letters", r"{1}의 한글이 자모로 풀려 있음"),
    (r"(text|reason) holds (.*)", r"{1}: \2"),
    (r"text has (\d+) characters: (.*)", r"\1글자: \2"),
    (r"text ends in (.*)", r"\1(으)로 끝남"),
    (r"text refers to (.*)", r"그림: \1"),
    (r"(text|reason) reads as (\w+), expected is (\w+): (.*)", r"{1}의 언어 \2, 예상한 언어 \3: \4"),
    (r"problem (.*) has no label", r"문항 \1"),
    (r"problem (.*) of the pool has label (.*)", r"문항 \1, 성취기준 \2"),
    (r"(.*) is (\S+) in the taxonomy", r"\1 → 분류 체계에서는 \2"),
    (r"level (.*): (\S+) has (\S*)", r"성취수준 \1, \2에는 \3"),
    (r"(.*); did you mean (.*)\?", r"\1 → \2?"),
    (r"(.*); labels are in (.*)", r"\1; 분류 체계: \2"),
    (r"(.*): the taxonomy has revision (.*)", r"\1: 분류 체계는 \2 개정"),
    (r"(.*) stands in several revisions: write one of (.*)", r"\1: 여러 교육과정에 있음, \2 중 하나로 쓸 것"),
    (r"problem (.*) has no reason, others of the file have one", r"문항 \1"),
    (r"the label is (\S+), the reason names (\S+)", r"성취기준은 \1, 근거는 \2"),
    (r"reason (.*) is the problem's text", r"근거 \1"),
    (r"the reason of (\S+) is that of (\S+)", r"\1의 근거가 \2의 근거와 같음"),
    (r"problem (\S+) says the same as (\S+)", r"문항 \1 = \2"),
    (r"problem (\S+) is (\d+)% like (\S+): (.*)", r"문항 \1, \3과(와) \2% 같음: \4"),
    (r"(\S+) here, (\S+) there: (.*)", r"여기는 \1, 앞에서는 \2: \3"),
    (r"id (\S+) and (\S+)", r"번호 \1, \2"),
    (r"id (\S+)", r"번호 \1"),
    (r"family (.*)", r"유형군 \1"),
    (r"(.*) has one problem, (.*)", r"\1: 문항 \2"),
    (r"(.*) has (\d+) problems, the median label (\S+)", r"\1: 문항 \2개, 가운데 값은 \3개"),
    (r"(\d+) problems are held out, at least (\d+) are needed", r"떼어 둔 문항 \1개, 적어도 \2개가 필요함"),
    (r"(.*) is judged and never trained on", r"\1"),
    (
        r"problem (\S+): (\d+) tokens of prompt and (\d+) of answer; the longest row has (\d+)",
        r"문항 \1: 문제 \2토큰, 답 \3토큰, 허용 \4토큰",
    ),
    (
        r"problem (\S+): (\d+) tokens of prompt leave no room; the longest row has (\d+)",
        r"문항 \1: 문제가 \2토큰이라 답을 쓸 자리가 없음, 허용 \3토큰",
    ),
    (r"key (.*) is missing", r"없는 키: \1"),
    (r"key (.*); known: (.*)", r"모르는 키 \1; 아는 키: \2"),
    (r"the key (.*) occurs twice in one object", r"두 번 쓰인 키: \1"),
    (r"(\d+) cells in a table of (\d+) columns", r"\2열에 \1칸: 쉼표가 든 칸은 따옴표로 묶을 것"),
    (r"there is no row", r"행이 없음"),
)
_COMPILED = tuple((re.compile(pattern, re.DOTALL), korean) for pattern, korean in _PATTERNS)


def in_korean(detail: str) -> str:
    """A finding's detail in Korean."""
    for pattern, korean in _COMPILED:
        if found := pattern.fullmatch(detail):
            return found.expand(korean.replace("{1}", _WHERE.get(found[1], "") if found.re.groups else ""))
    return detail
