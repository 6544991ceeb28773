"""The job of a round at a training service, outside its train stage: what would be sent, how it stands, and cancelling it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefopt import plugins
from prefopt.errors import ProjectError, TrainingError
from prefopt.io.stage_folders import partial_folder
from prefopt.jobs import run
from prefopt.jobs.recipe import Leaving, ManagedRecipe
from prefopt.jobs.record import JobRecord, read_record
from prefopt.jobs.service import Event, Job
from prefopt.project.project import CONFIG, Project, Round, locked
from prefopt.protocols import Recipe
from prefopt.rounds.artifacts import ADAPTER
from prefopt.rounds.jobs import round_job
from prefopt.rounds.reading import is_done
from prefopt.rounds.reads import recipe_with_options


@dataclass(frozen=True)
class JobNow:
    """A round's job as its record and its service describe it."""

    record: JobRecord
    job: Job | None
    """None where there is none at the service now."""
    events: tuple[Event, ...]

    def plain(self) -> dict[str, Any]:
        """JSON values."""
        events = [{"at": event.at.isoformat(), "text": event.text} for event in self.events]
        state = None if self.job is None else {"state": self.job.state, "progress": self.job.progress, "cost": self.job.cost}
        return {"record": self.record.model_dump(mode="json"), "now": state, "events": events}


def record_of_job(rnd: Round) -> JobRecord | None:
    """job.json of the round; None where no service was asked for anything."""
    folder = rnd.stage(ADAPTER.stage)
    return read_record(folder if is_done(rnd, ADAPTER.stage) else partial_folder(folder))


def job_now(rnd: Round) -> JobNow | None:
    """The round's job, asked for at the service while it is not fetched. Raises TrainingError where the service does not answer."""
    record = record_of_job(rnd)
    if record is None:
        return None
    if is_done(rnd, ADAPTER.stage) or not record.job_id:
        return JobNow(record, None, ())
    recipe, options = _recipe_today(rnd)
    if not isinstance(recipe, ManagedRecipe):
        return JobNow(record, None, ())
    service = recipe.service(options)
    if service.name != record.service:  # `prefopt round` says so
        return JobNow(record, None, ())
    return JobNow(record, service.job(record.job_id), tuple(service.events(record.job_id)))


def cancel_job(rnd: Round) -> JobRecord:
    """Cancel the round's job, or give up one that has ended; its stage stays open.

    Raises:
        ProjectError: the round has none; another process works on it.
        TrainingError: the service does not answer.
    """
    recipe, options = _recipe_today(rnd) if record_of_job(rnd) is not None and not is_done(rnd, ADAPTER.stage) else (None, None)
    if not isinstance(recipe, ManagedRecipe):
        raise ProjectError(f"round {rnd.name} has no job at a training service", hint=f"prefopt round status {rnd.number}")
    with locked(rnd):
        return run.cancel(recipe.service(options), partial_folder(rnd.stage(ADAPTER.stage)))


def leaving_of(rnd: Round) -> Leaving:
    """What the round's recipe would send. Nothing is sent but the question for the price, and nothing is written.

    Raises:
        ProjectError: its recipe trains here, it is trained, or its pairs are not there yet.
        PrefoptError: what sending would raise.
    """
    recipe, options = recipe_with_options(rnd)
    if not isinstance(recipe, ManagedRecipe):
        what = f"recipe {recipe.name!r} of round {rnd.name} trains here, and nothing leaves"
        raise ProjectError(what, hint="prefopt round, without --dry-run" if rnd.number else "prefopt sft, without --dry-run")
    if is_done(rnd, ADAPTER.stage):
        raise ProjectError(
            f"round {rnd.name} is trained already: rounds/{rnd.name}/train/sent.jsonl has what was sent", hint="prefopt round"
        )
    _, _, job = round_job(rnd, partial_folder(rnd.stage(ADAPTER.stage)))
    return recipe.leaving(job, options)


def _recipe_today(rnd: Round) -> tuple[Recipe, Any]:
    """The recipe of a round that is not trained, with its options in prefopt.toml: training would use these."""
    recipe = plugins.find_recipe(rnd.recipe, rnd.project.root)
    return recipe, _options_today(recipe, rnd.project)


def _options_today(recipe: Recipe, project: Project) -> Any:
    where = f"{project.root / CONFIG} [recipes.{recipe.name}]"
    return plugins.options(recipe.Config, project.config.recipes.get(recipe.name, {}), where)


def refuse_parent_elsewhere(parent: Round, recipe: Recipe) -> None:
    """Raise ProjectError where a round that starts from this parent could not be trained by the recipe's service."""
    if not isinstance(recipe, ManagedRecipe):
        return
    project = parent.project
    options = _options_today(recipe, project)
    try:
        recipe.refuse_parent(Path(parent.stage(ADAPTER.stage)) / ADAPTER.file, options)
    except TrainingError as error:
        alone = len(project.rounds()) == 1 and recipe.sft
        there = f'set sft = "{recipe.sft}" under [round] in prefopt.toml, then: prefopt sft --again' if alone else ""
        raise ProjectError(
            error.message, hint=f'{f"{there}; or to train here: " if there else ""}set recipes = ["dpo"] under [round]'
        ) from error
