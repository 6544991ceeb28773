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


_OBJECT = re.compile("\ufffc|\\(cid:\\d{1,5}\\)|수식입니다\\.|[\\[<(]\\s?(?:수식|equation|OLE ?개체|개체)\\s?\\d{0,3}\\s?[\\])>]", re.I)
_TWO = re.compile(
    r"(?:은|는|이|가|을|를|의|와|과|에|로|인) +(?:은|는|가|을|를|의|에|에서|인|일 때|입니다)(?=[\s,.?])|과 +(?:중에서|중|가운데|사이)(?![가-힣])"
)
_GLYPH = re.compile("[\ue000-\uf8ff]|(?:^|(?<=[\\s가-힣,.?(]))[\u0300-\u036f\u20d0-\u20ef]")
_LIST = re.compile(
    r"^\s*,|(?<!\\),\s{1,4},|(?:[을를의]|\b(?:점|교점이|두 수|직선|평행선|실수|자연수|정수|선분|집합|행렬|함수)) , "
    r"|[\s,](명|개|장|권|분|점|회|원|시|[ckm]?m|k?g|m?L)(?:, ?\1){1,}(?![가-힣]{3})|[=+×÷≤≥](?:입니다|일 때|이고|인 )|\( ?, ?[\d가-힣]"
    r"|(?:이상|초과)(?:인)? +(?:이하|미만)(?! ?초과)|(?:^|[.?] )\s*(?:[ckm]?m[²³]?|k?g|m?L|t|분|초|일|시간) ?(?:(?:는|은) 몇|(?:동안|뒤))"
    r"|[가은는의] (?:분|초) (?:동안|뒤)|\((?:을|를|의|에|이고) |, +(?:중|가운데)(?:에서|의)? |^\s+(?:[ckm]?m[²³]?|k?g|m?L)(?:는|의|를|인|와|,| )"
)

_COPULA = "이고|이며|이면|이라|이라고|이라면|이라는|이므로|이거나|인|인지|일 ?때|일 확률|입니다|입니까|이다|이었습니다"
_NEVER_A_WORD = "을|를|의|에|에서|에서의|에서는|에는|에게|와의|과의|으로|으로의|는|부터|까지|만큼"
_UNIT = r"[ckm]m[²³]?|m[²³]|kg|mL|%|°|℃|°C"
_PARTICLE = re.compile(
    rf"(?:(?<=\s)|^)(?:({_NEVER_A_WORD}|와|로|라고|라면|{_COPULA})|(은|이|가|과|라(?= ?(?:하|할|한|함|합|두|놓)))"
    rf"|((?:{_UNIT})(?:가|이|인|이고|일|는|은|와|과|로|를|의|씩|만큼|이다|입니다|이며|이면)?|[mgL](?:인|이고|이며|입니다|이다|일|를|씩|로)?"
    r"|(?:명|개|장|권|송이|자루|마리|그루|켤레|묶음|일|분|시간)(?:씩|마다|이고|입니다|이라면|라면)))(?=[\s?.,)]|$)"
)
_UNMARKED = frozenset(
    "다음 아래 위 두 세 각 모든 임의의 어떤 그 이때 단 및 똑같이 또는 그리고 서로 항상 때 중 있는 다음의 주어진 방향으로".split()
)
_PLACES = frozenset("때 중 위 아래 서로 각".split())
_CONNECTIVE = re.compile(
    r"(?:대하여|대해|이고|하고|이며|이면|하면|면서|도록|이라|라고|에서|하여|되는|하는|지나는|만족하는|만족시키는|때|수를|값을)$"
)
_BESIDE = re.compile(rf"(?:{_NEVER_A_WORD}|{_COPULA}|와|과|은|가|이|로)")
_ALGEBRA = re.compile(
    r"(?:[정차등항열분단곱수셈]식|함수|수열|분포|변수|행렬|벡터|집합|조건|명제|사건|로그|극한|적분|미분|계수|좌표|관계|직선|곡선|구간|영역|함숫값|상수|미지수"
    r"|선분|중심|꼭짓점|교점|접점|원점|끼인각|밑각|예각|자연수|정수|실수|유리수|무리수|복소수)$|^(?:점|각|변|원|호|현|두 수|밑각)$"
)
_COUNTED = re.compile(r"(?:도형|삼각형|사각형|그래프|소수|분수|수|각|변|항|비|계산|평면|위치|식|덧셈|뺄셈|곱셈|나눗셈)$")
_SUBJECT = re.compile(r"(?:각|변|값|합|곱|점|식|원|면|선|분|항|율|률|량|금|지름|편|양|형|간격|절댓값|몫|약수)이$")
_NOUNS_LIKE_PARTICLES = frozenset(
    "나이 아이 길이 높이 넓이 깊이 차이 사이 종이 놀이 어린이 먹이 무게 국가 물가 작가 평가 증가 화가 정의 회의 강의 주의 도로 가로 세로 미로 "
    "마을 가을 노을 이을 사과 결과 학과 성과 전과 통과 안과 약과 회의 편의 합의 논의 상의 하의 가은 시은 하은 지은 다은 예은 이은 우의 전문가 원주율 오이 호랑이 고양이 둘레 거의".split()
)
_LETTER = re.compile(r"(?<![A-Za-z])(?!(?:[ckm]?m|k?g|m?L|kL|dL|t|km|ha|a)(?![A-Za-z]))[A-Za-z]|[α-ωΑ-Ω=+×÷<>≤≥√π∠△^/∫∑]")
_NUMBER = re.compile(r"[0-9]")
_COUNTER = re.compile(
    r"([가-힣]) (?:개|명|장|권|송이|자루|마리|그루|켤레|봉지|묶음|번|칸|쌍|병|도막|통|살|[ckm]?m|k?g|m?L)(?:이|가|을|를|은|는|와|과|의|씩|인|로|중|째)?(?=[\s,.])"
)
_NUMERAL_ENDS = frozenset("몇한두세네서너석넉섯곱덟홉열무른흔쉰순든백천만러십수첫각매반위")

_CHOICES = re.compile(r"[①-⑩][^①-⑩]{0,60}")
_MARKS = re.compile(r"㉠\s+㉡[\s㉢㉣㉤㉥]*$|ㄱ\.\s+ㄴ\.\s+ㄷ\.|\(1\)\s+\(2\)(?:\s+\([3-6]\))*\s*$|\(가\)\s+\(나\)(?:\s+\(다\))?\s*$")
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

_CONTENT_NUMERAL = re.compile("하나|둘|다섯|여섯|일곱|여덟|아홉|스물|서른|[일이삼사오육칠팔구][십백천만]")
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
        sure = _is_hole(text, found)
        if sure is False:
            continue
        hole = LostFormula("unit" if found[3] else "particle", found.start(), found.end())
        if sure:
            return hole
        doubtful += 1
        first = first or hole
    if first is not None:
        bare = _FRAME.sub(" ", text)
        if doubtful > 1 or not _LETTER.search(bare):
            return first
    if not _NUMBER.search(text) and not _CONTENT_NUMERAL.search(text):
        for counter in _COUNTER.finditer(text):
            if counter[1] not in _NUMERAL_ENDS:
                return LostFormula("unit", counter.start() + 2, counter.end())
    if found_list := _LIST.search(text):
        return LostFormula("list", found_list.start(), found_list.end())
    return None


def _is_hole(text: str, found: re.Match[str]) -> bool | None:
    """Whether nothing stands before a particle; None: a typist may have parted it from its noun."""
    before = text[max(0, found.start() - 40) : found.start()]
    stem = before.rstrip()
    gap = before[len(stem) :]
    if found[3]:
        return _lacks_number(stem, gap, found[3])
    after = text[found.end() : found.end() + 12].lstrip()
    particle, is_sure = found[1] or found[2], found[1] is not None
    if not is_sure and not _is_particle_here(particle, after, text):
        return bool(_TWO.match(text, found.start()))
    if particle == "을" and "갑" in text:  # 갑, 을, 병: names of things
        return False
    if not stem or stem[-1] in ".?!:":
        if particle in ("와", "과", "가"):
            return not stem and after[:1] not in (".", ",", "같", ")") and text[found.end() : found.end() + 1] == " "
        return particle not in ("로", "라고", "라면", "이", "이다", "까지", "부터") or bool(_TWO.match(text, found.start()))
    if stem[-1] in ",;(":
        return particle not in ("와", "이", "가", "과", "은", "이다", "라면", "입니다", "입니까") and after[:1] != ","
    if not "가" <= stem[-1] <= "힣":
        return stem[-1] in "①②③④⑤" and is_sure
    if re.search(r"[0-9A-Za-z)][와과]$", stem) and particle in ("의", "를", "을", "에서", "에", "가", "로"):
        return True
    return _stands_alone(stem.split()[-1], particle, gap, is_sure, text)


def _stands_alone(word: str, particle: str, gap: str, is_sure: bool, text: str) -> bool | None:
    """Whether a particle after a Hangul word does not belong to it."""
    if _mismatch(word[-1], particle):
        return True
    if "\n" in gap:  # lines of a PDF break between syllables
        return False
    if len(gap) > 1:
        return True
    if word in _NOUNS_LIKE_PARTICLES:
        return False
    if not is_sure:
        if particle in ("은", "과") and word[-1] == "의" and not "가" <= word[-2:-1] <= "힣":
            return len(word) > 1
        return particle in ("이", "가") and re.search("(?:대하여|하여|도록)$", word) is not None
    if word in _UNMARKED:
        return True if word not in _PLACES or particle in ("을", "를", "의", "일 때", "인") and word == "때" else False
    if _CONNECTIVE.search(word) or _BESIDE.fullmatch(word):
        return particle not in ("에게", "라면") and not (particle in ("부터", "까지", "로", "에", "에는") and word[-1] in "여서")
    if particle[0] in "이인일입를" and (word[-1] in "가은는를을" or _SUBJECT.search(word)):
        return True
    if particle in ("을", "를", "의", "에", "에서") and (
        word[-1] in "는를의" or (word[-1] == "과" and len(word) > 1 and _has_final(word[-2]))
    ):
        return True
    if particle in ("로", "라고", "라", "와", "의") and word[-1] in "를을" and len(word) > 1:
        return True
    return None if _ALGEBRA.search(word) or (_COUNTED.search(word) and not _NUMBER.search(text)) else False


def _has_final(syllable: str) -> bool:
    return "가" <= syllable <= "힣" and (ord(syllable) - 0xAC00) % 28 != 0


def _mismatch(last: str, particle: str) -> bool:
    """Whether a particle's form does not fit the syllable before it, which no typist writes."""
    final = (ord(last) - 0xAC00) % 28
    if particle in ("을", "과", "으로", "과의", "으로의"):
        return final == 0 or (final == 8 and particle[0] == "으")
    return particle in ("를", "는", "와", "와의", "가") and final != 0


def _is_particle_here(particle: str, after: str, text: str) -> bool:
    """Whether 은, 이, 가, 과 and 라, which are words too, are particles here."""
    if particle == "은":
        return not re.search("구리|합금|은메달|금과|귀금속", text)
    if particle == "이":
        return (
            re.match(r"[0-9A-Za-z]|되|아니|아닌|최대|최소|존재|성립|주어|만족|일정|같|정수|자연수|홀수|짝수|다음|서로|수렴|항상", after)
            is not None
        )
    if particle == "가":
        return (
            re.match(
                r"위|아래|나(?![가-힣])|나[와에의]|와|사이|옆|에|의|,|\.|지점|마을|상자|그릇|모둠|지역|도시|역|반|팀|점|집|는|은|방|주머니",
                after,
            )
            is None
        )
    return particle != "과" or re.match(r"학생|대표|친구|의|에", after) is None


def _lacks_number(stem: str, gap: str, unit: str) -> bool:
    """Whether a unit has no number: 가로가 cm인."""
    if not stem:
        return len(gap) > 0 and len(unit) > 1
    if not "가" <= stem[-1] <= "힣":
        return False
    word = stem.split()[-1]
    if word[-1] in "몇한두세네" or "단위" in word or "기호" in word:
        return False
    is_letter = unit[0].isascii() or unit[0] in "°℃"
    if is_letter and len(gap) > 1 and "\n" not in gap:
        return len(unit) > 1 and unit[:2] in ("cm", "km", "mm", "kg", "mL", "m²", "m³") or None
    if unit[0] in "mgL" and len(unit) < 3:
        return False
    return word[-1] in "가이은는" and len(word) > 1 and word not in _NOUNS_LIKE_PARTICLES and (is_letter or unit[0] not in "일분시")


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
