"""How fast the teachers are, and how much is left: an estimate from the answers so far, or "cannot tell"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
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
    seconds_left: float | None
    """Work that is left, in seconds of one person, at the median time of the answers so far; None where that time is unknown."""

    def plain(self) -> dict[str, Any]:
        """As plain JSON types."""
        rows = [{**asdict(t), "last": t.last.isoformat() if t.last else None} for t in self.teachers]
        return {"teachers": rows, "missing": self.missing, "seconds_left": self.seconds_left}


def pace(slate_ids: Sequence[str], rankings: Sequence[Ranking], overlap: int, names: Iterable[str] = ()) -> Pace:
    """The pace of a round.

    Args:
        slate_ids: of all published slates.
        rankings: the answers so far.
        overlap: answers needed per slate.
        names: further teachers, who may not have answered yet.
    """
    counts = Counter(r.slate_id for r in rankings)
    wanting = {slate_id for slate_id in slate_ids if counts[slate_id] < overlap}
    rows = []
    for name in sorted({*names, *(r.teacher for r in rankings)}):
        own = [r for r in rankings if r.teacher == name]
        times = [r.submitted_at for r in own if r.submitted_at is not None]
        left = len(wanting - {r.slate_id for r in own})
        rows.append(TeacherPace(name, len(own), left, median_seconds(own), max(times, default=None)))
    missing = sum(overlap - counts[slate_id] for slate_id in wanting)
    each = median_seconds(rankings)
    return Pace(tuple(rows), missing, None if each is None else each * missing)
