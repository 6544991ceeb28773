"""Severity and wording of every kind of finding, in both languages.

error    the row is unusable, or using it would make a result wrong
warning  a person should review it: it may be correct
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Kind:
    """A kind of finding. `en` and `ko` follow a count on the page."""

    severity: Severity
    en: str
    ko: str
    way: tuple[str, str] | None = None
    """What to do about it, in English and Korean; None: as finding_ways.WAYS says. See finding_ways.way_on."""
    final: bool = False
    """Whether nobody may accept it as it is, besides the kinds of finding_ways.NEVER_ACCEPTED."""


def _error(en: str, ko: str, way_en: str = "", way_ko: str = "", *, final: bool = False) -> Kind:
    return Kind("error", en, ko, (way_en, way_ko) if way_en else None, final)


def _warning(en: str, ko: str, way_en: str = "", way_ko: str = "", *, final: bool = False) -> Kind:
    return Kind("warning", en, ko, (way_en, way_ko) if way_en else None, final)


KINDS: dict[str, Kind] = {
    # the file
    "file-missing": _error("a file is missing", "파일이 없습니다"),
    "file-empty": _error("a file without rows", "파일에 문항이 없습니다"),
    "file-too-long": _error("a document that is too long to read whole", "문서가 너무 커서 한 번에 읽을 수 없습니다"),
    "not-utf8": _error("not UTF-8", "UTF-8이 아닙니다"),
    "kind-wrong": _error("a file of another kind than its name says", "이름과 다른 종류의 파일입니다"),
    "encoding-cp949": _warning("read as CP949", "CP949(한글 윈도우 인코딩)로 읽었습니다"),
    "encoding-utf16": _warning("read as UTF-16", "UTF-16(엑셀의 유니코드 텍스트)으로 읽었습니다"),
    "json-kind": _warning("JSON of another kind than the name says", "이름과 다른 형식의 JSON입니다"),
    "json-rest": _warning("values beside the rows that were not read", "행들 옆에 읽지 않은 값이 있습니다"),
    "not-table": _error("a text without columns", "열이 없는 글입니다"),
    "quote-open": _error("a quote that is not closed, or is not doubled", "닫히지 않았거나 두 번 쓰지 않은 따옴표가 있습니다"),
    "quote-spans": _warning("a cell over several lines that look like rows", "여러 행처럼 보이는 줄이 한 칸에 들어 있습니다"),
    "column-ambiguous": _error("two columns that mean one key", "뜻이 같은 열이 둘 있습니다"),
    "column-absent": _warning("an option that names a column that is not there", "옵션에 적은 열이 파일에 없습니다"),
    "sheet-absent": _warning("a sheet of a file that has none", "시트가 없는 파일입니다"),
    "join-incomplete": _error("a column to join that is not there", "합칠 열이 파일에 없습니다"),
    "ids-made": _warning("ids made from the texts", "번호(id)가 없어 문제 글로 만들었습니다"),
    "export": _warning("an export of an annotation program", "라벨링 프로그램에서 내보낸 파일입니다"),
    "not-a-label": _warning("annotations that are no labels", "성취기준으로 쓸 수 없는 주석입니다"),
    "file-unlabeled": _warning("a file without any label", "성취기준이 하나도 없는 파일입니다"),
    "not-json": _error("not JSON", "JSON이 아닙니다"),
    "not-object": _error("not a JSON object", "JSON 객체가 아닙니다"),
    "not-finite": _error("NaN or Infinity instead of a number", "수 자리에 NaN이나 Infinity가 있습니다"),
    "key-repeated": _error("a key that occurs twice in a row", "한 행에 같은 키가 두 번 있습니다"),
    "line-too-long": _error("a line that is too long", "한 줄이 너무 깁니다"),
    "ragged-row": _error("more or fewer cells than columns", "칸 수가 열 수와 다릅니다"),
    "column-repeated": _error("two columns with the same name", "같은 이름의 열이 둘 있습니다"),
    "column-unnamed": _error("a column without a name", "이름 없는 열이 있습니다"),
    "not-excel": _error("not an Excel workbook", "엑셀 파일이 아닙니다"),
    "other-kind": _error("a file of another kind under the suffix of Excel", "엑셀 확장자이지만 다른 종류의 파일입니다"),
    "suffix-differs": _warning("a workbook under the suffix of another version", "확장자와 엑셀 파일의 종류가 다릅니다"),
    "password": _error("a workbook with a password", "암호가 걸린 엑셀 파일입니다"),
    "sheet-unread": _warning("sheets that were not read", "읽지 않은 시트가 있습니다"),
    "second-table": _error("a second table in a sheet", "한 시트에 표가 둘 있습니다"),
    "title-row": _warning("rows above the names of the columns", "열 이름 위에 다른 행이 있습니다"),
    "header-two-rows": _warning("names of columns in two rows", "열 이름이 두 행에 걸쳐 있습니다"),
    "header-repeated": _warning("names of columns that are repeated in the table", "표 가운데에 열 이름이 되풀이됩니다"),
    "header-changed": _warning("other names of columns within the table", "표 가운데에서 열 이름이 바뀝니다"),
    "index-column": _warning("a column of row numbers without a name", "이름 없는 행 번호 열이 있습니다"),
    "splits-joined": _warning("splits of a dataset that are read as one", "데이터셋의 여러 부분을 하나로 읽습니다"),
    "totals-row": _warning("a row of totals", "합계 행이 있습니다"),
    "hidden-row": _warning("hidden rows, which are read", "숨긴 행도 읽습니다"),
    "hidden-column": _warning("hidden columns, which are read", "숨긴 열도 읽습니다"),
    "formula-empty": _error("a formula without a stored value", "수식에 저장된 값이 없습니다"),
    "date-as-text": _error("a date where a text was typed", "글이 날짜로 바뀌었습니다"),
    "digits-lost": _error("a long number that lost digits", "긴 번호의 뒷자리가 사라졌습니다"),
    "zeros-lost": _warning("numbers that are shown with zeros before them, and read so", "앞에 0을 붙여 보이는 수는 보이는 대로 읽습니다"),
    "number-format": _warning("numbers that are shown in another form, and read so", "다른 꼴로 보이는 수는 보이는 대로 읽습니다"),
    "merged-cells": _warning("merged cells, read for all their rows", "병합된 칸의 값은 모든 행의 값으로 읽습니다"),
    "rich-text": _warning("formatting that changes what a text says", "글자 서식이 글의 뜻을 바꿉니다"),
    "picture-in-sheet": _warning("pictures and shapes in a sheet, which are not read", "시트의 그림이나 도형은 읽지 않습니다"),
    "cell-comment": _warning("comments on cells, which are not read", "칸에 붙은 메모는 읽지 않습니다"),
    "not-parquet": _error("not a Parquet file", "Parquet 파일이 아닙니다"),
    "not-arrow": _error("not an Arrow file", "Arrow 파일이 아닙니다"),
    "not-dataset": _error("not a dataset saved to disk", "디스크에 저장된 데이터셋이 아닙니다"),
    # the row
    "key-unknown": _error("an unknown key", "모르는 키가 있습니다"),
    "key-missing": _error("a missing key", "필요한 키가 없습니다"),
    "type-wrong": _error("a value of the wrong type", "값의 형식이 틀립니다"),
    "id-bad": _error("an id with spaces or control characters, or too long", "번호(id)에 빈칸이나 제어 문자가 있거나 너무 깁니다"),
    "id-repeated": _error("an id of two problems", "같은 번호(id)가 두 문항에 쓰였습니다"),
    "id-lookalike": _warning(
        "ids that differ only in case, width or invisible characters", "대소문자나 전각·반각, 보이지 않는 문자만 다른 번호(id)가 있습니다"
    ),
    "difficulty-range": _error("a difficulty outside 1 to 5", "난이도가 1~5를 벗어납니다"),
    "difficulty-words": _warning("difficulties in words", "난이도가 말로 적혀 있습니다"),
    "concept-bad": _warning("an empty or repeated concept", "비었거나 되풀이된 개념이 있습니다"),
    # the text
    "text-empty": _error("an empty text", "문제 글이 비었습니다"),
    "text-too-long": _error("a text that is too long", "문제 글이 너무 깁니다"),
    "text-short": _warning("a text of fewer than 5 characters", "문제 글이 다섯 글자보다 짧습니다"),
    "text-cut": _warning("a text that seems to be cut off", "문제 글이 끊긴 것 같습니다"),
    "control-token": _error("a control token of a model in a text", "글에 모델의 제어 토큰이 있습니다"),
    "control-character": _error("a control character in a text", "글에 제어 문자가 있습니다"),
    "invisible": _warning("invisible characters in a text", "글에 보이지 않는 문자가 있습니다"),
    "mojibake": _error("garbled characters from a wrong encoding", "글자가 깨졌습니다(인코딩 오류)"),
    "formula-lost": _error(
        "a formula that was lost when the text was exported",
        "글을 옮길 때 수식이 사라졌습니다",
        "write the formula again from the original, or delete the row",
        "원본을 보고 수식을 다시 쓰거나 행을 지우십시오",
    ),
    "formula-nested": _error(
        "a formula that is nested too deeply to be shown",
        "수식이 너무 깊게 겹쳐 있어 화면에 보일 수 없습니다",
        "write the formula with fewer levels, or delete the row",
        "수식을 덜 겹치게 쓰거나 행을 지우십시오",
    ),
    "error-cell": _error(
        "an error value of a spreadsheet",
        "엑셀 오류 값이 있습니다",
        "correct or delete the cell",
        "칸을 고치거나 지우십시오",
    ),
    "hwp-equation": _warning(
        "equation script of HWP",
        "한글(HWP) 수식 스크립트가 있습니다",
        "`prefopt data convert {file} {new} --to problems --hwp-equations` writes LaTeX",
        "`prefopt data convert {file} {new} --to problems --hwp-equations`로 LaTeX로 바꾸십시오",
    ),
    "figure-missing": _warning(
        "a figure, graph or table that the text refers to and lacks",
        "글이 가리키는 그림·그래프·표가 없습니다",
        "describe it in words, or remove the problem",
        "말로 풀어 쓰거나 문제를 빼십시오",
    ),
    "figure-bad": _error(
        "a figure that cannot be shown",
        "보일 수 없는 그림 파일이 있습니다",
        "correct the name or the file: .png, .jpg or .svg without scripts, at most 512 KiB, relative to the data file",
        "이름이나 파일을 고치십시오: 자료 파일에서 본 경로의 .png, .jpg, 스크립트 없는 .svg, 512KiB 이하",
    ),
    "figure-unseen": _warning(
        "a figure that teachers see and the model does not",
        "선생님은 보지만 모델은 보지 못하는 그림이 있습니다",
        "write in the text what is needed of it",
        "필요한 내용을 문제 글에도 쓰십시오",
    ),
    "figure-alt": _warning(
        "a figure without words for those who cannot see it",
        "그림을 볼 수 없는 사람을 위한 설명이 없습니다",
        "write them in figure_alt",
        "figure_alt에 쓰십시오",
    ),
    "escape-literal": _warning(
        "an escape such as \\n or \\uC5F0 written out",
        "\\n이나 \\uC5F0 같은 기호가 글자로 적혀 있습니다",
        "write what it stands for",
        "그 기호가 뜻하는 글자로 바꾸십시오",
    ),
    "decomposed": _warning("Hangul written as separate letters (NFD)", "한글이 자모로 풀려 있습니다(NFD)"),
    "markup": _warning("HTML in a text", "글에 HTML 태그가 있습니다"),
    "template-mark": _error("an unfilled template marker", "채워지지 않은 자리표시가 있습니다"),
    "picture": _warning("a picture that a text model cannot see", "글만 읽는 모델이 볼 수 없는 그림이 있습니다"),
    "answer-given": _warning("the answer or the label in the text", "문제 글에 정답이나 성취기준이 적혀 있습니다"),
    "language": _warning("not in the expected language", "예상한 언어가 아닙니다"),
    "too-long-for-context": _error("more tokens than the limit", "토큰 수가 최대 길이를 넘습니다"),
    # personal data
    "resident-number": _error("a resident registration number", "주민등록번호가 있습니다"),
    "phone": _error("a telephone number", "전화번호가 있습니다"),
    "email": _error("an e-mail address", "이메일 주소가 있습니다"),
    "card-number": _error("a card number", "카드 번호가 있습니다"),
    "account-number": _error("a bank account number", "계좌번호가 있습니다"),
    "passport": _error("a passport number", "여권 번호가 있습니다"),
    "driver-license": _error("a driver's license number", "운전면허번호가 있습니다"),
    "business-number": _error("a business registration number", "사업자등록번호가 있습니다"),
    "home-address": _error("a postal address", "주소가 있습니다"),
    "student-id": _error("a pupil's class and number", "학년·반·번호나 학번이 있습니다"),
    "birth-date": _error("a date of birth", "생년월일이 있습니다"),
    "car-plate": _error("a license plate", "차량번호가 있습니다"),
    "online-account": _error("an account of a messenger or social network", "메신저나 SNS 계정이 있습니다"),
    "ip-address": _error("an IP address", "IP 주소가 있습니다"),
    "person-name": _warning("a person's name next to a title or label", "직함이나 이름표 옆에 사람 이름이 있습니다"),
    # the label
    "label-spans": _error("labels of parts of a text", "글의 일부에 붙은 라벨입니다"),
    "annotators-differ": _error("annotators who chose different labels", "서로 다른 성취기준을 고른 사람들이 있습니다"),
    "label-missing": _error("no label", "성취기준이 없습니다"),
    "label-not-wanted": _error("a label in the pool", "후보 문항에 성취기준이 있습니다"),
    "label-unknown": _error("a label outside the taxonomy", "분류 체계에 없는 성취기준입니다"),
    "label-revision": _error("a label of another revision of the curriculum", "다른 교육과정의 성취기준입니다"),
    "label-ambiguous": _error("a code or name of several labels", "성취기준 여러 개에 해당하는 코드나 이름입니다"),
    "label-several": _error("several codes in one cell", "한 칸에 성취기준 코드가 여럿입니다"),
    "label-statement": _warning("a code whose statement is that of another label", "성취기준 코드와 옆에 적힌 내용이 어긋납니다"),
    "label-spelling": _warning("a label in a different spelling", "성취기준 표기가 다릅니다"),
    "level-unknown": _error("an achievement level that the label does not have", "그 성취기준에 없는 성취수준입니다"),
    # the reason
    "reason-missing": _warning("no reason, although others of the file have one", "다른 문항에는 있는 근거가 없습니다"),
    "reason-short": _warning("a reason of fewer than 10 characters", "근거가 열 글자보다 짧습니다"),
    "reason-too-long": _error("a reason that is too long", "근거가 너무 깁니다"),
    "reason-contradicts": _error("a reason that names another label", "근거가 다른 성취기준을 말합니다"),
    "reason-copies": _warning("a reason that only repeats the problem", "근거가 문제 글을 되풀이할 뿐입니다"),
    "reason-shared": _warning("one reason under different labels", "같은 근거가 다른 성취기준에 쓰였습니다"),
    # several rows
    "duplicate": _error("the same text twice in a file", "한 파일에 같은 문제가 두 번 있습니다"),
    "near-duplicate": _warning("nearly the same text twice in a file", "한 파일에 거의 같은 문제가 있습니다"),
    "contradiction": _error("the same text with different labels", "같은 문제의 성취기준이 서로 다릅니다"),
    "near-contradiction": _warning("nearly the same text with different labels", "거의 같은 문제의 성취기준이 서로 다릅니다"),
    "leak-id": _error("an id in two files", "같은 번호(id)가 두 파일에 있습니다"),
    "leak": _error("the same text in two files", "같은 문제가 두 파일에 있습니다"),
    "leak-near": _warning("nearly the same text in two files", "거의 같은 문제가 두 파일에 있습니다"),
    "leak-near-held": _error(
        "nearly the same text as a held-out or sealed problem", "평가용이나 봉인한 문항과 거의 같은 문제가 다른 곳에 있습니다"
    ),
    "leak-family": _error("a family held out or sealed, and used elsewhere", "평가용이나 봉인한 문항의 유형군이 다른 곳에도 있습니다"),
    "audit-used": _error("a sealed problem that was in the gold file before", "봉인한 문항이 예전에 학습·평가 문항으로 쓰였습니다"),
    "left-out": _warning(
        "neither trained on nor held out: its group is on both sides, or it is a variant of a held-out problem",
        "학습에도 평가에도 쓰지 않습니다(같은 무리가 양쪽에 있거나, 평가용 문항의 변형입니다)",
    ),
    # conversations and preferences
    "shape-mixed": _error("rows of different shapes in one file", "한 파일에 모양이 다른 행이 섞여 있습니다"),
    "shape-unread": _error("rows from which no classification can be read", "분류를 읽을 수 없는 모양의 행입니다"),
    "chat-role": _error("a role that the format does not have", "형식에 없는 역할(role)입니다"),
    "chat-empty": _error("a message without content", "내용이 없는 메시지가 있습니다"),
    "chat-part": _error("content that is not text", "글이 아닌 내용이 있습니다"),
    "chat-weight": _error("a weight where the format has none, or not 0 or 1", "weight가 있을 수 없는 자리에 있거나 0이나 1이 아닙니다"),
    "chat-no-question": _error("no message of the user", "user의 메시지가 없습니다"),
    "chat-no-answer": _error("no answer of the assistant to learn from", "배울 assistant의 답이 없습니다"),
    "chat-tools": _warning("tools, which a classification does not use", "분류에 쓰이지 않는 도구(tools)가 있습니다"),
    "chat-tool-call": _error("a call of a tool that is malformed or not answered in order", "도구 호출이 형식이나 순서에 맞지 않습니다"),
    "answer-unread": _warning("an answer that is not read as a classification", "분류로 읽을 수 없는 답이 있습니다"),
    "preference-prompt": _error(
        "a prompt that is missing or does not end with the user's message", "질문이 없거나 user의 메시지로 끝나지 않습니다"
    ),
    "preference-output": _error("an output that is not one message of the assistant", "답이 assistant의 메시지 하나가 아닙니다"),
    "preference-equal": _error("a preference between equal answers", "나은 답과 못한 답이 같습니다"),
    "preference-duplicate": _error("the same judgment twice in a file", "한 파일에 같은 판단이 두 번 있습니다"),
    "preference-circle": _warning("preferences that go in a circle", "선호가 돌고 돕니다"),
    "preference-contradiction": _error("judgments that contradict each other", "서로 반대되는 판단이 있습니다"),
    "examples-few": _warning("fewer examples than OpenAI requires", "OpenAI가 요구하는 수보다 예가 적습니다"),
    # the whole
    "label-rare": _warning(
        "a label with one problem, for training or for evaluation but not both",
        "문항이 하나뿐인 성취기준이 있습니다",
    ),
    "imbalance": _warning("a label with over ten times the median number of problems", "문항이 보통의 열 배가 넘는 성취기준이 있습니다"),
    "holdout-unseen": _warning("a label of the hold-out that no training problem has", "학습용에 없는 평가용 성취기준이 있습니다"),
    "holdout-variant": _error(
        "a text written by a model in the hold-out or audit file", "평가용이나 봉인한 파일에 모델이 쓴 문제가 있습니다"
    ),
    "holdout-small": _error("fewer than 10 problems held out", "평가용 문항이 열 개보다 적습니다"),
}
