"""What to do about each kind of finding, in English and Korean, and which kinds a person may accept as they are.

A sentence may hold a command: {file} stands for the file of the finding, {new} for a copy of it.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

from prefopt.data.checks.finding_kinds import KINDS, Severity
from prefopt.texts.personal_data import MASKS

GENERIC: dict[Severity, tuple[str, str]] = {
    "error": ("fix or delete these rows, then check again", "이 행을 고치거나 지운 뒤 다시 검사하십시오"),
    "warning": ("look at these rows; accept them if they are right", "이 행을 살펴보고, 맞으면 받아들이십시오"),
}
WAYS: dict[str, tuple[str, str]] = {
    "file-missing": ("check the path", "경로가 맞는지 확인하십시오"),
    "file-empty": ("check that it is the right file", "맞는 파일인지 확인하십시오"),
    "file-too-long": ("split it, or save it as .jsonl", "파일을 나누거나 .jsonl로 저장하십시오"),
    "not-utf8": ("save it as UTF-8; in Excel, as “CSV UTF-8”", "UTF-8로 저장하십시오. 엑셀에서는 ‘CSV UTF-8’로 저장합니다"),
    "not-json": ("write one JSON object a line", "한 줄에 JSON 객체를 하나씩 쓰십시오"),
    "not-object": ('write each row as {{"id": …, "text": …}}', '행마다 {{"id": …, "text": …}} 꼴로 쓰십시오'),
    "not-finite": ("write a number, or leave the key out", "수를 쓰거나 키를 빼십시오"),
    "key-repeated": ("keep one of the two", "둘 중 하나만 남기십시오"),
    "line-too-long": ("check that every row ends its line", "행마다 줄이 바뀌는지 확인하십시오"),
    "kind-wrong": (
        "give the file the ending of its kind, or save it as CSV UTF-8",
        "종류에 맞는 확장자를 붙이거나 ‘CSV UTF-8’로 저장하십시오",
    ),
    "encoding-cp949": ("nothing has to be done", "그대로 두어도 됩니다"),
    "encoding-utf16": ("nothing has to be done", "그대로 두어도 됩니다"),
    "json-kind": ("nothing has to be done; rename the file if others read it", "그대로 두어도 됩니다"),
    "json-rest": ("check that no problem is among these", "그 안에 문제가 없는지 확인하십시오"),
    "not-table": ("save it with a first line of column names and commas between cells", "첫 줄에 열 이름을 쓰고 칸을 쉼표로 나누십시오"),
    "quote-open": ('write each quote inside a text twice: ""', '글 속의 따옴표는 두 번 쓰십시오: ""'),
    "quote-spans": ("check whether a quote is missing", "따옴표가 빠졌는지 확인하십시오"),
    "column-ambiguous": (
        "skip one of the two with `--ignore COLUMN`, or make one text of both with `--join A+B`",
        "`--ignore 열이름`으로 하나를 빼거나, 글이면 `--join 가+나`로 합치십시오",
    ),
    "column-absent": ("correct the name, or leave the option out", "열 이름을 바로잡거나 옵션을 빼십시오"),
    "sheet-absent": ("leave out --sheet", "--sheet를 빼십시오"),
    "join-incomplete": ("name only columns that the file has", "파일에 있는 열만 쓰십시오"),
    "ids-made": ("give the problems ids of their own, or accept these", "문항에 번호를 쓰거나, 만든 번호를 받아들이십시오"),
    "export": ("nothing has to be done", "그대로 두어도 됩니다"),
    "not-a-label": ("nothing has to be done, unless these should have labels", "성취기준이 있어야 하는 문항이 아니면 그대로 두어도 됩니다"),
    "file-unlabeled": ("check it as a pool: `--pool FILE`", "후보 파일로 검사하십시오: `--pool 파일`"),
    "not-arrow": ("write the file again", "파일을 다시 만드십시오"),
    "difficulty-words": ("nothing has to be done, or write 1 to 5", "그대로 두거나 1~5로 쓰십시오"),
    "label-spans": ("export labels of whole texts", "글 전체에 붙은 라벨을 내보내십시오"),
    "annotators-differ": ("decide which label is right", "어느 성취기준이 맞는지 정하십시오"),
    "ragged-row": ("quote cells that contain commas", "쉼표가 든 칸은 따옴표로 묶으십시오"),
    "column-repeated": ("rename or delete one of the columns", "한 열의 이름을 바꾸거나 지우십시오"),
    "column-unnamed": ("name the column or delete it", "열에 이름을 쓰거나 열을 지우십시오"),
    "not-excel": ("save it again as .xlsx or as CSV UTF-8", ".xlsx나 ‘CSV UTF-8’로 다시 저장하십시오"),
    "other-kind": (
        "open it in Excel and save it as .xlsx; a CSV file can also be renamed to .csv",
        "엑셀에서 열어 .xlsx로 저장하십시오. CSV 파일이면 이름을 .csv로 바꾸어도 됩니다",
    ),
    "suffix-differs": ("nothing has to be done; give the file its right suffix", "그대로 두어도 됩니다. 확장자를 맞게 바꾸면 사라집니다"),
    "password": ("remove the password in Excel and save the workbook", "엑셀에서 암호를 풀고 다시 저장하십시오"),
    "sheet-unread": (
        "nothing has to be done, unless they hold problems: `prefopt data check {file} --sheet all`",
        "문항이 없는 시트이면 그대로 두십시오. 읽으려면 `prefopt data check {file} --sheet all`",
    ),
    "second-table": ("move that table to a sheet of its own", "그 표를 다른 시트로 옮기십시오"),
    "title-row": ("check that the row below names the columns", "그 아래 행이 열 이름인지 확인하십시오"),
    "header-two-rows": ("check the joined names, or name the columns in one row", "합친 이름을 확인하거나 열 이름을 한 행에 쓰십시오"),
    "header-repeated": ("check that the row is no problem", "문항이 아닌 행인지 확인하십시오"),
    "header-changed": ("check that the row is no problem", "문항이 아닌 행인지 확인하십시오"),
    "index-column": ("nothing has to be done", "그대로 두어도 됩니다"),
    "splits-joined": (
        "check each split by itself: name its folder in place of {file}",
        "부분마다 따로 검사하십시오({file} 안의 폴더를 씁니다)",
    ),
    "totals-row": ("check that the row is no problem", "문항이 아닌 행인지 확인하십시오"),
    "hidden-row": ("delete the rows that should not be read", "읽지 말아야 할 행은 지우십시오"),
    "hidden-column": ("delete the column if it should not be read", "읽지 말아야 할 열이면 지우십시오"),
    "merged-cells": ("check that the value holds for all these rows", "그 값이 모든 행에 맞는지 확인하십시오"),
    "formula-empty": ("open the workbook in Excel or LibreOffice and save it", "엑셀이나 리브레오피스에서 열어 다시 저장하십시오"),
    "date-as-text": ("format the column as Text and type the cell again", "열의 서식을 텍스트로 바꾸고 다시 적으십시오"),
    "digits-lost": ("format the column as Text and type the number again", "열의 서식을 텍스트로 바꾸고 번호를 다시 적으십시오"),
    "zeros-lost": ("check the first of them", "첫 칸을 확인하십시오"),
    "number-format": ("check the first of them", "첫 칸을 확인하십시오"),
    "rich-text": ("check the text as it is read", "읽은 글이 맞는지 확인하십시오"),
    "picture-in-sheet": (
        "delete problems that need the picture, or describe it in their text",
        "그림이 있어야 풀 수 있는 문항은 지우거나 그림을 글로 쓰십시오",
    ),
    "cell-comment": ("move what belongs to the problem into the cell", "문항에 필요한 내용이면 칸에 옮겨 적으십시오"),
    "not-parquet": ("write the file again", "파일을 다시 만드십시오"),
    "not-dataset": (
        "name one of its files, or save the dataset again with save_to_disk",
        "폴더 안의 파일 하나를 쓰거나, 데이터셋을 save_to_disk로 다시 저장하십시오",
    ),
    "key-unknown": (
        "rename it (`--columns text=COLUMN`) or skip it (`prefopt data check {file} --ignore COLUMN`)",
        "이름을 맞추거나(`--columns text=열이름`) 건너뛰십시오(`prefopt data check {file} --ignore 열이름`)",
    ),
    "key-missing": (
        "fill it in, or say which column it is: `--columns text=COLUMN`",
        "채우거나, 어느 열인지 알려 주십시오: `--columns text=열이름`",
    ),
    "type-wrong": ("write a value of the right type", "알맞은 형식의 값을 쓰십시오"),
    "id-bad": ("write an id without spaces, of at most 200 characters", "빈칸 없이 200글자 안으로 번호를 쓰십시오"),
    "id-repeated": (
        "give one of the problems another id, or let ids be made from the texts: `--ignore id`",
        "한 문항의 번호를 바꾸거나, 문제 글로 번호를 만들게 하십시오: `--ignore id`",
    ),
    "id-lookalike": ("give one of the problems another id", "한 문항의 번호를 바꾸십시오"),
    "difficulty-range": ("write 1 to 5, or leave it out", "1~5로 쓰거나 비워 두십시오"),
    "concept-bad": ("keep each concept once", "개념을 하나씩만 남기십시오"),
    "text-empty": ("write the problem, or delete the row", "문제 글을 쓰거나 행을 지우십시오"),
    "text-too-long": ("check that the row holds one problem", "한 행에 한 문제만 있는지 확인하십시오"),
    "text-short": ("check that the whole problem is there", "문제 글이 다 있는지 확인하십시오"),
    "text-cut": ("complete the text from its source", "원본을 보고 글을 마저 쓰십시오"),
    "control-token": ("delete the token: a model would obey it", "토큰을 지우십시오. 모델이 명령으로 읽습니다"),
    "control-character": ("delete the character", "그 문자를 지우십시오"),
    "invisible": ("delete the characters, e.g. by typing the word again", "그 문자를 지우십시오(낱말을 새로 치면 없어집니다)"),
    "mojibake": ("open the original in its encoding and save it as UTF-8", "원본을 제 인코딩으로 열어 UTF-8로 저장하십시오"),
    "decomposed": (
        "`prefopt data convert {file} {new} --to problems` writes whole syllables",
        "`prefopt data convert {file} {new} --to problems`로 옮기면 붙은 글자가 됩니다",
    ),
    "markup": ("remove the tags", "태그를 지우십시오"),
    "template-mark": (
        "fill in the marker; accept it if it is part of the problem",
        "자리표시를 채우십시오. 문제의 일부라면 받아들이십시오",
    ),
    "picture": ("describe the picture in words, or remove the problem", "그림을 말로 풀어 쓰거나 문제를 빼십시오"),
    "answer-given": ("remove the answer or the label from the text", "문제 글에서 정답이나 성취기준을 지우십시오"),
    "language": ("name the expected language: `--language en` or `any`", "예상하는 언어를 알려 주십시오: `--language en` 또는 `any`"),
    "too-long-for-context": ("shorten it, or raise prompt.max_tokens", "줄이거나 prompt.max_tokens를 늘리십시오"),
    "label-missing": (
        "write the label; problems without one belong in the pool: `--pool FILE`",
        "성취기준을 쓰십시오. 없는 문제는 후보 파일에 둡니다: `--pool 파일`",
    ),
    "label-not-wanted": ("remove the label, or move the problem to the gold file", "성취기준을 지우거나 학습용 파일로 옮기십시오"),
    "label-unknown": ("write a code of the taxonomy", "분류 체계에 있는 코드를 쓰십시오"),
    "label-revision": (
        "write the code of the taxonomy's revision: the same code means something else",
        "분류 체계와 같은 교육과정의 코드를 쓰십시오. 같은 코드라도 뜻이 다릅니다",
    ),
    "label-ambiguous": ("write the revision before the code: 2022:[9수01-01]", "코드 앞에 교육과정을 쓰십시오: 2022:[9수01-01]"),
    "label-several": ("keep the one code that the problem is mainly about", "문제가 주로 다루는 코드 하나만 남기십시오"),
    "label-statement": ("correct the code, or the words beside it", "코드나 옆에 적힌 내용을 바로잡으십시오"),
    "label-spelling": ("nothing has to be done: it is read as shown", "그대로 두어도 됩니다. 보인 대로 읽습니다"),
    "level-unknown": ("write a level of this label, or leave it out", "그 성취기준에 있는 성취수준을 쓰거나 비워 두십시오"),
    "reason-missing": ("write the reason, or accept that it has none", "근거를 쓰거나, 없는 채로 받아들이십시오"),
    "reason-short": ("say what in the problem shows its label", "문제의 무엇이 그 성취기준인지 쓰십시오"),
    "reason-too-long": ("shorten it", "근거를 줄이십시오"),
    "reason-contradicts": ("correct the reason or the label", "근거나 성취기준을 바로잡으십시오"),
    "reason-copies": ("say why, instead of repeating the problem", "문제를 옮기지 말고 까닭을 쓰십시오"),
    "reason-shared": ("write a reason for each label", "성취기준마다 근거를 따로 쓰십시오"),
    "duplicate": ("delete one of them", "하나를 지우십시오"),
    "near-duplicate": (
        "keep one, or give intended variants the same `family`",
        "하나만 남기거나, 일부러 만든 변형이면 family에 같은 이름을 쓰십시오",
    ),
    "contradiction": ("decide which label is right", "어느 성취기준이 맞는지 정하십시오"),
    "near-contradiction": (
        "look at both: small changes can change the label",
        "둘을 견주어 보십시오. 조금만 달라도 성취기준이 다를 수 있습니다",
    ),
    "leak-near": ("keep the problem in one of the files", "한 파일에만 남기십시오"),
    "left-out": ("nothing has to be done, unless you need these problems", "그대로 두어도 됩니다. 꼭 써야 할 문항만 살펴보십시오"),
    "label-rare": ("add problems of this label", "이 성취기준의 문제를 더 모으십시오"),
    "imbalance": ("add problems of the other labels", "다른 성취기준의 문제를 더 모으십시오"),
    "holdout-unseen": ("add problems of this label to the gold file", "학습용 파일에 이 성취기준의 문제를 더하십시오"),
    "holdout-variant": ("augment the training part only", "모델이 쓴 문제는 학습용 파일에만 두십시오"),
    "holdout-small": ("add gold problems, or raise data.holdout_share", "문제를 더 모으거나 data.holdout_share를 늘리십시오"),
    "audit-used": ("seal problems that were never in the gold file", "학습에 쓴 적이 없는 문제를 봉인하십시오"),
}
_ONE_PLACE = ("keep each problem in one of the files", "문항을 한 파일에만 남기십시오")
WAYS |= {
    "shape-mixed": ("write the rows of each shape to a file of their own", "모양이 같은 행끼리 다른 파일로 나누십시오"),
    "shape-unread": ("give a file with questions and answers", "질문과 답이 있는 파일을 쓰십시오"),
    "chat-role": (
        "correct the role: system, developer, user, assistant or tool",
        "역할을 고치십시오: system, developer, user, assistant, tool",
    ),
    "chat-empty": ("fill in the content, or delete the row", "내용을 채우거나 그 행을 지우십시오"),
    "chat-part": ("write the content as text", "내용을 글로 쓰십시오"),
    "chat-weight": (
        "delete the weight, or write 0 or 1 at a message of the assistant",
        "weight를 지우거나 assistant의 메시지에 0 또는 1로 쓰십시오",
    ),
    "chat-no-question": ("add the message of the user, or delete the row", "user의 메시지를 넣거나 그 행을 지우십시오"),
    "chat-no-answer": ("add the answer of the assistant, or delete the row", "assistant의 답을 넣거나 그 행을 지우십시오"),
    "chat-tools": ("delete the tools from the row", "행에서 tools를 지우십시오"),
    "chat-tool-call": ("delete the calls of tools, or the row", "도구 호출이나 그 행을 지우십시오"),
    "answer-unread": (
        "write the label alone, or JSON with the label; another key: `prefopt data check {file} --label-key KEY`",
        "성취기준만 쓰거나 성취기준이 든 JSON으로 쓰십시오. 키가 다르면 `prefopt data check {file} --label-key 키`",
    ),
    "preference-prompt": ("end the prompt with the message of the user", "질문을 user의 메시지로 끝내십시오"),
    "preference-output": ("keep one message of the assistant in each output", "답마다 assistant의 메시지 하나만 남기십시오"),
    "preference-equal": ("delete the row: equal answers teach nothing", "그 행을 지우십시오. 같은 답에서는 배울 것이 없습니다"),
    "preference-duplicate": ("delete the rows that repeat it", "되풀이된 행을 지우십시오"),
    "preference-circle": (
        "decide which answer is best, and delete the row that says otherwise",
        "어느 답이 가장 나은지 정하고 어긋나는 행을 지우십시오",
    ),
    "preference-contradiction": ("decide which answer is better and delete the other row", "어느 답이 나은지 정하고 다른 행을 지우십시오"),
    "examples-few": ("add examples", "예를 더 넣으십시오"),
}
WAYS |= dict.fromkeys(("leak", "leak-id", "leak-family", "leak-near-held"), _ONE_PLACE)
_MASK = (
    "remove it, or write a masked copy: `prefopt data mask {file} {new}`",
    "지우거나, 가린 사본을 만드십시오: `prefopt data mask {file} {new}`",
)
WAYS |= dict.fromkeys(MASKS, _MASK)
_UNSURE = {"person-name", "student-id", "home-address", "birth-date", "car-plate", "business-number", "ip-address"}
"""Personal data whose form a problem may have by chance."""

NEVER_ACCEPTED = frozenset(
    {
        *(kind for kind in MASKS if kind not in _UNSURE),
        "file-missing", "file-empty", "file-too-long", "not-utf8", "not-json", "not-object", "not-finite", "key-repeated", "line-too-long",
        "kind-wrong", "not-table", "quote-open", "column-ambiguous", "join-incomplete", "not-arrow", "label-spans", "annotators-differ",
        "ragged-row", "column-repeated", "column-unnamed", "not-excel", "other-kind", "password", "second-table", "formula-empty",
        "error-cell", "date-as-text", "digits-lost", "not-parquet", "not-dataset",
        "key-unknown", "key-missing", "type-wrong", "id-bad", "id-repeated", "difficulty-range", "text-empty", "text-too-long",
        "reason-too-long", "too-long-for-context", "control-token",
        "label-missing", "label-not-wanted", "label-unknown", "label-revision", "label-ambiguous", "label-several", "level-unknown",
        "contradiction", "leak", "leak-id", "leak-family", "leak-near-held", "audit-used", "holdout-variant", "holdout-small",
        "shape-mixed", "shape-unread", "chat-role", "chat-empty", "chat-part", "chat-weight", "chat-no-question", "chat-no-answer",
        "chat-tool-call", "preference-prompt", "preference-output", "preference-equal", "preference-contradiction",
    }
)  # fmt: skip
"""Unreadable rows, personal data, and what makes a number wrong: only the data can settle it."""


def may_be_accepted(kind: str) -> bool:
    """Whether a person may accept findings of a kind as they are."""
    return kind not in NEVER_ACCEPTED and not KINDS[kind].final


def way_on(kind: str, language: Literal["ko", "en"], path: Path) -> str:
    """What to do about findings of a kind in a file, as one sentence without its full stop."""
    own = KINDS[kind].way or WAYS.get(kind) or GENERIC[KINDS[kind].severity]
    new = path.parent / f"{path.stem}-new{path.suffix}"  # with_name refuses a folder without a name, as "."
    return own[language == "ko"].format(file=shlex.quote(shown(path)), new=shlex.quote(shown(new)))


def shown(path: Path) -> str:
    """The path, relative to the working directory where it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
