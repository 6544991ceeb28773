"""How fast the teachers are, and how much is left: an estimate from the answers so far, or "cannot tell"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from prefopt.rankings.summary import median_seconds
from prefopt.records import Ranking


@dataclass(frozen=True)
class TeacherPace:
    """One teacher's answers so far."""

    name: str
    answers: int
    left: int
    """Slates that still need an answer and that the teacher has not answered."""
    median_seconds: float | None
    last: datetime | None


@dataclass(frozen=True)
class Pace:
    """Pace of the teachers and the work that is left."""

    teachers: tuple[TeacherPace, ...]
    missing: int
    """Answers still needed."""
    expected: float
    """Further answers that slates without one are expected to need, at the rate of those that have one; 0 where none is asked for more."""
    seconds_left: float | None
    """Work that is left, in seconds of one person, at the median time of the answers so far; None where that time is unknown."""

    def plain(self) -> dict[str, Any]:
        """As plain JSON types."""
        rows = [{**asdict(t), "last": t.last.isoformat() if t.last else None} for t in self.teachers]
        return {"teachers": rows, "missing": self.missing, "expected": self.expected, "seconds_left": self.seconds_left}


def pace(wanted: Mapping[str, int], rankings: Sequence[Ranking], least: Mapping[str, int], names: Iterable[str] = ()) -> Pace:
    """The pace of a round.

    Args:
        wanted: id of every published slate -> answers that it wants.
        rankings: the answers so far.
        least: the same before any answer; an answer may show that a slate wants more.
        names: further teachers, who may not have answered yet.
    """
    counts = Counter(r.slate_id for r in rankings)
    wanting = {slate_id for slate_id, count in wanted.items() if counts[slate_id] < count}
    rows = []
    for name in sorted({*names, *(r.teacher for r in rankings)}):
        own = [r for r in rankings if r.teacher == name]
        times = [r.submitted_at for r in own if r.submitted_at is not None]
        left = len(wanting - {r.slate_id for r in own})
        rows.append(TeacherPace(name, len(own), left, median_seconds(own), max(times, default=None)))
    missing = sum(wanted[slate_id] - counts[slate_id] for slate_id in wanting)
    begun = [wanted[slate_id] - least[slate_id] for slate_id in wanted if counts[slate_id]]
    expected = sum(begun) / len(begun) * (len(wanted) - len(begun)) if begun else 0.0
    each = median_seconds(rankings)
    return Pace(tuple(rows), missing, expected, None if each is None else each * (missing + expected))
