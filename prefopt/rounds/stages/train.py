"""train: continue the parent adapter on the round's preferences, or make the first one from labeled problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefopt.config import ProjectConfig
from prefopt.project.project import ProjectData, RoundKey
from prefopt.protocols import OnStep, Recipe, TrainingJob
from prefopt.records import Judged, Pair
from prefopt.rounds.artifacts import ADAPTER, METRICS, PREFERENCES
from prefopt.rounds.reads import PROBLEMS, Base, Data, Earlier, IfAsked, Later, OfRound, Parent, RecipeInUse
from prefopt.rounds.stage import Outcome, Produced, Workspace, stage
from prefopt.training.job import training_job
from prefopt.training.launch import launch

WORKER = "prefopt.rounds.worker"


class TrainOutcome(Outcome):
    """What the recipe did."""

    recipe: str
    examples: int
    """Rows trained on."""
    steps: int
    metrics: dict[str, float]
    """The last value of each training metric."""
    processes: int | None = None
    """Where accelerate started several."""

    def line(self) -> str:
        loss = f"{self.metrics['loss']:.3f}" if "loss" in self.metrics else "?"
        return f"{self.recipe}: {self.examples} examples, {self.steps} steps, loss {loss}"


@stage(
    outcome=TrainOutcome,
    reads={
        "data": Data(),
        "recipe": RecipeInUse(),
        "parent": Parent(ADAPTER),
        "preferences": Later(PREFERENCES),
        "earlier": IfAsked("earlier_preferences", Earlier(PREFERENCES)),
        "sft": IfAsked("sft_adapter", Base(ADAPTER)),
    },
    writes=(ADAPTER, METRICS),
    settings=(*PROBLEMS, "model", "prompt", "answer", "adapter", "train", "recipes"),
    keeps=("checkpoints", "metrics.jsonl"),
)
def train(
    data: ProjectData,
    recipe: tuple[Recipe, Any],
    parent: Path | None,
    preferences: list[Pair | Judged] | None,
    earlier: tuple[OfRound[list[Pair | Judged]], ...] | None,
    sft: Path | None,
    settings: ProjectConfig,
    this: RoundKey,
    work: Workspace,
) -> Produced[TrainOutcome]:
    """Train by the round's recipe, in this process or in those that accelerate starts. Raises what the recipe raises."""
    chosen, options = recipe
    job = job_of(
        this,
        chosen,
        settings,
        data=data,
        parent=parent,
        preferences=preferences,
        earlier=earlier,
        sft=sft,
        folder=work.folder,
        cache=work.cache,
        on_step=work.on_step,
    )
    processes: int | None = None
    if settings.train.launcher == "accelerate":
        worker = (WORKER, str(work.project), str(this.number), str(work.folder))
        trained, processes = launch(worker, settings.train, work.project, work.folder, work.on_step)
    else:
        trained = chosen.train(job, options)
    outcome = TrainOutcome(
        recipe=chosen.name,
        examples=trained.examples,
        steps=trained.steps,
        metrics={key: round(value, 6) for key, value in trained.metrics.items()},
        processes=processes,
    )
    return Produced(outcome).put(ADAPTER, trained.path).put(METRICS, work.folder / METRICS.file)


def job_of(
    this: RoundKey,
    recipe: Recipe,
    settings: ProjectConfig,
    *,
    data: ProjectData,
    parent: Path | None,
    preferences: Sequence[Pair | Judged] | None,
    earlier: Sequence[OfRound[list[Pair | Judged]]] | None,
    sft: Path | None,
    folder: Path,
    cache: Path,
    on_step: OnStep,
) -> TrainingJob:
    """The stage's inputs as a job for the recipe; see training.job.training_job for the arguments and what is raised."""
    return training_job(
        recipe,
        settings,
        data,
        number=this.number,
        seed=this.seed,
        folder=folder,
        cache=cache,
        parent=parent,
        preferences=preferences,
        earlier=[row for found in earlier or () for row in found.value],
        sft=sft,
        on_step=on_step,
    )
