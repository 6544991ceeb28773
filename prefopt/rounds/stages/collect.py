"""collect: take the teachers' rankings. The only stage that waits for people."""

from __future__ import annotations

from prefopt.config import ProjectConfig
from prefopt.errors import FeedbackError
from prefopt.project.project import RoundKey
from prefopt.rounds.artifacts import RANKINGS, UNCOUNTED
from prefopt.rounds.stage import Outcome, Produced, Workspace, stage
from prefopt.rounds.teachers import Published, Teachers


class CollectOutcome(Outcome):
    """Whose rankings were taken."""

    rankings: int
    teachers: tuple[str, ...]
    deleted_teachers: tuple[str, ...]
    """Accounts that no longer exist; their answers count."""
    withdrawn: int
    """Answers that their teachers took back."""
    slates_answered: int
    ranked: int
    none_right: int
    discarded: int
    uncounted: int = 0
    """Files, rows and answers that were found and do not count."""

    def line(self) -> str:
        deleted = f"; accounts deleted, answers kept: {', '.join(self.deleted_teachers)}" if self.deleted_teachers else ""
        withdrawn = f"; {self.withdrawn} taken back" if self.withdrawn else ""
        uncounted = f"; {self.uncounted} findings about what does not count ({UNCOUNTED.file})" if self.uncounted else ""
        return (
            f"{self.rankings} rankings by {len(self.teachers)} teachers on {self.slates_answered} slates "
            f"({self.none_right} none right, {self.discarded} discarded){deleted}{withdrawn}{uncounted}"
        )


def waits(teachers: Published, settings: ProjectConfig, this: RoundKey, work: Workspace) -> str | None:
    """Why people are needed, or None.

    Raises:
        FeedbackError: the rankings so far are to be collected, and there is none.
    """
    progress, reading = teachers.progress()
    wanted = settings.feedback.minimum_share * progress.published
    if progress.complete >= wanted or (work.collect_now and any(progress.rankings.values())):
        return None
    if work.collect_now:
        left_out = f"; what was found does not count ({len(reading.uncounted)} findings)" if reading and reading.uncounted else ""
        raise FeedbackError(
            f"no slate of round {this.name} has been answered: there is nothing to collect{left_out}",
            hint="prefopt round status" if reading and reading.uncounted else "let the teachers rank some slates first",
        )
    names = ", ".join(f"{name} {count}" for name, count in sorted(progress.rankings.items())) or "no rankings yet"
    uncounted = f"; {len(reading.uncounted)} findings about what does not count" if reading and reading.uncounted else ""
    return f"{progress.complete} of {progress.published} slates complete ({names}){uncounted}"


@stage(
    outcome=CollectOutcome,
    reads={"teachers": Teachers()},
    writes=(RANKINGS, UNCOUNTED),
    settings=("data.taxonomy", "read", "feedback.source", "feedback.options", "feedback.overlap", "feedback.minimum_share"),
    waits=waits,
)
def collect(teachers: Published, this: RoundKey) -> Produced[CollectOutcome]:
    """Take the rankings, sorted by slate then teacher. Raises FeedbackError where there is none."""
    reading = teachers.read()
    rankings, changes = reading.answers, reading.changes
    if not rankings:
        raise FeedbackError(f"no slate of round {this.name} has been answered", hint="let the teachers rank some slates first")
    kinds = [r.kind for r in rankings]
    outcome = CollectOutcome(
        rankings=len(rankings),
        teachers=tuple(sorted({r.teacher for r in rankings})),
        deleted_teachers=changes.removed_teachers,
        withdrawn=len(changes.withdrawn),
        slates_answered=len({r.slate_id for r in rankings}),
        ranked=kinds.count("ranked"),
        none_right=kinds.count("none_right"),
        discarded=kinds.count("discarded"),
        uncounted=len(reading.uncounted),
    )
    produced = Produced(outcome).put(RANKINGS, rankings)
    return produced.put(UNCOUNTED, reading.uncounted) if reading.uncounted else produced
