"""Known labels, second showings, reliability, the teachers' report and the export, as they are typed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from prefopt.errors import ConfigError
from prefopt.project.project import open_project
from prefopt.rankings.feedback_table import export_feedback, feedback_dataset
from prefopt.rounds.teachers import collected_rounds
from tests.e2e.small import run, simulate

WITH_QUESTIONS = """\
overlap = 2
gold_share = 0.25
repeat_share = 0.25

[pair]
votes = "reliability"
"""


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_teachers_are_measured_and_nothing_of_it_is_trained_on(trained_project):
    settings = trained_project / "prefopt.toml"
    text = settings.read_text(encoding="utf-8").replace("overlap = 2\n", WITH_QUESTIONS).replace("reason_tokens = 64", "reasons = false")
    settings.write_text(text, encoding="utf-8")
    run(trained_project, "round", expect=3)
    slates = rows_of(trained_project / "rounds/001/sample/slates.jsonl")
    asked = [s["purpose"] for s in slates]
    assert (asked.count("gold"), asked.count("repeat"), len(slates)) == (3, 3, 18)
    place = {s["id"]: i for i, s in enumerate(slates)}
    for again in (s for s in slates if s["purpose"] == "repeat"):
        first = slates[place[again["repeat_of"]]]
        assert place[first["id"]] < place[again["id"]]
        assert [c["answer"]["label"] for c in first["candidates"]] == [c["answer"]["label"] for c in again["candidates"]]
        assert first["order"] != again["order"]
    held = {row["id"] for row in rows_of(trained_project / "data/gold.jsonl")}
    assert {s["problem"]["id"] for s in slates if s["purpose"] == "gold"} <= held
    sheet = next((trained_project / "feedback/small-001").glob("slates.csv")).read_text(encoding="utf-8-sig")
    assert "gold" not in sheet
    assert "repeat" not in sheet

    simulate(trained_project, 1)
    found = json.loads(run(trained_project, "round", "status", "--json").stdout)
    assert found["pace"]["missing"] == 0
    assert [t["answers"] for t in found["pace"]["teachers"]] == [18, 18]
    early = json.loads(run(trained_project, "rankings", "report", "--json").stdout)
    run(trained_project, "round")
    late = json.loads(run(trained_project, "rankings", "report", "--json").stdout)
    assert (early["collected"], late["collected"]) == (False, True)
    assert {**early, "collected": True} == late
    assert (late["gold"]["n"], late["repeats"]["n"], late["alpha"]["slates"]) == (6, 6, 15)
    report = json.loads(run(trained_project, "report", "--json").stdout)["feedback"]
    assert report["summary"]["alpha"] == late["alpha"]

    measured = {s["id"] for s in slates if s["purpose"] in ("gold", "repeat")}
    assert not measured & {row["slate_id"] for row in rows_of(trained_project / "rounds/001/pair/preferences.jsonl")}
    causes = [row["cause"] for row in rows_of(trained_project / "rounds/001/pair/dropped.jsonl") if row["slate_id"] in measured]
    assert sorted(causes) == ["gold"] * 3 + ["repeat"] * 3

    a_teacher_changes_their_mind(trained_project)
    run(trained_project, "rankings", "export", "answers.csv", "--no-names")
    with (trained_project / "answers.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 36
    the_same_as_a_dataset(trained_project)


def the_same_as_a_dataset(folder: Path) -> None:
    from datasets import load_from_disk

    assert export_feedback(collected_rounds(open_project(folder)), folder / "answers") == 36
    data = load_from_disk(str(folder / "answers"))
    assert len(data) == 36
    assert feedback_dataset(collected_rounds(open_project(folder))).to_list() == data.to_list()  # the lines of docs/feedback.md
    ranked = next(row for row in data if row["kind"] == "ranked")
    assert [card["card"] for card in ranked["cards"]] == ["A", "B", "C"]
    assert all(card["rank"] >= 1 for card in ranked["cards"])
    with pytest.raises(ConfigError, match="exists already"):
        export_feedback(collected_rounds(open_project(folder)), folder / "answers")


def a_teacher_changes_their_mind(folder: Path) -> None:
    """After the answers were taken; it is noticed, named, and the round stays as it is."""
    assert "0 answers of round 001 differ" in run(folder, "rankings", "changes").stdout
    path = folder / "feedback/small-001/simulated-1.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    row = next(row for row in rows if row["best"])
    row.update(best="", discard="O")
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    changes = run(folder, "rankings", "changes", expect=1).stdout
    assert f"changed: simulated-1 on {row['slate']}" in changes
    assert "prefopt round branch 1 --at collect" in changes
    assert rows_of(folder / "rounds/001/answers.jsonl")[-1]["what"] == "changed"
