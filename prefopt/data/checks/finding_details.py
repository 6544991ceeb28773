"""Wording of the details of findings, in English and Korean.

A template takes named values in the style of str.format. `{where}`, a field of a row (text, reason, concepts), and `{how}` are translated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prefopt.data.checks.finding_kinds import KINDS
from prefopt.data.checks.workbook_details import WORKBOOK_KO, korean_value
from prefopt.io.row import Fault
from prefopt.texts.josa import attach

_FIELDS = {
    "text": "문제 글",
    "reason": "근거",
    "figure_alt": "그림 설명(figure_alt)",
    "concepts": "개념",
    "id": "번호(id)",
    "family": "유형군(family)",
}
_GARBLED = {
    "CP949 read as Latin-1": "CP949를 Latin-1로 읽음",
    "UTF-8 read as Latin-1": "UTF-8을 Latin-1로 읽음",
    "UTF-8 read as CP949": "UTF-8을 CP949로 읽음",
    "UTF-8 encoded twice": "UTF-8로 두 번 적음",
    "characters replaced": "글자가 다른 글자로 바뀜",
}
TEMPLATES: dict[str, tuple[str, str]] = {
    "contains": ("{where} contains {found!r} at character {at}", "{where}의 {at}번째 글자: {found!r}"),
    "personal data": ("{where} contains it at character {at}: {hidden}", "{where}의 {at}번째 글자부터: {hidden}"),
    "personal data in a name": ("the {where} of the row contains it", "이 행의 {where}에 있음"),
    "decomposed": ("{where} contains Hangul as separate letters", "{where}의 한글이 자모로 풀려 있음"),
    "mentions": ("text contains {found!r}", "문제 글: {found!r}"),
    "short text": ("text has {count} characters: {text!r}", "{count}글자: {text!r}"),
    "cut off": ("text ends in {end!r}", "{end!r}(으)로 끝남"),
    "picture": ("text refers to {found!r}", "그림: {found!r}"),
    "figure place": ("{found!r} is not relative to the data file", "그림 {found!r}: 자료 파일에서 본 경로가 아님"),
    "figure file": ("{found!r} cannot be read", "그림 {found!r}: 읽을 수 없음"),
    "figure size": ("{found!r} has more than 512 KiB", "그림 {found!r}: 512KiB가 넘음"),
    "figure kind": ("{found!r} is no plain PNG, JPEG or SVG", "그림 {found!r}: PNG, JPEG, 단순한 SVG가 아님"),
    "garbled": ("{where} contains {found!r} at character {at}: {how}", "{where}의 {at}번째 글자: {found!r} ({how})"),
    "garbled, meant": (
        "{where} contains {found!r} at character {at}: {how}; it reads as {meant}",
        "{where}의 {at}번째 글자: {found!r} ({how}), 바로 읽으면 {meant}",
    ),
    "lost particle": ("nothing stands before the particle at character {at}: {found!r}", "{at}번째 글자의 조사 앞이 비어 있음: {found!r}"),
    "lost unit": ("nothing stands before the unit at character {at}: {found!r}", "{at}번째 글자의 단위 앞이 비어 있음: {found!r}"),
    "lost list": ("nothing stands between the commas at character {at}: {found!r}", "{at}번째 글자의 쉼표 사이가 비어 있음: {found!r}"),
    "lost choices": ("the choices are empty: {found!r}", "선택지가 비어 있음: {found!r}"),
    "lost object": ("an object stood at character {at}: {found!r}", "{at}번째 글자에 개체가 있었음: {found!r}"),
    "lost glyph": (
        "a character that only its font can show, at character {at}: {found!r}",
        "글꼴 없이는 읽을 수 없는 {at}번째 글자: {found!r}",
    ),
    "lost debris": ("a formula without its signs at character {at}: {found!r}", "{at}번째 글자부터 기호가 빠진 수식: {found!r}"),
    "lost request": ("no number, letter or formula in {found!r}", "수도 글자도 식도 없음: {found!r}"),
    "nested": (
        "the formula at character {at} is nested {levels} levels deep; pages show at most {most}",
        "{at}번째 글자의 수식이 {levels}겹으로 겹쳐 있음(화면에는 {most}겹까지 보임)",
    ),
    "language": ("{where} reads as {language}, expected {expected}: {text}", "{where}의 언어 {language}, 예상한 언어 {expected}: {text}"),
    "concepts": ("concepts = {concepts}", "개념 = {concepts}"),
    "key missing": ("key {key!r} is missing", "없는 키: {key!r}"),
    "key unknown": (
        "key {key!r}; to skip it: --ignore {key!r}; known keys: {known}",
        "모르는 키 {key!r}; 건너뛰려면 --ignore {key!r}; 아는 키: {known}",
    ),
    "no file": ("{path}: no such file", "{path}: 파일이 없음"),
    "no row": ("the file contains no row", "행이 없음"),
    "no label in file": (
        "no row has a label: for problems without labels write --pool {path}; for a column of another name, --columns label=COLUMN",
        "성취기준이 있는 행이 없음: 후보 문항이면 --pool {path}",
    ),
    "no label": ("problem {id!r} has no label", "문항 {id!r}"),
    "label in pool": ("problem {id!r} of the pool has label {label}", "문항 {id!r}, 성취기준 {label}"),
    "spelling": ("{given!r} is {label} in the taxonomy", "{given!r} → 분류 체계에서는 {label}"),
    "level": ("level {level!r}: {label} has {levels}", "성취수준 {level!r}, {label}에는 {levels}"),
    "similar labels": ("{given!r}; did you mean {near}?", "{given!r} → {near}?"),
    "no similar label": ("{given!r}; labels are in {source}", "{given!r}; 분류 체계: {source}"),
    "revision": ("{given!r}: the taxonomy has revision {revisions}", "{given!r}: 분류 체계는 {revisions} 개정"),
    "label of 2015": (
        "{given!r}: this code is of the 2015 revised curriculum; the taxonomy has revision {revisions}",
        "{given!r}: 2015 개정 교육과정의 코드, 분류 체계는 {revisions} 개정",
    ),
    "several labels": ("{given!r} names several codes: {codes}", "{given!r}: 코드가 여럿, {codes}"),
    "statement of another label": (
        "the code is {label}, the words beside it are {other}: {words}",
        "코드는 {label}, 옆에 적힌 말은 {other}: {words}",
    ),
    "other statement": (
        "{label} with the words {words}; the taxonomy has {statement}",
        "{label} 옆에 적힌 말 {words}, 분류 체계에는 {statement}",
    ),
    "ambiguous": (
        "{given!r} stands for several labels: write one of {choices}",
        "{given!r}: 해당하는 것이 여럿, {choices} 중 하나로 쓸 것",
    ),
    "no reason": ("problem {id!r} has no reason, but other problems of the file have one", "문항 {id!r}"),
    "short reason": ("reason {reason}", "근거 {reason}"),
    "copied reason": ("reason {reason} is the text of the problem", "근거 {reason}"),
    "other label": ("the label is {label}, the reason names {other}", "성취기준은 {label}, 근거는 {other}"),
    "shared reason": ("{label} and {other} have the same reason", "{label}의 근거가 {other}의 근거와 같음"),
    "same text": ("problem {id!r} has the same text as {other!r}", "문항 {id!r} = {other!r}"),
    "similar text": (
        "problem {id!r} is {similarity:.0%} similar to {other!r}: {text}",
        "문항 {id!r}, {other!r}과(와) {similarity:.0%} 같음: {text}",
    ),
    "two labels": ("{label} here, {other} there: {text}", "여기는 {label}, 앞에서는 {other}: {text}"),
    "id": ("id {id!r}", "번호 {id!r}"),
    "two ids": ("id {id!r} and {other!r}", "번호 {id!r}, {other!r}"),
    "family": ("problem {id!r} is of the family {family!r} of {other!r}", "문항 {id!r}, {other!r}과(와) 같은 유형군 {family!r}"),
    "variant of held": (
        "problem {id!r} is a variant of {other!r}, written by a model",
        "문항 {id!r}, 모델이 {other!r}을(를) 바꿔 쓴 것",
    ),
    "used before": ("problem {id!r}, or one of its family", "문항 {id!r} 또는 같은 유형군의 문항"),
    "left out": ("problem {id!r}", "문항 {id!r}"),
    "rewritten": ("problem {id!r} is a {augmented}", "문항 {id!r}: {augmented}"),
    "one problem": ("{label} has one problem, {id!r}", "{label}: 문항 {id!r}"),
    "many problems": ("{label} has {count} problems, the median label {median:g}", "{label}: 문항 {count}개, 가운데 값은 {median:g}개"),
    "small hold-out": ("{count} problems are held out; at least {needed} are needed", "떼어 둔 문항 {count}개, 적어도 {needed}개가 필요함"),
    "never trained": ("{label} is in the hold-out, but in no problem to train on", "{label}"),
    "too long": (
        "problem {id!r}: {prompt} tokens of prompt and {answer} of answer; the limit is {limit}",
        "문항 {id!r}: 문제 {prompt}토큰, 답 {answer}토큰, 허용 {limit}토큰",
    ),
    "no room": (
        "problem {id!r}: {prompt} tokens of prompt leave no room for an answer; the limit is {limit}",
        "문항 {id!r}: 문제가 {prompt}토큰이라 답을 쓸 자리가 없음, 허용 {limit}토큰",
    ),
}
LABEL_WORD, NEUTRAL_WORD = "성취기준", "레이블"
_LANGUAGES = {"ko": "한국어", "en": "영어", "ja": "일본어", "zh": "중국어", "ru": "러시아어", "other": "다른 언어"}
_WRITTEN = {"paraphrase": "모델이 바꿔 쓴 글", "back-translation": "모델이 번역을 거쳐 쓴 글", "reason": "모델이 쓴 근거"}
_TRANSLATED = {"where": _FIELDS, "how": _GARBLED, "language": _LANGUAGES, "expected": _LANGUAGES, "augmented": _WRITTEN}
_PASSED = {
    "annotations that were skipped": "건너뛴 주석",
    "rows that were rejected": "거부한 행",
    "rows that were ignored": "무시한 행",
    "comments": "메모가 달린 행",
    "texts of": "{0}에 적은 글",
    "numbers of": "{0}에 매긴 수",
}
_JSON_TYPES = {"list": "목록", "str": "글", "int": "수", "float": "수", "bool": "참·거짓", "NoneType": "null"}

# Korean wording of a fault or note of a reader: a text that takes all its values, or texts without values, with one, with two …
_FAULTS_KO: dict[str, str | tuple[str, ...]] = {
    "key-repeated": ("한 객체에 같은 키가 두 번 있음", "두 번 쓰인 키: {0!r}"),
    "ragged-row": ("칸 수가 열 수와 다름", "칸 수가 열 수와 다름", "{1}열에 {0}칸: 쉼표가 든 칸은 따옴표로 묶을 것"),
    "not-utf8": (
        "읽을 수 없는 인코딩",
        "UTF-8도 CP949도 아닌 줄 {0}개, 이 줄이 처음",
        "UTF-8이 아닌 CP949 줄 {0}개(이 줄이 처음), UTF-8 줄 {1}개",
    ),
    "not-json": ("JSON으로 읽을 수 없음", "{0}번째 글자에서 JSON이 끊김"),
    "not-finite": ("수가 아닌 값이 있음", "{0}은(는) JSON의 수가 아님"),
    "header-changed": "이 행부터 이 열 이름으로 읽음: {0}",
    "splits-joined": "모든 부분을 차례로 읽음: {0}; 하나만 읽으려면 그 폴더를 쓸 것",
    "not-object": ("JSON 객체가 아님", "JSON 객체가 아니라 {0}", "행의 목록이 {1}개: {0}; 목록마다 파일을 나눌 것"),
    "line-too-long": ("한 줄이 허용 크기를 넘음", "한 줄이 {0:,}글자를 넘음"),
    "column-repeated": ("이름이 같은 열이 둘", "이름이 {0!r}인 열이 둘", "이름이 같은 열이 둘", "열 이름 {0!r}: {1}, {2}"),
    "column-unnamed": ("이름 없는 열이 있음", "이름 없는 열: {0}", "{0}에 값이 있으나 {1}열에 이름이 없음"),
    "file-too-long": ("파일이 허용 크기를 넘음", "파일이 허용 크기를 넘음", "풀면 {0} MiB, 허용 {1} MiB"),
    "not-excel": ("엑셀 통합 문서(.xlsx)로 읽을 수 없음", "읽을 수 없는 파일: {0}"),
    "not-parquet": ("Parquet 파일로 읽을 수 없음",),
    "not-dataset": ("저장된 데이터셋으로 읽을 수 없음",),
    "kind-wrong": "글이 아니라 다른 종류의 파일({0})",
    "encoding-cp949": "CP949로 읽음",
    "encoding-utf16": "{0}으로 읽음",
    "json-kind": "{0} 형식으로 읽음",
    "json-rest": "{0!r} 아래의 행을 읽음; 읽지 않은 것: {1}",
    "quote-open": "{0}번째 칸에서 열린 따옴표가 닫히지 않음; 글 속의 따옴표는 두 번 쓸 것",
    "quote-spans": "{0}~{1}째 줄이 한 칸에 들어 있음: 따옴표가 빠졌는지 볼 것",
    "column-ambiguous": "{0} 열이 모두 {1}을(를) 뜻함; --ignore로 하나를 빼거나, 글이면 --join으로 합칠 것",
    "column-absent": "없는 열: {0}; 있는 열: {1}",
    "sheet-absent": "--sheet는 엑셀 파일에만 씀",
    "join-incomplete": "합칠 열 {0!r}이(가) 없음",
    "ids-made": "문제 글로 번호 {0}개를 만듦; 되풀이된 글 {1}개",
    "export": "{0}에서 내보낸 파일로 읽음",
    "not-a-label": "성취기준으로 쓰지 않음: {0}",
    "difficulty-words": "최하 = 1, 하 = 2, 중 = 3, 상 = 4, 최상 = 5로 읽음: {0}행",
    "label-several": "성취기준이 여럿: {0}",
    "label-spans": "글 전체가 아니라 일부에 붙은 라벨",
    "annotators-differ": "서로 다른 선택: {0}",
    "decomposed": "자모로 풀린 한글을 {0}행에서 이어 붙임",
    "invisible": "보이지 않는 문자를 {0}행에서 뺌",
    "not-table": ("칸을 나누는 쉼표, 쌍반점, 탭, |가 없음", "첫 행이 열 이름이 아니라 문항으로 보임: {0}"),
}

# What is wrong with a value, by the type of pydantic's error
_VALUES = {
    "string_type": ("must be a text", "글이어야 함"),
    "int_type": ("must be a whole number", "정수여야 함"),
    "int_parsing": ("must be a whole number", "정수여야 함"),
    "int_from_float": ("must be a whole number", "정수여야 함"),
    "int_parsing_size": ("is too large", "수가 너무 큼"),
    "tuple_type": ("must be a list", "목록이어야 함"),
    "string_pattern_mismatch": ("must not contain spaces or control characters", "빈칸이나 제어 문자가 있음"),
    "string_too_short": ("must not be empty", "비어 있음"),
    "string_too_long": ("must have at most {max_length:,} characters", "{max_length:,}글자를 넘음"),
    "greater_than_equal": ("must be at least {ge}", "{ge} 이상이어야 함"),
    "less_than_equal": ("must be at most {le}", "{le} 이하여야 함"),
    "literal_error": ("must be {expected}", "paraphrase, back-translation, reason 가운데 하나여야 함"),
    "finite_number": ("must be a finite number", "유한한 수여야 함"),
    "string_unicode": ("contains half of a character", "깨진 글자가 있음"),
}


@dataclass(frozen=True)
class Detail:
    """What a finding is about, in both languages."""

    en: str
    ko: str
    template: str = ""
    """Key of TEMPLATES that it is made of, if any."""
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def korean(self, label_word: str = LABEL_WORD) -> str:
        """In Korean, with another word for a label."""
        if not self.template or label_word == LABEL_WORD:
            return with_label_word(self.ko, label_word)
        return with_label_word(TEMPLATES[self.template][1], label_word).format(**self.values)


def with_label_word(text: str, word: str) -> str:
    """A Korean wording with another word for a label, and the particles that agree with it."""
    if word == LABEL_WORD:
        return text
    pairs = {"이": "이/가", "은": "은/는", "을": "을/를", "과": "과/와", "으로": "으로/로"}
    return re.sub(rf"{LABEL_WORD}(으로|[이은을과])?(?![가-힣])|{LABEL_WORD}", lambda m: attach(word, pairs[m[1]]) if m[1] else word, text)


def detail(template: str, **values: Any) -> Detail:
    """Fill in a template."""
    en, ko = TEMPLATES[template]
    translated = {key: _TRANSLATED[key].get(value, value) if key in _TRANSLATED else value for key, value in values.items()}
    return Detail(en.format(**values), ko.format(**translated), template, translated)


def detail_of_fault(fault: Fault) -> Detail:
    """The detail of a row that cannot be read, or of a note."""
    known = _FAULTS_KO.get(fault.kind, WORKBOOK_KO.get(fault.kind, ()))
    try:
        korean = (known if isinstance(known, str) else known[len(fault.values)]).format(*map(_in_korean, fault.values))
    except (IndexError, ValueError, TypeError):  # the kind has no wording, or none for these values
        korean = known[0] if known and not isinstance(known, str) else ", ".join(map(str, fault.values))
    where = f"{fault.sheet} 시트, " if fault.sheet else ""
    return Detail(fault.detail, where + (korean or KINDS[fault.kind].ko))


def _in_korean(value: object) -> object:
    """A fact of a fault in Korean."""
    if not isinstance(value, str):
        return value
    return ", ".join(_passed_over(part) or str(_JSON_TYPES.get(part, korean_value(part))) for part in value.split(", "))


def _passed_over(part: str) -> str:
    """What an export says beside labels, with its number; "" for any other fact."""
    found = re.fullmatch(r"([\d,]+) ([a-z ]+?)(?: ('.*'))?", part)
    return f"{_PASSED[found[2]].format(found[3])} {found[1]}건" if found and found[2] in _PASSED else ""


def detail_of_record(fault: Mapping[str, Any]) -> Detail:
    """The detail of a value of a pair or a judged answer; `fault` is one of pydantic's errors."""
    key, value = ".".join(str(part) for part in fault["loc"]), repr(fault["input"])
    if fault["type"] == "missing":
        return detail("key missing", key=key)
    if fault["type"] == "extra_forbidden":
        return Detail(f"unknown key {key!r}", f"모르는 키 {key!r}")
    return detail_of_value(key, value if len(value) <= 60 else f"{value[:57]}… ({len(value):,} characters)", fault)


def detail_of_value(key: str, value: str, fault: Mapping[str, Any]) -> Detail:
    """The detail of a value that does not fit; `fault` is one of pydantic's errors."""
    said = str(fault["msg"]).removeprefix("Value error, ")
    english, korean = (
        text.format_map(fault.get("ctx", {})) for text in _VALUES.get(fault["type"], (said.replace("{", "{{").replace("}", "}}"), ""))
    )
    korean = korean or ("비어 있음" if fault["type"] == "value_error" else "알맞지 않은 값")
    return Detail(f"{key} = {value}: {english}", f"{key} = {value.replace(' characters)', '글자)')}: {korean}")
