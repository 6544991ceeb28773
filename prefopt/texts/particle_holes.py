"""Find Korean particles and units that have nothing before them: 크기가 인 표본, 정규분포 를 따르는, 가로가 cm인.

A particle is written onto its noun, so one that stands alone after a space lost what it belonged to, or a typist parted the two. It was
lost where it could not stand after the word before it: 를 after a final consonant, 인 after 크기가, 의 after 대하여, any after a comma,
two spaces or nothing. A text that parts many particles from the words they fit is a typist's.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from typing import Literal

Verdict = Literal["hole", "likely", "doubtful", "weak", "parted", ""]
"""What a lone particle shows: a hole; a hole unless the text parts its particles; a hole if no formula (doubtful) or
no number either (weak) is left; a typist; nothing."""

_COPULA = "이고|이며|이면|이라|이라고|이라면|이라는|이므로|이거나|인|인지|일 ?때|일 확률|입니다|입니까|이다|이었습니다"
_NEVER_A_WORD = "을|를|의|에|에서|에서의|에서는|에는|에게|와의|과의|으로|으로의|는|부터|까지|만큼"
_UNIT = r"[ckm]m[²³]?|m[²³]|kg|mL|%|°|℃|°C"
_LONE = re.compile(
    rf"(?:(?<=\s)|^)(?:({_NEVER_A_WORD}|와|로|라고|라면|{_COPULA})|(은|이|가|과|라(?= ?(?:하|할|한|함|합|두|놓)))"
    rf"|((?:{_UNIT})(?:가|이|인|이고|일|는|은|와|과|로|를|의|씩|만큼|이다|입니다|이며|이면)?|[mgL](?:인|이고|이며|입니다|이다|일|를|씩|로)?"
    r"|(?:명|개|장|권|송이|자루|마리|그루|켤레|묶음|일|분|시간)(?:씩|마다|이고|입니다|이라면|라면)))(?=[ \t\u00a0?.,)]|$)"
)
_TWO = re.compile(
    r"(?:은|는|가|을|를|의|와|과|에|로|인) +(?:은|는|가|을|를|의|에|에서|인|일 때|입니다)(?=[\s,.?])|이 +(?:인|일 때|입니다)(?=[\s,.?])"
    r"|과 +(?:중에서|중|가운데|사이)(?![가-힣])"
)
_BESIDE = re.compile(rf"(?:{_NEVER_A_WORD}|{_COPULA}|와|과|은|가|이|로)")
_CONNECTIVE = re.compile(
    r"(?:대하여|대해|이고|하고|이며|이면|하면|면서|도록|이라|라고|에서|하여|되는|하는|지나는|만족하는|만족시키는|때|수를|값을)$"
)
_BARE = frozenset(
    "다음 다음의 아래 위 두 세 각 모든 임의의 어떤 이때 및 또는 그리고 서로 항상 때 중 있는 주어진 방향으로 똑같이".split()  # noqa: SIM905  a list of words
)
_PLACES = frozenset(("때", "중", "위", "아래", "서로", "각"))
_ALGEBRA = re.compile(
    r"(?:[정차등항열분단곱수셈]식|함수|수열|분포|변수|행렬|벡터|명제|로그|극한|적분|미분|계수|직선|곡선|구간|함숫값|미지수)$"
)
_NAMED = re.compile(
    r"(?:집합|조건|사건|좌표|관계|영역|상수|선분|중심|꼭짓점|교점|접점|원점|끼인각|밑각|예각|자연수|정수|실수|유리수|무리수|복소수)$|^(?:점|각|변|원|호|현)$"
)
_COUNTED = re.compile(r"(?:도형|삼각형|사각형|그래프|소수|분수|수|각|변|항|비|계산|평면|위치|식|덧셈|뺄셈|곱셈|나눗셈)$")
_SUBJECT = re.compile(r"(?:각|변|값|합|곱|점|식|원|면|선|분|항|율|률|량|금|지름|편|양|형|간격|절댓값|몫|약수)이$")
_IF = re.compile(r"(?:[가-힣][^라단평측국표옆밑앞겉윗뒷]|[하되빼나])면$")
_NOUNS_TEXT = (
    "나이 아이 길이 높이 넓이 깊이 차이 사이 종이 놀이 어린이 먹이 무게 국가 물가 작가 평가 증가 화가 "
    "정의 회의 강의 주의 도로 가로 세로 미로 마을 가을 노을 이을 사과 결과 학과 성과 전과 통과 안과 "
    "약과 편의 합의 논의 상의 하의 가은 시은 하은 지은 다은 예은 이은 우의 전문가 원주율 오이 호랑이 "
    "고양이 둘레 거의"
)
_NOUNS = frozenset(_NOUNS_TEXT.split())
"""Nouns that end as if in a particle."""
_STEMS = frozenset("있없묶꽂않같높낮많적작좋늙읽앉먹잡찾받놓넣심엮섞담깎")
_COUNTER = re.compile(
    r"([가-힣]) (?:개|명|권|송이|마리|그루|켤레|[ckm]?m|k?g|m?L)"
    r"(?:이|가|을|를|은|는|와|과|의|씩|인|로|중|째)?(?=[\s,.])"
)
_NUMERAL_ENDS = frozenset("몇한두세네서너석넉섯곱덟홉열무른흔쉰순든백천만러십수첫각매반위")
_NUMERAL = re.compile("하나|둘|다섯|여섯|일곱|여덟|아홉|스물|서른|[일이삼사오육칠팔구][십백천만]")
_NUMBER = re.compile(r"\d")
_LETTER = re.compile(r"(?<![A-Za-z])(?!(?:[ckm]?m|k?g|m?L|kL|dL|t|km|ha|a)(?![A-Za-z]))[A-Za-z]|[α-ωΑ-Ωａ-ｚＡ-Ｚ=+×÷<>≤≥√π∠△^/∫∑]")
_WIDE_GAP = re.compile(r"\S[ \u00a0]{2,}(?=\S)")
_PREDICATE = re.compile(
    r"[0-9A-Za-z]|되|될|된|아니|아닌|최대|최소|존재|성립|주어|만족|일정|같|다르|정수|자연수|홀수|짝수|소수|양수|음수|실수|유리수|무리수|항등식|다음|서로|수렴|발산"
    r"|항상|옳|참|거짓|일대일|연속|미분|속|있|없"
)
_SILVER = re.compile(r"\d[\d.]* ?(?:g|kg|돈)|가격|반지|목걸이|수저|숟가락|메달|[과의]")


def lone_particle(text: str) -> tuple[int, int] | None:
    """Where the first particle or unit stands alone because what it belongs to was lost; None where none does."""
    found: dict[Verdict, tuple[int, int]] = {}
    counts: Counter[Verdict] = Counter()
    for lone in _LONE.finditer(text):
        verdict = _verdict(text, lone)
        if verdict == "hole":
            return lone.span()
        counts[verdict] += 1
        found.setdefault(verdict, lone.span())
    if counts["likely"] and counts["parted"] < max(2, counts["likely"]):
        return found["likely"]
    doubtful = counts["doubtful"] + counts["weak"]
    if doubtful and not counts["parted"] and (doubtful > 1 or not (_LETTER.search(text) or (counts["weak"] and _NUMBER.search(text)))):
        return found.get("doubtful") or found["weak"]
    return _counter(text)


def _counter(text: str) -> tuple[int, int] | None:
    """A word that counts (개, 명) in a text without any number."""
    if _NUMBER.search(text) or _NUMERAL.search(text) or re.search(r"단위|[□○△_]|\(\s*\)", text):
        return None
    counted = (found for found in _COUNTER.finditer(text) if found[1] not in _NUMERAL_ENDS)
    return next(((found.start() + 2, found.end()) for found in counted), None)


def _verdict(text: str, lone: re.Match[str]) -> Verdict:
    before = text[max(0, lone.start() - 40) : lone.start()]
    stem = before.rstrip()
    gap = before[len(stem) :]
    if lone[3]:
        return _of_unit(stem, gap, lone[3], text[lone.end() : lone.end() + 12].lstrip())
    after = text[lone.end() : lone.end() + 12].lstrip()
    particle, is_sure = lone[1] or lone[2], lone[1] is not None
    if not is_sure and not _is_particle(particle, after, text):
        return "hole" if _TWO.match(text, lone.start()) else ""
    if particle == "을" and _has_party(text):  # 갑, 을, 병: names of things
        return ""
    if not stem or stem[-1] in ".?!:":
        return "hole" if _begins_alone(text, lone, particle, after, is_first=not stem) else ""
    if stem[-1] in ",;(":
        is_word = particle in ("와", "이", "가", "과", "은", "이다", "라면", "입니다", "입니까")
        return "" if is_word or after[:1] == "," else "hole"
    if not "가" <= stem[-1] <= "힣":
        if stem[-1] in "와과" or (stem[-1] in "①②③④⑤" and is_sure):
            return "hole"
        return ""
    if re.search(r"[0-9A-Za-z)][와과]$", stem) and particle in ("의", "를", "을", "에서", "에", "가", "로"):
        return "hole"
    if "\n" in gap:  # lines of a PDF break between syllables
        return ""
    if len(gap) > 1 and particle not in ("입니다", "입니까", "이다") and not _is_wide(text):
        return "hole"
    return _beside(stem.split()[-1], particle, is_sure, text)


def _begins_alone(text: str, lone: re.Match[str], particle: str, after: str, *, is_first: bool) -> bool:
    """Whether a particle at the beginning of a sentence is one."""
    if particle in ("와", "과", "가"):
        return is_first and after[:1] not in (".", ",", "같", ")") and text[lone.end() : lone.end() + 1] == " "
    return particle not in ("로", "라고", "라면", "이", "이다", "까지", "부터") or _TWO.match(text, lone.start()) is not None


def _beside(word: str, particle: str, is_sure: bool, text: str) -> Verdict:
    """What a particle one space after a Hangul word shows."""
    if _mismatch(word[-1], particle):
        return "parted" if word[-1] in _STEMS else "likely"
    if word in _NOUNS or (word == "이" and particle != "이") or (word in ("가", "세") and particle == "로"):
        return "parted"
    if _follows_no_particle(word, particle):
        return "likely"
    if not is_sure:
        if particle in ("은", "과") and word[-1] == "의" and not "가" <= word[-2:-1] <= "힣":
            return "likely" if len(word) > 1 else ""
        if particle in ("이", "가") and re.search("(?:대하여|하여|도록)$", word):
            return "likely"
        return "" if _ALGEBRA.search(word) or _NAMED.search(word) else "parted"
    if word in _BARE:
        is_hole = word not in _PLACES or (word in ("때", "중") and particle in ("을", "를", "의", "일 때", "인"))
        return "likely" if is_hole else "parted"
    if _CONNECTIVE.search(word) or _BESIDE.fullmatch(word):
        is_joined = particle in ("에게", "라면") or (particle in ("부터", "까지", "로", "에", "에는", "는") and word[-1] in "여서")
        return "parted" if is_joined else "likely"
    if particle in ("입니다", "입니까", "이다"):
        return "parted"
    if _ALGEBRA.search(word):
        return "doubtful"
    return "weak" if _NAMED.search(word) or (_COUNTED.search(word) and not _has_number(text)) else "parted"


def _follows_no_particle(word: str, particle: str) -> bool:
    """Whether the word ends in a particle, after which this one cannot stand: 크기가 인, 밭의 에."""
    if particle[0] in "이인일입" and word[-1] in "가은는를을" and len(word) > 1:
        return True
    if (particle[0] in "이인일입" or particle == "를") and _SUBJECT.search(word):
        return True
    if particle in ("입니다", "이다") and _IF.search(word):
        return True
    if particle in ("을", "를", "의", "에", "에서"):
        is_joined = word[-1] == "과" and len(word) > 1 and _has_final(word[-2])
        if word[-1] in "는를의" or is_joined:
            return True
    return particle in ("로", "라고", "라", "와", "의") and word[-1] in "를을" and len(word) > 1


def _has_final(syllable: str) -> bool:
    return "가" <= syllable <= "힣" and (ord(syllable) - 0xAC00) % 28 != 0


def _mismatch(last: str, particle: str) -> bool:
    """Whether a particle's form does not fit the syllable before it, which no typist writes."""
    final = (ord(last) - 0xAC00) % 28
    if particle in ("을", "과", "으로", "과의", "으로의"):
        return final == 0 or (final == 8 and particle[0] == "으")
    if particle == "로":
        return final not in (0, 8)
    return particle in ("를", "는", "와", "와의", "가") and final != 0


def _is_particle(particle: str, after: str, text: str) -> bool:
    """Whether 은, 이, 가, 과 and 라, which are words too, are particles here."""
    if particle == "은":
        return not (_SILVER.match(after) or _has_metal(text))
    if particle in ("이", "가"):
        return _PREDICATE.match(after) is not None and not (particle == "이" and after[:2] in ("있습", "있는", "있다"))
    return particle != "과" or re.match(r"학생|대표|친구|의|에", after) is None


@lru_cache(maxsize=4)  # of each text, for all of its particles
def _has_metal(text: str) -> bool:
    return re.search("구리|합금|은메달|금과|귀금속", text) is not None


@lru_cache(maxsize=4)  # as above
def _has_party(text: str) -> bool:
    return "갑" in text


@lru_cache(maxsize=4)  # as above
def _has_number(text: str) -> bool:
    return _NUMBER.search(text) is not None


@lru_cache(maxsize=4)  # as above
def _is_wide(text: str) -> bool:
    """Whether a text has two spaces where others have one."""
    wide = len(_WIDE_GAP.findall(text))
    return wide > 3 and 2 * wide > text.count(" ") - wide


def _of_unit(stem: str, gap: str, unit: str, after: str) -> Verdict:
    """Whether a unit has no number: 가로가 cm인."""
    if not stem:
        return "hole" if gap and len(unit) > 1 else ""
    if not "가" <= stem[-1] <= "힣":
        return ""
    word = stem.split()[-1]
    if word[-1] in "몇한두세네" or "단위" in word or "기호" in word or after.startswith("단위"):
        return ""
    is_sign = unit[0].isascii() or unit[0] in "°℃"
    if is_sign and len(gap) > 1 and "\n" not in gap and word[-1] not in "를을로중":
        return "hole" if unit[:2] in ("cm", "km", "mm", "kg", "mL", "m²", "m³") or unit[0] == "L" or unit.endswith("씩") else "weak"
    if (unit[0] in "mgL" and len(unit) < 3) or unit[-1] in "로를와과의은는":
        return ""
    is_lost = word[-1] in "가이은는" and len(word) > 1 and word not in _NOUNS and (is_sign or unit[0] not in "일분시")
    return "hole" if is_lost else ""
