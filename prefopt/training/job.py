"""A round as a job for a recipe: its rows, its options and the adapters it starts from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, RootModel

from prefopt import plugins
from prefopt.errors import TrainingError
from prefopt.io.stage_folders import read_rows
from prefopt.project.problems import refuse_leak
from prefopt.project.project import ProjectData, Round
from prefopt.protocols import OnStep, Recipe, TrainingJob
from prefopt.records import Judged, Pair, Problem


class PreferenceRow(RootModel[Annotated[Pair | Judged, Field(discriminator="kind")]]):
    """One line of preferences.jsonl."""

    model_config = ConfigDict(frozen=True)


def job_of(rnd: Round, recipe: Recipe, out: Path, on_step: OnStep) -> TrainingJob:
    """What the recipe is told of a round. Raises DataError, TrainingError."""
    data, config, parent = rnd.load(), rnd.config, rnd.parent
    rows = training_rows(rnd, recipe, data)
    refuse_leak((r if isinstance(r, Problem) else r.problem for r in rows), data.holdout, "the training data")
    earlier: list[Pair] | list[Judged] = []
    if parent is not None and bool(getattr(recipe_options(rnd, recipe), "rehearse_preferences", 0)):
        earlier = of_kind(recipe, [row for path in earlier_preferences(rnd) for row in read_rows(path, PreferenceRow)])
        refuse_leak((r.problem for r in earlier), data.holdout, "the preferences of earlier rounds")
    return TrainingJob(
        folder=out,
        model=config.model,
        adapter=config.adapter,
        prompt=config.prompt,
        answer=config.answer,
        taxonomy=data.taxonomy,
        parent=parent.adapter if parent else None,
        data=rows,
        rehearsal=data.train if parent else (),
        earlier=earlier,
        sft=base_of(rnd).adapter if parent else None,
        round=rnd.number,
        seed=rnd.seed,
        cache=rnd.project.root / ".cache",
        on_step=on_step,
    )


def base_of(rnd: Round) -> Round:
    """The round of the base SFT stage that a round's adapter descends from."""
    while (parent := rnd.parent) is not None:
        rnd = parent
    return rnd


def earlier_preferences(rnd: Round) -> list[Path]:
    """preferences.jsonl of the earlier rounds, each once, also where a round was branched; those of this round are not among them."""
    own = (rnd.stage("pair") / "preferences.jsonl").resolve()
    paths = [r.stage("pair") / "preferences.jsonl" for r in rnd.project.rounds() if r.number < rnd.number]
    found = {path.resolve(): path for path in reversed(paths) if path.exists()}
    return sorted(path for resolved, path in found.items() if resolved != own)


def recipe_options(rnd: Round, recipe: Recipe) -> BaseModel:
    """The recipe's options: its defaults under [recipes.<name>] of the round's settings."""
    raw = rnd.config.recipes.get(recipe.name, {})
    return plugins.options(recipe.Config, raw, f"{rnd.folder / 'round.toml'} [recipes.{recipe.name}]")


def training_rows(rnd: Round, recipe: Recipe, data: ProjectData) -> list[Problem] | list[Pair] | list[Judged]:
    """What the recipe trains on. Raises TrainingError where the round has nothing of that kind."""
    if recipe.needs == "examples":
        return list(data.train)
    if rnd.parent is None:
        raise TrainingError(
            f"recipe {recipe.name!r} needs {recipe.needs}: round 000 has none", hint='set round.sft = "sft" in prefopt.toml'
        )
    path = rnd.stage("pair") / "preferences.jsonl"
    rows = of_kind(recipe, read_rows(path, PreferenceRow))
    if not rows:
        other = "kto" if recipe.needs == "pairs" else "dpo"
        raise TrainingError(
            f"recipe {recipe.name!r} needs {recipe.needs}, and the rankings of round {rnd.name} gave none: "
            f"see {path.with_name('dropped.jsonl')}",
            hint=f"ask more teachers, or take another recipe: prefopt round branch {rnd.number} --at train --recipe {other}",
        )
    return rows


def of_kind(recipe: Recipe, rows: Iterable[PreferenceRow]) -> list[Pair] | list[Judged]:
    """The preferences that the recipe needs."""
    if recipe.needs == "pairs":
        return [row.root for row in rows if isinstance(row.root, Pair)]
    return [row.root for row in rows if isinstance(row.root, Judged)]
