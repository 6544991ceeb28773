"""Korean messages about workbooks; the English ones are in prefopt.readers.workbook_findings."""

from __future__ import annotations

WORKBOOK_KO = {
    "password": "암호를 풀고 다시 저장할 것",
    "other-kind": "확장자는 {1}, 내용은 {0}: 엑셀에서 열어 .xlsx로 저장할 것",
    "suffix-differs": "확장자는 {1}, 내용은 {0}: 내용대로 읽음",
    "formula-empty": "{0}의 수식 {1}: 엑셀에서 열어 다시 저장할 것",
    "error-cell": "{0}의 오류 값 {1}",
    "date-as-text": "{0}({1} 열): 날짜 {2}, 1-2나 3/4처럼 적은 글이 날짜로 바뀐 것. 칸 서식을 텍스트로 바꾸고 다시 적을 것",
    "digits-lost": "{0}: {1}, 뒷자리가 사라짐. 칸 서식을 텍스트로 바꾸고 다시 적을 것",
    "second-table": "{0}행에서 다른 표가 시작됨({1}): 읽지 않음. 다른 시트로 옮길 것",
    "sheet-unread": "읽지 않은 시트(행 수): {0}, 숨긴 시트: {1}. 읽으려면 {2}",
    "merged-cells": "병합된 {0}: {1!r} 열에서 {2}~{3}행의 값으로 읽음",
    "zeros-lost": "{0}의 수는 {1}(으)로 보임, 보이는 대로 읽음(이 열에 {2}칸)",
    "number-format": "{0}의 수는 {1}(으)로 보임, 보이는 대로 읽음(이 열에 {2}칸)",
    "rich-text": "{0}의 서식({1}): {2}(으)로 읽음",
    "picture-in-sheet": "{0}에 있는 {1}",
    "cell-comment": "{0}에 메모가 있음",
    "hidden-row": "숨긴 행 {1}개: {0}",
    "hidden-column": "숨긴 열 {0}: {1!r}",
    "title-row": "읽지 않은 행 {0}",
    "header-two-rows": "{0}행과 {1}행: {2}",
    "index-column": "이름 없는 {0}열에는 행 번호만 있어 읽지 않음",
    "header-repeated": "{0}행, 읽지 않음",
    "totals-row": "{0}행 {1!r}, 읽지 않음",
}

_VALUES = {
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
    "--sheet NAME or --sheet all": "--sheet 이름 또는 --sheet all",
    'sheet = "NAME" or sheet = "all" under [read]': '[read]의 sheet = "이름" 또는 sheet = "all"',
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
    "a PDF": "PDF 문서",
    "a gzip archive": "압축 파일(gzip)",
    "a Parquet file": "Parquet 파일",
    "an Arrow file": "Arrow 파일",
    "an archive": "압축 파일",
    "a workbook with a password": "암호가 걸린 엑셀 파일",
    "not a workbook: it is empty": "빈 파일",
    "not a workbook": "엑셀 파일이 아님",
    "a compound file without a workbook": "엑셀 시트가 없는 오피스 파일",
    "not an Excel workbook (.xlsx): File is not a zip file": "깨진 압축 파일",
}


def korean_value(value: object) -> object:
    """A fact of a finding in Korean; of a text with commas each part."""
    return ", ".join(_VALUES.get(part, part) for part in value.split(", ")) if isinstance(value, str) else value
