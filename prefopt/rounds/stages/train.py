"""train: continue the parent adapter on the round's preferences, or make the first one from labeled problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefopt.config import ProjectConfig
from prefopt.errors import PluginError
from prefopt.io.strict import read_json_object
from prefopt.jobs.recipe import ManagedRecipe
from prefopt.jobs.record import FILE, read_record
from prefopt.jobs.record import SENT as SENT_ROWS
from prefopt.jobs.run import FETCHED
from prefopt.project.project import ProjectData, RoundKey
from prefopt.protocols import OnStep, Recipe, TrainedAdapter, TrainingJob, finite_or_none
from prefopt.records import Judged, Pair, SlateVotes
from prefopt.rounds.artifacts import ADAPTER, JOB, METRICS, PREFERENCES, PUBLISHED, SENT
from prefopt.rounds.fit import refuse_unfit_gold
from prefopt.rounds.reads import PROBLEMS, Base, Data, Earlier, IfAsked, Later, OfRound, Parent, RecipeInUse, rows_of_earlier
from prefopt.rounds.stage import Outcome, Produced, Workspace, stage
from prefopt.training import importing
from prefopt.training.job import ENOUGH_UPDATES, FEW_UPDATES, training_job
from prefopt.training.launch import launch

WORKER = "prefopt.rounds.worker"


class TrainOutcome(Outcome):
    """What the recipe did."""

    recipe: str
    examples: int
    """Rows trained on."""
    steps: int
    """Updates of the weights."""
    metrics: dict[str, float | None]
    """The last value of each training metric; None where it is not a finite number."""
    planned: int | None = None
    """Updates planned; more than `steps` where the run ended early. None in rounds of earlier versions, and where the recipe does not
    say."""
    processes: int | None = None
    """Where accelerate started several."""
    base: str = ""
    """Id of the base model, as on the adapter's card; empty in rounds of earlier versions."""
    source: str = ""
    """Where a published adapter was taken from."""
    job: str = ""
    """Id of the job of a training service, which trained it."""
    cost: float | None = None
    """Of the job in US dollars, where the service says."""

    def line(self) -> str:
        if self.source:
            return f"taken from {self.source}"
        if self.recipe == importing.NAME:
            found = self.metrics.get("logit_difference")
            return "import: " + ("not compared with stock PEFT" if found is None else f"logits differ from stock PEFT's by {found:.1e}")
        loss = self.metrics.get("loss")
        if self.job:
            cost = "" if self.cost is None else f", {self.cost:.2f} US dollars"
            return f"{self.recipe}: {self.examples} examples in {self.job}, loss {'?' if loss is None else f'{loss:.3f}'}{cost}"
        updates = f"{self.steps} updates" if self.planned is None else f"{self.steps} of {self.planned} updates"
        few = f". {FEW_UPDATES}" if self.steps < ENOUGH_UPDATES else ""
        return f"{self.recipe}: {self.examples} examples, {updates}, loss {'?' if loss is None else f'{loss:.3f}'}{few}"


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
    writes=(ADAPTER, METRICS, PUBLISHED, JOB, SENT),
    settings=(*PROBLEMS, "data.unfit", "model", "prompt", "answer", "adapter", "train", "recipes"),
    keeps=("checkpoints", "metrics.jsonl"),
    keeps_always=(FILE, SENT_ROWS, FETCHED),
)
def train(
    data: ProjectData,
    recipe: tuple[Recipe, Any],
    parent: Path | None,
    preferences: list[Pair | Judged | SlateVotes] | None,
    earlier: tuple[OfRound[list[Pair | Judged | SlateVotes]], ...] | None,
    sft: Path | None,
    settings: ProjectConfig,
    this: RoundKey,
    work: Workspace,
) -> Produced[TrainOutcome]:
    """Train by the round's recipe, in this process or in those that accelerate starts.

    Raises:
        DataError: a labeled problem cannot be read, in round 000.
        PrefoptError: what the recipe raises.
    """
    chosen, options = recipe
    if this.parent is None:  # later rounds check before they ask
        refuse_unfit_gold(data, settings.data.unfit)
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
    here = chosen.name != importing.NAME and not isinstance(chosen, ManagedRecipe)
    if settings.train.launcher == "accelerate" and here:
        worker = (WORKER, str(work.project), str(this.number), str(work.folder))
        trained, processes = launch(worker, settings.train, work.project, work.folder, work.on_step)
    else:
        trained = chosen.train(job, options)
        if not isinstance(trained, TrainedAdapter):
            raise PluginError(
                f"recipe {chosen.name!r} returned {type(trained).__name__} in place of a TrainedAdapter",
                hint="return what its train() promises (prefopt.protocols.Recipe)",
            )
    from prefopt.model.learned import refuse_unlearned  # torch, which the command line does without until it trains

    refuse_unlearned(trained.path, parent, chosen.name)
    record = read_record(work.folder)
    trained_by = record if record is not None and record.is_open else None
    outcome = TrainOutcome(
        recipe=chosen.name,
        examples=trained.examples,
        steps=trained.steps,
        metrics={key: None if value is None else round(value, 6) for key, value in finite_or_none(trained.metrics).items()},
        planned=trained.planned,
        processes=processes,
        base=_base_of(trained.path),
        job="" if trained_by is None else trained_by.job_id,
        cost=None if trained_by is None else trained_by.cost,
    )
    produced = Produced(outcome).put(ADAPTER, trained.path).put(METRICS, work.folder / METRICS.file)
    if record is not None:  # also of a job that came to nothing: what was sent stays on record
        produced.put(JOB, work.folder / JOB.file).put(SENT, work.folder / SENT.file)
    return produced


def _base_of(adapter: Path) -> str:
    """The base's id on the card of an adapter; read without prefopt.model, which imports torch. A recipe of one's own may write none."""
    card = adapter / "prefopt.json"
    return str(read_json_object(card).get("base", "")) if card.is_file() else ""


def job_of(
    this: RoundKey,
    recipe: Recipe,
    settings: ProjectConfig,
    *,
    data: ProjectData,
    parent: Path | None,
    preferences: Sequence[Pair | Judged | SlateVotes] | None,
    earlier: Sequence[OfRound[list[Pair | Judged | SlateVotes]]] | None,
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
        earlier=rows_of_earlier(recipe, earlier or (), preferences or ()),
        sft=sft,
        on_step=on_step,
    )
