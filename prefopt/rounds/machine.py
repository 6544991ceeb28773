"""The round as a state machine: which stages there are, what state each is in, and what happens next.

    round 000          train ─► calibrate ─► decide ─► report
    every later one    sample ─► publish ─► collect ─► pair ─► train ─► calibrate ─► decide ─► report

State is seen, not stored: a stage is done if and only if its folder exists.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

from prefopt import plugins
from prefopt.errors import PrefoptError, ProjectError
from prefopt.io.stage_folders import (
    MANIFEST,
    FileFact,
    Manifest,
    changed,
    config_hash,
    fact,
    finish,
    machine,
    now,
    partial_folder,
    read_manifest,
    versions,
)
from prefopt.io.stage_folders import start as start_folder
from prefopt.project.project import CONFIG, Project, Round, freeze_round, locked
from prefopt.project.promotion import Promotions, follow_rule, overrule, parent_of_next, promotions
from prefopt.protocols import OnStep, Recipe, ignore_steps
from prefopt.records import Outcome
from prefopt.rounds.stages import StageContext, calibrate, collect, decide, pair, publish, report, sample, train

MODULES: Mapping[str, ModuleType] = {m.NAME: m for m in (sample, publish, collect, pair, train, calibrate, decide, report)}
BASE_STAGES = ("train", "calibrate", "decide", "report")
ROUND_STAGES = tuple(MODULES)
_INPUTS = "inputs.json"  # in a partial folder: what the interrupted run had read


class State(StrEnum):
    """done: the folder is there. ready: can run now. waiting: people are needed. partial: was interrupted, goes on. broken: a file of a
    finished stage has changed. later: an earlier stage comes first."""

    DONE = "done"
    READY = "ready"
    WAITING = "waiting"
    PARTIAL = "partial"
    BROKEN = "broken"
    LATER = "later"


@dataclass(frozen=True)
class StageStatus:
    """State of one stage, in words where there is more to say."""

    name: str
    state: State
    detail: str = ""
    manifest: Manifest | None = None

    @property
    def seconds(self) -> float | None:
        return (self.manifest.ended - self.manifest.started).total_seconds() if self.manifest else None


@dataclass(frozen=True)
class StageDone:
    """Told when a stage has finished."""

    round: Round
    stage: str
    facts: Mapping[str, Any]
    seconds: float


@dataclass(frozen=True)
class AdvanceResult:
    """Where `advance` stopped: the round, and why people are needed (None: the round is finished)."""

    round: Round
    waiting: str | None


OnDone = Callable[[StageDone], None]
Watch = Callable[[Round, str], OnStep]
"""Gives the progress display of a stage that is about to run."""


def _no_watch(rnd: Round, stage: str) -> OnStep:
    return ignore_steps


def stage_names(rnd: Round) -> tuple[str, ...]:
    """The stages of a round, in order."""
    return BASE_STAGES if rnd.parent is None else ROUND_STAGES


def round_status(rnd: Round) -> list[StageStatus]:
    """State of every stage, seen on disk now. Does not ask the feedback source."""
    found: list[StageStatus] = []
    for name in stage_names(rnd):
        found.append(_stage_status(rnd, name, all(s.state is State.DONE for s in found)))
    return found


def _stage_status(rnd: Round, name: str, earlier_done: bool) -> StageStatus:
    folder = rnd.stage(name)
    if folder.exists():
        manifest = read_manifest(folder)
        wrong = changed(manifest.outputs, folder.resolve())
        if not is_finished(rnd):  # problem files may grow between rounds, not within one
            wrong = changed(manifest.inputs, rnd.project.root) + wrong
        detail = f"changed since: {', '.join(wrong)}" if wrong else ""
        return StageStatus(name, State.BROKEN if wrong else State.DONE, detail, manifest)
    if not earlier_done:
        return StageStatus(name, State.LATER)
    if name == collect.NAME:
        return StageStatus(name, State.WAITING, "for the teachers' rankings")
    return StageStatus(name, State.PARTIAL if partial_folder(folder).exists() else State.READY)


def is_finished(rnd: Round) -> bool:
    """Whether the last stage is done."""
    return (rnd.stage(stage_names(rnd)[-1]) / MANIFEST).exists()


def start_base(project: Project) -> Round:
    """Start round 000, or give it back where it was started before."""
    if (project.rounds_folder / "000" / "round.toml").exists():
        return project.round(0)
    return _freeze(project, 0, {"round": 0, "recipe": project.config.round.sft})


def start_next(project: Project) -> Round:
    """Start the round after the last one, from the promoted adapter.

    Raises:
        ProjectError: there is no round 000, the last round is unfinished, or nothing is promoted.
    """
    rounds = project.rounds()
    if not rounds:
        raise ProjectError("there is no base adapter yet", hint="prefopt sft")
    if not is_finished(rounds[-1]):
        raise ProjectError(f"round {rounds[-1].name} is not finished", hint="prefopt round")
    parent = parent_of_next(project)
    if parent is None:
        raise ProjectError(
            f"no adapter is promoted: round 000 was {promotions(project).outcome(0) or 'not decided'}",
            hint=f"read {rounds[0].stage('report') / 'report.html'}; it needs more labeled problems or SFT steps: "
            "move rounds/000 away and type prefopt sft",
        )
    number = rounds[-1].number + 1
    return _freeze(project, number, {"round": number, "recipe": recipe_of(project, number), "parent": parent.number})


def recipe_of(project: Project, number: int) -> str:
    """Recipe of round 1, 2, 3 … by the settings; the last one goes on."""
    recipes = project.config.round.recipes
    return recipes[min(number - 1, len(recipes) - 1)]


def branch(project: Project, number: int, at: str, recipe: str | None) -> Round:
    """Start a new round that links the stages of an earlier one up to (not with) `at`, and goes on from there with the settings of today.

    Its recipe is the earlier round's where no other is given.

    Raises:
        ProjectError: unknown stage, round 000, a stage before `at` is not done, or another recipe for an adapter that is linked.
    """
    old = project.round(number)
    if old.parent is None or at not in ROUND_STAGES:
        what = "round 000 has no earlier stages" if old.parent is None else f"there is no stage {at!r}"
        raise ProjectError(f"cannot branch round {number} at {at}: {what}", hint=f"stages: {', '.join(ROUND_STAGES)}")
    kept = ROUND_STAGES[: ROUND_STAGES.index(at)]
    missing = [s.name for s in round_status(old)[: len(kept)] if s.state is not State.DONE]
    if missing:
        raise ProjectError(f"cannot branch round {number} at {at}: not done: {', '.join(missing)}", hint="branch at an earlier stage")
    if recipe and recipe != old.recipe and "train" in kept:
        raise ProjectError(
            f"round {number:03d} was trained with recipe {old.recipe!r}, and a branch at {at} keeps its adapter",
            hint=f"prefopt round branch {number} --at train --recipe {recipe}",
        )
    new = project.rounds()[-1].number + 1
    start = {"round": new, "recipe": recipe or old.recipe, "parent": old.parent.number, "branch_of": number, "branch_at": at}
    fresh = _freeze(project, new, start)
    for name in kept:
        fresh.stage(name).symlink_to(Path("..") / old.name / name, target_is_directory=True)
    return fresh


def refuse_bad_plugins(project: Project, recipes: Sequence[str]) -> list[Recipe]:
    """Raise where a recipe or the feedback source is not there or has options that are wrong: before anything is frozen or costs time."""
    config, where = project.config, project.root / CONFIG
    found = [plugins.find_recipe(name, project.root) for name in recipes]
    for recipe in found:
        plugins.options(recipe.Config, config.recipes.get(recipe.name, {}), f"{where} [recipes.{recipe.name}]")
    plugins.options(plugins.find_source(config.feedback.source).Config, config.feedback.options, f"{where} [feedback.options]")
    return found


def _freeze(project: Project, number: int, start: Mapping[str, Any]) -> Round:
    refuse_bad_plugins(project, [str(start["recipe"])])
    rnd = Round(project, number)
    rnd.folder.mkdir(parents=True, exist_ok=True)
    with locked(rnd):
        if not (rnd.folder / "round.toml").exists():
            freeze_round(project, number, start)
    return Round(project, number)


def advance(rnd: Round, *, watch: Watch = _no_watch, on_done: OnDone = lambda _: None, collect_now: bool = False) -> AdvanceResult:
    """Run the stages of a round that are not done, until it is finished or people are needed.

    Raises:
        PrefoptError: a stage failed (what is done stays done), another process holds the round, or a finished stage is broken.
    """
    with locked(rnd):
        for name in stage_names(rnd):
            status = _stage_status(rnd, name, True)
            if status.state is State.BROKEN:
                raise _broken(rnd, status)
            if name == report.NAME:  # whatever is decided is in the record before it is reported
                follow_rule(rnd.project)
            if status.state is State.DONE:
                continue
            context = StageContext(rnd, partial_folder(rnd.stage(name)), collect_now=collect_now)
            why = MODULES[name].waiting(context) if hasattr(MODULES[name], "waiting") else None
            if why is not None:
                return AdvanceResult(rnd, why)
            on_done(run_stage(rnd, name, watch(rnd, name), collect_now))
    return AdvanceResult(rnd, None)


def decide_by_hand(rnd: Round, outcome: Outcome, because: str) -> tuple[Promotions, list[Path]]:
    """A person decides on a round; the reports that show it are written anew: that of the round, and the newest one.

    Returns the pointer with its record, and the reports.

    Raises:
        ProjectError: see promotion.overrule; another process works on a round whose report is written.
    """
    found = overrule(rnd, outcome, because)
    finished = [r for r in rnd.project.rounds() if is_finished(r)]
    shown = [r for r in finished if r.number in (rnd.number, finished[-1].number)]
    for r in shown:
        with locked(r):
            run_stage(r, report.NAME, ignore_steps, False, replace=True)
    return found, [r.stage(report.NAME) / "report.html" for r in shown]


def run_stage(rnd: Round, name: str, on_step: OnStep, collect_now: bool, *, replace: bool = False) -> StageDone:
    """Run one stage to its finished folder; `replace`: in place of the one that is there."""
    module, folder, root = MODULES[name], rnd.stage(name), rnd.project.root
    started = now()
    try:
        inputs = {key: fact(path, root) for key, path in module.inputs(rnd).items()}
        out = _open_partial(module, folder, inputs, rnd)
        facts = module.run(StageContext(rnd, out, on_step, collect_now))
        (out / _INPUTS).unlink()
        manifest = Manifest(
            stage=name,
            round=rnd.number,
            seed=rnd.seed,
            config_hash=config_hash(rnd.config),
            inputs=inputs,
            outputs={p.name: fact(p, out) for p in sorted(out.iterdir()) if not p.name.startswith(".")},
            facts=facts,
            versions=versions(),
            machine=machine(),
            started=started,
            ended=now(),
        )
        finish(folder, manifest, replace=replace)
    except OSError as error:
        raise _disk_fault(error, rnd, name) from error
    return StageDone(rnd, name, facts, (manifest.ended - started).total_seconds())


def _open_partial(module: ModuleType, folder: Path, inputs: Mapping[str, FileFact], rnd: Round) -> Path:
    """The unfinished folder. What an interrupted run kept for going on is taken only if it had read the very same inputs."""
    seen = json.dumps({"config": config_hash(rnd.config), **{k: f.sha256 for k, f in inputs.items()}}, sort_keys=True)
    record = partial_folder(folder) / _INPUTS
    same = record.exists() and record.read_text(encoding="utf-8") == seen
    out = start_folder(folder, keep=getattr(module, "KEEP", ()) if same else ())
    record.write_text(seen, encoding="utf-8")
    return out


def _disk_fault(error: OSError, rnd: Round, name: str) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return ProjectError(
            f"stage {name} of round {rnd.name}: {os.strerror(error.errno or 0)} while writing {error.filename or rnd.folder}",
            hint="free some space, then type `prefopt round`: what is done stays done",
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return ProjectError(
            f"stage {name} of round {rnd.name} cannot write: {error}", hint="mend the permissions, then type `prefopt round`"
        )
    return error


def _broken(rnd: Round, status: StageStatus) -> PrefoptError:
    return ProjectError(
        f"stage {status.name} of round {rnd.name} is broken: {status.detail}",
        hint=f"restore the files, or start again from there: prefopt round branch {rnd.number} --at {status.name}",
    )
