"""Find personal data in Korean school texts by its form, and mask it.

Resident registration numbers (birth date, sex or century digit 1-8, six more digits), telephone numbers, e-mail addresses, payment cards
(Luhn check), account and passport numbers next to the word, and names next to a title. A name is one of the 70 most common surnames with
two syllables that are usual in given names; rare names are missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MASKS = {
    "resident-number": "[주민등록번호]",
    "phone": "[전화번호]",
    "email": "[이메일]",
    "card-number": "[카드번호]",
    "account-number": "[계좌번호]",
    "passport": "[여권번호]",
    "person-name": "[이름]",
}

_SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민류진지엄채원천방공현함변염여추도소석선설마길연위표명기반"
)
_SYLLABLES = (
    "가건경고광규근기나남다단대덕도동두라란래련로록루리림린만명모무문미민배범별병보복봉비빈산상새서석선설섭성세소솔송수숙순슬승시신아안애양언여연"
    "열영예오옥온완용우욱운웅원월유윤율은의이익인일자재정제조종주준중지진찬창채천철청초춘충태택하학한해향헌혁현형혜호홍화환회효훈휘희"
)
_TITLES = "선생님|선생|교사|교장|교감|담임|교수님|교수|원장님|원장|부장님|부장|장학사|학부모님|학부모|보호자|어머님|아버님"
_NAME = f"[{_SURNAMES}][{_SYLLABLES}]{{2}}"
_NO_NAMES = re.compile(
    r"이상|이하|이번|이용|이동|이해|이유|전체|한명|오전|오후|정수|정사|정오|정해|주인|주어|지원|지수|지은|지도|조용|유명|고학|하나|우리|도서|소수|공원|공기"
)

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("resident-number", re.compile(r"(?<!\d)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\s?-\s?[1-8]\d{6}(?!\d)")),
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}(?![A-Za-z0-9])")),
    ("card-number", re.compile(r"(?<![\d-])\d{4}([- ])\d{4}\1\d{4}\1\d{4}(?![\d-])")),
    ("account-number", re.compile(r"(?<=계좌)(?:번호)?\s*[:은는]?\s*(?:[가-힣]{2,6}\s?)?(\d[\d-]{8,18}\d)")),
    ("passport", re.compile(r"(?<=여권)\s*(?:번호)?\s*[:은는]?\s*([MSRODG](?:\d{8}|\d{3}[A-Z]\d{4}))(?!\d)")),
    ("phone", re.compile(r"(?<![\d-])(?:\+82[- ]?1[016789]|01[016789])[-. ]\d{3,4}[-. ]\d{4}(?![\d-])|(?<!\d)010\d{8}(?!\d)")),
    ("phone", re.compile(r"(?<![\d-])(?:0(?:2|[3-6]\d|70)\)?[- ]?)\d{3,4}-\d{4}(?![\d-])")),
    ("person-name", re.compile(rf"(?<![가-힣])({_NAME})\s?(?:{_TITLES})(?![가-힣]{{3}})")),
    ("person-name", re.compile(rf"(?:{_TITLES})(?:\s*[:：]\s*|\s+)({_NAME})(?=님|씨|[은는이가을를의께](?:\s|$)|에게|[\s,.)]|$)")),
    ("person-name", re.compile(rf"(?:이름|성명|학생명|작성자|출제자)\s*[:：]\s*({_NAME})(?![가-힣])")),
)
_HINT = re.compile(r"\d{4}|@|계좌|여권|이름|성명|학생명|작성자|출제자|" + _TITLES)


@dataclass(frozen=True)
class Span:
    """Personal data of a kind of MASKS at text[start:end]."""

    kind: str
    start: int
    end: int


def personal_data(text: str) -> list[Span]:
    """Personal data of a text, in the order of the text, without overlaps."""
    if not _HINT.search(text):  # the usual case: one pass instead of ten
        return []
    spans: list[Span] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span(1) if kind in ("person-name", "account-number", "passport") else match.span()
            if _is_real(kind, text[start:end]) and all(end <= s.start or start >= s.end for s in spans):
                spans.append(Span(kind, start, end))
    return sorted(spans, key=lambda s: s.start)


def _is_real(kind: str, shown: str) -> bool:
    if kind == "card-number":
        return _luhn(re.sub(r"\D", "", shown))
    return kind != "person-name" or not _NO_NAMES.match(shown)


def _luhn(digits: str) -> bool:
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def masked(text: str) -> tuple[str, list[str]]:
    """Replace personal data by marks such as [전화번호]; returns the text and the kind of each mark."""
    spans = personal_data(text)
    return "".join(_masked_parts(text, spans)), [s.kind for s in spans]


def excerpt(text: str, length: int = 40) -> str:
    """The quoted beginning of a text with personal data masked, for messages."""
    return repr(masked(text)[0][:length])


def _masked_parts(text: str, spans: list[Span]) -> Iterator[str]:
    position = 0
    for span in spans:
        yield text[position : span.start]
        yield MASKS[span.kind]
        position = span.end
    yield text[position:]
