"""Personal data as people write it, planted in a problem: 45 kinds, and the spellings of each that rules generate."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prefopt.texts.folded import fold

PROBLEM = ("다음 문제를 풀고 {} 로 보내시오. ", "연필 12자루를 4명이 똑같이 나누면 한 명이 몇 자루씩 가집니까?")
FULL = str.maketrans({i: i + 0xFEE0 for i in range(0x21, 0x7F)})
MATHEMATICAL = str.maketrans("0123456789", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗")
SPOKEN = str.maketrans("0123456789", "공일이삼사오육칠팔구")


@dataclass(frozen=True)
class Planted:
    """`shown` is part of a text with what makes it personal data around it; nothing of `value` may remain when it is masked."""

    kind: str
    shown: str
    value: str

    @property
    def text(self) -> str:
        return PROBLEM[0].format(self.shown) + PROBLEM[1]


def _of(kind: str, frame: str, value: str) -> Planted:
    return Planted(kind, frame.format(value), value)


KINDS: tuple[Planted, ...] = (
    _of("phone", "{}", "010-1234-5678"),
    _of("phone", "{}", "011-987-6543"),
    _of("phone", "전화 {}", "+82-10-1234-5678"),
    _of("phone", "{}", "031-345-6789"),
    _of("phone", "{}", "02-3456-7890"),
    _of("phone", "연락처: {}", "345-6789"),
    _of("phone", "{}", "070-1234-5678"),
    _of("email", "{}", "kim@school.kr"),
    _of("email", "{}", "minsu.kim+1@sen.go.kr"),
    _of("resident-number", "{}", "990101-1234567"),
    _of("resident-number", "{}", "050229-5123456".replace("050229", "040229")),
    _of("resident-number", "주민등록번호 {}", "851225-2345678"),
    _of("card-number", "{}", "4111-1111-1111-1111"),
    _of("card-number", "{}", "5500-0000-0000-0004"),
    _of("card-number", "카드번호: {}", "9410-1234-5678-9012"),
    _of("account-number", "계좌: {}", "123-456-789012"),
    _of("account-number", "국민은행 {}", "123456-78-901234"),
    _of("account-number", "카카오뱅크 {}", "3333-01-2345678"),
    _of("account-number", "농협 {}", "302-1234-5678-91"),
    _of("passport", "여권 {}", "M12345678"),
    _of("passport", "여권번호: {}", "M123A4567"),
    _of("passport", "{}", "M987B6543"),
    _of("driver-license", "{}", "11-12-123456-78"),
    _of("driver-license", "{}", "서울 12-345678-90"),
    _of("driver-license", "운전면허 {}", "21-07-654321-09"),
    _of("business-number", "사업자등록번호 {}", "123-45-67890"),
    _of("home-address", "{}", "서울특별시 강남구 테헤란로 152"),
    _of("home-address", "{}", "경기도 수원시 영통구 매탄동 897-2번지"),
    _of("home-address", "{}", "부산 해운대구 우동 1408번지 101동 1203호"),
    _of("home-address", "주소: {}", "행복아파트 103동 1204호"),
    _of("student-id", "{}", "3학년 2반 15번"),
    _of("student-id", "학번: {}", "20315"),
    _of("birth-date", "생년월일: {}", "2010-03-15"),
    _of("birth-date", "생년월일은 {}", "2010년 3월 15일"),
    _of("car-plate", "차량번호 {}", "12가 3456"),
    _of("car-plate", "{}", "서울32나 9876"),
    _of("online-account", "카톡 id: {}", "minsu_0315"),
    _of("online-account", "인스타 @{}", "jiyoung.park"),
    _of("online-account", "{}", "instagram.com/minsu_kim"),
    _of("ip-address", "IP: {}", "192.168.10.27"),
    _of("person-name", "이름: {}", "박지영"),
    _of("person-name", "출제자: {}", "남궁민수"),
    _of("person-name", "{} 선생님", "김민수"),
    _of("person-name", "{} 학생", "황보민지"),
    _of("person-name", "보호자: {}", "제갈현"),
    _of("person-name", "작성자 : {}", "박 지 영"),
    _of("person-name", "학생 {}", "김민수"),
    _of("person-name", "{} 양", "최서윤"),
    _of("person-name", "담임: {}", "이준"),
    _of("person-name", "3학년 2반 15번 {}", "홍길동"),
    _of("person-name", "Name: {}", "Kim Minsu"),
    _of("person-name", "이름: {}", "Park Ji-young"),
)


def _inside(mark: str) -> Callable[[str], str]:
    return lambda text: "".join(c + (mark if i % 3 == 2 else "") for i, c in enumerate(text))


ANY: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "full width": lambda t: t.translate(FULL),
    "NFD": lambda t: unicodedata.normalize("NFD", t),
    "mathematical digits": lambda t: t.translate(MATHEMATICAL),
    "zero width inside": _inside("\u200b"),
    "soft hyphens inside": _inside("\u00ad"),
    "word joiner inside": _inside("\u2060"),
    "byte order mark inside": _inside("\ufeff"),
    "no-break spaces": lambda t: t.replace(" ", "\u00a0"),
    "ideographic spaces": lambda t: t.replace(" ", "\u3000"),
    "full-width digits, NFD": lambda t: unicodedata.normalize("NFD", re.sub(r"\d", lambda m: chr(ord(m[0]) + 0xFEE0), t)),
    "character references": lambda t: t.replace("@", "&#64;").replace("-", "&#45;"),
    **{f"dash U+{ord(c):04X}": (lambda t, c=c: t.replace("-", c)) for c in "‐‑‒–—―−﹘﹣－ㅡー─━"},
}
"""Spellings of every kind: what stands around the data is written in them too."""

_GROUPS = {
    "a space": lambda t: t.replace("-", " "),
    "spaces around dashes": lambda t: t.replace("-", " - "),
    "dots": lambda t: t.replace("-", "."),
    "no-break spaces for dashes": lambda t: t.replace("-", "\u00a0"),
    "underscores": lambda t: t.replace("-", "_"),
    "slashes": lambda t: t.replace("-", "/"),
    "middle dots": lambda t: t.replace("-", "·"),
    "tilde": lambda t: t.replace("-", "~"),
    "bold digits": lambda t: re.sub(r"(\d{4,})$", r"<b>\1</b>", t),
}
OWN: dict[str, dict[str, Callable[[str], str]]] = {
    "phone": {
        "none": lambda t: re.sub(r"(?<=\d)-", "", t) if t[:2] == "01" else t,
        "010)": lambda t: t.replace("-", ")", 1) if t[0] == "0" else t,
        "(010) ": lambda t: re.sub(r"^(0\d+)-", r"(\1) ", t),
        "spoken": lambda t: t.translate(SPOKEN) if t[:2] == "01" else t,
        "spoken, a space": lambda t: t.translate(SPOKEN).replace("-", " ") if t[:2] == "01" else t,
        "letters for digits": lambda t: t.replace("010", "OlO", 1),
        "+82": lambda t: re.sub(r"^01", "+82-1", t),
        "82 10": lambda t: re.sub(r"^01", "82 1", t).replace("-", " ") if t[:2] == "01" else t,
        "+82 (0)": lambda t: re.sub(r"^01", "+82 (0)1", t),
        "digits apart": lambda t: " ".join(t) if t[:2] == "01" else t,
        **{
            name: (lambda t, f=f: f(t) if t[:2] == "01" else t) if name in ("a space", "no-break spaces for dashes") else f
            for name, f in _GROUPS.items()
        },
    },
    "email": {
        "at": lambda t: t.replace("@", " at "),
        "(at)": lambda t: t.replace("@", "(at)"),
        " (at) ": lambda t: t.replace("@", " (at) "),
        "[at]": lambda t: t.replace("@", "[at]"),
        "at, dot": lambda t: t.replace("@", " at ").replace(".", " dot ") if t.count(".") == 1 else t,
        "at, (dot)": lambda t: t.replace("@", "(at)").replace(".kr", "(dot)kr"),
        "골뱅이": lambda t: t.replace("@", " 골뱅이 "),
        "%40": lambda t: t.replace("@", "%40"),
        "spaces": lambda t: t.replace("@", " @ "),
        "small at": lambda t: t.replace("@", "﹫"),
        "upper case": str.upper,
    },
    "resident-number": {
        **_GROUPS,
        "a space after": lambda t: t.replace("-", "- "),
        "dates with dots": lambda t: f"{t[:2]}.{t[2:4]}.{t[4:6]}-{t[7:]}",
        "spoken": lambda t: t.translate(SPOKEN),
        "masked": lambda t: t[:8] + "******",
        "digits apart": " ".join,
    },
    "card-number": {**_GROUPS, "none": lambda t: t.replace("-", "")},
    "account-number": {
        "a space": lambda t: t.replace("-", " "),
        "none": lambda t: t.replace("-", ""),
        "spaces around dashes": lambda t: t.replace("-", " - "),
    },
    "passport": {"a space": lambda t: t[0] + " " + t[1:], "a dash": lambda t: t[0] + "-" + t[1:], "small": str.lower},
    "driver-license": {
        "spaces around dashes": lambda t: t.replace("-", " - "),
        "a space": lambda t: t if "서울" in t else t.replace("-", " "),
    },
    "person-name": {"bold": lambda t: f"<b>{t}</b>", "strong": lambda t: f"**{t}**"},
}


def spellings(planted: Planted) -> Iterator[tuple[str, str, str]]:
    """(name of the spelling, text, the planted value in that spelling), each text once."""
    seen: set[str] = set()
    for name, change in OWN.get(planted.kind, {}).items():
        value = change(planted.value)
        text = planted.text.replace(planted.value, value)
        if text not in seen:
            seen.add(text)
            yield name, text, value
    for name, change in ANY.items():
        text = change(planted.text)
        if text not in seen:
            seen.add(text)
            yield name, text, change(planted.value)


def bare(text: str) -> str:
    """The letters and digits of a text in one spelling, without what stands between them."""
    return re.sub(r"[^0-9A-Za-z가-힣]+", "", re.sub(r"<[^<>]*>", "", fold(text)))


def traces(text: str, value: str) -> list[str]:
    """Runs of letters and digits of a planted value that are left in a text, in whatever spelling."""
    seen = re.sub(r"<[^<>]*>|\*\*", "", fold(text))
    runs = [run for run in re.split(r"[^0-9A-Za-z가-힣]+", re.sub(r"<[^<>]*>", "", fold(value))) if len(run) > 2]
    return [run for run in [*runs, bare(value)] if run in seen or run in bare(text)]
