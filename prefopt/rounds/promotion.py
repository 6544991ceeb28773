"""Which adapter is in use: one pointer, moved by the rule's decisions and by people who overrule them, with a record of every event.

rounds/promoted.json holds the pointer and its record, and is replaced by one rename: a reader finds the old or the new one. A decision of
the rule counts from the moment its stage is done, even if a crash came before it was recorded here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from prefopt.errors import ProjectError
from prefopt.grounds import ComparedInUse
from prefopt.io.jsonl import first_fault
from prefopt.io.locks import locked
from prefopt.io.sealed import read_sealed, write_sealed
from prefopt.io.stage_folders import now, read_manifest
from prefopt.io.strict import StrictError, checked_json
from prefopt.project.project import Project, Round
from prefopt.records import Outcome, Record
from prefopt.rounds.artifacts import ADAPTER, CALIBRATION, DECISION, POSTERIORS
from prefopt.rounds.reading import Reader, is_done, locate, read

FILE = "promoted.json"


class PromotionEvent(Record):
    """One decision on one round, by the written rule or by a person who overrules it."""

    round: int
    outcome: Outcome
    by: Literal["rule", "person"]
    at: datetime
    because: str = ""
    ground: ComparedInUse | None = None
    """What a person's decision rests on, where a comparison in use made it."""


class Promotions(Record):
    """The pointer and how it came there, oldest event first."""

    promoted: int | None = None
    """Round whose adapter is in use; None where none is."""
    events: tuple[PromotionEvent, ...] = ()
    replaced: tuple[PromotionEvent, ...] = ()
    """Decisions on rounds that were there before `prefopt sft --again`: looks at the hold-out that count, of adapters that no longer do."""

    def outcome(self, number: int) -> Outcome | None:
        """The latest decision on a round; None before the first."""
        return next((event.outcome for event in reversed(self.events) if event.round == number), None)

    def overruled(self, number: int) -> PromotionEvent | None:
        """The latest decision on a round, if a person made it."""
        last = next((event for event in reversed(self.events) if event.round == number), None)
        return last if last is not None and last.by == "person" else None


def promotions(project: Project) -> Promotions:
    """The pointer now.

    Raises:
        ProjectError: promoted.json was changed by hand, or a decision is not the one that its stage wrote.
    """
    known = _read(project.rounds_folder / FILE)
    recorded = {event.round: event for event in known.events if event.by == "rule"}
    new: list[PromotionEvent] = []
    for rnd in project.rounds():
        if not is_done(rnd, DECISION.stage):
            continue
        outcome = read(rnd, DECISION).outcome
        if rnd.number not in recorded:
            ended = read_manifest(rnd.stage(DECISION.stage)).ended
            new.append(PromotionEvent(round=rnd.number, outcome=outcome, by="rule", at=ended))
        elif recorded[rnd.number].outcome != outcome:
            raise ProjectError(
                f"{project.rounds_folder / FILE} records round {rnd.name} as {recorded[rnd.number].outcome}; its decision is {outcome}",
                hint="restore the file from a copy",
            )
    events = known.events + tuple(new)
    return Promotions(promoted=in_use(events), events=events, replaced=known.replaced)


def in_use(events: tuple[PromotionEvent, ...]) -> int | None:
    """The round promoted last among those whose promotion still holds: taking one back returns to the one before it."""
    last = {event.round: event.outcome for event in events}
    holding = [event.round for event in events if event.outcome == "promoted" and last[event.round] == "promoted"]
    return holding[-1] if holding else None


def promoted_round(project: Project) -> Round:
    """The round whose adapter is in use. Raises ProjectError where none is."""
    number = promotions(project).promoted
    if number is None and not project.rounds():
        raise ProjectError(f"no adapter of {project.root} was trained yet", hint="train and evaluate the first one: prefopt sft")
    if number is None:
        raise ProjectError(
            f"no adapter of {project.root} is promoted",
            hint='see `prefopt round list`; to use one without the rule: prefopt round decide 0 --promote --because "…"',
        )
    return project.round(number)


def parent_of_next(project: Project) -> Round | None:
    """The round that the next one starts from: the promoted one. Where none is promoted, the last one that was better than its parent and
    is held only because the classical baseline is better still; otherwise round 000 unless it was rejected."""
    found = promotions(project)
    if found.promoted is not None:
        return project.round(found.promoted)
    for event in reversed(found.events):
        if event.by == "rule" and event.round and found.outcome(event.round) == "held":
            rnd = Round(project, event.round)
            if is_done(rnd, DECISION.stage) and read(rnd, DECISION).grounds[-1].code == "below_baseline":
                return rnd
    return project.round(0) if found.outcome(0) == "held" else None


def follow_rule(project: Project) -> None:
    """Record the decisions of the rule that are not recorded yet."""
    with _one_writer(project):
        found = promotions(project)
        if found != _read(project.rounds_folder / FILE):
            _write(project, found)


def set_removed_aside(project: Project) -> None:
    """Before a new round 000: decisions on rounds that are no longer there are kept as those of replaced rounds."""
    with _one_writer(project):
        known, there = _read(project.rounds_folder / FILE), {rnd.number for rnd in project.rounds()}
        events = tuple(event for event in known.events if event.round in there)
        if events != known.events:
            gone = tuple(event for event in known.events if event.round not in there)
            _write(project, Promotions(promoted=in_use(events), events=events, replaced=known.replaced + gone))


def overrule(rnd: Round, outcome: Outcome, because: str, ground: ComparedInUse | None = None) -> Promotions:
    """A person decides on a round, also against the rule; promoting an earlier round rolls back to its adapter.

    The last decision typed again, as after a crash before the reports were rewritten, is the same one.

    Raises:
        ProjectError: no reason is given, the rule has not decided yet, or the adapter to promote is no longer the one that was calibrated.
    """
    if not because.strip():
        raise ProjectError("a decision needs a reason: it is kept in the record and shown in the report", hint='--because "…"')
    if not is_done(rnd, DECISION.stage):
        raise ProjectError(f"round {rnd.name} is not decided yet: there is nothing to overrule", hint="prefopt round")
    if outcome == "promoted":
        for artifact in (ADAPTER, POSTERIORS, CALIBRATION):
            locate(rnd, artifact, content=True)
    with _one_writer(rnd.project):
        known = promotions(rnd.project)
        event = PromotionEvent(round=rnd.number, outcome=outcome, by="person", at=now(), because=because.strip(), ground=ground)
        if known.events and event == known.events[-1].model_copy(update={"at": event.at}):
            return known
        events = (*known.events, event)
        found = Promotions(promoted=in_use(events), events=events, replaced=known.replaced)
        _write(rnd.project, found)
    return found


def use_taken(project: Project, because: str) -> None:
    """Put the adapter of a round 000 that was taken from the Hub into use until this project's own rule has judged it."""
    with _one_writer(project):
        event = PromotionEvent(round=0, outcome="promoted", by="person", at=now(), because=because)
        _write(project, Promotions(promoted=0, events=(event,)))


@dataclass(frozen=True)
class PromotionRecord:
    """Read: the pointer and its record."""

    def load(self, reader: Reader) -> Promotions:
        project = reader.round.project
        if (project.rounds_folder / FILE).exists():
            reader.project_file("promoted", project.rounds_folder / FILE)
        return promotions(project)

    def __str__(self) -> str:
        return FILE


def _read(path: Path) -> Promotions:
    if not path.exists():
        return Promotions()
    content = read_sealed(path)
    if b'"moves"' in content:
        raise ProjectError(f"{path} has the format of an earlier version", hint="prefopt migrate")
    try:
        found = Promotions.model_validate_json(checked_json(content))
    except (ValidationError, StrictError) as error:
        raise ProjectError(
            f"{path} is not what prefopt wrote: {first_fault(error)}",
            hint=f"restore it, or move it away: the rule's own decisions then count (see {path.parent})",
        ) from None
    if found.promoted != in_use(found.events):
        raise ProjectError(
            f"{path}: promoted is {found.promoted}, but its events lead to {in_use(found.events)}",
            hint='restore the file; to change the pointer: prefopt round decide N --promote --because "…"',
        )
    return found


def _write(project: Project, found: Promotions) -> None:
    write_sealed(project.rounds_folder / FILE, found)


@contextmanager
def _one_writer(project: Project) -> Iterator[None]:
    """Events are recorded one after the other; the lock ends with its process."""
    project.rounds_folder.mkdir(exist_ok=True)
    with locked(project.rounds_folder / ".promoted.lock"):
        yield
