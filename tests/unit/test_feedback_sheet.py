"""A teacher's CSV file: changes by spreadsheet programs are accepted, contradictory rows are refused with file and line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from feedback.file import FileConfig, FileSource
from feedback.sheet import read_sheet
from prefopt.errors import ConfigError, DataError, FeedbackError
from prefopt.plugins import options
from prefopt.protocols import FeedbackContext
from prefopt.records import Answer, Candidate, Problem, Ranking, Slate
from prefopt.taxonomy import parse_taxonomy

TAXONOMY = parse_taxonomy("code,name\n" + "".join(f"[2수01-0{i}],이름 {i}\n" for i in range(1, 6)), "taxonomy.csv")
SLATES = [
    Slate(
        id=f"s-{number}",
        problem=Problem(id=f"p{number}", text=f"=SUM(A1)\n{number}은?"),
        candidates=tuple(
            Candidate(id=f"c{i}", answer=Answer(label=TAXONOMY.ids[i], reason="@cmd"), probability=0.2, adapter="r") for i in range(3)
        ),
        order=(1, 2, 0),
        purpose="margin",
        top2_gap=0.1,
    )
    for number in (1, 2)
]


@pytest.fixture
def source(tmp_path: Path) -> FileSource:
    made = FileSource(FileConfig(teachers=("kim",)), FeedbackContext(project=tmp_path, name="m-001", taxonomy=TAXONOMY, overlap=1))
    made.publish(SLATES)
    return made


def fill(source: FileSource, teacher: str = "kim", row: int = 0, **cells: str) -> None:
    """Fill in cells as a spreadsheet program does: it rewrites the whole file."""
    path = source.folder / f"{teacher}.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    rows[row].update(cells)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def collect(source: FileSource) -> list[Ranking]:
    return source.collect(SLATES, source.publish(SLATES))


def test_the_file_opens_in_a_spreadsheet_and_runs_nothing(source: FileSource) -> None:
    raw = (source.folder / "kim.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert rows[0] == [
        *("slate", "problem", "A", "B", "C", "rank_A", "rank_B", "rank_C"),
        *("none_right", "right_label", "discard", "comment"),
    ]
    assert rows[1][1] == "'=SUM(A1)\n1은?"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_ranks_in_the_spellings_of_spreadsheets(source: FileSource) -> None:
    fill(source, rank_A=" 2 ", rank_B="1.0", rank_C="２", comment="=좋음")
    (ranking,) = collect(source)
    assert ranking.ranks == {"c1": 2, "c2": 1, "c0": 2}
    assert ranking.comment == "=좋음"


@pytest.mark.parametrize("label", ["[2수01-05]", "2수01-05", "2수01–05 ", "【2수01-05】"])
def test_labels_in_usual_spellings(source: FileSource, label: str) -> None:
    fill(source, right_label=label)
    (ranking,) = collect(source)
    assert (ranking.kind, ranking.right_label) == ("none_right", "[2수01-05]")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"rank_A": "1"}, r"kim\.csv:2: slate s-1: rank_B, rank_C is empty"),
        ({"rank_A": "1", "rank_B": "2", "rank_C": "4"}, r"kim\.csv:2: slate s-1: rank_C = '4'"),
        ({"rank_A": "1", "rank_B": "2", "rank_C": "first"}, r"rank_C = 'first'"),
        ({"rank_A": "0", "rank_B": "2", "rank_C": "1"}, r"rank_A = '0'"),
        ({"discard": "x", "rank_A": "1", "rank_B": "2", "rank_C": "3"}, r"contradict"),
        ({"none_right": "x", "discard": "x"}, r"contradict"),
        ({"none_right": "maybe"}, r"none_right = 'maybe'"),
        ({"right_label": "[2수01-99]"}, r"right_label = '\[2수01-99\]' is not a label"),
    ],
)
def test_a_contradictory_row_is_refused_with_file_and_line(source: FileSource, cells: dict[str, str], message: str) -> None:
    fill(source, **cells)
    with pytest.raises(DataError, match=message) as error:
        collect(source)
    assert error.value.hint


def test_the_line_of_a_row_after_cells_with_line_breaks(source: FileSource) -> None:
    fill(source, row=1, rank_A="9", rank_B="1", rank_C="1")
    with pytest.raises(DataError) as error:
        collect(source)
    line = error.value.line
    assert line is not None
    text = (source.folder / "kim.csv").read_text(encoding="utf-8-sig").splitlines()
    assert text[line - 1].startswith("s-2,")


def test_a_half_filled_row_does_not_count_as_progress(source: FileSource) -> None:
    fill(source, rank_A="1")
    assert source.progress(source.publish(SLATES)).rankings == {}


def test_a_file_in_two_encodings_is_refused(source: FileSource) -> None:
    path = source.folder / "kim.csv"
    path.write_bytes(path.read_bytes() + "메모".encode("cp949"))
    with pytest.raises(DataError, match="not UTF-8") as error:
        collect(source)
    assert "CSV UTF-8" in error.value.hint


def test_a_missing_column_a_duplicate_and_an_unknown_row_are_refused(source: FileSource) -> None:
    path = source.folder / "kim.csv"
    whole = path.read_text(encoding="utf-8-sig")
    path.write_text(whole.replace("none_right", "x"), encoding="utf-8")
    with pytest.raises(DataError, match="no column none_right"):
        collect(source)
    path.write_text(whole + whole.partition("\n")[2].replace("comment", ""), encoding="utf-8")
    with pytest.raises(DataError, match="s-1: duplicate; first on line 2"):
        collect(source)
    path.write_text(whole.replace("s-2", "s-9"), encoding="utf-8")
    with pytest.raises(DataError, match="'s-9' was not published"):
        collect(source)


def test_judgments_in_the_template_are_refused(source: FileSource) -> None:
    template = source.folder / "slates.csv"
    (source.folder / "kim.csv").replace(template)
    fill(source, teacher="slates", discard="x")
    with pytest.raises(DataError, match="belongs to no teacher"):
        collect(source)
    template.rename(source.folder / "lee.csv")
    assert [ranking.teacher for ranking in collect(source)] == ["lee"]


def test_lock_files_of_spreadsheet_programs_are_skipped(source: FileSource) -> None:
    (source.folder / "~$kim.csv").write_bytes(b"\x00\xff")
    (source.folder / ".~lock.kim.csv").write_bytes(b"\x00\xff")
    assert collect(source) == []


def test_publishing_overwrites_nothing(source: FileSource) -> None:
    fill(source, rank_A="1", rank_B="2", rank_C="3")
    before = (source.folder / "kim.csv").read_bytes()
    source.publish(SLATES)
    assert (source.folder / "kim.csv").read_bytes() == before


def test_a_directory_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "feedback").write_text("a file in the way")
    made = FileSource(FileConfig(), FeedbackContext(project=tmp_path, name="m-001", taxonomy=TAXONOMY, overlap=1))
    with pytest.raises(FeedbackError, match="cannot write"):
        made.publish(SLATES)


@pytest.mark.parametrize("name", ["../kim", "a/b", ".kim", "~kim", ""])
def test_a_teachers_name_cannot_lead_to_another_directory(name: str) -> None:
    with pytest.raises(ConfigError):
        options(FileConfig, {"teachers": [name]}, "[feedback.options]")


def test_an_empty_row_at_the_end_is_ignored(source: FileSource) -> None:
    path = source.folder / "kim.csv"
    path.write_text(path.read_text(encoding="utf-8-sig") + "," * 11 + "\n", encoding="utf-8")
    assert len(read_sheet(path)) == 2
