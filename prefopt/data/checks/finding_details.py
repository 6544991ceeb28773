"""Wording of the details of findings, in English and Korean.

A template takes named values in the style of str.format. `{where}` is a field of a row (text, reason, concepts) and is translated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefopt.io.row import Fault

_FIELDS = {"text": "문제 글", "reason": "근거", "concepts": "개념", "id": "번호(id)", "family": "유형군(family)"}
TEMPLATES: dict[str, tuple[str, str]] = {
    "contains": ("{where} contains {found!r} at character {at}", "{where}의 {at}번째 글자: {found!r}"),
    "personal data": ("{where} contains it at character {at}: {hidden}", "{where}의 {at}번째 글자부터: {hidden}"),
    "personal data in a name": ("the {where} of the row contains it", "이 행의 {where}에 있음"),
    "decomposed": ("{where} contains Hangul as separate letters", "{where}의 한글이 자모로 풀려 있음"),
    "mentions": ("text contains {found!r}", "문제 글: {found!r}"),
    "short text": ("text has {count} characters: {text!r}", "{count}글자: {text!r}"),
    "cut off": ("text ends in {end!r}", "{end!r}(으)로 끝남"),
    "picture": ("text refers to {found!r}", "그림: {found!r}"),
    "language": ("{where} reads as {language}, expected {expected}: {text}", "{where}의 언어 {language}, 예상한 언어 {expected}: {text}"),
    "concepts": ("concepts = {concepts}", "개념 = {concepts}"),
    "key missing": ("key {key!r} is missing", "없는 키: {key!r}"),
    "key unknown": ("key {key!r}; known keys: {known}", "모르는 키 {key!r}; 아는 키: {known}"),
    "no file": ("{path}: no such file", "{path}: 파일이 없음"),
    "no row": ("the file contains no row", "행이 없음"),
    "no label": ("problem {id!r} has no label", "문항 {id!r}"),
    "label in pool": ("problem {id!r} of the pool has label {label}", "문항 {id!r}, 성취기준 {label}"),
    "spelling": ("{given!r} is {label} in the taxonomy", "{given!r} → 분류 체계에서는 {label}"),
    "level": ("level {level!r}: {label} has {levels}", "성취수준 {level!r}, {label}에는 {levels}"),
    "similar labels": ("{given!r}; did you mean {near}?", "{given!r} → {near}?"),
    "no similar label": ("{given!r}; labels are in {source}", "{given!r}; 분류 체계: {source}"),
    "revision": ("{given!r}: the taxonomy has revision {revisions}", "{given!r}: 분류 체계는 {revisions} 개정"),
    "ambiguous": (
        "{given!r} is in several revisions: write one of {choices}",
        "{given!r}: 여러 교육과정에 있음, {choices} 중 하나로 쓸 것",
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
_FAULTS_KO = {
    "key-repeated": "두 번 쓰인 키: {0!r}",
    "ragged-row": "{1}열에 {0}칸: 쉼표가 든 칸은 따옴표로 묶을 것",
}


@dataclass(frozen=True)
class Detail:
    """What a finding is about, in both languages."""

    en: str
    ko: str


def detail(template: str, **values: Any) -> Detail:
    """Fill in a template."""
    en, ko = TEMPLATES[template]
    translated = {key: _FIELDS.get(value, value) if key == "where" else value for key, value in values.items()}
    return Detail(en.format(**values), ko.format(**translated))


def detail_of_fault(fault: Fault) -> Detail:
    """The detail of a row that cannot be read; in English where no Korean wording exists."""
    korean = _FAULTS_KO.get(fault.kind)
    return Detail(fault.detail, korean.format(*fault.values) if korean and fault.values else fault.detail)
