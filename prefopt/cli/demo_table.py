"""The last table of the demo: every adapter beside what the same labels give without rankings, new wordings and known ones apart."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import tomlkit
from rich.table import Table

from prefopt.grounds import Estimate
from prefopt.io.files import write_text
from prefopt.io.jsonl import write_rows
from prefopt.project.project import CONFIG, Project, Round, load_data, open_project
from prefopt.records import Problem
from prefopt.rounds.artifacts import CALIBRATION, REPORT_NUMBERS, SLATES
from prefopt.rounds.reading import locate, read

FOLDER = "right-labels"
"""Of the project with the right labels of the asked problems, in the demo's folder."""


def right_labels_project(project: Project, truth: Mapping[str, str], say: Callable[[str], None]) -> Project:
    """A project of its own for the comparison: the same hold-out and settings, trained once on the gold problems and on the right labels
    of the problems that the teachers were asked about."""
    folder = project.root / FOLDER
    data = load_data(project.root, project.config, with_pool=False)
    asked = {slate.problem.id: slate.problem for rnd in project.rounds() if rnd.number for slate in read(rnd, SLATES)}
    labeled = [Problem.model_validate({**problem.model_dump(), "label": truth[name]}) for name, problem in asked.items()]
    if not (folder / CONFIG).exists():
        (folder / "data").mkdir(parents=True, exist_ok=True)
        write_text(folder / "taxonomy.csv", (project.root / project.config.data.taxonomy).read_text(encoding="utf-8"))
        write_rows(folder / "data" / "gold.jsonl", [*data.train, *labeled])
        write_rows(folder / "data" / "holdout.jsonl", data.holdout)
        write_rows(folder / "data" / "pool.jsonl", [])
        settings = tomlkit.parse((project.root / CONFIG).read_text(encoding="utf-8"))
        settings["data"]["holdout_file"] = "data/holdout.jsonl"
        write_text(folder / CONFIG, tomlkit.dumps(settings))
    say(f"  {FOLDER}/: {len(data.train)} gold problems, {len(labeled)} asked problems with their right labels, the same hold-out")
    return open_project(folder)


def demo_rows(project: Project, right_labels: Project) -> list[dict[str, Any]]:
    """One row per adapter and baseline: name, accuracy with its interval, Brier score, accuracy on new and on learned wordings, outcome."""
    rows = [_row(f"round {rnd.name}, {rnd.recipe}", rnd) for rnd in project.rounds()]
    both = right_labels.round(0)
    rows.append(_row("SFT, same right labels", both))
    rows.append(_baseline("TF-IDF, round 000's labels", project.round(0)))
    rows.append(_baseline("TF-IDF, same right labels", both))
    return rows


def _row(name: str, rnd: Round) -> dict[str, Any]:
    calibration = read(rnd, CALIBRATION)
    numbers = json.loads(locate(rnd, REPORT_NUMBERS).read_text(encoding="utf-8"))
    wordings = numbers["school"]["wordings"]
    return {
        "name": name,
        "accuracy": calibration.accuracy.model_dump(),
        "brier": calibration.brier.value,
        "new_wording": _part(wordings["new"]),
        "learned_wording": _part(wordings["learned"]),
        "outcome": numbers["outcome"],
    }


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"problems": part["problems"], "accuracy": None if part["accuracy"] is None else part["accuracy"]["value"]}


def _baseline(name: str, rnd: Round) -> dict[str, Any]:
    found = read(rnd, CALIBRATION).baseline
    if found is None:  # a calibration always has one
        raise ValueError(f"round {rnd.name} of {rnd.project.root} has no baseline")
    nothing = {"problems": 0, "accuracy": None}
    return {
        "name": name,
        "accuracy": found.accuracy.model_dump(),
        "brier": None,
        "new_wording": nothing,
        "learned_wording": nothing,
        "outcome": "",
    }


def demo_table(rows: list[dict[str, Any]]) -> Table:
    """The rows as a table of 80 columns: accuracy on all held-out problems, on new wordings, and on known ones (of what was trained or
    asked up to the round, with their number)."""
    table = Table(box=None, pad_edge=False)
    for column in ("accuracy of", "all", "95 %", "new", "known", "Brier", "decision"):
        table.add_column(column, justify="left" if column in ("accuracy of", "decision") else "right", no_wrap=True)
    for row in rows:
        accuracy, new, known = Estimate.model_validate(row["accuracy"]), row["new_wording"], row["learned_wording"]
        table.add_row(
            row["name"],
            f"{accuracy.value:.3f}",
            f"{accuracy.low:.2f}-{accuracy.high:.2f}",
            "" if new["accuracy"] is None else f"{new['accuracy']:.3f}",
            "" if known["accuracy"] is None else f"{known['accuracy']:.2f} of {known['problems']}",
            "" if row["brier"] is None else f"{row['brier']:.3f}",
            row["outcome"],
        )
    return table
