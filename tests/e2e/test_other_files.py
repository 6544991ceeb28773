"""A project whose files are tables: gold in CP949 with semicolons, a workbook as pool, general texts in UTF-16."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from prefopt.data.formats.row_writer import write_rows_to
from prefopt.readers.row_reader import read_rows_of
from tests.e2e.small import run


def test_the_loop_runs_on_tables_as_people_have_them(small_project: Path) -> None:
    folder = small_project / "data"
    before = json.loads(run(small_project, "check", "--json").stdout)
    rows = [row.values for row in read_rows_of(folder / "gold.jsonl")]
    names = ["id", "text", "label", "reason"]
    table = io.StringIO()
    writer = csv.writer(table, delimiter=";")
    writer.writerows([["번 호", "질문", "성취\n기준", "근거", "비고"], *([*(row.get(name) for name in names), "x"] for row in rows)])
    (folder / "gold.csv").write_bytes(table.getvalue().encode("cp949"))
    write_rows_to(folder / "pool.xlsx", [row.values for row in read_rows_of(folder / "pool.jsonl")])
    (folder / "general.txt").write_bytes("id\ttext\n1\t하늘이 맑다.\n2\t비가 온다.\n".encode("utf-16"))
    for name in ("gold", "pool"):
        (folder / f"{name}.jsonl").unlink()
    settings = (small_project / "prefopt.toml").read_text(encoding="utf-8")
    files = 'gold = "data/gold.csv"\npool = "data/pool.xlsx"\ngeneral_texts = "data/general.txt"\n'
    read = '\n[read]\ncolumns = "text=질문"\nignore = "비고"\n'
    (small_project / "prefopt.toml").write_text(settings.replace("[data]\n", f"[data]\n{files}") + read, encoding="utf-8")
    after = json.loads(run(small_project, "check", "--json").stdout)
    assert {key: after[key] for key in ("gold to train on", "gold held out", "pool")} == {
        key: before[key] for key in ("gold to train on", "gold held out", "pool")
    }
    done = run(small_project, "sft")
    assert done.stderr.count("gold.csv:1: CP949") == 1
    assert "general.txt:1: UTF-16" in done.stderr
    run(small_project, "round", expect=3)
    slates = (small_project / "rounds" / "001" / "sample" / "slates.jsonl").read_text(encoding="utf-8")
    assert len(slates.splitlines()) == 12
    with (folder / "gold.csv").open("ab") as file:
        file.write("새1;새 문제는 몇 개입니까?;[2수01-01];;x\n".encode("cp949"))
    assert json.loads(run(small_project, "check", "--json").stdout)["gold to train on"] >= before["gold to train on"]
