"""What teachers should look at: a table of the answers that nobody has judged yet."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from prefopt.inuse.assignment import Arm
from prefopt.inuse.records import SecondAnswer, Started, read_days, running
from prefopt.io.spreadsheet import csv_text
from prefopt.io.stage_folders import now
from prefopt.serve.arms import in_drawn_order
from prefopt.serve.journal import read_corrections, read_predictions
from prefopt.serve.records import ServedPrediction

COLUMNS = ("prediction", "id", "problem", "client", "at", "why", "label", "name", "confidence", "set", "right_label")


def second_labels(folder: Path, started: Started) -> dict[str, str]:
    """What the other adapter of a paired comparison answered: prediction -> label."""
    return {row.prediction: row.label for row in read_days(folder, SecondAnswer, started.at)}


def to_review(folder: Path, days: int, seconds: Mapping[str, str]) -> list[ServedPrediction]:
    """Answers of the last days that no teacher has judged: what is shown blind, then those to review, the least confident first."""
    judged = {word.prediction for word in read_corrections(folder)}
    since = f"{now() - timedelta(days=days):%Y%m%d}"
    rows = [row for row in read_predictions(folder, since) if row.prediction not in judged]
    blind = [row for row in rows if row.audit or seconds.get(row.prediction, row.label) != row.label]
    known = {row.prediction for row in blind}
    others = [row for row in rows if row.decision == "review" and row.prediction not in known]
    return [*blind, *sorted(others, key=lambda row: row.confidence)]


def queue_csv(folder: Path, days: int, names: Mapping[str, str]) -> str:
    """The table as CSV, with an empty column for the right label.

    Audited problems are shown without the answer. Where two adapters are compared and differ, both labels are shown, in an order by hash.

    Args:
        folder: serve/ of the project.
        days: how many, up to now.
        names: of the labels.
    """
    started = running(folder)
    seconds = second_labels(folder, started) if started is not None and started.mode == "paired" else {}
    return csv_text(COLUMNS, (_cells(row, started, seconds, names) for row in to_review(folder, days, seconds)))


def _cells(row: ServedPrediction, started: Started | None, seconds: Mapping[str, str], names: Mapping[str, str]) -> tuple[object, ...]:
    other = seconds.get(row.prediction, row.label)
    if row.audit:
        shown: tuple[object, ...] = ("audit", "", "", "", "")
    elif started is not None and other != row.label:
        arm: Arm = "b" if row.adapter == started.a.adapter else "a"
        both = in_drawn_order(started.id, row.prediction, row.label, other, arm)
        shown = ("compare", " | ".join(both), " | ".join(names.get(label, "") for label in both), "", "")
    else:
        shown = ("review", row.label, row.name, f"{row.confidence:.4f}", " ".join(row.set))
    return (row.prediction, row.id, row.text or "", row.client, f"{row.at:%Y-%m-%d %H:%M}", *shown, "")
