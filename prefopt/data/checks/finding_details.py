"""Wording of the details of findings, in English and Korean.

A template takes named values in the style of str.format. `{where}` is a field of a row (text, reason, concepts) and is translated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prefopt.io.row import Fault

_FIELDS = {"text": "문제 글", "reason": "근거", "concepts": "개념"}
TEMPLATES: dict[str, tuple[str, str]] = {
    "contains": ("{where} contains {found!r} at character {at}", "{where}의 {at}번째 글자: {found!r}"),
    "personal data": ("{where} contains it at character {at}: {hidden}", "{where}의 {at}번째 글자부터: {hidden}"),
    "decomposed": ("{where} contains Hangul as separate letters", "{where}의 한글이 자모로 풀려 있음"),
    "mentions": ("text contains {found!r}", "문제 글: {found!r}"),
    "short text": ("text has {count} characters: {text!r}", "{count}글자: {text!r}"),
    "cut off": ("text ends in {end!r}", "{end!r}(으)로 끝남"),
    "picture": ("text refers to {found!r}", "그림: {found!r}"),
    "language": ("{where} reads as {language}, expected {expected}: {text}", "{where}의 언어 {language}, 예상한 언어 {expected}: {text}"),
    "concepts": ("concepts = {concepts}", "개념 = {concepts}"),
    "key missing": ("key {key!r} is missing", "없는 키: {key!r}"),
    "key unknown": (
        "key {key!r}: skip it with --ignore {key}, or say what it holds with --columns KEY={key}; keys: {known}",
        "모르는 열 {key!r}: --ignore {key}로 빼거나 --columns 키={key}로 뜻을 적을 것; 키: {known}",
    ),
    "no file": ("{path}: no such file", "{path}: 파일이 없음"),
    "no row": ("the file contains no row", "행이 없음"),
    "no label in file": (
        "no row has a label: for problems without labels write --pool {path}; for a column of another name, --columns label=COLUMN",
        "성취기준이 있는 행이 없음: 성취기준이 없는 문항이면 --pool {path}, 열 이름이 다르면 --columns label=열이름",
    ),
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
    "not-table": "칸을 나누는 쉼표, 쌍반점, 탭, |가 없음",
    "ragged-row": "{1}열에 {0}칸: 쉼표가 든 칸은 따옴표로 묶을 것",
    "not-excel": "읽을 수 없는 파일: {0}",
    "file-too-long": "풀면 {0} MiB, 허용 {1} MiB",
    "password": "암호를 풀고 다시 저장할 것",
    "other-kind": "확장자는 {1}, 내용은 {0}: 엑셀에서 열어 .xlsx로 저장할 것",
    "suffix-differs": "확장자는 {1}, 내용은 {0}: 내용대로 읽음",
    "formula-empty": "{0}의 수식 {1}: 엑셀에서 열어 다시 저장할 것",
    "error-cell": "{0}: {1}",
    "date-as-text": "{0}({1} 열): 날짜 {2}, 1-2나 3/4처럼 적은 글이 날짜로 바뀐 것. 칸 서식을 텍스트로 바꾸고 다시 적을 것",
    "digits-lost": "{0}: {1}, 뒷자리가 사라짐. 칸 서식을 텍스트로 바꾸고 다시 적을 것",
    "column-unnamed": "{0}에 값이 있으나 열 이름이 없음",
    "column-repeated": "열 이름 {0!r}: {1}, {2}",
    "second-table": "{0}행에서 다른 표가 시작됨({1}): 읽지 않음. 다른 시트로 옮길 것",
    "sheet-unread": "읽지 않은 시트(행 수): {0}, 숨긴 시트: {1}. 읽으려면 --sheet 이름 또는 --sheet all",
    "merged-cells": "병합된 {0}: {1!r} 열에서 {2}~{3}행의 값으로 읽음",
    "zeros-lost": "{0}의 수는 {1}(으)로 보임, 보이는 대로 읽음(이 열에 {2}칸)",
    "number-format": "{0}의 수는 {1}(으)로 보임, 보이는 대로 읽음(이 열에 {2}칸)",
    "rich-text": "{0}의 서식({1}): {2}(으)로 읽음",
    "picture-in-sheet": "{0}: {1}",
    "cell-comment": "{0}",
    "hidden-row": "숨긴 행 {1}개: {0}",
    "hidden-column": "숨긴 열 {0}: {1!r}",
    "title-row": "{0}",
    "header-two-rows": "{0}행과 {1}행: {2}",
    "header-repeated": "{0}행, 읽지 않음",
    "totals-row": "{0}행 {1!r}, 읽지 않음",
}
_VALUES_KO = {
    "a picture": "그림",
    "a picture in the cell": "칸 안의 그림",
    "a chart": "차트",
    "a shape": "도형",
    "a text box": "글상자",
    "an equation": "수식",
    "an embedded object": "개체",
    "the sheet": "시트",
    "superscript or subscript": "위·아래 첨자",
    "struck out": "취소선",
    "underlined": "밑줄",
    "font of symbols": "기호 글꼴",
    "nothing": "없음",
    "an Excel workbook (.xlsx)": "엑셀 파일(.xlsx)",
    "an Excel workbook of an old version (.xls)": "옛 엑셀 파일(.xls)",
    "a binary workbook (.xlsb)": "엑셀 이진 파일(.xlsb)",
    "a workbook as XML of Excel 2003": "엑셀 2003의 XML 파일",
    "an OpenDocument file (.ods)": "오픈도큐먼트 파일(.ods)",
    "a page of HTML": "HTML 페이지",
    "a text file (CSV)": "글 파일(CSV)",
    "a Word document": "워드 문서",
    "an HWP document": "한글 문서(HWP)",
    "an HWPX document": "한글 문서(HWPX)",
    "a PDF document": "PDF 문서",
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
    values = [
        ", ".join(_VALUES_KO.get(part, part) for part in value.split(", ")) if isinstance(value, str) else value for value in fault.values
    ]
    is_worded = korean is not None and (bool(values) or "{" not in korean)
    where = f"{fault.sheet} 시트, " if fault.sheet else ""
    return Detail(fault.detail, where + korean.format(*values) if korean and is_worded else fault.detail)
