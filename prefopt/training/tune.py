"""`prefopt tune`: rank, learning rate and beta on part of a round's data, by successive halving (Optuna).

Every trial trains on the same rows and is scored on the same validation rows, set aside from the round's own training data; the hold-out
is not used. Trials are compared by a measure that does not depend on what is searched: for pairs, the negative log-probability that the
adapter prefers the chosen answer, whatever beta and loss; for labeled problems, the likelihood of their tokens. Weak trials end early.
"""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from prefopt import plugins
from prefopt.config import AdapterSettings
from prefopt.errors import ConfigError, PluginError, TrainingError
from prefopt.io.files import write_json
from prefopt.project.project import CONFIG, Round
from prefopt.protocols import OnStep, PlansUpdates, Recipe, ResolvesOptions, TrainingJob, ignore_steps
from prefopt.records import Problem
from prefopt.training import importing

if TYPE_CHECKING:
    from optuna.trial import Trial

MEASURE = {"examples": "eval_loss", "pairs": "eval_preference/nll"}
"""The metric to minimize, by what a recipe needs; logged at every checkpoint."""
RANKS = (4, 8, 16, 32, 64)
BETA = (0.03, 1.0)
VALIDATION = 0.25
"""Share of the rows that is set aside to compare trials."""
LEAST = 2
"""Fewest problems for validation: with one, chance ranks the trials."""
_SPAN = 10.0  # learning rates from a tenth to ten times that of the settings
_CHECKPOINTS = 6  # checkpoints of a trial, at which weak ones end


@dataclass(frozen=True)
class TrialResult:
    """One trial."""

    parameters: dict[str, Any]
    value: float | None
    """Of the metric at the best checkpoint; None if there was none."""
    checkpoints: int
    """Checkpoints that it reached."""
    ended: str
    """complete, early, or the error message."""


@dataclass(frozen=True)
class TuneResult:
    """The trials, the current settings first."""

    recipe: str
    measure: str
    rows: int
    """Problems or pairs in the subset, before some are set aside for validation."""
    trials: tuple[TrialResult, ...]
    alpha: float = 2.0
    """LoRA's alpha for each rank, as in the current settings."""

    @property
    def best(self) -> TrialResult:
        return min((t for t in self.trials if t.value is not None), key=lambda t: t.value or 0.0)

    @property
    def toml(self) -> str:
        """What to write into prefopt.toml."""
        found = dict(self.best.parameters)
        rank = found.pop("rank", None)
        head = "" if rank is None else f"[adapter]\nrank = {rank}\nalpha = {_alpha(rank, self.alpha)}\n\n"
        return head + f"[recipes.{self.recipe}]\n" + "".join(f"{name} = {value:.3g}\n" for name, value in found.items())


def _alpha(rank: int, per_rank: float) -> int:
    return max(1, round(rank * per_rank))


class _EndEarlyError(Exception):
    """Raised inside a trial that successive halving ends."""


def tunable_options(rnd: Round, recipe: str | None, validation: float = VALIDATION) -> tuple[Recipe, BaseModel]:
    """The recipe to tune, with its options from the current prefopt.toml.

    Args:
        rnd: its recipe is taken where no other is given.
        recipe: name, or path of a .py file.
        validation: share of the rows to set aside; the options must allow it.

    Raises:
        PluginError: the recipe is unknown. ConfigError: the round trained nothing, the recipe cannot be tuned, or an option is wrong.
    """
    if (recipe or rnd.recipe) == importing.NAME:
        raise ConfigError(
            f"the adapter of round {rnd.name} was imported, so there is nothing to tune", hint=f"prefopt tune {rnd.number} --recipe sft"
        )
    chosen = plugins.find_recipe(recipe or rnd.recipe, rnd.project.root)
    given = rnd.project.config.recipes.get(chosen.name, {})
    where = f"{rnd.project.root / CONFIG} [recipes.{chosen.name}]"
    options = plugins.options(chosen.Config, given, where)
    if chosen.needs not in MEASURE or "validation_share" not in type(options).model_fields:
        raise ConfigError(
            f"recipe {chosen.name!r} cannot be tuned: it has no validation whose measure is the same for all settings",
            hint="tune sft, dpo or orpo",
        )
    plugins.options(chosen.Config, {**given, "validation_share": validation}, where)
    return chosen, options


def tune(
    recipe: Recipe,
    options: BaseModel,
    job: TrainingJob,
    *,
    trials: int = 12,
    subset: float = 0.5,
    validation: float = VALIDATION,
    on_step: OnStep = ignore_steps,
) -> TuneResult:
    """Search on the data of a job: for the base SFT stage rank and learning rate, otherwise learning rate and beta (the rank is the
    parent's).

    Args:
        recipe: what trains.
        options: its current options, from tunable_options().
        job: its rows, parent and folder; the folder is used for the trials and their record.
        trials: how many; the first has the current settings.
        subset: share of the problems to use.
        validation: share of these for scoring, not for training.
        on_step: (trials done, trials, value of the last one).

    Raises:
        PluginError: Optuna is not installed. TrainingError: too few problems, or no trial finished.
    """
    try:
        import optuna
    except ImportError:
        raise PluginError("prefopt tune needs Optuna, which is not installed", hint='pip install "prefopt[tune]"') from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    chosen, folder = recipe, job.folder
    refuse_few(job, subset, validation)
    job = _part(job, subset)
    search = _Search(chosen, options, job, validation)
    study = optuna.create_study(
        direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=job.seed),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2),
    )
    study.enqueue_trial(search.current)
    while len(search.results) < trials:
        trial = study.ask(search.space(optuna))
        done = search.run(trial)
        state = optuna.trial.TrialState
        ended = state.FAIL if done.value is None else state.PRUNED if done.ended == "early" else state.COMPLETE
        study.tell(trial, done.value if ended is state.COMPLETE else None, state=ended)
        on_step(len(search.results), trials, done.ended if done.value is None else f"{done.value:.4f}")
    if all(t.value is None for t in search.results):
        raise TrainingError(f"none of {trials} trials finished: {search.results[0].ended}", hint=search.hint)
    result = TuneResult(chosen.name, MEASURE[chosen.needs], len(job.data), tuple(search.results), search.alpha)
    folder.mkdir(parents=True, exist_ok=True)
    record = {"recipe": result.recipe, "measure": result.measure, "rows": result.rows, "trials": [vars(t) for t in result.trials]}
    write_json(folder / f"{chosen.name}.json", record)
    return result


def refuse_few(job: TrainingJob, subset: float, validation: float) -> None:
    """TrainingError where a share of the job's problems is too small to compare trials on."""
    problems = len(set(_names(job)))
    needed = math.ceil((LEAST - 0.5) / validation)
    if round(subset * problems) >= needed:
        return
    if problems >= needed:
        hint = f"use more of them: prefopt tune {job.round} --subset {math.ceil(100 * needed / problems) / 100:g}"
    else:
        hint = "train with the settings as they are: " + ("prefopt round" if job.round else "prefopt sft")
    raise TrainingError(
        f"{subset:g} of the {problems} problems with training data are {round(subset * problems)}; to compare settings takes {needed}",
        hint=hint,
    )


def _names(job: TrainingJob) -> list[str]:
    return [row.id if isinstance(row, Problem) else row.problem.id for row in job.data]


def _part(job: TrainingJob, share: float) -> TrainingJob:
    """The job on a share of its problems; all rows of a problem stay together."""
    names = _names(job)
    known = sorted(set(names))
    drawn = set(random.Random(f"{job.seed} tune").sample(known, round(share * len(known))))  # noqa: S311 - seeded chance, no secret
    return replace(job, data=[row for row, name in zip(job.data, names, strict=True) if name in drawn])  # type: ignore[arg-type]  # of one kind


class _Search:
    """The trials of one search, run one after another."""

    def __init__(self, recipe: Recipe, options: BaseModel, job: TrainingJob, validation: float) -> None:
        self._recipe, self._options, self._job = recipe, options, job
        self.results: list[TrialResult] = []
        self.alpha = job.adapter.alpha / job.adapter.rank
        self.hint = ""
        """Of the error that ended the first trial without a result."""
        resolved = recipe.resolved(job, options) if isinstance(recipe, ResolvesOptions) else options
        fields = resolved.model_dump()
        if isinstance(recipe, PlansUpdates):
            updates = recipe.planned(job, resolved.model_copy(update={"validation_share": validation}))
        else:
            rows = round(len(job.data) * (1 - validation))
            updates = math.ceil(rows * fields["num_train_epochs"] / (fields["batch_size"] * fields["gradient_accumulation_steps"]))
        self._fixed = {
            "validation_share": validation,
            "patience": 1000,
            "save_steps": max(1, math.ceil(updates / _CHECKPOINTS)),
            "report_to": (),
        }
        self.current: dict[str, Any] = {"learning_rate": fields["learning_rate"]}
        self.current |= {"rank": job.adapter.rank} if job.parent is None else {"beta": fields["beta"]}

    def space(self, optuna: Any) -> dict[str, Any]:
        """Distributions of the parameters."""
        rate = self.current["learning_rate"]
        found = {"learning_rate": self._distribution(optuna, "learning_rate", rate / _SPAN, rate * _SPAN)}
        if "rank" in self.current:
            ranks = sorted({*RANKS, self.current["rank"]})
            return found | {"rank": optuna.distributions.CategoricalDistribution(ranks)}
        low, high = min(BETA[0], self.current["beta"]), max(BETA[1], self.current["beta"])
        return found | {"beta": self._distribution(optuna, "beta", low, high)}

    def _distribution(self, optuna: Any, name: str, low: float, high: float) -> Any:
        """Values of an option on a logarithmic scale, within the bounds that the recipe sets for it."""
        for bound in type(self._options).model_fields[name].metadata:
            low, high = max(low, getattr(bound, "ge", low)), min(high, getattr(bound, "le", high))
        return optuna.distributions.FloatDistribution(low, high, log=True)

    def run(self, trial: Trial) -> TrialResult:
        """One trial, scored at its checkpoints."""
        values, checkpoints = dict(trial.params), _Checkpoints(self._job.folder / f"{trial.number:03d}", trial, MEASURE[self._recipe.needs])
        rank = values.get("rank")
        adapter = (
            AdapterSettings(**self._job.adapter.model_dump() | {"rank": rank, "alpha": _alpha(rank, self.alpha)})
            if rank
            else self._job.adapter
        )
        chosen = {name: value for name, value in values.items() if name != "rank"}
        options = type(self._options).model_validate(self._options.model_dump(exclude_unset=True) | chosen | self._fixed)
        if checkpoints.folder.exists():
            shutil.rmtree(checkpoints.folder)
        checkpoints.folder.mkdir(parents=True)
        try:
            self._recipe.train(replace(self._job, folder=checkpoints.folder, adapter=adapter, on_step=checkpoints.on_step), options)
            ended = "complete"
        except _EndEarlyError:
            ended = "early"
        except TrainingError as error:  # a learning rate that ends in NaN is an outcome of the search
            ended, self.hint = error.message, self.hint or error.hint
        shutil.rmtree(checkpoints.folder)
        self.results.append(TrialResult(values, checkpoints.best, checkpoints.count, ended))
        return self.results[-1]


class _Checkpoints:
    """Reads a trial's metrics at every evaluation, and ends the trial if it is too far behind."""

    def __init__(self, folder: Path, trial: Trial, measure: str) -> None:
        self.folder, self._trial, self._measure = folder, trial, measure
        self.count = 0
        self.best: float | None = None

    def on_step(self, done: int, total: int, note: str) -> None:
        line: Mapping[str, Any] = json.loads((self.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
        if line.get(self._measure) is None:  # of an update, or of an evaluation that is not finite, at which the trial ends
            return
        self.count += 1
        value = float(line[self._measure])
        self.best = value if self.best is None else min(self.best, value)
        self._trial.report(value, self.count)
        if self._trial.should_prune():
            raise _EndEarlyError
