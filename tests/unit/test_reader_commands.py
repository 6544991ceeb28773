"""Every option of the readers in every command that reads people's files, and in the project: the same problems whatever the file is."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import typer

from prefopt.cli.app import app
from prefopt.cli.reading import OPTIONS
from prefopt.readers.problem_rows import row_of
from prefopt.taxonomy import builtin_taxonomy, read_taxonomy
from tests.chat_server import ChatServer
from tests.command_line import CommandLine
from tests.unit.test_data_augment import PROBLEMS, good

COMMANDS = {
    "check": ("data", "check", "FILE", "--json"),
    "convert": ("data", "convert", "FILE", "out.jsonl", "--to", "openai-chat"),
    "split": ("data", "split", "FILE", "--out", "out", "--shares", "80/20"),
    "mask": ("data", "mask", "FILE", "out.jsonl"),
    "sft": ("data", "sft", "FILE", "out.jsonl"),
    "augment": ("data", "augment", "FILE", "out.jsonl", "--url", "URL", "--model", "m"),
}
WORDS = ("--columns", "id=Nr,label=Type,reason=Why", "--join", "Body+Question", "--ignore", "Extra,Body 2")
SHEET = "2학년"
SAID = ("encoding-cp949", "encoding-utf16", "sheet-unread")
"""What is rightly said of the odd files."""


@pytest.fixture
def prefopt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch, capsys)


def odd_rows() -> list[dict[str, str]]:
    """The problems in columns of other names, their texts in two columns."""
    rows = []
    for p in PROBLEMS:
        body, question = re.split(r"(?<=\.) (?=\S+ 모두)", p.text)
        rows.append({"Nr": p.id, "Body": body, "Question": question, "Type": p.label, "Why": p.reason, "Extra": "x", "Body 2": "y"})
    return rows


def workbook(path: Path, rows: list[dict[str, Any]]) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["다른 표"])
    sheet = book.create_sheet(SHEET)
    for values in (list(rows[0]), *(list(row.values()) for row in rows)):
        sheet.append(values)
    book.save(path)


def table(rows: list[dict[str, Any]], separator: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator)
    writer.writerows([list(rows[0]), *(list(row.values()) for row in rows)])
    return text.getvalue()


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> tuple[str, ...]:
    """Write rows to a file; the words of a command that name it, with its sheet."""
    path = folder / name
    if name.endswith(".xlsx"):
        workbook(path, rows)
        return (name, "--sheet", SHEET)
    if name.endswith(".json"):
        path.write_text(json.dumps({"data": rows}, ensure_ascii=False), encoding="utf-8")
    elif name == "cp949.csv":
        path.write_bytes(table(rows, ";").encode("cp949"))
    elif name.endswith(".txt"):
        path.write_bytes(table(rows, "\t").encode("utf-16"))
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return (name,)


def result(prefopt: CommandLine, command: str, folder: Path, file: tuple[str, ...], words: tuple[str, ...]) -> Any:
    """What a command prints or writes for a file, without the file's name and its lines."""
    server = ChatServer(good)
    try:
        line = [word for part in COMMANDS[command] for word in (file if part == "FILE" else (server.url,) if part == "URL" else (part,))]
        printed = prefopt(*line, *words)
    finally:
        server.close()
    if command == "check":
        found = json.loads(printed)
        return [f["kind"] for f in found["findings"] if f["kind"] not in SAID], found["labeled"]
    written = {p.name: p.read_text(encoding="utf-8") for p in [*folder.glob("out.jsonl"), *folder.glob("out/*.jsonl")]}
    for path in [*folder.glob("out.jsonl"), *folder.glob("out/*")]:
        path.unlink()
    return written


@pytest.mark.parametrize("name", ["cp949.csv", "excel.txt", "a.xlsx", "a.json", "a.jsonl"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_reads_every_file_with_every_option(tmp_path, prefopt, command, name):
    plain = write(tmp_path, "plain.jsonl", [row_of(p) for p in PROBLEMS])
    expected = result(prefopt, command, tmp_path, plain, ())
    assert result(prefopt, command, tmp_path, write(tmp_path, name, odd_rows()), WORDS) == expected
    assert expected


@pytest.mark.parametrize("command", ["init", "predict", *(f"data {name}" for name in (*COMMANDS, "taxonomy"))])
def test_no_command_lacks_an_option(command):
    found: Any = typer.main.get_command(app)
    context = typer.Context(found)
    for name in command.split():
        found = found.get_command(context, name)
    assert set(OPTIONS) <= {parameter.name for parameter in found.params}


def test_notes_go_to_stderr_once_in_the_language_of_the_project(tmp_path, prefopt):
    (name,) = write(tmp_path, "cp949.csv", odd_rows())
    printed = prefopt("data", "convert", name, "out.jsonl", "--to", "problems", *WORDS, "--json")
    assert json.loads(printed)["rows"] == len(PROBLEMS)
    assert prefopt.errors == "! cp949.csv:1: read as CP949, the Korean encoding of Windows\n"
    prefopt("init", "p")
    prefopt("data", "convert", f"../{name}", "out.csv", "--to", "problems", *WORDS, folder=tmp_path / "p")
    assert prefopt.errors == f"! ../{name}:1: CP949로 읽음\n"


def test_the_hint_of_an_unknown_column_can_be_typed(tmp_path, prefopt):
    row = {"problem_id": "1", "question": "3 + 4는 얼마입니까?", "answer": "7", "정답 풀이": "더한다"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    prefopt("data", "convert", "a.jsonl", "b.jsonl", "--to", "problems", code=1)
    words = re.search(r"skip it: --ignore '([^']*)'", prefopt.errors)
    prefopt("data", "convert", "a.jsonl", "b.jsonl", "--to", "problems", "--ignore", words[1])
    assert json.loads((tmp_path / "b.jsonl").read_text(encoding="utf-8")) == {"id": "1", "text": "3 + 4는 얼마입니까?"}


LABELS = [{"코드": "A", "이름": "더하기", "영역": "수"}, {"코드": "B\u200b", "이름": "빼기", "영역": "수"}]


@pytest.mark.parametrize("name", ["cp949.csv", "excel.txt", "a.xlsx", "a.json", "a.jsonl"])
def test_taxonomies_and_statements_are_read_from_every_file(tmp_path, prefopt, name):
    labels = [{key: value.replace("\u200b", "") if name == "cp949.csv" else value for key, value in row.items()} for row in LABELS]
    words = write(tmp_path, name, labels)
    found = json.loads(prefopt("data", "taxonomy", *words, "--json"))
    assert (found["labels"], found["groups"]) == (2, ["영역"])
    prefopt("init", "p", "--taxonomy", *words)
    assert read_taxonomy(tmp_path / "p" / "taxonomy.csv").ids == ("A", "B")
    odd = [{"Code": "A", "Text": "더한다.", "x": "1"}, {"Code": "B", "Text": "뺀다.", "x": "1"}]
    words = write(tmp_path, f"s-{name}" if name != "cp949.csv" else name, odd)
    given = ("--statements", *words, "--columns", "statement=Text", "--ignore", "x")
    prefopt("data", "taxonomy", "p/taxonomy.csv", "--out", "joined.csv", *given)
    assert [label.statement for label in read_taxonomy(tmp_path / "joined.csv")] == ["더한다.", "뺀다."]


def test_built_in_taxonomies_are_known_by_name(tmp_path, prefopt):
    row = {"id": "1", "text": "두 집합의 합집합은 무엇입니까?", "label": "[10공수1-01-01]"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row), encoding="utf-8")
    for name, kinds in (("ko_math_2022_high", []), ("ko_math_2022", ["label-unknown"])):
        found = json.loads(prefopt("data", "check", "a.jsonl", "--taxonomy", name, "--json", code=len(kinds)))
        assert [f["kind"] for f in found["findings"] if f["kind"].startswith("label-u")] == kinds
    prefopt("init", "high", "--taxonomy", "ko_math_2022_high")
    assert read_taxonomy(tmp_path / "high" / "taxonomy.csv").labels == builtin_taxonomy("ko_math_2022_high").labels
    assert json.loads(prefopt("data", "taxonomy", "ko_math_2022_high", "--json"))["labels"] == 254


def test_a_project_of_files_of_every_kind(tmp_path, prefopt):
    """gold .csv in CP949, pool .xlsx, hold-out .json, audit .parquet, gold questions .txt, taxonomy .xlsx: checked as their JSON lines."""
    from prefopt.curricula.generator.problem_generator import generate
    from prefopt.data.formats.row_writer import write_rows_to

    prefopt("init", "p")
    folder = tmp_path / "p"
    codes = ["[2수01-06]", "[4수03-25]", "[6수01-11]", "[6수03-19]", "[9수01-01]", "[9수02-20]"]
    sealed = ["[2수01-05]", "[4수01-01]", "[4수01-04]", "[6수01-01]", "[9수01-05]", "[9수02-13]"]
    drawn = (("gold", 4, 1, codes), ("holdout", 2, 2, codes), ("audit", 2, 4, sealed))
    sets = {name: [row_of(p) for p in generate(count, seed, of)] for name, count, seed, of in drawn}
    sets = {name: [{**row, "id": f"{name}-{i}", "family": f"{name}-{i}"} for i, row in enumerate(rows)] for name, rows in sets.items()}
    sets["pool"] = [{"id": f"pool-{i}", "text": p.text} for i, p in enumerate(generate(2, 3, codes))]
    for name, rows in sets.items():
        write_rows_to(folder / "data" / f"{name}.jsonl", rows)
    (folder / "data" / "questions.jsonl").write_text("", encoding="utf-8")
    settings = (folder / "prefopt.toml").read_text(encoding="utf-8")
    more = 'holdout_file = "data/holdout.jsonl"\naudit = "data/audit.jsonl"\n'
    settings = settings.replace("[data]\n", "[data]\n" + more).replace("slates = 150 ", "slates = 12  ")
    (folder / "prefopt.toml").write_text(settings, encoding="utf-8")
    expected = json.loads(prefopt("check", "--json", folder=folder))
    odd = [{"Nr": r["id"], "질문": r["text"], "분류": r["label"], "근 거": r["reason"], "비고": "x"} for r in sets["gold"]]
    (folder / "data" / "gold.csv").write_bytes(table(odd, ";").encode("cp949"))
    workbook(folder / "data" / "pool.xlsx", [{"Nr": r["id"], "질문": r["text"]} for r in sets["pool"]])
    (folder / "data" / "holdout.json").write_text(json.dumps({"data": sets["holdout"]}), encoding="utf-8")
    write_rows_to(folder / "data" / "audit.parquet", sets["audit"])
    labels = [{"code": x.code, "name": x.name, **dict(zip(("band", "domain"), x.groups, strict=False))} for x in builtin_taxonomy()]
    workbook(folder / "taxonomy.xlsx", labels)
    files = {"gold.jsonl": "gold.csv", "pool.jsonl": "pool.xlsx", "holdout.jsonl": "holdout.json", "audit.jsonl": "audit.parquet"}
    text = (folder / "prefopt.toml").read_text(encoding="utf-8")
    for old, new in files.items():
        text = text.replace(f"data/{old}", f"data/{new}")
    text = text.replace("[data]\n", '[data]\ntaxonomy = "taxonomy.xlsx"\n')
    text += f'\n[read]\ncolumns = "id=Nr,text=질문,label=분류"\nignore = "비고"\nsheet = "{SHEET}"\n'
    (folder / "prefopt.toml").write_text(text, encoding="utf-8")
    found = json.loads(prefopt("check", "--json", folder=folder))
    assert {k: v for k, v in found.items() if k != "taxonomy"} == {k: v for k, v in expected.items() if k != "taxonomy"}
    assert prefopt.errors.count("CP949") == 1
    checked = json.loads(prefopt("data", "check", "--json", folder=folder))
    assert checked["errors"] == 0, checked


def test_wrong_settings_of_reading_are_refused_with_their_place(tmp_path, prefopt):
    prefopt("init", "p")
    with (tmp_path / "p" / "prefopt.toml").open("a", encoding="utf-8") as file:
        file.write('\n[read]\ncolumns = "txt=q"\n')
    assert "not KEY=COLUMN" in prefopt("check", folder=tmp_path / "p", code=1)


def test_the_hint_of_a_project_can_be_written_into_its_settings(tmp_path, prefopt):
    prefopt("init", "p", "--example")
    folder = tmp_path / "p"
    rows = [json.loads(line) | {"비고": "x"} for line in (folder / "data" / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    (folder / "data" / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    prefopt("check", folder=folder, code=1)
    setting = re.search(r'skip it: (ignore = "[^"]*") under (\[read\])', prefopt.errors)
    with (folder / "prefopt.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n{setting[2]}\n{setting[1]}\n")
    assert "gold to train on" in prefopt("check", folder=folder)
