"""All feedback as one table: a row for every answer to every slate, for `datasets`, a spreadsheet or a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefopt.errors import ConfigError
from prefopt.io.files import replacing
from prefopt.io.spreadsheet import write_csv
from prefopt.records import SIMULATED, Ranking, Slate
from prefopt.taxonomy import Taxonomy

if TYPE_CHECKING:
    from datasets import Dataset

LETTERS = "ABCD"
FORMATS = (".csv", ".jsonl", ".parquet")


@dataclass(frozen=True)
class CollectedRound:
    """The collected answers of one round."""

    number: int
    slates: Sequence[Slate]
    rankings: Sequence[Ranking]
    taxonomy: Taxonomy


def feedback_rows(rounds: Iterable[CollectedRound], *, names: bool = True) -> list[dict[str, Any]]:
    """One row for every collected answer of the rounds, by round, slate and teacher; cards in the order in which they were shown.

    Args:
        rounds: those to export (rounds/teachers.py: collected_rounds).
        names: write teachers' user names; otherwise teacher-1, teacher-2 … by the names' order over all rounds. Simulated teachers keep
            their names, so that programs are never mistaken for people.
    """
    answers: list[tuple[CollectedRound, Slate, Ranking]] = []
    for collected in rounds:
        slates = {slate.id: slate for slate in collected.slates}
        answers += [(collected, slates[r.slate_id], r) for r in collected.rankings]
    teachers = sorted({ranking.teacher for _, _, ranking in answers})
    called = {name: name if names or name.startswith(SIMULATED) else f"teacher-{i}" for i, name in enumerate(teachers, 1)}
    return [_row(collected, slate, ranking, called[ranking.teacher]) for collected, slate, ranking in answers]


def feedback_dataset(rounds: Iterable[CollectedRound], *, names: bool = True) -> Dataset:
    """The rounds' feedback as a `datasets.Dataset`; `cards` is a list of {card, label, name, reason, probability, rank}."""
    return _dataset(feedback_rows(rounds, names=names))


def export_feedback(rounds: Iterable[CollectedRound], target: Path, *, names: bool = True) -> int:
    """Write feedback to a new directory (`datasets.load_from_disk` reads it), or to a new .csv, .jsonl or .parquet file. Returns the rows.

    Raises:
        ConfigError: the target exists, or has another ending.
    """
    if target.exists() or (target.suffix and target.suffix not in FORMATS):
        fault = "exists already" if target.exists() else f"does not end in {', '.join(FORMATS)}"
        raise ConfigError(f"{target} {fault}", hint="give the path of a new directory, or of a new .csv, .jsonl or .parquet file")
    rows = feedback_rows(rounds, names=names)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".csv":
        flat = [_flat(row) for row in rows]
        columns = list(dict.fromkeys(key for row in flat for key in row))
        write_csv(target, columns, ([row.get(key, "") for key in columns] for row in flat))
        return len(rows)
    import datasets

    drawn = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        _save(_dataset(rows), target)
    finally:
        if not drawn:
            datasets.enable_progress_bars()
    return len(rows)


def _save(data: Dataset, target: Path) -> None:
    with replacing(target) as temporary:
        if target.suffix == ".jsonl":
            data.to_json(temporary, force_ascii=False)
        elif target.suffix == ".parquet":
            data.to_parquet(temporary)
        else:
            data.save_to_disk(temporary)


def _dataset(rows: list[dict[str, Any]]) -> Dataset:
    """The rows with fixed types, whatever values they have."""
    from datasets import Dataset, Features, List, Value

    text, number = Value("string"), Value("float64")
    card = {"card": text, "label": text, "name": text, "reason": text, "probability": number, "rank": Value("int64")}
    columns = dict.fromkeys(rows[0], text) | {"round": Value("int64"), "best_only": Value("bool"), "seconds": number, "cards": List(card)}
    return Dataset.from_list(rows, features=Features(columns))


def _row(collected: CollectedRound, slate: Slate, ranking: Ranking, teacher: str) -> dict[str, Any]:
    cards = [
        {
            "card": letter,
            "label": c.answer.label,
            "name": collected.taxonomy[c.answer.label].name,
            "reason": c.answer.reason,
            "probability": c.probability,
            "rank": ranking.ranks.get(c.id),
        }
        for letter, c in zip(LETTERS, slate.shown, strict=False)
    ]
    return {
        "round": collected.number,
        "slate": slate.id,
        "problem_id": slate.problem.id,
        "problem": slate.problem.text,
        "purpose": slate.purpose,
        "gold": slate.gold,
        "repeat_of": slate.repeat_of,
        "teacher": teacher,
        "kind": ranking.kind,
        "best_only": ranking.best_only,
        "right_label": ranking.right_label,
        "comment": ranking.comment,
        "submitted_at": ranking.submitted_at.isoformat() if ranking.submitted_at else None,
        "seconds": ranking.seconds,
        "cards": cards,
    }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row without lists, for a spreadsheet: A, A_name, A_rank … in place of the cards."""
    flat = {key: "" if value is None else value for key, value in row.items() if key != "cards"}
    for card in row["cards"]:
        letter = card["card"]
        flat |= {letter: card["label"], f"{letter}_name": card["name"], f"{letter}_rank": "" if card["rank"] is None else card["rank"]}
    return flat
