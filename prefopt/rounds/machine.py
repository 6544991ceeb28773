"""The machine that runs a round: it reads and verifies what a stage declares, runs it, writes what it returns, and resumes.

Stages know nothing of folders, hashes, locks or manifests (rounds/stage.py); their order is in rounds/order.py.
"""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from prefopt.errors import PrefoptError, ProjectError, WaitingError
from prefopt.grounds import ComparedInUse
from prefopt.io.disk import disk_errno
from prefopt.io.files import remove_stale, write_text
from prefopt.io.locks import locked as locked_file
from prefopt.io.stage_folders import (
    FileRecord,
    Manifest,
    finish,
    is_set_aside,
    machine,
    now,
    partial_folder,
    put_back,
    record_of,
    remove,
    start,
    versions,
)
from prefopt.io.system_faults import in_words
from prefopt.project.project import Project, Round, locked
from prefopt.protocols import OnStep, ignore_steps
from prefopt.records import Outcome as DecisionOutcome
from prefopt.rounds.artifacts import RANKINGS, RECEIPTS, REPORT
from prefopt.rounds.frozen import OnChange, hash_of_settings, refuse_edited, take_goals, take_up, with_way_on
from prefopt.rounds.order import STAGES, stage_names
from prefopt.rounds.promotion import Promotions, follow_rule, overrule
from prefopt.rounds.reading import Reader, hashes_of, is_done, redo
from prefopt.rounds.stage import Outcome, Produced, Stage, Workspace, as_read_by, only
from prefopt.rounds.states import StageStatus, State, is_finished, stage_status

O = TypeVar("O", bound=Outcome)  # noqa: E741 - the letter of Outcome

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_READ_ONLY = (errno.EACCES, errno.EROFS, errno.EPERM)
_INPUTS = "inputs.json"  # in a partial folder: what the interrupted run had read


@dataclass(frozen=True)
class StageDone:
    """A stage that has just finished."""

    round: Round
    stage: str
    outcome: Outcome
    seconds: float


@dataclass(frozen=True)
class AdvanceResult:
    """Where `advance` stopped: the round, and what it waits for (None: the round is finished)."""

    round: Round
    waiting: str | None
    job: bool = False
    """Whether that is a job of a training service, and not people."""


class Collecting(NamedTuple):
    """How answers are collected; see advance()."""

    now: bool = False
    from_answers: bool = False


ALL = Collecting()

OnDone = Callable[[StageDone], None]
Watch = Callable[[Round, str], OnStep]
"""Returns the progress display of a stage that is about to run."""


def _no_watch(rnd: Round, stage: str) -> OnStep:
    return ignore_steps


def advance(
    rnd: Round,
    *,
    watch: Watch = _no_watch,
    on_done: OnDone = lambda _: None,
    on_change: OnChange = lambda _: None,
    collect_now: bool = False,
    from_answers: bool = False,
    until: str | None = None,
) -> AdvanceResult:
    """Run the stages of a round that are not done, until it is finished or people are needed.

    Before a stage runs, the settings that no finished stage has read are taken from prefopt.toml.

    Args:
        rnd: the round.
        watch: gives each stage its progress display.
        on_done: called when a stage has finished.
        on_change: called with each setting that changes before a stage runs.
        collect_now: collect the rankings received so far, even if slates are incomplete.
        from_answers: collect what was last read of the feedback source, without asking it.
        until: a stage to stop before.

    Raises:
        PrefoptError: a stage failed (what is done stays done), another process holds the round, or a finished stage is broken.
    """
    how = Collecting(collect_now, from_answers)
    with locked(rnd):
        _put_back(rnd)
        for folder in (rnd.folder, rnd.project.rounds_folder):
            remove_stale(folder)
        refuse_edited(rnd)
        if from_answers:
            _refuse_unasked(rnd)
        for name in stage_names(rnd):
            if name == until:
                return AdvanceResult(take_up(rnd, STAGES[name], on_change) if not is_done(rnd, name) else rnd, None)
            status = stage_status(rnd, name, True)
            if status.state is State.BROKEN:
                raise _broken(rnd, status)
            if name == REPORT.stage:  # a decision is recorded before it is reported
                follow_rule(rnd.project)
            if status.state is State.DONE:
                continue
            rnd = take_up(rnd, STAGES[name], on_change)
            why = _why_waiting(STAGES[name], rnd, how)
            if why is not None:
                return AdvanceResult(rnd, why)
            try:
                done = run_stage(rnd, name, watch(rnd, name), how)
            except WaitingError as wait:
                return AdvanceResult(rnd, wait.message, job=True)
            on_done(done)
    return AdvanceResult(rnd, None)


def _refuse_unasked(rnd: Round) -> None:
    """Raise ProjectError where a round does not wait for answers."""
    if is_done(rnd, RANKINGS.stage) or not is_done(rnd, RECEIPTS.stage):
        why = "has collected its answers already" if is_done(rnd, RANKINGS.stage) else "has not been published yet: nothing was answered"
        raise ProjectError(f"round {rnd.name} {why}", hint="prefopt round, without --from-answers")


def _why_waiting(stage: Stage[Any], rnd: Round, how: Collecting) -> str | None:
    if stage.waits is None:
        return None
    reader = Reader(as_read_by(rnd, stage), content=stage.by_content)
    return stage.call(stage.waits, load_inputs(stage, reader), _context(stage, reader.round, ignore_steps, how))


def decide_by_hand(
    rnd: Round, outcome: DecisionOutcome, because: str, ground: ComparedInUse | None = None
) -> tuple[Promotions, list[Path]]:
    """A person decides on a round; the reports that show it are rewritten: that of the round, and the newest one.

    Args:
        rnd: the round.
        outcome: from now on, whatever the rule decided.
        because: the reason; it is kept in the record and shown in the report.
        ground: the comparison in use on which it rests; None: none.

    Returns the pointer with its record, and the reports.

    Raises:
        ProjectError: see promotion.overrule; another process works on a round whose report is written.
    """
    put_back_replaced(rnd.project)
    refuse_edited(rnd)
    found = overrule(rnd, outcome, because, ground)
    finished = [r for r in rnd.project.rounds() if is_finished(r)]
    shown = [r for r in finished if r.number in (rnd.number, finished[-1].number)]
    for r in shown:
        with locked(r):
            run_stage(r, REPORT.stage, ignore_steps, replace=True)
    return found, [r.stage(REPORT.stage) / REPORT.file for r in shown]


def rewrite_report(rnd: Round, on_change: OnChange = lambda _: None) -> StageDone:
    """Write the report of a finished round again, by the goals of today: nothing else depends on them.

    Args:
        rnd: the round.
        on_change: called with each goal that changes.

    Raises:
        ProjectError: the round has no report yet; another process works on it.
        ConfigError: goals.each is no group of the taxonomy.
    """
    put_back_replaced(rnd.project)
    refuse_edited(rnd)
    if not is_done(rnd, REPORT.stage):
        raise ProjectError(f"round {rnd.name} has no report yet", hint="prefopt round" if rnd.number else "prefopt sft")
    with locked(rnd):
        return run_stage(take_goals(rnd, on_change), REPORT.stage, ignore_steps, replace=True)


def put_back_replaced(project: Project) -> None:
    """Complete what a crash left between the two renames of a stage that replaces itself: its folder is put back as it was."""
    for rnd in project.rounds():
        if any(is_set_aside(rnd.stage(name)) for name in STAGES):
            with locked(rnd):
                _put_back(rnd)


def _put_back(rnd: Round) -> None:
    for name in STAGES:
        put_back(rnd.stage(name))


def load_inputs(stage: Stage[Any], reader: Reader) -> dict[str, Any]:
    """Read and verify everything that a stage declares: parameter name -> value. The reader keeps the record of it.

    Raises:
        PrefoptError: a file is missing, damaged, or not the one that its stage wrote.
    """
    for read in stage.verifies:
        read.load(reader)
    return {name: read.load(reader) for name, read in stage.reads.items()}


def run_stage(rnd: Round, name: str, on_step: OnStep = ignore_steps, how: Collecting = ALL, *, replace: bool = False) -> StageDone:
    """Run one stage to its finished folder.

    Args:
        rnd: the round.
        name: of the stage.
        on_step: progress.
        how: how answers are collected.
        replace: put the result in the place of the one that is there.

    Raises:
        PrefoptError: what the stage raises; ProjectError where the disk is full or read-only.
    """
    stage = STAGES[name]
    alone = locked_file(rnd.project.rounds_folder / f".{name}.lock") if stage.exclusive else nullcontext()
    try:
        with alone:
            return _run(stage, rnd, on_step, how, replace)
    except PrefoptError as error:
        error.hint = with_way_on(error.hint, rnd, name)
        raise


def _run(stage: Stage[Any], rnd: Round, on_step: OnStep, how: Collecting, replace: bool) -> StageDone:
    name, folder, started, since = stage.name, rnd.stage(stage.name), now(), time.monotonic()
    try:
        reader = Reader(as_read_by(rnd, stage), content=stage.by_content, on_step=on_step)
        context = _context(stage, reader.round, on_step, how)
        values = load_inputs(stage, reader)
        settings = hash_of_settings(rnd, name)
        out = _open_partial(stage, reader, folder, settings)
        allowed = [out, *reader.allowed, *(rnd.project.root / record.path for record in reader.inputs.values())]
        with only(rnd.project.rounds_folder, allowed):
            produced = stage.call(stage.function, values, context)
        outputs = _write(stage, produced, out, rnd)
        manifest = Manifest(
            stage=name,
            round=rnd.number,
            seed=rnd.seed,
            config_hash=settings,
            inputs=reader.inputs,
            outputs=outputs,
            outcome=produced.outcome.model_dump(mode="json"),
            versions=versions(),
            machine=machine(),
            started=started,
            ended=started + timedelta(seconds=time.monotonic() - since),  # the clock may be set back meanwhile
        )
        finish(folder, manifest, replace=replace)
    except Exception as error:
        fault = _disk_fault(error, rnd, name)
        if fault is None:
            raise
        raise fault from error
    return StageDone(rnd, name, produced.outcome, manifest.seconds)


def _context(stage: Stage[Any], rnd: Round, on_step: OnStep, how: Collecting) -> dict[str, Any]:
    folder = partial_folder(rnd.stage(stage.name))
    work = Workspace(rnd.project.root, folder, rnd.project.cache, on_step, how.now, how.from_answers)
    return {"settings": rnd.config, "this": rnd.key, "work": work}


def _open_partial(stage: Stage[Any], reader: Reader, folder: Path, settings: str) -> Path:
    """The unfinished folder. What an interrupted run kept is used only if that run had read the very same inputs and settings."""
    hashes = {name: record.sha256 for name, record in reader.inputs.items()}
    read = json.dumps({"config": settings, **hashes}, sort_keys=True)
    record = partial_folder(folder) / _INPUTS
    same = record.exists() and record.read_text(encoding="utf-8") == read
    out = start(folder, keep=(*stage.keeps_always, *(stage.keeps if same else ())))
    write_text(record, read)
    return out


def _write(stage: Stage[O], produced: Produced[O], out: Path, rnd: Round) -> dict[str, FileRecord]:
    """Write every artifact into the unfinished folder, and remove what was only needed on the way."""
    missing = [str(a) for a in stage.writes if a not in produced.values and not a.optional]
    undeclared = [str(a) for a in produced.values if a not in stage.writes]
    if missing or undeclared:
        raise ProjectError(
            f"stage {stage.name} returned {f'no {missing}' if missing else f'{undeclared}, which it does not declare'}",
            hint=f"fix the declaration in prefopt/rounds/stages/{stage.name}.py",
        )
    for artifact, value in produced.values.items():
        artifact.store(out / artifact.file, value)
    written = {artifact.file for artifact in produced.values}
    for path in out.iterdir():
        if path.name in written:
            continue
        if path.name not in (*stage.keeps, *stage.keeps_always, _INPUTS) and not path.name.startswith("."):
            raise ProjectError(
                f"stage {stage.name} left {path}, which it does not declare",
                hint="a recipe writes adapter/, metrics.jsonl and checkpoints/ only"
                if stage.name == "train"
                else f"declare it in prefopt/rounds/stages/{stage.name}.py",
            )
        remove(path)
    hashes = hashes_of(rnd.project)
    return {name: record_of(out / name, out, hashes) for name in sorted(written)}


def _disk_fault(error: Exception, rnd: Round, name: str) -> ProjectError | None:
    """A disk that takes no more, with the file that was being written; None for any other exception."""
    if isinstance(error, PrefoptError):
        return None
    number, found = disk_errno(error), in_words(error)
    if found is None or number not in (*_FULL, *_READ_ONLY):
        return None
    what = f"stage {name} of round {rnd.name}: {found.message}"
    if number in _FULL:
        return ProjectError(what, hint="free some space, then type `prefopt round`: what is done stays done")
    return ProjectError(what, hint="fix the permissions, then type `prefopt round`")


def _broken(rnd: Round, status: StageStatus) -> ProjectError:
    return ProjectError(
        f"stage {status.name} of round {rnd.name} is broken: {status.detail}",
        hint=f"restore the files from a copy; or {redo(rnd, status.name)}",
    )
