"""What others wrote reaches terminals, logs and tables without control characters and without formulas, and comes back as it was."""

from __future__ import annotations

import ast
import csv
import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from prefopt.cli.console import ShownConsole
from prefopt.controls import ShownStream, shown
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import DataError, PrefoptError
from prefopt.io.spreadsheet import FORMULA, csv_text, escape_formula, unescape_formula, write_cells
from prefopt.readers.row_reader import read_rows_of
from tests.expressions import ROOT, growth, modules

HOSTILE = (
    "\x1b]0;title\x07", "\x1b[31mred", "\x9b2J", "a\rb", "\x08\x08", "\x7f", "\x00", "\u202ereversed\u202c", "\u2066a\u2069", "\u200e",
    "\u061c", "a\u200bb",
    "\ufeff", "\u2028", "\U000e0041", "\udc80", "x\u200dy", "\x85", "\u3164",
)  # fmt: skip
PLAIN = (
    "사과 3개\n배 2개",
    "\ttab",
    "👩‍👩‍👧‍👦 가족",
    "🏳️‍🌈",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "❤️‍🔥",
    "x² ≤ 3",
    "a\r\nb",
    "각",
)
FORMULAS = (
    "=1+1",
    "+cmd|x",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1+1",
    "\u3000=1",
    "＝1+1",
    "＋1",
    "－1a",
    "＠a",
    "'=1",
    "''=1",
    "' =1",
    "=",
    "-",
    "\n=1",
)
NUMBERS = ("-3", "+4", "1", "-0.5", "1,000", "-12%", "1e5", "-3.5e-7")


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_is_escaped_where_it_is_printed(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(text) != text
    assert shown(shown(text)) == shown(text)
    assert not set(text) & set(shown(text)) & set("\x1b\x9b\u202e\u200b\r\x08\x7f\x00")
    raw = io.StringIO()
    stream, console = ShownStream(raw), ShownConsole(file=io.StringIO(), force_terminal=True, soft_wrap=True, highlight=False)
    print(f"name {text}", file=stream)
    assert raw.getvalue() == f"name {shown(text)}\n"
    assert json.loads(shown(json.dumps({"name": text.replace("\udc80", "")}, ensure_ascii=False))) == {"name": text.replace("\udc80", "")}
    table = Table(box=None, title=f"of {text}")
    table.add_column("who")
    table.add_row(f"name {text}")
    console.print(f"name {text}", markup=False)
    console.print(table)
    written = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO above
    assert written.count(shown(text)) == 3
    for error in (PrefoptError(f"no {text}", hint=f"type {text}"), DataError("bad", path=f"{text}.csv", line=1)):
        assert text not in str(error)
        assert shown(text) in str(error)


@pytest.mark.parametrize("text", PLAIN, ids=ascii)
def test_texts_of_people_stay_as_they_are(text: str) -> None:
    assert shown(text) == text


@given(st.text())
def test_json_means_the_same_when_it_is_shown(text: str) -> None:
    assert json.loads(shown(json.dumps(text, ensure_ascii=False))) == text
    assert shown(shown(text)) == shown(text)


def test_a_process_guards_all_that_it_writes() -> None:
    program = (
        "import logging, sys, warnings\n"
        "from prefopt.controls import guard_output\n"
        "guard_output()\n"
        "bad = chr(27) + ']0;x' + chr(7) + chr(0x202e)\n"
        "print('out', bad); print('err', bad, file=sys.stderr); sys.stdout.writelines([bad])\n"
        "logging.warning('log %s', bad); logging.getLogger('a').error(bad); warnings.warn(bad)\n"
        "raise SystemExit('exit ' + bad)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 1
    both = (done.stdout + done.stderr).decode()
    assert both.count("\\u001b]0;x\\u0007\\u202e") >= 7
    assert "\x1b" not in both
    assert "\u202e" not in both


def test_log_records_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    from prefopt.io.row import Note
    from prefopt.readers.notes import tell

    with caplog.at_level(logging.WARNING, "prefopt.readers"):
        logging.getLogger("prefopt.readers").propagate = True
        tell("a\x1b[31m.csv", Note(1, "title-row", "\u202e"))
    assert "\x1b" not in caplog.text
    assert "\\u001b[31m.csv:1: \\u202e" in caplog.text


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_no_table_holds_a_formula(text: str, tmp_path: Path) -> None:
    assert escape_formula(text) == f"'{text}"
    assert unescape_formula(escape_formula(text)) == text
    made = csv_text([text, "b"], [[text, -3]])
    rows = list(csv.reader(io.StringIO(made.removeprefix("\ufeff"), newline="")))
    assert rows[1][1] == "-3"
    assert all(cell.startswith(("'", "\\u000d")) for cell in (rows[0][0], rows[1][0]))
    if "\r" in text:
        return
    row = {"id": text.strip() or "x", "text": text, "metadata": {"=k": text}}
    for suffix in (".csv", ".tsv", ".xlsx"):
        target = tmp_path / f"out{suffix}"
        write_rows_to(target, [row])
        (back,) = read_rows_of(target)
        assert back.values["text"].strip("\n") == text.strip("\n")
    cells = list(csv.reader(io.StringIO((tmp_path / "out.csv").read_text(encoding="utf-8"), newline="")))
    assert not any(cell.lstrip(" \n\u3000").startswith(FORMULA) for line in cells for cell in line)


def test_workbooks_hold_no_formula(tmp_path: Path) -> None:
    import openpyxl

    write_rows_to(tmp_path / "out.xlsx", [{"=cmd|x": "=1+1", "b": "사과", "n": -3}])
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["problems"]
    assert [cell.data_type for cell in sheet[1]] == ["s", "s", "s"]
    assert [(cell.value, cell.data_type, bool(cell.quotePrefix)) for cell in sheet[2]] == [
        ("=1+1", "s", True),
        ("사과", "s", False),
        (-3, "n", False),
    ]


@pytest.mark.parametrize("text", [*NUMBERS, "사과", "x = 1", "3-2", "'사과'"])
def test_numbers_and_plain_texts_stay(text: str) -> None:
    assert escape_formula(text) == text
    assert unescape_formula(text) == text


@given(st.text(st.sampled_from("'=+-@\t １＝ 1a가\u3000")))
def test_every_escaped_text_comes_back(text: str) -> None:
    assert unescape_formula(escape_formula(text)) == text


@pytest.mark.parametrize("pump", [" ", "'", "\u3000", "'=", "1,", "1", "-"])
def test_escaping_takes_linear_time(pump: str) -> None:
    assert growth(escape_formula, lambda n: pump * n + "x") < 3


def test_a_control_character_is_refused_by_tables(tmp_path: Path) -> None:
    for suffix in (".csv", ".tsv", ".xlsx"):
        with pytest.raises(DataError, match="contains"):
            write_rows_to(tmp_path / f"out{suffix}", [{"text": "a\x1b[31mb"}])
    write_rows_to(tmp_path / "out.jsonl", [{"text": "a\x1b[31mb"}])
    assert next(iter(read_rows_of(tmp_path / "out.jsonl"))).values == {"text": "a\x1b[31mb"}


def test_tables_for_people_show_control_characters() -> None:
    file = io.StringIO()
    write_cells(file, [["이름", "\x1b[31m=1", 3]])
    assert file.getvalue() == "이름,\\u001b[31m=1,3\n"


WRITERS = {"prefopt/io/spreadsheet.py": "the one writer of CSV", "prefopt/data/formats/row_writer.py": "the one writer of workbooks"}
STREAMS = {
    "prefopt/controls.py": "the guard itself",
    "prefopt/cli/console.py": "the consoles",
    "prefopt/cli/shown_console.py": "their class",
    "prefopt/model/bounded.py": "into a pipe",
    "prefopt/serve/journal.py": "into its own files, as JSON",
    "prefopt/cli/boundary.py": "last words where nothing else can be written; they pass through shown()",
}


def _calls(tree: ast.Module) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)} | {
        ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }


def test_only_one_module_writes_csv_and_one_workbooks() -> None:
    for _, path in modules():
        found = _calls(ast.parse(path.read_text(encoding="utf-8")))
        wanted = {"csv.writer", "csv.DictWriter", "openpyxl.Workbook", "Workbook.save"} | {
            c for c in found if c.endswith(".to_csv") or c.endswith(".to_excel")
        }
        used = found & wanted
        assert not used or str(path.relative_to(ROOT)) in WRITERS, f"{path}: {used}: use prefopt.io.spreadsheet.write_cells"


def test_nothing_is_printed_around_the_guard() -> None:
    around = {
        "sys.__stdout__",
        "sys.__stderr__",
        "sys.stdout.buffer",
        "sys.stderr.buffer",
        "os.write",
        "Console",
        "rich.print",
        "raw_stream",
    }
    for _, path in modules():
        name = str(path.relative_to(ROOT))
        if name in STREAMS or name.startswith("feedback/server/"):
            continue
        found = _calls(ast.parse(path.read_text(encoding="utf-8"))) & around
        assert not found, f"{name}: {found} writes around prefopt.controls"
    for entry in ("prefopt/cli/app.py", "prefopt/rounds/worker.py"):
        assert "guard_output" in _calls(ast.parse((ROOT / entry).read_text(encoding="utf-8")))
