"""Which adapter is in use: one pointer, moved by the rule's decisions and by people who overrule them, with a record of every move.

rounds/promoted.json holds the pointer and its record, and is replaced by one rename: whoever reads it sees the old or the new one.
A decision of the rule counts from the moment its stage is done, also where a crash came before it was written down here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from prefopt.errors import ProjectError
from prefopt.io.stage_folders import changed, now, read_manifest, write_text
from prefopt.project.project import Project, Round
from prefopt.records import Outcome, Record

FILE = "promoted.json"


class Move(Record):
    """One decision on one round, by the written rule or by a person who overrules it."""

    round: int
    outcome: Outcome
    by: Literal["rule", "person"]
    at: datetime
    because: str = ""


class Promotions(Record):
    """The pointer and how it came there, oldest move first."""

    promoted: int | None = None
    """Round whose adapter is in use; None where none is."""
    moves: tuple[Move, ...] = ()

    def outcome(self, number: int) -> Outcome | None:
        """What became of a round, by the last word on it."""
        return next((move.outcome for move in reversed(self.moves) if move.round == number), None)

    def overruled(self, number: int) -> Move | None:
        """The last word on a round, where a person spoke it."""
        last = next((move for move in reversed(self.moves) if move.round == number), None)
        return last if last is not None and last.by == "person" else None


def promotions(project: Project) -> Promotions:
    """The pointer as it stands.

    Raises:
        ProjectError: promoted.json is not ours, or its pointer is not where its moves lead.
    """
    known = _read(project.rounds_folder / FILE)
    told = {move.round for move in known.moves if move.by == "rule"}
    moves = known.moves + tuple(_by_rule(r) for r in project.rounds() if r.number not in told and r.decision is not None)
    return Promotions(promoted=in_use(moves), moves=moves)


def in_use(moves: tuple[Move, ...]) -> int | None:
    """The round promoted last among those whose promotion still stands: taking one back returns to the one before it."""
    last = {move.round: move.outcome for move in moves}
    standing = [move.round for move in moves if move.outcome == "promoted" and last[move.round] == "promoted"]
    return standing[-1] if standing else None


def promoted_round(project: Project) -> Round:
    """The round whose adapter is in use. Raises ProjectError where none is."""
    number = promotions(project).promoted
    if number is None:
        raise ProjectError(
            f"no adapter of {project.root} is promoted",
            hint='see `prefopt round list`; to use one all the same: prefopt round decide 0 --promote --because "…"',
        )
    return project.round(number)


def parent_of_next(project: Project) -> Round | None:
    """The round that the next one starts from: the promoted one. Where none is, round 000, the only adapter there is, unless it was
    rejected; None then."""
    found = promotions(project)
    if found.promoted is not None:
        return project.round(found.promoted)
    return project.round(0) if found.outcome(0) == "held" else None


def follow_rule(project: Project) -> None:
    """Write down the decisions of the rule that are not yet in the record."""
    with _one_writer(project):
        found = promotions(project)
        if found != _read(project.rounds_folder / FILE):
            _write(project, found)


def overrule(rnd: Round, outcome: Outcome, because: str) -> Promotions:
    """A person decides on a round, also against the rule; promoting an earlier round rolls back to its adapter.

    Raises:
        ProjectError: no reason is given, the rule has not decided yet, or the adapter to promote is no longer what was judged.
    """
    if not because.strip():
        raise ProjectError("a decision needs its reason: it is kept in the record and shown in the report", hint='--because "…"')
    if rnd.decision is None:
        raise ProjectError(f"round {rnd.name} is not decided yet: there is nothing to overrule", hint="prefopt round")
    if outcome == "promoted":
        wrong = changed(read_manifest(rnd.stage("train")).outputs, rnd.stage("train"))
        if wrong:
            raise ProjectError(
                f"the adapter of round {rnd.name} is not the one that was judged: changed since: {', '.join(wrong)}",
                hint="restore the files, or promote another round",
            )
    with _one_writer(rnd.project):
        moves = promotions(rnd.project).moves
        moves += (Move(round=rnd.number, outcome=outcome, by="person", at=now(), because=because.strip()),)
        found = Promotions(promoted=in_use(moves), moves=moves)
        _write(rnd.project, found)
    return found


def _by_rule(rnd: Round) -> Move:
    decision = rnd.decision
    assert decision is not None  # noqa: S101  # promotions() asks only for decided rounds
    return Move(round=rnd.number, outcome=decision.outcome, by="rule", at=read_manifest(rnd.stage("decide")).ended)


def _read(path: Path) -> Promotions:
    if not path.exists():
        return Promotions()
    try:
        found = Promotions.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        fault = f"{path} is not what prefopt wrote: {error.errors()[0]['msg']}"
        raise ProjectError(fault, hint=f"restore it, or move it away: the rule's own decisions then count (see {path.parent})") from None
    if found.promoted != in_use(found.moves):
        raise ProjectError(
            f"{path}: promoted is {found.promoted}, but its moves lead to {in_use(found.moves)}",
            hint="restore the file; to change the pointer: prefopt round decide N --promote --because …",
        )
    return found


def _write(project: Project, found: Promotions) -> None:
    write_text(project.rounds_folder / FILE, found.model_dump_json(indent=2) + "\n")


@contextmanager
def _one_writer(project: Project) -> Iterator[None]:
    """Moves are written one after the other; the lock ends with its process."""
    handle = os.open(project.rounds_folder / ".promoted.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
