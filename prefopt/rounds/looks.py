"""The ledger of looks: every use of the hold-out for a decision, by the rule, by a person, or by `prefopt report --compare`.

The rule's looks are its decisions (stage decide) and stay on record in rounds/promoted.json when a round's folder is removed or round 000
is replaced; a person's decisions are there too. Comparisons are added to rounds/comparisons.jsonl. Only the rule's looks spend its chance
of a false promotion.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from prefopt.errors import ProjectError
from prefopt.io.locks import locked
from prefopt.io.sealed import read_sealed_rows, write_sealed_rows
from prefopt.io.stage_folders import now
from prefopt.project.audit import FILE as AUDIT
from prefopt.project.audit import AuditRecord, read_audit
from prefopt.project.project import Project, Round
from prefopt.records import Record
from prefopt.rounds.artifacts import DECISION
from prefopt.rounds.promotion import promotions
from prefopt.rounds.reading import Reader, is_done, read

FILE = "comparisons.jsonl"


class ComparedRounds(Record):
    """Two rounds that a person compared on the hold-out."""

    round: int
    other: int
    at: datetime


@dataclass(frozen=True)
class RuleLook:
    """A decision of the rule on a child."""

    round: int
    passed: bool
    """It was shown to be better than its parent, whatever else held it."""


@dataclass(frozen=True)
class PastLooks:
    """What the hold-out was used for before a round, by the rule."""

    children: tuple[RuleLook, ...]
    """Oldest first."""
    judged: int
    """Adapters that were judged: the children and the first ones."""

    @property
    def passed(self) -> tuple[bool, ...]:
        """As the rule takes it (prefopt.calibration.decision.decide)."""
        return tuple(look.passed for look in self.children)


@dataclass(frozen=True)
class Looks:
    """Read: the rule's decisions on all other rounds so far. A branch that links the decision of another round is no look of its own."""

    def load(self, reader: Reader) -> PastLooks:
        own = reader.round
        before = [event for event in promotions(own.project).replaced if event.by == "rule"]
        children, judged = [RuleLook(event.round, event.outcome == "promoted") for event in before if event.round], len(before)
        for number, outcome in _rule_events(own.project):
            rnd = Round(own.project, number)
            if number == own.number or rnd.stage(DECISION.stage).is_symlink():
                continue
            judged += 1
            if number == 0:
                continue
            # verified, but no input of this stage: a round's folder may be removed later, and a resumed run keeps what it had scored
            look = read(rnd, DECISION).look if is_done(rnd, DECISION.stage) else None
            children.append(RuleLook(number, outcome == "promoted" if look is None else look.passed))
        return PastLooks(tuple(children), judged)

    def __str__(self) -> str:
        return "the rule's decisions on all other rounds"


def _rule_events(project: Project) -> list[tuple[int, str]]:
    """Round and outcome of the rule's decisions, oldest first."""
    events = [event for event in promotions(project).events if event.by == "rule"]
    return [(event.round, event.outcome) for event in sorted(events, key=lambda event: event.at)]


@dataclass(frozen=True)
class Comparisons:
    """Read: the comparisons that people made."""

    def load(self, reader: Reader) -> tuple[ComparedRounds, ...]:
        path = reader.round.project.rounds_folder / FILE
        if not path.exists():
            return ()
        reader.project_file("comparisons", path)
        return tuple(read_sealed_rows(path, ComparedRounds))

    def __str__(self) -> str:
        return FILE


@dataclass(frozen=True)
class Openings:
    """Read: when the sealed problems of data.audit were opened, and what that found."""

    def load(self, reader: Reader) -> AuditRecord:
        folder = reader.round.project.rounds_folder
        if (folder / AUDIT).exists():
            reader.project_file("audit record", folder / AUDIT)
        return read_audit(folder)

    def __str__(self) -> str:
        return AUDIT


def record_comparison(project: Project, number: int, other: int) -> None:
    """Add a comparison to the ledger. Raises ProjectError where it cannot be written: an unrecorded look would not be counted."""
    path = project.rounds_folder / FILE
    try:
        with locked(project.rounds_folder / ".comparisons.lock"):
            known = read_sealed_rows(path, ComparedRounds) if path.exists() else []
            write_sealed_rows(path, [*known, ComparedRounds(round=number, other=other, at=now())])
    except OSError as error:
        raise ProjectError(
            f"the comparison cannot be recorded: {error}",
            hint=f"make {project.rounds_folder} writable, or compare in a copy of the project",
        ) from error
