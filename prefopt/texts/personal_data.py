"""Find personal data in Korean school texts by its form, and mask it.

The text is searched in one spelling of its characters, without markup (full-width digits, any dash, decomposed Hangul, invisible
characters, &#64;, <b>), and what is found is mapped back to its positions. Rules: personal_numbers.py and personal_names.py. They find what
has a form; a rare name, or one without a title or a label, is missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prefopt.texts.folded import INVISIBLE, Folded, fold, folded
from prefopt.texts.personal_names import CONTACTS, LABELED, LATIN, PUPILS, TITLED
from prefopt.texts.personal_numbers import ADDRESSES, NUMBERS, Rule

MASKS = {
    "resident-number": "[주민등록번호]",
    "phone": "[전화번호]",
    "email": "[이메일]",
    "card-number": "[카드번호]",
    "account-number": "[계좌번호]",
    "passport": "[여권번호]",
    "driver-license": "[운전면허번호]",
    "business-number": "[사업자등록번호]",
    "home-address": "[주소]",
    "student-id": "[학번]",
    "birth-date": "[생년월일]",
    "car-plate": "[차량번호]",
    "online-account": "[계정]",
    "ip-address": "[IP]",
    "person-name": "[이름]",
}

_UNFOLDED = re.compile(
    f"[{INVISIBLE}&\t\u00a0\u2000-\u200a\u202f\u205f\u3000\u1100-\u11ff\u0300-\u036f\u2100-\u214f\u249c-\u24e9\u3300-\u33ff\uf900-\ufb4f\ufe30-\ufe6f\uff01-\uffee\U0001d400-\U0001d7ff]"
    r"|(?![0-9])\d|</?[A-Za-z]|\\(?:text|math|rm|[-.@_])|\*\*"
)
"""What hides a rule's form from a search of the text as it stands. Dashes are no part of it: they are translated one by one."""
_TYPED_FOR = {**dict.fromkeys("ㅡーᅳ⸺⸻➖╌┄┈〰¯", "-"), "。": "."}  # typed for a dash or a dot, but letters or lines elsewhere
_ONE_BY_ONE = str.maketrans(_TYPED_FOR | {c: fold(c) for c in "‐‑‒–—―⁃−⏤─━〜∼・ㆍ‧⋅∙•‘’“”〈〉⁄∕∶"})
_MARKUP = re.compile(
    r"(?P<gap><\s*+/?+\s*+(?:br|p|div|li|tr|td|th|h\d)\b[^<>]{0,200}>)|</?[A-Za-z][^<>]{0,200}>"
    r"|\\(?:text|textbf|textrm|mathrm|mathbf|mathsf|rm)\s*+\{(?P<kept>[^{}]*)\}|(?<!\*)\*\*(?!\*)|\\(?=[-.@_()])|\$|\u20e3"
)
_SPELLED = "[공영일이삼사오육륙칠팔구〇零一二三四五六七八九]"
_MANY_DIGITS = re.compile(
    rf"(?:\d[^\w,+×÷=]{{0,4}}){{7}}|{_SPELLED}(?:\W?{_SPELLED}){{5}}"
    rf"|01[016789],\d|[oO\d][lI\d][oO\d][^\w,+×÷=]{{0,4}}[\doOlI]|\d{{2,3}} ?[가-힣] ?\d{{4}}"
    r"|[A-Za-z]\d{3}[A-Za-z]\d|\d[ㅡーᅳ]"
)
_IN_NUMBERS = (
    "@| at |(at)|[at]|{at}| AT |(AT)|골뱅이|앳|%40|학년|학번|번호|사번|군번|생년월일|출생|여권|면허|계좌|전화|연락처|핸드폰|휴대|카톡"
    "|카카오|인스타|아이디|계정|페이스북|텔레그램|디스코드|트위터|틱톡|SNS|.com/"
    "|스레드|유튜브|비밀번호|비번|패스워드|ID|Id|컴|.me/|.us/|.io/|IP|아이피|생일|일생|일 생|.생|. 생|://|irth|DOB|akao|nsta|elegram|iscord"
)
_IN_ADDRESSES = "주소|사는 곳|거주|자택|우편|(우)|아파트|빌라|맨션|오피스텔|구 |시 |군 |-ro|-gil|-daero|세종"
_IN_TITLED = "학생|보호자|담임|교사|선생|쌤|샘|교장|교감|교수|원장|부장|장학사|강사|조교|학부모|어머|아버|어린이|군|양|씨|님"
_IN_TITLED += "|반장|회장|조장|저는|나는|학년| T"
_IN_LABELED = (
    "이름|이 름|성명|성 명|성함|학생|작성|출제|검토|보호자|담임|교사|선생|지은이|저자|글쓴이|제출자|응시자|수험자|신청자|예금주|담당|대표"
    "|받는|보내는|보낸|반장|문의|수신|발신|학부모"
    "|채점|감독|엮은|만든|발표자|모둠장|조장|회장|멘토|제작|편집|부:|부 :|모:|모 :|(母)|(父)|母|父|자녀|누나"
)
_IN_LATIN = "ame|NAME|tudent|eacher|uthor|ritten by|arent|uardian"
_IN_PUPILS = re.compile(r"\d{5} [가-힣]|\([1-6] ?- ?\d|\d ?반 |\d-\d{1,2} [가-힣]|\((?:남|여|\d{1,2} ?세)\)")
_BY_WORDS: tuple[tuple[tuple[Rule, ...], re.Pattern[str] | None, tuple[str, ...]], ...] = (
    (NUMBERS, _MANY_DIGITS, tuple(_IN_NUMBERS.split("|"))),
    (ADDRESSES, None, tuple(_IN_ADDRESSES.split("|"))),
    (TITLED, None, tuple(_IN_TITLED.split("|"))),
    (LABELED, re.compile("성 {2,3}명|이 {2,3}름"), tuple(_IN_LABELED.split("|"))),
    (CONTACTS, re.compile(r"0\d{1,2}[-). ]|01\d{8}|\+82|-\d{4}"), ("@",)),
    (LATIN, None, tuple(_IN_LATIN.split("|"))),
    (PUPILS, _IN_PUPILS, ()),
)
"""Rules with what a text must contain for one of them to hold: most texts contain none of it."""


@dataclass(frozen=True)
class Span:
    """Personal data of a kind of MASKS at text[start:end]."""

    kind: str
    start: int
    end: int


def personal_data(text: str) -> list[Span]:
    """Personal data of a text, in the order of the text, without overlaps."""
    if _UNFOLDED.search(text) is None:  # the usual case: every character is one of the folded text
        rules = _rules(text)
        if not rules:
            return []
        views = [(Folded(text.translate(_ONE_BY_ONE), range(len(text)), range(1, len(text) + 1)), rules)]
    else:
        seen = folded(text)
        seen = Folded(seen.text.translate(_ONE_BY_ONE), seen.starts, seen.ends)
        views = [(view, _rules(view.text)) for view in (seen, *_without_markup(seen))]
    found: list[Span] = []
    taken = bytearray(len(text))  # 1 where a span is: comparing each with all others takes quadratic time
    for view, rules in views:
        for rule in rules:
            for match in rule.pattern.finditer(view.text):
                if rule.holds(match):
                    start, end = view.span(*match.span(rule.group))
                    if taken.find(1, start, end) < 0:
                        taken[start:end] = b"\1" * (end - start)
                        found.append(Span(rule.kind, start, end))
    return sorted(found, key=lambda s: s.start)


def masked(text: str) -> tuple[str, list[str]]:
    """Replace personal data by marks such as [전화번호]; returns the text and the kind of each mark. Masking again changes nothing."""
    kinds: list[str] = []
    while spans := personal_data(text):
        text = "".join(_masked_parts(text, spans))
        kinds += [s.kind for s in spans]
    return text, kinds


def excerpt(text: str, length: int = 40) -> str:
    """The quoted beginning of a text with personal data masked, for messages."""
    return repr(masked(text)[0][:length])


def _masked_parts(text: str, spans: Sequence[Span]) -> Iterator[str]:
    position = 0
    for span in spans:
        yield text[position : span.start]
        yield MASKS[span.kind]
        position = span.end
    yield text[position:]


def _rules(text: str) -> list[Rule]:
    """The rules that may hold somewhere in the text: most texts need none."""
    rules: list[Rule] = []
    for those, pattern, words in _BY_WORDS:
        if any(word in text for word in words) or (pattern is not None and pattern.search(text)):
            rules += those
    return rules


def _without_markup(seen: Folded) -> Iterator[Folded]:
    """Where there is markup: the text without tags and LaTeX's words around its letters: 010-<b>1234</b> is 010-1234. Breaks are spaces."""
    if not any(mark in seen.text for mark in ("<", "\\", "**", "$", "\u20e3")):
        return
    kept: list[tuple[int, int, str | None]] = []
    position = 0
    for match in _MARKUP.finditer(seen.text):
        kept.append((position, match.start(), None))
        if match["gap"] is not None:
            kept.append((match.start(), match.end(), " "))
        elif match["kept"] is not None:
            kept.append((*match.span("kept"), None))
        position = match.end()
    kept.append((position, len(seen.text), None))
    parts, starts, ends = [], [], []
    for start, end, instead in kept:
        if instead is not None:
            parts.append(instead)
            starts.append(seen.starts[start])
            ends.append(seen.ends[end - 1])
        elif end > start:
            parts.append(seen.text[start:end])
            starts += seen.starts[start:end]
            ends += seen.ends[start:end]
    yield Folded("".join(parts), starts, ends)
