"""Codes of labels as people write them: one spelling for each, and what a cell says beside its code.

A school writes `[9수01-01] 소인수분해의 뜻을…`, `(9수01-01)`, `[9수1.1]`, `9수O1-0l` or `2022 개정: [9수01-01], [9수01-02]`. Codes of the
Korean national curricula have a grammar (grade, subject, course, area, number) by which they are recognized in any text; other codes are
known from a taxonomy alone, and are never rewritten.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from prefopt.texts.folded import INVISIBLE

_INVISIBLE = re.compile(f"[{INVISIBLE}]+")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−－⁃─━ー"), "-")
_AROUND = " \t\n.,;:、。'\"“”‘’`*[]()<>{}〈〉《》「」『』【】〔〕"
"""Brackets, quotes and sentence marks around a code."""

_EXACT = re.compile(r"(\d{1,2}[가-힣]+)(\d|I{1,3})?-?(\d{2})-(\d{2})")
_DIGIT = r"[\dOoIl|]"
_COURSE = r"(?:I{1,3}|i{1,3}|l{1,3}|[123])"
_SEPARATOR = r" ?[-_.·] ?"
_ANY = re.compile(rf"({_DIGIT}{{1,2}})[ -]?([가-힣]{{1,4}}(?:\([가-힣]{{1,6}}\))?)[ -]?([\dOoIil|._·~∼:/ -]{{3,12}})")
_WHOLE = rf"(?:{_DIGIT}{{2}}|{_DIGIT}(?=[\])}}>】〕」〉](?:[\s,;:~∼/·&.]|$)|[,;:~∼/·&.]|\s(?!\d)|$))"  # 1-1, but not the beginning of 1-1x4
_CUT = rf"(?![0-9A-Za-z])(?![-_.·]{_DIGIT}{{1,3}}(?![0-9가-힣]))"  # a longer code goes on here
_IN_TEXT = re.compile(
    rf"(?<![0-9A-Za-z가-힣]){_DIGIT}{{1,2}} ?[가-힣]{{1,4}}(?:\([가-힣]{{1,6}}\))? ?"
    rf"(?:(?>I{{1,3}})(?:{_SEPARATOR}| )?|(?!I)(?:{_COURSE}(?:{_SEPARATOR}| )?)?)"
    rf"(?:{_DIGIT}{{1,2}}{_SEPARATOR}{_WHOLE}|{_DIGIT}{{2}} ?{_DIGIT}{{2}}){_CUT}"
)
_TAILS = (  # course, area, number; those with a course only in high school
    re.compile(rf"({_COURSE})-?({_DIGIT}{{2}})-?({_DIGIT}{{2}})"),
    re.compile(rf"({_COURSE})-({_DIGIT}{{1,2}})-({_DIGIT}{{1,2}})"),
    re.compile(rf"(I{{1,3}})-?({_DIGIT}{{1,2}})-({_DIGIT}{{1,2}})"),
    re.compile(rf"()({_DIGIT}{{1,2}})-({_DIGIT}{{1,2}})"),
    re.compile(rf"()({_DIGIT}{{2}})({_DIGIT}{{2}})"),
)
_LOST_DIGIT = re.compile(r"[-_.·~∼:/]{2}[\dOoIl|](?![\dOoIl|])")  # 02-_9 was 02-19
_MORE = re.compile(r"(?:[\])>】〕]?+ ?[,/~·&∼] ?| (?=\d{2} ?(?:[\])>】〕]|$)))(\d{1,2})(?![\d가-힣])")
_EMPTY = re.compile(r"[\[(<{【〔「〈]\s*[\])>}】〕」〉]")
_LETTERS = str.maketrans("OoIl|", "00111")
_GRADES = ("2", "4", "6", "9", "10", "12")
_ROMAN = {1: "Ⅰ", 2: "Ⅱ", 3: "Ⅲ"}
_ARABIC_COURSES = ("10공수", "10기수")  # 공통수학1 is written with a digit, 미적분Ⅰ with a Roman numeral
_MATHEMATICS = {"수", "공수", "기수", "대수", "미적", "확통", "기하", "경수", "인수", "직수", "수문", "실통", "수과"}
_MATHEMATICS |= {"수학", "실수", "심수", "고수"}  # of the 2015 revision

_YEAR = r"(?:20(?:07|09|15|22))"
_OF = r"(?:년 ?)?개정(?: ?교육과정)?"
_REVISION = re.compile(rf"[(\[]? ?(?<!\d)(?:(?P<year>{_YEAR})(?!\d)(?: ?{_OF}| ?년)?|'?(?P<short>07|09|15|22) ?{_OF}) ?[)\]]?")
_AROUND_REVISION = " :,/_-"
_TITLE = re.compile(r"^ ?(?:관련 ?)?(?:성취 ?기준(?: ?코드)?|standard|code|label) ?[:=] ?", re.I)


@dataclass(frozen=True)
class Code:
    """A code of the national curricula, in its parts."""

    grade: str
    subject: str
    course: int
    """1 to 3; 0 where the subject has no courses."""
    area: int
    number: int

    @property
    def text(self) -> str:
        """As the curriculum writes it."""
        subject = self.grade + self.subject
        numeral = "" if not self.course else str(self.course) if subject in _ARABIC_COURSES else _ROMAN[self.course]
        return f"[{subject}{numeral}{'-' if numeral else ''}{self.area:02d}-{self.number:02d}]"

    @property
    def is_mathematics(self) -> bool:
        """Whether it is a code of mathematics, of the 2015 or the 2022 revision."""
        return self.subject in _MATHEMATICS

    @property
    def group(self) -> tuple[str, str, int]:
        """Grade, subject and course."""
        return self.grade, self.subject, self.course


@dataclass(frozen=True)
class Cell:
    """What a cell with a label says."""

    text: str
    """The cell, without the revision and the word before a colon."""
    revision: str
    """2015 or 2022, where it says so."""
    codes: tuple[Code, ...]
    """All different codes of national curricula in it, in their order."""
    rest: str
    """What is left without the codes: a name or a statement."""


def cleaned(text: str) -> str:
    """One spelling of a text's characters: NFKC, ASCII dashes, single spaces, nothing invisible."""
    return " ".join(unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).translate(_DASHES).split())


@lru_cache(maxsize=1 << 16)
def normalize_code(code: str) -> str:
    """One spelling per code. Idempotent; different codes stay different.

    NFKC, ASCII dashes, single spaces, nothing invisible. Curriculum codes in square brackets with the course number as the curriculum
    writes it (2수01-05 -> [2수01-05], 12미적1-01-01 -> [12미적Ⅰ-01-01], 10공수Ⅰ01-01 -> [10공수1-01-01]); those of mathematics in any
    spelling ((9수1.1) -> [9수01-01]).
    """
    text = cleaned(code)
    match = _EXACT.fullmatch(re.sub(r"[\s\[\]【】〔〕]", "", text))
    if match is not None:
        subject, course, area, number = match.groups()
        if course is None:
            return f"[{subject}{area}-{number}]"
        numeral = str(len(course)) if subject in _ARABIC_COURSES and not course.isdigit() else course
        count = len(course) if not course.isdigit() else int(course)
        return f"[{subject}{numeral if subject in _ARABIC_COURSES else _ROMAN.get(count, numeral)}-{area}-{number}]"
    found = parse_code(text)
    return found.text if found is not None and found.is_mathematics else text


def parse_code(text: str) -> Code | None:
    """A code of a national curriculum in any spelling, alone in the text; None for everything else."""
    match = _ANY.fullmatch(cleaned(text).strip(_AROUND))
    if match is None:
        return None
    grade, subject, tail = match[1].translate(_LETTERS).lstrip("0"), match[2], re.sub(r"[-_.·~∼:/ ]+", "-", match[3]).strip("-")
    if grade not in _GRADES or _LOST_DIGIT.search(match[3]):
        return None
    for pattern in _TAILS:
        found = pattern.fullmatch(tail)
        if found is None or (found[1] and len(grade) == 1):
            continue
        course = int(found[1]) if found[1].isdigit() else len(found[1])
        return Code(grade, subject, course, int(found[2].translate(_LETTERS)), int(found[3].translate(_LETTERS)))
    return None


def code_key(code: str) -> str:
    """What all spellings of a code share, also of codes that are not of a curriculum: no case, no brackets or marks around it."""
    found = parse_code(code)
    if found is not None:
        return found.text
    return re.sub(r" ?([-_./:]) ?", r"\1", cleaned(code).strip(_AROUND)).casefold()


@lru_cache(maxsize=1 << 16)
def read_cell(text: str) -> Cell:
    """Take a cell apart: revision, codes and the rest."""
    shown = _TITLE.sub("", cleaned(text))
    shown, revision = _without_revision(shown)
    shown = _TITLE.sub("", shown)  # "2022 성취기준: [9수01-01]"
    if (alone := parse_code(shown)) is not None:
        return Cell(shown, revision, (alone,), "")
    codes: dict[str, Code] = {}
    rest, at = [], 0
    for match in _IN_TEXT.finditer(shown):
        code = parse_code(match[0])
        if code is None:
            continue
        codes.setdefault(code.text, code)
        rest.append(shown[at : match.start()])
        at = match.end()
        while (more := _MORE.match(shown, at)) is not None:  # [9수01-01~03] and 9수01-01, 02
            other = Code(code.grade, code.subject, code.course, code.area, int(more[1]))
            if other == code:  # 9수02-1,1 was 9수02-11
                return Cell(shown, revision, (), "")
            codes.setdefault(other.text, other)
            at = more.end()
    rest.append(shown[at:])
    words = " ".join(_EMPTY.sub(" ", "".join(rest)).split()).lstrip(_AROUND + "-~").rstrip(" ,;:-~([<{")
    return Cell(shown, revision, tuple(codes.values()), words if any(c.isalnum() for c in words) else "")


def _without_revision(text: str) -> tuple[str, str]:
    """The text without the revision that stands before or behind all words in it, and the revision."""
    places = list(_REVISION.finditer(text))
    for found in dict.fromkeys((*places[:1], *places[-1:])):  # another one has a revision on both sides
        before, behind = text[: found.start()], text[found.end() :]
        if any(not any(c.isalnum() for c in _IN_TEXT.sub("", part)) for part in (before, behind)):
            rest = f"{before.rstrip(_AROUND_REVISION)} {behind.lstrip(_AROUND_REVISION)}".strip()
            return rest, found["year"] or f"20{found['short']}"
    return text, ""


def split_code(text: str) -> tuple[str, str] | None:
    """A cell "[9수01-01] 소인수분해의 뜻을…" as code and text; None where it does not begin with one code and go on with a text."""
    cell = read_cell(text)
    begins = cell.text.lstrip(_AROUND)[:1].isdigit() and parse_code(cell.text) is None
    return (cell.codes[0].text, cell.rest) if len(cell.codes) == 1 and cell.rest and begins else None


def revision_of(value: object) -> str:
    """The year of a revision as people write it: "2022 개정 교육과정", 2022 and "22개정" are 2022; "" for anything else."""
    text = cleaned(str(value).removesuffix(".0"))
    found = re.fullmatch(rf"({_YEAR}) ?(?:년 ?)?(?:개정)? ?(?:교육과정)?|'?(07|09|15|22) ?개정 ?(?:교육과정)?", text)
    return "" if found is None else found[1] or f"20{found[2]}"
