"""What state each stage of a round is in. State is seen on disk, not stored: a stage is done if and only if its folder exists."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from prefopt.io.stage_folders import Manifest, partial_folder, read_manifest
from prefopt.jobs.record import read_record
from prefopt.jobs.run import waiting_for
from prefopt.project.project import Round
from prefopt.rounds.artifacts import JOB
from prefopt.rounds.order import STAGES, stage_names
from prefopt.rounds.reading import altered, changed_inputs, is_done
from prefopt.rounds.stage import Outcome


class State(StrEnum):
    """done: the folder is there. ready: can run now. waiting: people are needed, or a training service. partial: was interrupted, can
    be resumed. broken: a file of a finished stage has changed. later: an earlier stage comes first."""

    DONE = "done"
    READY = "ready"
    WAITING = "waiting"
    PARTIAL = "partial"
    BROKEN = "broken"
    LATER = "later"


@dataclass(frozen=True)
class StageStatus:
    """State of one stage, with details where there are some."""

    name: str
    state: State
    detail: str = ""
    manifest: Manifest | None = None

    @property
    def seconds(self) -> float | None:
        """How long the stage took; None before it is done."""
        return self.manifest.seconds if self.manifest else None

    @property
    def outcome(self) -> Outcome | None:
        """What the stage reported; None before it is done."""
        return outcome_of(self.manifest) if self.manifest else None


def outcome_of(manifest: Manifest) -> Outcome:
    """The typed outcome in a stage.json."""
    found: Outcome = STAGES[manifest.stage].outcome.model_validate(manifest.outcome)
    return found


def round_status(rnd: Round) -> list[StageStatus]:
    """State of every stage. Does not ask the feedback source."""
    found: list[StageStatus] = []
    for name in stage_names(rnd):
        found.append(stage_status(rnd, name, all(s.state is State.DONE for s in found)))
    return found


def stage_status(rnd: Round, name: str, earlier_done: bool) -> StageStatus:
    """State of one stage, given whether all stages before it are done."""
    folder = rnd.stage(name)
    if folder.exists():
        manifest = read_manifest(folder)
        wrong = altered(rnd, name)
        if not is_finished(rnd):  # problem files may grow between rounds, not within one
            wrong = changed_inputs(rnd, manifest) + wrong
        detail = f"changed since: {', '.join(wrong)}" if wrong else ""
        return StageStatus(name, State.BROKEN if wrong else State.DONE, detail, manifest)
    if not earlier_done:
        return StageStatus(name, State.LATER)
    if STAGES[name].waits is not None:
        return StageStatus(name, State.WAITING, "for the teachers' rankings")
    record = read_record(partial_folder(folder)) if name == JOB.stage else None
    if record is not None and record.next == "wait":
        return StageStatus(name, State.WAITING, f"for {waiting_for(record)}")
    return StageStatus(name, State.PARTIAL if partial_folder(folder).exists() else State.READY)


def is_finished(rnd: Round) -> bool:
    """Whether the last stage is done."""
    return is_done(rnd, stage_names(rnd)[-1])
