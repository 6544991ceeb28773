"""A teacher's file: what people and spreadsheet programs make of it is read, and a row that is doubtful does not count and is named."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path

import openpyxl
import pytest
from openpyxl.comments import Comment

from feedback.file import FileConfig, FileSource
from feedback.sheet import MARKS
from prefopt.errors import ConfigError, FeedbackError
from prefopt.plugins import options
from tests.unit.sheet_cases import SLATES, changed, collect, file_source, fill, kinds, rank_all, read, rows_of, save, save_workbook, slate


@pytest.fixture
def source(tmp_path: Path) -> FileSource:
    made = file_source(tmp_path, "kim", "lee")
    made.publish(SLATES)
    return made


def test_the_file_opens_in_a_spreadsheet_and_runs_nothing(source: FileSource) -> None:
    raw = (source.folder / "kim.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert rows[0] == [
        *("slate", "problem", "A", "B", "C", "rank_A", "rank_B", "rank_C"),
        *("none_right", "right_label", "discard", "comment", MARKS),
    ]
    assert rows[1][1].startswith("'=SUM(A1)\n1은?")
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_the_words_of_the_sheet_itself_are_of_cp949(source: FileSource) -> None:
    for row in rows_of(source.folder / "kim.csv"):
        label, groups, _ = row["A"].split("\n")
        assert (label + groups).encode("cp949").decode("cp949") == label + groups
    assert MARKS.encode("cp949")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("1위", "2등", "3번"), (1, 2, 3)),
        (("1.00", "２", "③"), (1, 2, 3)),
        (("첫째", "둘째", "세 번째"), (1, 2, 3)),
        (("일", "이", "삼"), (1, 2, 3)),
        (("1순위", "02", " 3 "), (1, 2, 3)),
        (("Ⅰ", "ii", "❸"), (1, 2, 3)),
        (("1=", "공동 1위", "3\u200b"), (1, 1, 3)),
        (("(1)", "2)", "'3"), (1, 2, 3)),
    ],
)
def test_ranks_as_people_write_them(source: FileSource, cells: tuple[str, ...], expected: tuple[int, ...]) -> None:
    fill(source, rank_A=cells[0], rank_B=cells[1], rank_C=cells[2], comment="=좋음")
    rankings, uncounted = read(source)
    assert uncounted == []
    assert tuple(rankings[0].ranks[c] for c in ("c1", "c2", "c0")) == expected
    assert rankings[0].comment == "=좋음"


@pytest.mark.parametrize(
    "label",
    [
        *("[2수01-05]", "2수01-05", "2수01–05 ", "【2수01-05】", "[2수01-05]\u200b", "\ufeff[2수01-05]", "이름 5번"),
        *("[2수01-05] 이름 5번", "[2수01-05]이름 5번", "[2수01-05] 이름 5번\n초1-2 > 수와 연산\n'@cmd “까닭”…", "[2수01-05] 이름"),
        unicodedata.normalize("NFD", "[2수01-05] 이름 5번"),
    ],
)
def test_labels_in_usual_spellings_and_pasted_from_a_card(source: FileSource, label: str) -> None:
    fill(source, right_label=label)
    rankings, uncounted = read(source)
    assert uncounted == []
    assert (rankings[0].kind, rankings[0].right_label) == ("none_right", "[2수01-05]")


@pytest.mark.parametrize("mark", ["O", "o", "ㅇ", "○", "◯", "Ｏ", "v", "✓", "1", "1.0", "예", "Y", "TRUE"])
def test_o_is_yes(source: FileSource, mark: str) -> None:
    fill(source, none_right=mark)
    fill(source, row=1, discard=mark)
    assert [ranking.kind for ranking in collect(source)] == ["none_right", "discarded"]


@pytest.mark.parametrize("mark", ["X", "x", "×", "Ｘ", "0", "아니오", "N", "FALSE", "-", "❌"])
def test_x_is_no(source: FileSource, mark: str) -> None:
    fill(source, none_right=mark, discard=mark, rank_A="1", rank_B="2", rank_C="3")
    rankings, uncounted = read(source)
    assert [(ranking.slate_id, ranking.kind) for ranking in rankings] == [("s-1", "ranked")]
    assert uncounted == []


@pytest.mark.parametrize("cells", [{"none_right": "X"}, {"discard": "×"}, {"none_right": "x", "discard": "x"}])
def test_an_x_alone_may_have_been_meant_as_a_mark_and_is_named(source: FileSource, cells: dict[str, str]) -> None:
    fill(source, **cells)
    rankings, uncounted = read(source)
    assert rankings == []
    assert [(found.kind, found.column) for found in uncounted] == [("half-filled", ", ".join(cells))]


def test_zeros_and_dashes_alone_are_an_empty_row(source: FileSource) -> None:
    fill(source, none_right="0", discard="-")
    assert read(source) == ([], [])


def as_earlier_version(source: FileSource) -> None:
    """The sheets as earlier versions wrote them: no word of O and X, and a sign between the groups that CP949 lacks."""
    for path in source.folder.glob("*.csv"):
        rows = rows_of(path)
        save(path, [{k: v.replace(" > ", " › ") for k, v in row.items() if k != MARKS} for row in rows])


def test_an_x_in_a_sheet_of_an_earlier_version_stays_yes(source: FileSource) -> None:
    as_earlier_version(source)
    fill(source, none_right="x")
    fill(source, row=1, discard="X")
    fill(source, row=2, none_right="×")
    rankings, uncounted = read(source)
    assert [(ranking.slate_id, ranking.kind) for ranking in rankings] == [("s-1", "none_right"), ("s-2", "discarded")]
    assert [(found.kind, found.slate_id) for found in uncounted] == [("mark", "s-3")]


def test_a_teacher_who_deletes_the_last_column_does_not_turn_no_into_yes(source: FileSource) -> None:
    path = fill(source, none_right="X", rank_A="1", rank_B="2", rank_C="3")
    save(path, [{k: v for k, v in row.items() if k != MARKS} for row in rows_of(path)])
    assert [ranking.kind for ranking in collect(source)] == ["ranked"]
    (source.folder / "slates.csv").unlink()
    rankings, uncounted = source.read(SLATES, file_receipts(source))
    assert rankings == []
    assert kinds(uncounted) == ["mark"], "nothing says any more what an X meant"


def file_receipts(source: FileSource):
    from prefopt.records import Receipt

    return [Receipt(slate_id=s.id, source="file", dataset=source.folder.name, record=s.id) for s in SLATES]


FAULTY = [
    ({"rank_A": "1"}, "half-filled", "rank_B, rank_C"),
    ({"rank_A": "1", "rank_B": "2", "rank_C": "4"}, "rank", "rank_C"),
    ({"rank_A": "1", "rank_B": "2", "rank_C": "first"}, "rank", "rank_C"),
    ({"rank_A": "0", "rank_B": "2", "rank_C": "1"}, "rank", "rank_A"),
    ({"rank_A": "2026-01-02", "rank_B": "2", "rank_C": "1"}, "rank", "rank_A"),
    ({"rank_A": "1.5", "rank_B": "2", "rank_C": "1"}, "rank", "rank_A"),
    ({"rank_A": "1", "rank_B": "2", "rank_C": "1/2"}, "rank", "rank_C"),
    ({"discard": "O", "rank_A": "1", "rank_B": "2", "rank_C": "3"}, "contradiction", "rank_A, rank_B, rank_C, discard"),
    ({"none_right": "O", "discard": "O"}, "contradiction", "none_right, discard"),
    ({"none_right": "X", "right_label": "[2수01-05]"}, "contradiction", "right_label, none_right"),
    ({"none_right": "maybe"}, "mark", "none_right"),
    ({"discard": "없음"}, "mark", "discard"),
    ({"right_label": "[2수01-99]"}, "label", "right_label"),
    ({"right_label": "[2수01-01], [2수01-02]"}, "label", "right_label"),
    ({"right_label": "[2수01-01] 아님"}, "label", "right_label"),
    ({"problem": "다른 문제", "discard": "O"}, "question-changed", "problem"),
    ({"A": "다른 카드", "rank_A": "1", "rank_B": "2", "rank_C": "3"}, "question-changed", "A"),
]


@pytest.mark.parametrize(("cells", "kind", "column"), FAULTY)
def test_a_doubtful_row_does_not_count_and_all_others_do(source: FileSource, cells: dict[str, str], kind: str, column: str) -> None:
    fill(source, row=1, rank_A="1", rank_B="2", rank_C="3")
    path = fill(source, **cells)
    rank_all(source, "lee.csv", "123", "123", "123")
    rankings, uncounted = read(source)
    assert [(r.slate_id, r.teacher) for r in rankings] == [("s-1", "lee"), ("s-2", "kim"), ("s-2", "lee"), ("s-3", "lee")]
    (found,) = uncounted
    assert (found.kind, found.column, found.teacher, found.slate_id) == (kind, column, "kim", "s-1")
    assert (found.path, found.line) == ("feedback/m-001/kim.csv", 2)
    assert any("가" <= c <= "힣" for c in found.ko)
    assert found.en.isascii() or cells.keys() & {"discard", "right_label"}
    assert path.exists()


def test_all_faults_are_named_in_one_reading(source: FileSource) -> None:
    for row, (cells, _, _) in enumerate(FAULTY[1:4]):
        fill(source, row=row, **cells)
    fill(source, "lee.csv", none_right="?", rank_A="9", rank_B="1", rank_C="1")
    rankings, uncounted = read(source)
    assert rankings == []
    assert [(found.path[-7:], found.column, found.found) for found in uncounted] == [
        ("kim.csv", "rank_C", "4"),
        ("kim.csv", "rank_C", "first"),
        ("kim.csv", "rank_A", "0"),
        ("lee.csv", "none_right", "?"),
        ("lee.csv", "rank_A", "9"),
    ]


def test_the_line_of_a_row_after_cells_with_line_breaks(source: FileSource) -> None:
    path = fill(source, row=1, rank_A="9", rank_B="1", rank_C="1")
    _, (found,) = read(source)
    assert found.line is not None
    assert path.read_text(encoding="utf-8-sig").splitlines()[found.line - 1].startswith("s-2,")


def test_progress_counts_what_collect_takes(source: FileSource) -> None:
    fill(source, rank_A="1")
    fill(source, row=1, rank_A="1위", rank_B="2위", rank_C="3위")
    assert source.progress(source.publish(SLATES)).rankings == {"kim": 1}


def test_a_workbook_is_read_as_the_csv_file_is(source: FileSource) -> None:
    rank_all(source, "kim.csv", "123", "211", "333")
    save_workbook(source.folder / "lee.xlsx", rows_of(source.folder / "kim.csv"))
    (source.folder / "lee.csv").unlink()
    rankings, uncounted = read(source)
    assert uncounted == []
    mine, theirs = ([r.ranks for r in rankings if r.teacher == name] for name in ("kim", "lee"))
    assert mine == theirs
    assert len(mine) == 3


@pytest.mark.parametrize(("encoding", "delimiter"), [("cp949", ","), ("utf-16", "\t"), ("utf-8-sig", ";"), ("utf-8", ",")])
def test_the_encodings_and_separators_of_spreadsheet_programs(source: FileSource, encoding: str, delimiter: str) -> None:
    rank_all(source, "kim.csv", "123", "213", "321")
    before = collect(source)
    save(source.folder / "kim.csv", rows_of(source.folder / "kim.csv"), encoding, delimiter)
    rankings, uncounted = read(source)
    assert (rankings, uncounted) == (before, [])


def test_a_sheet_that_excel_saved_as_plain_csv_and_then_as_utf8_still_counts(source: FileSource) -> None:
    path = rank_all(source, "kim.csv", "123", "213", "321")
    before = collect(source)
    lost = path.read_text(encoding="utf-8-sig").encode("cp949", "replace").decode("cp949")
    assert "?" in lost
    path.write_text(lost, encoding="utf-8-sig", newline="")
    assert read(source) == (before, [])


def test_a_sheet_of_an_earlier_version_that_lost_its_characters_still_counts(source: FileSource) -> None:
    as_earlier_version(source)
    path = rank_all(source, "kim.csv", "123", "213", "321")
    lost = path.read_text(encoding="utf-8-sig").encode("cp949", "replace").decode("cp949")
    assert "초1-2 ? 수와" in lost
    path.write_text(lost, encoding="utf-8-sig", newline="")
    rankings, uncounted = read(source)
    assert (len(rankings), uncounted) == (3, [])


@pytest.mark.parametrize("hidden", ["\u200b", "\u00a0", "\u2060", "\u2009", "𝑥", "\u2212", "•"])
def test_each_character_that_cp949_lacks_may_become_a_question_mark(tmp_path: Path, hidden: str) -> None:
    one = slate(1)
    one = one.model_copy(update={"problem": one.problem.model_copy(update={"text": f"3{hidden}4는 얼마입니까?"})})
    source = file_source(tmp_path, "kim")
    source.publish([one])
    path = rank_all(source, "kim.csv", "123")
    for mark in ("?", "??", " ", "", "-"):
        path.write_bytes(rank_all(source, "kim.csv", "123").read_bytes().replace(hidden.encode(), mark.encode()))
        rankings, uncounted = read(source, [one])
        assert (len(rankings), uncounted) == (1, []), mark
    path.write_bytes(path.read_bytes().replace(b"4", b"5"))
    assert kinds(read(source, [one])[1]) == ["question-changed"]


def test_decomposed_letters_spaces_and_lost_apostrophes_are_the_same_question(source: FileSource) -> None:
    path = rank_all(source, "kim.csv", "123", "213", "321")
    changed(
        path,
        lambda rows: [
            row.update({k: unicodedata.normalize("NFD", f" {v.removeprefix(chr(39))} ") for k, v in row.items()}) for row in rows
        ],
    )
    rankings, uncounted = read(source)
    assert (len(rankings), uncounted) == (3, [])


def test_what_excel_does_to_ids_is_undone_by_the_cards(tmp_path: Path) -> None:
    slates = [slate(1, "007"), slate(2, "1-2"), slate(3, "123456789012345678"), slate(4, "1e10")]
    source = file_source(tmp_path, "kim")
    source.publish(slates)
    path = rank_all(source, "kim.csv", "123", "132", "213", "231")
    changed(path, lambda rows: [row.update(slate=new) for row, new in zip(rows, ("7", "2026-01-02", "1.23457E+17", "1E+10"), strict=True)])
    rankings, uncounted = read(source, slates)
    assert uncounted == []
    assert {r.slate_id: tuple(r.ranks[c] for c in ("c1", "c2", "c0")) for r in rankings} == {
        "007": (1, 2, 3),
        "1-2": (1, 3, 2),
        "123456789012345678": (2, 1, 3),
        "1e10": (2, 3, 1),
    }


def test_totals_and_notes_are_named_and_stop_nothing(source: FileSource) -> None:
    path = rank_all(source, "kim.csv", "123", "213", "321")
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write("합계,,,,,3,2,1\r\n,모두 풀었습니다\r\n,,,,,,,,,,,\r\n")
    rankings, uncounted = read(source)
    assert len(rankings) == 3
    assert [(found.kind, found.found) for found in uncounted] == [("no-slate", "합계"), ("no-slate", "모두 풀었습니다")]


def test_a_note_beside_the_table_costs_its_own_line(source: FileSource) -> None:
    path = rank_all(source, "kim.csv", "123", "213", "321")
    lines = path.read_bytes().split(b"\r\n")
    at = next(i for i, line in enumerate(lines) if line.endswith(b",2,1,3,,,,,"))
    lines[at] += ",둘 다 좋음".encode()
    path.write_bytes(b"\r\n".join(lines))
    rankings, uncounted = read(source)
    assert [r.slate_id for r in rankings] == ["s-1", "s-3"]
    assert [(found.kind, found.teacher) for found in uncounted] == [("line", "kim")]


def test_a_column_twice_is_named(source: FileSource) -> None:
    path = rank_all(source, "kim.csv", "123", "213", "321")
    path.write_bytes(path.read_bytes().replace(b"comment", b"RANK_a"))
    rankings, uncounted = read(source)
    assert (rankings, kinds(uncounted)) == ([], ["unreadable"])
    assert "two columns are named rank_A" in uncounted[0].en


def test_sorted_and_deleted_rows_are_fine_and_columns_are_named(source: FileSource) -> None:
    path = rank_all(source, "kim.csv", "123", "213", "321")
    rows = rows_of(path)
    save(path, [{**{k: v for k, v in row.items() if k != "comment"}, "메모": "x"} for row in (rows[2], rows[0])])
    rankings, uncounted = read(source)
    assert [r.slate_id for r in rankings] == ["s-1", "s-3"]
    assert [(found.kind, found.column) for found in uncounted] == [("column-missing", "comment"), ("column-extra", "메모")]


def test_a_column_that_was_sorted_on_its_own_is_noticed(source: FileSource) -> None:
    path = rank_all(source, "kim.csv", "123", "213", "321")

    def swap(rows: list[dict[str, str]]) -> None:
        rows[0]["problem"], rows[1]["problem"] = rows[1]["problem"], rows[0]["problem"]

    changed(path, swap)
    rankings, uncounted = read(source)
    assert [r.slate_id for r in rankings] == ["s-3"]
    assert [(found.kind, found.slate_id, found.column) for found in uncounted] == [
        ("question-changed", "s-1", "problem"),
        ("question-changed", "s-2", "problem"),
    ]


def test_the_same_row_twice_counts_once_and_different_rows_not_at_all(source: FileSource) -> None:
    path = rank_all(source, "kim.csv", "123", "213", "321")

    def again(rows: list[dict[str, str]]) -> None:
        rows += [dict(rows[0]), {**rows[1], "rank_A": "3"}]

    changed(path, again)
    rankings, uncounted = read(source)
    assert [r.slate_id for r in rankings] == ["s-1", "s-3"]
    (found,) = uncounted
    assert (found.kind, found.slate_id) == ("answers-differ", "s-2")
    assert found.en.count("kim.csv:") == 2


@pytest.mark.parametrize("content", [b"\x00\xff\x00", b"", b"a,b\n1,2\n", b'slate,"problem\n'])
def test_a_file_that_cannot_be_read_is_named_and_stops_nobody_else(source: FileSource, content: bytes) -> None:
    (source.folder / "kim.csv").write_bytes(content)
    rank_all(source, "lee.csv", "123", "213", "321")
    rankings, uncounted = read(source)
    assert [r.teacher for r in rankings] == ["lee"] * 3
    assert [(found.kind, found.path) for found in uncounted] == [("unreadable", "feedback/m-001/kim.csv")]


def test_what_a_workbook_says_beside_its_first_sheet_is_named(source: FileSource) -> None:
    path = rank_all(source, "lee.xlsx", "123", "213", "321")
    (source.folder / "lee.csv").unlink()
    book = openpyxl.load_workbook(path)
    second = book.create_sheet("2차")
    second.append(["slate", "rank_A"])
    second.append(["s-1", 3])
    book.active["F2"].comment = Comment("사실은 2위", "lee")
    book.save(path)
    rankings, uncounted = read(source)
    assert len(rankings) == 3
    assert {found.kind for found in uncounted} == {"sheet-unread", "cell-comment"}


def test_a_workbook_that_is_none_is_named(source: FileSource) -> None:
    (source.folder / "lee.csv").unlink()
    (source.folder / "lee.xlsx").write_bytes(b"no workbook")
    rankings, uncounted = read(source)
    assert (rankings, kinds(uncounted)) == ([], ["unreadable"])


def test_publishing_overwrites_nothing(source: FileSource) -> None:
    path = fill(source, rank_A="1", rank_B="2", rank_C="3")
    before = path.read_bytes()
    source.publish(SLATES)
    assert path.read_bytes() == before
    path.rename(source.folder / "Kim.csv")
    source.publish(SLATES)
    assert not path.exists(), "kim has a file"


def test_a_directory_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "feedback").write_text("a file in the way")
    with pytest.raises(FeedbackError, match="cannot write"):
        file_source(tmp_path).publish(SLATES)


@pytest.mark.parametrize("name", ["../kim", "a/b", ".kim", "~kim", ""])
def test_a_teachers_name_cannot_lead_to_another_directory(name: str) -> None:
    with pytest.raises(ConfigError):
        options(FileConfig, {"teachers": [name]}, "[feedback.options]")
