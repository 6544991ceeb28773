"""What teachers should look at: a table of the answers that nobody has judged yet."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from prefopt.io.spreadsheet import csv_text
from prefopt.io.stage_folders import now
from prefopt.serve.journal import read_corrections, read_predictions
from prefopt.serve.records import ServedPrediction

COLUMNS = ("prediction", "id", "problem", "client", "at", "audit", "label", "name", "confidence", "set", "right_label")


def to_review(folder: Path, days: int) -> list[ServedPrediction]:
    """Answers of the last days that no teacher has judged: the audited ones, then those to review, the least confident first."""
    judged = {word.prediction for word in read_corrections(folder)}
    since = f"{now() - timedelta(days=days):%Y%m%d}"
    rows = [row for row in read_predictions(folder, since) if row.prediction not in judged and (row.audit or row.decision == "review")]
    audited = [row for row in rows if row.audit]
    return [*audited, *sorted((row for row in rows if not row.audit), key=lambda row: row.confidence)]


def queue_csv(folder: Path, days: int) -> str:
    """The table as CSV, with an empty column for the right label. Audited problems are shown without the answer."""
    return csv_text(COLUMNS, (_cells(row) for row in to_review(folder, days)))


def _cells(row: ServedPrediction) -> tuple[object, ...]:
    shown = ("", "", "", "") if row.audit else (row.label, row.name, f"{row.confidence:.4f}", " ".join(row.set))
    return (row.prediction, row.id, row.text or "", row.client, f"{row.at:%Y-%m-%d %H:%M}", "audit" if row.audit else "", *shown, "")
