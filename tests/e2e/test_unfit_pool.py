"""`prefopt round` checks before it asks: leaks in other spellings stop it, and what no teacher should see is left out."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from prefopt.project.project import load_data, open_project
from tests.e2e.small import run

LOST = "다음  의 값은? ① ② ③ ④ ⑤"
UNFIT = {
    "lost-1": (LOST, "formula-lost"),
    "cell": ("#REF!", "error-cell"),
    "person": ("출제자: 김민수(010-1234-5678). 3 + 4는 얼마입니까?", "person-name"),
}


def add(project: Path, name: str, rows: list[dict[str, str]]) -> None:
    with (project / "data" / f"{name}.jsonl").open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def hold_out(project: Path) -> list[str]:
    found = open_project(project)
    return [p.text for p in load_data(project, found.config, with_pool=False).holdout]


def pool(project: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (project / "data/pool.jsonl").read_text(encoding="utf-8").splitlines()]


def nothing_was_asked(project: Path) -> None:
    assert not (project / "rounds/001/sample/slates.jsonl").exists()
    assert not (project / "rounds/001/publish/receipts.jsonl").exists()
    assert not list(project.rglob("*.csv")) or {path.name for path in project.rglob("*.csv")} <= {"taxonomy.csv", "review.csv"}


@pytest.mark.parametrize(
    "spelled",
    [
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: f"{text} [3점]",
        lambda text: f"12. {text}",
        lambda text: text.replace(" ", "\u00a0").rstrip("?."),
    ],
    ids=["NFD", "points", "item number", "no-break spaces"],
)
def test_a_pool_that_holds_the_hold_out_in_another_spelling_ends_in_refusal(trained_project, spelled):
    leaks = [{"id": f"leak-{i}", "text": spelled(text)} for i, text in enumerate(hold_out(trained_project)[:10])]
    add(trained_project, "pool", [*leaks, *({"id": name, "text": text} for name, (text, _) in UNFIT.items())])
    for command in ("check", "round"):
        error = run(trained_project, command, expect=1).stderr
        assert "hold-out" in error
        assert "leak-0" in error
    nothing_was_asked(trained_project)


def test_what_no_teacher_should_see_is_left_out_and_said(trained_project):
    again = {"id": "again", "text": "7. " + unicodedata.normalize("NFD", pool(trained_project)[0]["text"]) + " [4점]"}
    size = len(pool(trained_project))
    add(trained_project, "pool", [again, *({"id": name, "text": text} for name, (text, _) in UNFIT.items())])
    assert "unfit in the pool" in run(trained_project, "check").stdout
    out = run(trained_project, "round", expect=3).stdout
    assert f"from {size} problems" in " ".join(out.split())
    assert "4 left out: 1 duplicate, 1 formula-lost, 1 error-cell, 1 person-name (listed in sample/left_out.jsonl)" in " ".join(out.split())
    folder = trained_project / "rounds/001/sample"
    asked = [json.loads(line)["problem"]["id"] for line in (folder / "slates.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(asked) == 12
    assert not set(asked) & {"again", *UNFIT}
    left = [json.loads(line) for line in (folder / "left_out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["id"]: row["kind"] for row in left} == {"again": "duplicate"} | {name: kind for name, (_, kind) in UNFIT.items()}
    assert [(row["file"], row["line"]) for row in left] == [("data/pool.jsonl", size + i) for i in range(1, 5)]
    assert json.loads((folder / "pool.json").read_text())["problems"] == size
    kinds = {"duplicate": 1, "formula-lost": 1, "error-cell": 1, "person-name": 1}
    assert json.loads(run(trained_project, "round", "status", "--json").stdout)["left_out"] == kinds
    assert json.loads(run(trained_project, "round", "--json", expect=3).stdout)["left_out"] == kinds
    assert "4 left out" in " ".join(run(trained_project, "round", "status").stdout.split())
    for sheet in trained_project.rglob("*.csv"):
        text = sheet.read_text(encoding="utf-8-sig")
        assert "김민수" not in text
        assert "#REF!" not in text


def test_the_hints_lead_on(trained_project):
    settings = trained_project / "prefopt.toml"
    plain = settings.read_text(encoding="utf-8")
    size = len(pool(trained_project))
    add(trained_project, "pool", [{"id": name, "text": text} for name, (text, _) in UNFIT.items()])
    settings.write_text(plain.replace("[sample]", '[sample]\nunfit = "stop"'), encoding="utf-8")
    error = " ".join(run(trained_project, "round", expect=1).stderr.split())
    assert f"data/pool.jsonl:{size + 1}: 3 problems cannot be asked: 1 formula-lost, 1 error-cell, 1 person-name" in error
    assert 'set unfit = "leave out" under [sample]' in error
    nothing_was_asked(trained_project)

    settings.write_text(plain.replace("slates = 12", f"slates = {size + 1}"), encoding="utf-8")
    error = " ".join(run(trained_project, "round", expect=1).stderr.split())
    assert f"{size} problems of the pool can be asked, and sample.slates is {size + 1}; 3 are left out" in error
    nothing_was_asked(trained_project)

    settings.write_text(plain, encoding="utf-8")
    assert "12 slates" in run(trained_project, "round", expect=3).stdout


def test_a_labeled_problem_that_cannot_be_read_stops_before_a_round(trained_project):
    add(trained_project, "gold", [{"id": "broken", "text": LOST, "label": "[2수01-06]"}])
    line = len((trained_project / "data/gold.jsonl").read_text(encoding="utf-8").splitlines())
    for command in ("check", "round"):
        error = " ".join(run(trained_project, command, expect=1).stderr.split())
        assert f"data/gold.jsonl:{line}: problem 'broken' of the" in error
        assert "cannot be read as it was written: formula-lost" in error
    nothing_was_asked(trained_project)
    settings = trained_project / "prefopt.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("[data]", '[data]\nunfit = "keep"'), encoding="utf-8")
    run(trained_project, "check")
