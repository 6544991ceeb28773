"""The file source as teachers use it: one person under two names of a file, a workbook, a bad cell; agreement is not invented."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import openpyxl

from tests.e2e.small import run


def sheet(folder: Path, name: str = "slates.csv") -> list[dict[str, str]]:
    text = (folder / "feedback/small-001" / name).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def save(path: Path, rows: list[dict[str, str]]) -> None:
    if path.suffix == ".xlsx":
        book = openpyxl.Workbook()
        for cells in ([*rows[0]], *([int(c) if c.isdecimal() else c for c in row.values()] for row in rows)):
            book.active.append(cells)
        book.save(path)
        return
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def ranked(rows: list[dict[str, str]], *orders: str) -> list[dict[str, str]]:
    """Ranks in the given orders, by turns."""
    return [row | {f"rank_{x}": rank for x, rank in zip("ABC", orders[i % len(orders)], strict=True)} for i, row in enumerate(rows)]


def test_one_person_with_two_files_counts_once_and_a_workbook_is_read(trained_project: Path) -> None:
    waiting = run(trained_project, "round", expect=3).stdout
    assert "0 of 12 slates complete" in waiting
    folder = trained_project / "feedback/small-001"
    blank = sheet(trained_project)
    save(folder / "kim.csv", ranked(blank, "123", "213"))
    shutil.copy(folder / "kim.csv", folder / "kim (1).csv")
    lees = ranked(blank, "312", "123")
    lees[0]["rank_A"] = "2 아니면 3"
    save(folder / "lee.xlsx", lees)

    refused = run(trained_project, "round", expect=1).stderr  # nobody is known: files are no people
    assert "kim (1).csv, kim.csv, lee.xlsx" in refused
    hint = "teachers add kim lee"
    assert f"prefopt {hint}" in refused
    run(trained_project, *hint.split())
    assert json.loads(run(trained_project, "teachers", "list", "--json").stdout) == [
        {"name": "kim", "first_name": ""},
        {"name": "lee", "first_name": ""},
    ]

    status = run(trained_project, "round", "status")
    assert "11 of 12 slates complete" in status.stdout
    assert "kim (1).csv" in status.stdout
    assert "lee.xlsx:2, rank_A: ‘2 아니면 3’" in status.stdout
    found = json.loads(run(trained_project, "round", "--json", expect=3).stdout)
    assert found["waiting"].startswith("11 of 12 slates complete (kim 12, lee 11)")
    assert [(row["kind"], row["path"], row["line"], row["found"]) for row in found["uncounted"]] == [
        ("second-file", "feedback/small-001/kim (1).csv", None, ""),
        ("rank", "feedback/small-001/lee.xlsx", 2, "2 아니면 3"),
    ]
    early = json.loads(run(trained_project, "rankings", "report", "--json").stdout)
    assert early["answers"] == 23
    assert early["alpha"]["value"] < 0.9, "two people, not one person twice"

    lees[0]["rank_A"] = "3위"
    save(folder / "lee.xlsx", lees)
    finished = run(trained_project, "round").stdout
    assert "24 rankings by 2 teachers on 12 slates" in finished
    assert "kim (1).csv" in finished
    rows = [json.loads(line) for line in (trained_project / "rounds/001/collect/rankings.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["teacher"] for row in rows} == {"kim", "lee"}
    kept = json.loads((trained_project / "rounds/001/collect/uncounted.jsonl").read_text(encoding="utf-8"))
    assert kept["kind"] == "second-file"
    after = json.loads(run(trained_project, "round", "status", "--json").stdout)
    assert [row["kind"] for row in after["uncounted"]] == ["second-file"]


def test_collect_now_goes_on_without_what_is_doubtful_and_says_so(trained_project: Path) -> None:
    settings = trained_project / "prefopt.toml"
    text = settings.read_text(encoding="utf-8").replace("overlap = 2", "overlap = 1\n[feedback.options]\nteachers = ['kim']")
    settings.write_text(text.replace("[project]\n", '[project]\nlanguage = "en"\n'), encoding="utf-8")
    run(trained_project, "round", expect=3)
    rows = ranked(sheet(trained_project, "kim.csv"), "123", "213")
    rows[3]["none_right"] = "?"
    save(trained_project / "feedback/small-001/kim.csv", rows)
    waiting = run(trained_project, "round", expect=3).stdout
    assert "'?' is neither yes nor no; write O for yes or X for no" in waiting
    done = run(trained_project, "round", "--collect-now").stdout
    assert "11 rankings by 1 teachers on 11 slates" in done
    assert "'?' is neither yes nor no" in done
