"""Files as people and their programs write them: encodings, separators, titles, quotes, JSON of every kind, spellings of columns."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from prefopt.data.checks.check_files import check_data
from prefopt.data.checks.check_types import Part
from prefopt.data.checks.finding_kinds import KINDS
from prefopt.errors import ConfigError, DataError, PrefoptError
from prefopt.io.row import Fault, Note, Row
from prefopt.readers.csv_reader import parse_csv
from prefopt.readers.options import ReadOptions, read_options
from prefopt.readers.problem_rows import read_problems_of, scan_problems
from prefopt.readers.row_reader import scan

TABLE = "번호,문제,성취기준\n문1,연필 3자루와 4자루를 더하면?,[2수01-05]\n문2,9에서 4를 빼면?,[2수01-06]\n"
ROWS = [
    {"id": "문1", "text": "연필 3자루와 4자루를 더하면?", "label": "[2수01-05]"},
    {"id": "문2", "text": "9에서 4를 빼면?", "label": "[2수01-06]"},
]


def read(folder: Path, name: str, content: str | bytes, options: ReadOptions | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of a file, and the kinds of what was said with their lines."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = list(scan_problems(folder / name, options or ReadOptions()))
    assert {f.kind for f in found if isinstance(f, Fault)} <= set(KINDS)
    return [f.values for f in found if isinstance(f, Row)], [f"{f.kind} {f.line}" for f in found if isinstance(f, Fault)]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", []),
        ("utf-8-sig", []),
        ("cp949", ["encoding-cp949 1"]),
        ("utf-16", ["encoding-utf16 1"]),
        ("utf-16-le", ["encoding-utf16 1"]),
        ("utf-16-be", ["encoding-utf16 1"]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old Mac"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_the_encodings_of_korean_schools_are_read_and_said(tmp_path, encoding, said, end, name):
    content = {
        "a.csv": TABLE,
        "a.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS),
        "a.json": json.dumps(ROWS, ensure_ascii=False, indent=1),
    }[name]
    assert read(tmp_path, name, content.replace("\n", end).encode(encoding)) == (ROWS, said)


def test_a_file_of_two_encodings_is_refused_once_with_the_line(tmp_path):
    lines = [*TABLE.encode().splitlines(keepends=True), *(f"문{n},다른 문제 {n}은?,\n".encode("cp949") for n in range(3, 90))]
    rows, said = read(tmp_path, "a.csv", b"".join(lines))
    assert (rows, said) == (ROWS, ["not-utf8 4"])
    with pytest.raises(DataError, match=r"a\.csv:4: not UTF-8: 87 lines, the first of them here, are CP949"):
        list(read_problems_of(tmp_path / "a.csv"))


def test_bytes_that_are_no_text_and_files_of_another_kind_are_named(tmp_path):
    assert read(tmp_path, "a.csv", b"id,text\n1,\xff\xfe\xff\n")[1] == ["not-utf8 2"]
    assert read(tmp_path, "b.csv", TABLE.encode("utf-16")[:-1])[1] == ["not-utf8 1"]
    for name, content in (("c.csv", b"PK\x03\x04zip"), ("d.jsonl", b"PAR1"), ("e.json", b"%PDF-1.7")):
        assert read(tmp_path, name, content) == ([], ["kind-wrong 1"])
    assert read(tmp_path, "f.arrow", b"ARROW1 no") == ([], ["not-arrow 1"])
    assert read(tmp_path, "g.feather", b"FEA1....") == ([], ["not-arrow 1"])


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt"])
def test_the_separator_is_told_from_the_names_of_the_columns(tmp_path, separator, name):
    assert read(tmp_path, name, TABLE.replace(",", separator)) == (ROWS, [])


def test_a_line_that_states_the_separator_and_a_title_are_understood(tmp_path):
    assert read(tmp_path, "a.csv", "sep=;\r\n" + TABLE.replace(",", ";")) == (ROWS, [])
    assert read(tmp_path, "b.csv", "2학년 단원 평가,,\n\n" + TABLE) == (ROWS, ["title-row 1"])
    assert read(tmp_path, "c.csv", "2학년 단원 평가\n2026년 3월\n" + TABLE) == (ROWS, ["title-row 1", "title-row 2"])


def test_columns_of_other_names_are_told_by_the_options(tmp_path):
    table = TABLE.replace("번호", "Nr").replace("문제", "Frage").replace("성취기준", "Art").replace(",", ";")
    assert read(tmp_path, "a.csv", f"Klasse 2;;\n{table}", read_options("id=Nr,text=Frage,label=Art")) == (ROWS, ["title-row 1"])


def test_a_text_without_columns_is_refused_in_words(tmp_path):
    assert read(tmp_path, "a.txt", "첫째 문제입니다.\n둘째 문제입니다.\n") == ([], ["not-table 1"])
    with pytest.raises(DataError, match="no comma, semicolon, tab") as caught:
        list(read_problems_of(tmp_path / "a.txt"))
    assert "names of the columns" in caught.value.hint


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_two_exports_joined_are_one_table(tmp_path, mark):
    again = TABLE.replace("문1", "문3").replace("문2", "문4")
    rows, said = read(tmp_path, "a.csv", TABLE + mark + again)
    assert ([row["id"] for row in rows], said) == (["문1", "문2", "문3", "문4"], ["header-repeated 4"])


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ('3,"5인치는 몇 cm인가?,[2수01-05]', "opens and does not end"),
        ('3,"그는 "안녕"이라고 했다",[2수01-05]', "not doubled"),
        ('3,"5" 3개는?,[2수01-05]', "ends within the text"),
    ],
)
def test_one_bad_quote_hides_no_other_row(tmp_path, line, row):
    rows, said = read(tmp_path, "a.csv", f'{TABLE}{line}\n4,"여러\n줄",[2수01-05]\n')
    assert ([r["id"] for r in rows], said) == (["문1", "문2", "4"], ["quote-open 4"]), row


def test_a_cell_that_swallowed_rows_is_named(tmp_path):
    rows, said = read(tmp_path, "a.csv", f'{TABLE}3,"5인치는?,A\n4,가나다는?,B\n5,6인치",C\n')
    assert (len(rows), said) == (3, ["quote-spans 4"])


def test_a_quote_inside_an_unquoted_cell_is_a_character(tmp_path):
    rows, said = read(tmp_path, "a.csv", 'id,text\n1,모니터 24" 두 대는?\n')
    assert (rows, said) == ([{"id": "1", "text": '모니터 24" 두 대는?'}], [])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("array.jsonl", ROWS, ["json-kind 1"]),
        ("lines.json", "\n".join(json.dumps(r) for r in ROWS), ["json-kind 1"]),
        ("inside.json", {"data": ROWS}, []),
        ("beside.json", {"version": 1, "data": ROWS}, ["json-rest 1"]),
        ("inside.jsonl", {"data": ROWS}, ["json-kind 1"]),
        ("deep.json", {"exam": {"items": ROWS}}, []),
        ("ids.json", {r["id"]: {"question": r["text"], "label": r["label"]} for r in ROWS}, []),
        ("wrapped.json", [{"row_idx": i, "row": r, "truncated_cells": []} for i, r in enumerate(ROWS)], []),
        ("server.json", {"rows": [{"row_idx": i, "row": r} for i, r in enumerate(ROWS)]}, []),
        ("wrapped.jsonl", "\n".join(json.dumps({"item": r}) for r in ROWS), []),
    ],
)
def test_json_is_read_as_its_content_says(tmp_path, name, content, said):
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1)
    assert read(tmp_path, name, text) == (ROWS, said)


def test_rows_of_a_document_keep_their_lines(tmp_path):
    text = json.dumps({"by": {"who": ["x"]}, "exam": {"items": ROWS}}, indent=1)
    (tmp_path / "a.json").write_text(text)
    lines = [r.line for r in scan(tmp_path / "a.json") if isinstance(r, Row)]
    assert [text.splitlines()[line - 1].strip() for line in lines] == ["{", "{"]
    assert ['"id"' in text.splitlines()[line] for line in lines] == [True, True]


def test_documents_that_leave_it_open_are_refused(tmp_path):
    assert read(tmp_path, "a.json", json.dumps({"train": ROWS, "test": ROWS})) == ([], ["not-object 1"])
    assert read(tmp_path, "b.json", json.dumps({"problems": []})) == ([], [])
    assert read(tmp_path, "c.json", "\n") == ([], [])


def test_arrow_files_of_both_formats_are_read(tmp_path):
    import pyarrow as pa
    import pyarrow.feather as feather

    table = pa.Table.from_pylist(ROWS)
    with pa.ipc.new_file(str(tmp_path / "file.arrow"), table.schema) as writer:
        writer.write_table(table)
    with pa.ipc.new_stream(str(tmp_path / "stream.arrow"), table.schema) as writer:
        writer.write_table(table)
    feather.write_feather(table, str(tmp_path / "table.feather"))
    for name in ("file.arrow", "stream.arrow", "table.feather"):
        assert [r.values for r in scan_problems(tmp_path / name)] == ROWS


HEADERS = {
    "id": ["번호", "번 호", "ID", "Id", "문항 번호", "문제_번호", "\u200b번호", "번호\n(일련)", "problem id", "Question_ID"],
    "text": ["문제", "문제\n(발문)", "Question", "QUESTION", "문 항", "문제 내용", "발문", "문제(국어)", "\ufeff문제", "［문제］"],
    "label": ["성취기준", "성취 기준", "성취기준 코드", "성취기준(2022)", "Standard", "성취\n기준", "label "],
    "difficulty": ["난이도", "난이도(상/중/하)", "난 이 도", "Difficulty"],
}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(("key", "name"), [(key, name) for key, names in HEADERS.items() for name in names])
def test_columns_are_known_in_every_spelling(tmp_path, key, name, form):
    row = {"id": "1", "text": "3 + 4는 얼마입니까?", "label": "[2수01-05]", "difficulty": "3"}
    cells = {name if k == key else k: v for k, v in row.items()}
    table = "\n".join(",".join(f'"{unicodedata.normalize(form, c)}"' for c in cs) for cs in (cells.keys(), cells.values()))
    assert read(tmp_path, "a.csv", table + "\n")[0] == [{**row, "difficulty": 3}]


def test_two_columns_of_one_meaning_are_no_silent_choice(tmp_path):
    content = "번호,지문,문제\n1,수 3과 4가 있다.,합은?\n"
    assert read(tmp_path, "a.csv", content) == ([], ["column-ambiguous 2"])
    with pytest.raises(DataError) as caught:
        list(read_problems_of(tmp_path / "a.csv"))
    for way in (read_options(join="지문+문제"), read_options(ignore="지문"), read_options(join="지문|문제")):
        assert len(list(read_problems_of(tmp_path / "a.csv", way))) == 1
    assert "--ignore 문제" in caught.value.message
    assert "--join 지문+문제" in caught.value.message


def test_several_columns_make_one_text_in_their_order(tmp_path):
    content = "ID,보기,지문,문제\n1,① 3 ② 7,수 3과 4가 있다.,합은?\n2,,수 5가 있다.,두 배는?\n"
    found = read(tmp_path, "a.csv", content, read_options(join="지문+문제|보기"))[0]
    assert [row["text"] for row in found] == ["수 3과 4가 있다. 합은?\n① 3 ② 7", "수 5가 있다. 두 배는?"]


def test_options_that_name_no_column_are_said(tmp_path):
    assert read(tmp_path, "a.csv", TABLE, read_options(ignore="비고"))[1] == ["column-absent 2"]
    assert read(tmp_path, "a.csv", TABLE, read_options("reason=비고"))[1] == ["column-absent 2"]
    assert read(tmp_path, "b.csv", "ID,Body\n1,사과가 있다.\n", read_options(join="Body+Question"))[1] == ["join-incomplete 2"]
    assert read(tmp_path, "a.csv", TABLE, read_options(ignore="비고", of_project=True))[1] == []  # it may be in another file
    assert read(tmp_path, "a.csv", TABLE, read_options(ignore="성취 기준,text"))[1] == []  # a name in any spelling, or its key


@pytest.mark.parametrize(
    "words",
    [
        {"columns": "txt=q"},
        {"columns": "text=q,text=r"},
        {"columns": "text=q,label=q"},
        {"join": "Body"},
        {"join": "Body+"},
        {"join": "A+A"},
        {"columns": "text=q", "join": "a+b"},
        {"columns": "text=q", "ignore": "q"},
        {"join": "a+b", "ignore": "b"},
    ],
)
def test_options_that_contradict_each_other_are_refused(words):
    with pytest.raises(ConfigError) as caught:
        read_options(**words)
    assert caught.value.hint


def test_ids_are_made_of_the_text_and_shared_by_its_spellings(tmp_path):
    first = read(tmp_path, "a.csv", "문제\n3 + 4는 얼마입니까?\n9 - 4는?\n")[0]
    other = read(tmp_path, "b.csv", "문제\n9 − 4는\n12. ３＋４는 얼마입니까\n")[0]
    assert [row["id"] for row in first] == [row["id"] for row in reversed(other)]
    rows, said = read(tmp_path, "c.csv", "문제\n3 + 4는?\n3+4는\n5 + 4는?\n")
    assert (len({row["id"] for row in rows}), said) == (3, ["ids-made 2"])
    assert rows[1]["id"] == f"{rows[0]['id']}-2"
    rows, said = read(tmp_path, "d.jsonl", '{"id": "1", "text": "가나다"}\n{"text": "라마바"}\n')
    assert (rows[1], said) == ({"text": "라마바"}, [])  # a file with ids lacks one: it is missing, not made


@pytest.mark.parametrize(("word", "level"), [("상", 4), ("중", 3), ("하", 2), ("최상", 5), ("최하", 1), ("3", 3), ("3.0", 3), (" 상 ", 4)])
def test_difficulties_in_words_have_one_number(tmp_path, word, level):
    rows, said = read(tmp_path, "a.csv", f"id,text,난이도\n1,3 + 4는?,{word}\n")
    assert (rows[0]["difficulty"], said) == (level, [] if word[0] == "3" else ["difficulty-words 2"])


def test_invisible_and_decomposed_characters_are_gone_and_said_once(tmp_path):
    content = unicodedata.normalize("NFD", TABLE).replace("문1", "문1") + "문\u200b3,가나\u2060다,\ufeff[2수01-05]\n문\u200b4,라,마\n"
    rows, said = read(tmp_path, "a.csv", content)
    assert rows == [*ROWS, {"id": "문3", "text": "가나다", "label": "[2수01-05]"}, {"id": "문4", "text": "라", "label": "마"}]
    assert said == ["decomposed 2", "invisible 4"]


def test_findings_of_files_have_korean_words(tmp_path):
    (tmp_path / "a.csv").write_bytes(("제목,,\n" + TABLE + TABLE.replace("문1", '"문1')).encode("cp949"))
    found = check_data([Part(tmp_path / "a.csv", labeled=True)], None).findings
    assert {"encoding-cp949", "title-row", "header-repeated", "quote-open"} <= {f.kind for f in found}
    assert all(f.detail.ko != f.detail.en for f in found)


def test_a_file_without_labels_says_what_it_may_be(tmp_path):
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps({"id": r["id"], "text": r["text"]}) + "\n" for r in ROWS))
    found = [f for f in check_data([Part(tmp_path / "pool.jsonl", labeled=True)], None).findings if f.kind == "file-unlabeled"]
    assert "--pool pool.jsonl" in found[0].detail.en


cells = st.text(alphabet='가a1 ,;|\t"\n\r\ufeff=', max_size=8)


@example(rows=[["\ufeff"], ["\ufeffa가11"]], separator=",", encoding="utf-8", head="", cut=3)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(cells, max_size=5), max_size=8),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "cp949", "utf-16", "utf-16-le", "utf-8-sig"]),
    head=st.sampled_from(["", "id,text\n", "sep=;\n", "제목\n번호;문제;성취기준\n"]),
    cut=st.integers(0, 3),
)
def test_any_table_gives_rows_or_our_error(tmp_path, rows, separator, encoding, head, cut):
    content = (head + "\n".join(separator.join(row) for row in rows)).encode(encoding, "replace")
    for name in ("x.csv", "x.txt", "x.tsv"):
        (tmp_path / name).write_bytes(content[: len(content) - cut])
        for options in (ReadOptions(), read_options("text=a", ignore="가")):
            found = list(scan_problems(tmp_path / name, options))
            assert all(isinstance(f, (Row, Fault)) and f.line >= 1 for f in found)
            assert {f.kind for f in found if isinstance(f, Fault)} <= set(KINDS)
            try:
                list(read_problems_of(tmp_path / name, options))
            except PrefoptError as error:
                assert str(error)  # noqa: PT017  both outcomes are right; what is not is any other exception
    try:
        parse_csv(content.decode(encoding, "replace"), "t.csv")
    except PrefoptError as error:
        assert str(error)  # noqa: PT017  as above


@given(
    rows=st.lists(st.tuples(*[st.text(alphabet='가나 1,;|\t"\n', min_size=1, max_size=8).filter(str.strip)] * 3), min_size=1, max_size=6),
    separator=st.sampled_from(",;\t|"),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_standard_library_writes_comes_back_whatever_the_separator(tmp_path, rows, separator):
    import csv

    with (tmp_path / "x.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=separator).writerows([("번호", "문제", "근거"), *rows])
    found = [f for f in scan(tmp_path / "x.csv") if not isinstance(f, Note)]
    assert [tuple(f.values.values()) for f in found] == [tuple(row) for row in rows]


def test_empty_columns_at_the_right_are_no_columns(tmp_path):
    rows, said = read(tmp_path, "a.csv", "번호,문제,,\n1,3 + 4는?,,\n2,4 + 4는?\n3,5 + 4는?,,x\n")
    assert ([row["id"] for row in rows], said) == (["1", "2"], ["ragged-row 4"])


def test_a_sheet_of_a_file_without_sheets_is_said(tmp_path):
    assert read(tmp_path, "a.csv", TABLE, read_options(sheet="2학년")) == (ROWS, ["sheet-absent 1"])


def test_rows_of_several_sheets_are_told_apart(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    for sheet, rows in ((book.worksheets[0], ROWS), (book.create_sheet("2반"), [{**ROWS[0], "id": "가 나"}])):
        sheet.append([*ROWS[0]])
        for row in rows:
            sheet.append([*row.values()])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(DataError, match=r"a\.xlsx:2: sheet 2반: row '가 나': id = '가 나'"):
        list(read_problems_of(tmp_path / "a.xlsx", read_options(sheet="all")))
    (found,) = [f for f in check_data([Part(tmp_path / "a.xlsx", reading=read_options(sheet="all"))], None).findings if f.kind == "id-bad"]
    assert found.detail.en.startswith("sheet 2반: ")
