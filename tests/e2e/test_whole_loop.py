"""The loop as schools meet it: a pool with the hold-out in other spellings and damaged texts, then the files that teachers send back."""

from __future__ import annotations

import csv
import io
import json
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from prefopt.project.project import load_data, open_project
from tests.e2e.small import run

UNFIT = {
    "lost-1": "다음  의 값은? ① ② ③ ④ ⑤",
    "lost-2": "정규분포  을 따르는 모집단에서 크기가  인 표본을 뽑을 때, 의 값은? ① ② ③ ④ ⑤",
    "cell": "#REF!",
}


def hold_out(project: Path) -> list[str]:
    return [p.text for p in load_data(project, open_project(project).config, with_pool=False).holdout]


def one_line(text: str) -> str:
    return " ".join(text.split())


def rows_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def sheet(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "slates.csv").read_text(encoding="utf-8-sig"), newline="")))


def ranked(rows: list[dict[str, str]], *orders: str) -> list[dict[str, str]]:
    """Ranks in the given orders, by turns; an empty order leaves the row empty."""
    filled = ((row, orders[i % len(orders)]) for i, row in enumerate(rows))
    return [row | {f"rank_{letter}": rank for letter, rank in zip("ABC", order, strict=False)} for row, order in filled]


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


def add_to_pool(project: Path, problems: dict[str, str]) -> None:
    with (project / "data/pool.jsonl").open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n" for name, text in problems.items())


def refused_before_anything_is_asked(project: Path) -> None:
    """A pool with the hold-out in other spellings: `check` and `round` name it, and nothing is shown to anybody."""
    held = hold_out(project)
    nfd = {f"nfd-{i}": unicodedata.normalize("NFD", text) for i, text in enumerate(held[:10])}
    points = {f"points-{i}": f"{text} [3점]" for i, text in enumerate(held[10:16])}
    pool = project / "data/pool.jsonl"
    plain = pool.read_text(encoding="utf-8")
    for problems in (points, nfd | points | UNFIT):
        pool.write_text(plain, encoding="utf-8")
        add_to_pool(project, problems)
        error = one_line(run(project, "round", expect=1).stderr)
        assert f"problem '{next(iter(problems))}' of the pool is of one group with" in error
        assert "of the hold-out" in error
        assert f"{len([name for name in problems if name not in UNFIT]) - 1} more of this pool" in error
    error = one_line(run(project, "check", expect=1).stderr)
    assert "problem 'nfd-0' of the pool" in error
    assert "remove it from the pool" in error
    listed = run(project, "data", "check", "--all", expect=1).stdout  # the command that the hint names
    assert all(f"'{name}'" in listed for name in (*nfd, *points))
    assert not (project / "feedback").exists()
    assert not [folder for name in ("sample", "publish") for folder in (project / "rounds").glob(f"*/{name}")]
    pool.write_text(plain, encoding="utf-8")
    add_to_pool(project, UNFIT)


def test_the_whole_loop_with_a_bad_pool_and_the_files_of_teachers(trained_project: Path) -> None:
    project, folder = trained_project, trained_project / "feedback/small-001"
    settings = project / "prefopt.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("overlap = 2\n", 'overlap = 2\nquestion = "ranking"\n'), encoding="utf-8"
    )
    refused_before_anything_is_asked(project)

    out = one_line(run(project, "round", expect=3).stdout)
    assert "0 of 12 slates complete" in out
    assert "3 left out: 2 formula-lost, 1 error-cell" in out
    asked = {row["problem"]["id"]: row["problem"]["text"] for row in rows_of(project / "rounds/001/sample/slates.jsonl")}
    assert len(asked) == 12
    assert not asked.keys() & UNFIT.keys()
    assert not set(asked.values()) & set(hold_out(project))
    assert {row["problem"] for row in sheet(folder)} == set(asked.values())

    save(folder / "kim.csv", ranked(sheet(folder), "123", "213"))
    shutil.copy(folder / "kim.csv", folder / "kim (1).csv")
    save(folder / "lee.xlsx", ranked(sheet(folder), "312", "123", ""))
    refused = run(project, "round", expect=1).stderr  # nobody is known: files are no people
    assert "kim (1).csv, kim.csv, lee.xlsx" in refused
    hint = "teachers add kim lee"
    assert f"prefopt {hint} " in one_line(refused)
    run(project, *hint.split())
    assert [row["name"] for row in json.loads(run(project, "teachers", "list", "--json").stdout)["teachers"]] == ["kim", "lee"]

    waiting = json.loads(run(project, "round", "--json", expect=3).stdout)
    assert waiting["waiting"].startswith("8 of 12 slates complete (kim 12, lee 8)")
    assert [(row["kind"], row["path"]) for row in waiting["uncounted"]] == [("second-file", "feedback/small-001/kim (1).csv")]
    early = json.loads(run(project, "rankings", "report", "--json").stdout)
    assert early["answers"] == 20
    assert early["alpha"]["value"] < 0.9, "two people, not one person twice"

    lees = ranked(sheet(folder), "312", "123", "231")
    lees[0]["rank_A"] = "2 아니면 3"
    save(folder / "lee.xlsx", lees)
    status = run(project, "round", "status").stdout
    assert "11 of 12 slates complete" in status
    assert "kim (1).csv" in status
    assert "lee.xlsx:2, rank_A: ‘2 아니면 3’" in status

    lees[0]["rank_A"] = "3위"
    save(folder / "lee.xlsx", lees)
    finished = one_line(run(project, "round").stdout)
    assert "24 rankings by 2 teachers on 12 slates" in finished
    assert "kim (1).csv" in finished
    assert {row["teacher"] for row in rows_of(project / "rounds/001/collect/rankings.jsonl")} == {"kim", "lee"}
    assert [row["kind"] for row in rows_of(project / "rounds/001/collect/uncounted.jsonl")] == ["second-file"]
    about_two_people(project)


def about_two_people(project: Path) -> None:
    """Agreement, alpha and trust in the report are of kim and lee."""
    feedback = json.loads((project / "rounds/001/report/report.json").read_text(encoding="utf-8"))["feedback"]
    assert (feedback["slates"], feedback["rankings"], feedback["teachers"], feedback["compared_slates"]) == (12, 24, 2, 12)
    assert feedback["same_label"] == pytest.approx(4 / 12)  # kim's best are A B, lee's B A C, by turns
    assert feedback["agreement"] < 0.5
    summary = feedback["summary"]
    assert summary["alpha"]["slates"] == 12
    assert summary["alpha"]["value"] < 0.5
    assert [(one["name"], one["answers"]) for one in summary["teachers"]] == [("kim", 12), ("lee", 12)]
    assert [one["same_label"] for one in summary["teachers"]] == [{"hits": 4, "n": 12}] * 2
