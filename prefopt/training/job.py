"""A round as a job for a recipe: its rows, its settings and the adapters it starts from. Everything is given; nothing is read here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from prefopt.config import ProjectConfig
from prefopt.errors import TrainingError
from prefopt.project.families import SHOWN, Row, refuse_kin
from prefopt.project.project import ProjectData
from prefopt.protocols import OnStep, Recipe, TrainingJob, ignore_steps
from prefopt.records import Judged, Pair, Problem, SlateVotes

ENOUGH_UPDATES = 10
FEW_UPDATES = "Fewer than 10 updates change an adapter little: more epochs, or fewer rows in each update, make more of them."
"""Said of a run that has fewer than ENOUGH_UPDATES."""


def training_job(
    recipe: Recipe,
    settings: ProjectConfig,
    data: ProjectData,
    *,
    number: int,
    seed: int,
    folder: Path,
    cache: Path,
    parent: Path | None = None,
    preferences: Sequence[Pair | Judged | SlateVotes] | None = None,
    earlier: Sequence[Pair | Judged | SlateVotes] = (),
    sft: Path | None = None,
    on_step: OnStep = ignore_steps,
) -> TrainingJob:
    """The job of one round.

    Args:
        recipe: what trains; it decides which rows it gets.
        settings: of the round.
        data: of the project; its gold problems outside the hold-out are the examples.
        number: of the round.
        seed: of the round.
        folder: where the recipe writes.
        cache: for what later runs may use again.
        parent: folder of the parent adapter; None for the base SFT stage.
        preferences: of this round; None for the base SFT stage.
        earlier: preferences of earlier rounds, where the recipe asks for them.
        sft: folder of the adapter of the base SFT stage, where the recipe asks for it.
        on_step: progress.

    Raises:
        DataError: a problem of one group with a held-out or sealed one is among the rows.
        TrainingError: the round has no rows of the kind that the recipe needs.
    """
    rows = _rows(recipe, data, number, preferences)
    rehearsed = of_kind(recipe, earlier)
    _refuse_kin(data, rows, rehearsed, preferences or (), number)
    return TrainingJob(
        folder=folder,
        model=settings.model,
        adapter=settings.adapter,
        prompt=settings.prompt,
        answer=settings.answer,
        taxonomy=data.taxonomy,
        parent=parent,
        data=rows,
        rehearsal=data.train if parent else (),
        earlier=rehearsed,
        sft=sft,
        sft_options=settings.recipes.get("sft", {}),
        round=number,
        project=settings.project.name,
        seed=seed,
        cache=cache,
        on_step=on_step,
    )


def _refuse_kin(
    data: ProjectData,
    rows: Sequence[Problem | Pair | Judged | SlateVotes],
    rehearsed: Sequence[Pair | Judged | SlateVotes],
    preferences: Sequence[Pair | Judged | SlateVotes],
    number: int,
) -> None:
    path = f"rounds/{number:03d}/pair/preferences.jsonl"
    places = {id(row): line for line, row in enumerate(preferences, 1)}
    used = [
        *data.rows([r for r in rows if isinstance(r, Problem)], "training data"),
        *(Row(r.problem, path, places[id(r)], "preferences") for r in rows if not isinstance(r, Problem)),
        *(Row(r.problem, None, None, f"preferences of earlier rounds (slate {r.slate_id})") for r in rehearsed),
    ]
    refuse_kin(data.guarded, used, SHOWN)


def _rows(
    recipe: Recipe, data: ProjectData, number: int, preferences: Sequence[Pair | Judged | SlateVotes] | None
) -> list[Problem] | list[Pair] | list[Judged] | list[SlateVotes]:
    if recipe.needs == "examples":
        return list(data.train)
    if preferences is None:
        raise TrainingError(
            f"recipe {recipe.name!r} needs {recipe.needs}: round 000 has none",
            hint='set sft = "sft" under [round] in prefopt.toml, then prefopt sft',
        )
    rows = of_kind(recipe, preferences)
    if not rows:
        other = "kto" if recipe.needs == "pairs" else "dpo"
        raise TrainingError(
            f"recipe {recipe.name!r} needs {recipe.needs}, and the rankings of round {number:03d} gave none: "
            f"see rounds/{number:03d}/pair/dropped.jsonl",
            hint=f"use another recipe: prefopt round --recipe {other}; or, when more teachers have answered: "
            f"prefopt round branch {number} --at collect",
        )
    return rows


def of_kind(recipe: Recipe, rows: Iterable[Pair | Judged | SlateVotes]) -> list[Pair] | list[Judged] | list[SlateVotes]:
    """The preferences that the recipe needs."""
    if recipe.needs == "pairs":
        return [row for row in rows if isinstance(row, Pair)]
    if recipe.needs == "judged":
        return [row for row in rows if isinstance(row, Judged)]
    return [row for row in rows if isinstance(row, SlateVotes)]
