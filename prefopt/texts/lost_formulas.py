"""Find problems that lost their formulas.

Programs that turn HWP, Word and PDF files into text drop equations without a word: "정규분포 N(m, 4)를 따르는" becomes "정규분포 를 따르는".
What stays behind shows the hole: a particle with no noun before it, a particle of the wrong form (을 after a vowel), a unit without its number,
choices with nothing between them, the mark of an object, characters of a mathematics font, or a request for the value of nothing at all.
A particle that a typist merely parted from its noun ("영기 는 5개를") is no sign, nor is a blank to fill in: □, ( ), ____.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Why = Literal["particle", "unit", "choices", "object", "glyph", "list", "request", "debris"]


@dataclass(frozen=True)
class LostFormula:
    """Where a formula is missing: text[start:end] shows the hole."""

    why: Why
    start: int
    end: int


_OBJECT = re.compile(
    "\ufffc|\\(cid:\\d{1,5}\\)|수식입니다\\.|[\\[<(]\\s?(?:수식|equation|OLE ?개체|개체)\\s?\\d{0,3}\\s?[\\])>]", re.I
)
_GLYPH = re.compile("[\ue000-\uf8ff]|(?:^|(?<=[\\s가-힣,.?(]))[\u0300-\u036f\u20d0-\u20ef]")
_COMMAS = re.compile(r"[가-힣\s](?<!\d), ?,(?! ?[,.\d])")

_COPULA = "이고|이며|이면|이라|이라고|이라면|이라는|이므로|이거나|인|인지|일 ?때|일 확률|입니다|입니까|이다|이었습니다"
_NEVER_A_WORD = "을|를|의|에|에서|에서의|에서는|에는|에게|와의|과의|으로|으로의|는|부터|까지|만큼"
_PARTICLE = re.compile(
    rf"(?:(?<=\s)|^)(?:({_NEVER_A_WORD}|와|로|라고|{_COPULA})|(은|이|가|과|라(?= ?(?:하|할|한|함|합|두|놓)))|([cmk]?m[²³]?|k?g|m?L|%|°|℃)(?:가|이|인|이고|일|는|와|로|를|의|이다|입니다|이며|이면|,)?)(?=[\s?.,)]|$)"
)
_UNMARKED = frozenset("다음 아래 위 두 세 각 모든 임의의 어떤 그 이때 단 및 또는 그리고 서로 항상 때 중 있는".split())
_CONNECTIVE = re.compile(r"(?:대하여|대해|이고|하고|이며|이면|하면|면서|도록|이라|라고|에서|하여|되는|하는|지나는|만족하는|만족시키는)$")
_CARRIER = re.compile(
    r"(?:식|함수|수열|분포|변수|행렬|벡터|집합|조건|명제|사건|로그|극한|적분|미분|계수|좌표|직선|곡선|원|점|도형|삼각형|사각형|그래프|선분|자연수|정수|실수|상수"
    r"|유리수|무리수|복소수|소수|분수|수|각|변|항|비|계산|구간|영역|평면|함숫값|관계|위치)$"
)
_NOUNS_LIKE_PARTICLES = frozenset(
    "나이 아이 길이 높이 넓이 깊이 차이 사이 종이 놀이 어린이 먹이 무게 국가 물가 작가 평가 증가 화가 정의 회의 강의 주의 도로 가로 세로 미로 "
    "마을 가을 노을 이을 사과 결과 효과 모과 가은 시은 하은 지은 다은 예은 이은 우의 전문가 원주율 오이 호랑이 고양이 둘레 거의".split()
)
_FORMULA = re.compile(r"[0-9A-Za-zα-ωΑ-Ω=+×÷<>≤≥√π∠△□^/∫∑]")

_CHOICES = re.compile(r"[①-⑩][^①-⑩]{0,60}")
_CHOICE_JUNK = re.compile(r"[\s.·)~]+")
_AFTER_LAST = re.compile(r"\n.*|\s*\[[^\]]{1,12}\].*", re.S)

_FRAME = re.compile(r"^\s*(?:\[?\d{1,3}[.)\]번]\s*)|[\[(<]\s*\d(?:\.\d)?\s*점\s*[\])>]|[①-⑮](?=\s*(?:[①-⑮]|$))")
_CONTENT = re.compile(
    r"[^\s가-힣.,?!~·\[\]()'\"‘’“”:;\-–—]"
    r"|\([\s_]*\)|__|[영일이삼사오육칠팔구십백천만]{2,}|(?:하나|둘|셋|넷|다섯|여섯|일곱|여덟|아홉|열|스물|서른|마흔|쉰)"
)
_REQUEST = re.compile(
    r"(?:다음|아래|주어진)(?:의|에서|은|는|을)? ?(?:두 |세 |수학 |일차|이차|연립|지수|로그|삼각|분수|무리|유리|곱셈|나눗셈|덧셈|뺄셈|소수의? )?"
    r"(?:(?:다항|방정|부등|등|수|계산|덧셈|뺄셈|곱셈|나눗셈|혼합 ?계산|비례|문자|분수|수)?식|함수|수열|수|값|분수|소수|계산|행렬|적분|극한|벡터|로그|각|비|것|"
    r"(?:을|를)? ?(?:계산|간단|인수분해|전개|풀|구하))"
    r"|^\s*(?:계산|간단히|인수분해|전개|풀어|구하|값을)\S{0,8}"
    r"|^\s*의 값|(?<!함숫)값(?:은|을 구하시오|을 구하세요|을 구하여라)\s*[?.]?\s*$"
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
    """A particle or a unit without what it belongs to."""
    doubtful = 0
    first: LostFormula | None = None
    for found in _PARTICLE.finditer(text):
        before = text[max(0, found.start() - 40) : found.start()]
        sure = _is_hole(text, before, found)
        if sure or sure is None:
            why: Why = "unit" if found[3] else "particle"
            hole = LostFormula(why, found.start(), found.end())
            if sure:
                return hole
            doubtful += 1
            first = first or hole
    if first is not None and (doubtful > 1 or not _FORMULA.search(_FRAME.sub(" ", text))):
        return first
    if found_list := _COMMAS.search(text):
        return LostFormula("list", found_list.start(), found_list.end())
    return None


def _is_hole(text: str, before: str, found: re.Match[str]) -> bool | None:
    """Whether nothing stands before a particle; None: a typist may have parted it from its noun."""
    stem = before.rstrip()
    gap = before[len(stem) :]
    after = text[found.end() : found.end() + 12].lstrip()
    if found[3]:
        return _lacks_number(stem, found[3])
    token, is_sure = found[1] or found[2], found[1] is not None
    if not is_sure and not _is_particle_here(token, after, text):
        return False
    if token == "을" and "갑" in text:  # 갑, 을, 병: names of things
        return False
    if not stem or stem[-1] in ".?!:]}>":
        return (is_sure or token == "은") and token not in ("와", "로", "라고") and not ("\n" not in gap and stem and stem[-1] in "]}>")
    if stem[-1] in ",;(":
        return is_sure and token not in ("와", "라고") and after[:1] != ","
    if not "가" <= stem[-1] <= "힣":
        return False
    word = stem.split()[-1]
    return _stands_alone(word, token, gap, is_sure)


def _stands_alone(word: str, token: str, gap: str, is_sure: bool) -> bool | None:
    """Whether a particle after a Hangul word does not belong to it."""
    if _mismatch(word[-1], token):
        return True
    if "\n" in gap:  # lines of a PDF break between syllables
        return False
    if len(gap) > 1:
        return True
    if not is_sure:
        return False
    if word in _UNMARKED and not (word in ("때", "중", "위", "아래", "서로") and token in ("에", "에는", "에서", "의", "로", "으로", "는")):
        return True
    if word in _NOUNS_LIKE_PARTICLES:
        return False
    if token not in ("로", "라고", "에게") and (_CONNECTIVE.search(word) or re.fullmatch(_NEVER_A_WORD + "|와|과|은", word)):
        return True
    if token[0] in "이인일" and word[-1] in "가은는를을":
        return True
    if token[0] in "이인일" and len(word) > 1 and word[-1] == "이":
        return True
    return None if _CARRIER.search(word) else False


def _mismatch(last: str, token: str) -> bool:
    """Whether a particle's form does not fit the syllable before it, which no typist writes."""
    final = (ord(last) - 0xAC00) % 28
    if token in ("을", "과", "으로", "과의", "으로의"):
        return final == 0 or (final == 8 and token[0] == "으")
    return token in ("를", "는", "와", "와의", "가") and final != 0


def _is_particle_here(token: str, after: str, text: str) -> bool:
    """Whether 은, 이, 가, 과 and 라, which are words too, are particles here."""
    if token == "은":
        return not re.search("구리|합금|은메달|금과|귀금속", text)
    if token == "이":
        return re.match(r"[0-9A-Za-z]|되|아니|아닌|최대|최소|존재|성립|주어|만족|일정|같|정수|자연수|홀수|짝수|다음|서로|수렴|항상", after) is not None
    if token == "가":
        return re.match(r"위|아래|나(?![가-힣])|나[와에의]|와|사이|옆|에|의|,|\.|지점|마을|상자|그릇|모둠|지역|도시|역|반|팀|점|집|는|은|방|주머니", after) is None
    return token != "과" or re.match(r"학생|대표|친구|의|에", after) is None


def _lacks_number(stem: str, unit: str) -> bool:
    if not stem or not "가" <= stem[-1] <= "힣":
        return False
    word = stem.split()[-1]
    return word[-1] in "가이은는" and len(word) > 1 and "단위" not in word and "기호" not in word and word not in _NOUNS_LIKE_PARTICLES


def _empty_choices(text: str) -> LostFormula | None:
    """Choices with nothing in most of them, or with the same in each."""
    first = text.find("①")
    if first < 0:
        return None
    found = list(_CHOICES.finditer(text, first))
    bodies = [_CHOICE_JUNK.sub("", m[0][1:]) for m in found]
    if len(found) < 3:
        return None
    bodies[-1] = _CHOICE_JUNK.sub("", _AFTER_LAST.sub("", found[-1][0][1:]))
    if len([b for b in bodies if not b]) * 2 > len(bodies) or (len(bodies) >= 4 and len(set(bodies)) == 1):
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
