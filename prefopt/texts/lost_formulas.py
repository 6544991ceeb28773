"""Find problems that lost their formulas.

Programs that turn HWP, Word and PDF files into text drop equations without a word: "정규분포 N(m, 4)를 따르는" becomes "정규분포 를
따르는". What stays behind shows the hole: a particle with no noun before it, a particle of the wrong form (을 after a vowel), a unit
without its number, choices with nothing between them, the mark of an object, characters of a mathematics font, or a request for the
value of nothing at all. A particle that a typist merely parted from its noun ("영기 는 5개를") is no sign, nor is a blank to fill in:
□, ( ), ____.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from prefopt.texts.particle_holes import lone_particle

Why = Literal["particle", "unit", "choices", "object", "glyph", "list", "request", "debris"]


@dataclass(frozen=True)
class LostFormula:
    """Where a formula is missing: text[start:end] shows the hole."""

    why: Why
    start: int
    end: int


_UNITS = frozenset("cmkgL°℃%명개장권송자마그켤묶봉번칸쌍병도통살분시")
_OBJECT = re.compile("\ufffc|\\(cid:\\d{1,5}\\)|수식입니다\\.|[\\[<(]\\s?(?:수식|equation|OLE ?개체|개체)\\s?\\d{0,3}\\s?[\\])>]", re.I)
_GLYPH = re.compile("[\ue000-\uf8ff]|(?:^|(?<=[\\s가-힣,.?(]))[\u0300-\u036f\u20d0-\u20ef]")
_LIST = re.compile(
    r"^\s*,|^\s*[-+×÷=] {1,4}(?:의|을|를) |(?<!\\),\s{1,4},"
    r"|\b(?:점|교점이|두 수|직선|평행선|실수|자연수|정수|선분|집합|행렬|함수) , (?=[\d을를의에와과라]|이라|일 때|[a-zA-Z] )"
    r"|[\s,](명|개|장|권|분|점|회|원|시|[ckm]?m|k?g|m?L)(?:, ?\1){1,}(?![가-힣]{3})|[=+×÷≤≥](?:입니다|일 때|이고|인 )|\( ?, ?[\d가-힣]"
    r"|(?:이상|초과)(?:인)? +(?:이하|미만)(?! ?초과)|(?:^|[.?] )\s*(?:[ckm]?m[²³]?|k?g|m?L|t|분|초|일|시간) ?(?:(?:는|은) 몇|(?:동안|뒤))"
    r"|[가은는의] (?:분|초) (?:동안|뒤)|\((?:을|를|의|에|이고) |, +(?:중|가운데)(?:에서|의)? (?!\d)"
    r"|^\s+(?:[ckm]?m[²³]?|k?g|m?L)(?:는|의|를|인|와|,| )"
)

_CHOICES = re.compile(r"[①-⑩][^①-⑩]{0,60}")
_MARKS = re.compile(r"㉠\s+㉡[\s㉢㉣㉤㉥]*$|ㄱ\.\s+ㄴ\.\s+ㄷ\.|\(1\)\s+\(2\)(?:\s+\([3-6]\))*\s*$|\(가\)\s+\(나\)(?:\s+\(다\))?\s*$")
_CHOICE_JUNK = re.compile(r"[\s.·)~]+")
_AFTER_LAST = re.compile(r"\n.*|(?<!\s)\s*+\[[^\]]{1,12}\].*", re.S)

_FRAME = re.compile(r"^\s*(?:\[?\d{1,3}[.)\]번]\s*)|[\[(<]\s*\d(?:\.\d)?\s*점\s*[\])>]|[①-⑮](?=\s*(?:[①-⑮]|$))")
_CONTENT = re.compile(
    r"[^\s가-힣.,?!~·\[\]()'\"‘’“”:;\-–—]"
    r"|\([\s_]*\)|__|[영일이삼사오육칠팔구십백천만]{2,}|(?:하나|둘|셋|넷|다섯|여섯|일곱|여덟|아홉|열|스물|서른|마흔|쉰)"
)
_REQUEST = re.compile(
    r"(?:다음|아래|주어진)(?:의|에서|은|는|을)? ?(?:두 |세 |수학 |일차|이차|연립|지수|로그|삼각|분수|무리|유리|곱셈|나눗셈|덧셈|뺄셈"
    r"|소수의? )?"
    r"(?:(?:다항|방정|부등|등|수|계산|덧셈|뺄셈|곱셈|나눗셈|혼합 ?계산|비례|문자|분수|수)?식|함수|수열|수|값|분수|소수|계산|행렬|적분|극한"
    r"|벡터|로그|비)(?:들)?(?:을|를|의|에서|은|는|과|와|이|가)?(?=[\s.,?]|$)"
    r"|(?:다음|아래|주어진 것)(?:을|를)? ?(?:계산[하해]|간단히|인수분해[하해]|전개[하해]|푸[시세]|풀어|구하|구해)"
    r"|^\s*(?:계산(?:하|해)|간단히 (?:하|나타)|인수분해(?:하|해)|전개(?:하|해)|풀어 ?보|구하[시세여]|구해|값을 구)"
    r"|^\s*의 값|(?<!함숫)값(?:은|을 구하시오|을 구하세요|을 구하여라)\s*+[?.]?+\s*+$"
)

_DEBRIS = re.compile(r"(?<![^\s가-힣(])[a-z](?: (?:[a-z]|\d{1,3})){3,40}(?![^\s가-힣.,?)])")


def lost_formula(text: str) -> LostFormula | None:
    """The first sign that a formula of the text is missing; None where there is none. Linear in the length of the text."""
    if found := _OBJECT.search(text):
        return LostFormula("object", found.start(), found.end())
    if not text.isascii() and (found := _GLYPH.search(text)):
        return LostFormula("glyph", found.start(), found.end())
    return _hole(text) or _empty_choices(text) or _debris(text) or _empty_request(text)


def _hole(text: str) -> LostFormula | None:
    if place := lone_particle(text):
        return LostFormula("unit" if text[place[0]] in _UNITS else "particle", *place)
    found = _LIST.search(text)
    return LostFormula("list", found.start(), found.end()) if found else None


def _empty_choices(text: str) -> LostFormula | None:
    """Choices with nothing in most of them, or with the same in each."""
    if marks := _MARKS.search(text):
        return LostFormula("choices", marks.start(), marks.end())
    first = text.find("①")
    if first < 0:
        return None
    found = list(_CHOICES.finditer(text, first))
    if len(found) < 3:
        return None
    bodies = [_CHOICE_JUNK.sub("", m[0][1:]) for m in found]
    bodies[-1] = _CHOICE_JUNK.sub("", _AFTER_LAST.sub("", found[-1][0][1:]))
    if sum(not b for b in bodies) * 2 > len(bodies) or (len(bodies) >= 4 and len(set(bodies)) == 1):
        return LostFormula("choices", found[0].start(), found[-1].end())
    return None


def _debris(text: str) -> LostFormula | None:
    """A formula of a PDF without its operators: x 2 2 x 3 0."""
    for found in _DEBRIS.finditer(text):
        items = found[0].split()
        letters = sum(i.isalpha() for i in items)
        if letters >= 2 and len(items) - letters >= 3 and len({i for i in items if i.isalpha()}) <= letters - 1:
            return LostFormula("debris", found.start(), found.end())
    return None


def _empty_request(text: str) -> LostFormula | None:
    """A text that asks for a value or a calculation and holds no number, letter or formula."""
    if len(text) > 80:
        return None
    bare = _FRAME.sub(" ", text)
    if _CONTENT.search(bare):
        return None
    found = _REQUEST.search(bare)
    return LostFormula("request", 0, len(text)) if found else None
