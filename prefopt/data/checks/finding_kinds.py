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
    "not-json": _error("not JSON", "JSON이 아닙니다"),
    "not-object": _error("not a JSON object", "JSON 객체가 아닙니다"),
    "not-finite": _error("NaN or Infinity instead of a number", "수 자리에 NaN이나 Infinity가 있습니다"),
    "key-repeated": _error("a key that occurs twice in a row", "한 행에 같은 키가 두 번 있습니다"),
    "line-too-long": _error("a line that is too long", "한 줄이 너무 깁니다"),
    "not-csv": _error("not CSV from this line on", "이 줄부터 CSV가 아닙니다"),
    "ragged-row": _error("more or fewer cells than columns", "칸 수가 열 수와 다릅니다"),
    "column-repeated": _error("two columns with the same name", "같은 이름의 열이 둘 있습니다"),
    "column-unnamed": _error("a column without a name", "이름 없는 열이 있습니다"),
    "not-excel": _error("not an Excel workbook", "엑셀 파일이 아닙니다"),
    "not-parquet": _error("not a Parquet file", "Parquet 파일이 아닙니다"),
    "not-dataset": _error("not a dataset saved to disk", "디스크에 저장된 데이터셋이 아닙니다"),
    # the row
    "key-unknown": _error("an unknown key", "모르는 키가 있습니다"),
    "key-missing": _error("a missing key", "필요한 키가 없습니다"),
    "type-wrong": _error("a value of the wrong type", "값의 형식이 틀립니다"),
    "id-bad": _error("an id with spaces or control characters, or too long", "번호(id)에 빈칸이나 제어 문자가 있거나 너무 깁니다"),
    "id-repeated": _error("an id of two problems", "같은 번호(id)가 두 문항에 쓰였습니다"),
    "id-lookalike": _warning("ids that differ only in case or width", "대소문자나 전각·반각만 다른 번호(id)가 있습니다"),
    "difficulty-range": _error("a difficulty outside 1 to 5", "난이도가 1~5를 벗어납니다"),
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
    "decomposed": _warning("Hangul written as separate letters (NFD)", "한글이 자모로 풀려 있습니다(NFD)"),
    "markup": _warning("HTML in a text", "글에 HTML 태그가 있습니다"),
    "template-mark": _error("an unfilled template marker", "채워지지 않은 자리표시가 있습니다"),
    "picture": _warning("a picture that a text model cannot see", "글만 읽는 모델이 볼 수 없는 그림이 있습니다"),
    "answer-given": _warning("the answer or the standard in the text", "문제 글에 정답이나 성취기준이 적혀 있습니다"),
    "language": _warning("not in the expected language", "예상한 언어가 아닙니다"),
    "too-long-for-context": _error("more tokens than the limit", "토큰 수가 최대 길이를 넘습니다"),
    # personal data
    "resident-number": _error("a resident registration number", "주민등록번호가 있습니다"),
    "phone": _error("a telephone number", "전화번호가 있습니다"),
    "email": _error("an e-mail address", "이메일 주소가 있습니다"),
    "card-number": _error("a card number", "카드 번호가 있습니다"),
    "account-number": _error("a bank account number", "계좌번호가 있습니다"),
    "passport": _error("a passport number", "여권 번호가 있습니다"),
    "person-name": _warning("a person's name next to a title", "직함 옆에 사람 이름이 있습니다"),
    # the label
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
