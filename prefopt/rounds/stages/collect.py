"""collect: take the teachers' rankings. The only stage that waits for people."""

from __future__ import annotations

from datetime import datetime

from prefopt.config import ProjectConfig
from prefopt.errors import FeedbackError
from prefopt.project.project import RoundKey
from prefopt.rankings.limits import CUT
from prefopt.rounds.artifacts import RANKINGS, UNCOUNTED
from prefopt.rounds.stage import Outcome, Produced, Workspace, stage
from prefopt.rounds.teachers import OVERLAP, Published, Teachers


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
    """Files, rows and answers that were found and do not count, or are to be checked."""
    kept: int = 0
    """Answers that count although the feedback source no longer has them: their slate or account was deleted, or they vanished."""
    deleted_slates: int = 0
    """Published slates that the feedback source no longer has."""
    older_source: bool = False
    """Whether the feedback source was in an older state than one that was read before."""
    comments_cut: int = 0
    """Comments of which only the beginning is kept."""
    from_answers: datetime | None = None
    """Where answers.jsonl was collected in place of the feedback source: when that was last read."""

    def line(self) -> str:
        deleted = f"; accounts deleted, answers kept: {', '.join(self.deleted_teachers)}" if self.deleted_teachers else ""
        withdrawn = f"; {self.withdrawn} taken back" if self.withdrawn else ""
        uncounted = f"; {self.uncounted} findings of what does not count or is to be checked ({UNCOUNTED.file})" if self.uncounted else ""
        read = f"; from answers.jsonl, as read on {self.from_answers.astimezone():%Y-%m-%d %H:%M}" if self.from_answers else ""
        older = "; the feedback server is older than what was read before" if self.older_source else ""
        kept = f"; {self.kept} kept that are no longer there" if self.kept else ""
        slates = f"; {self.deleted_slates} slates were deleted there" if self.deleted_slates else ""
        return (
            f"{self.rankings} rankings by {len(self.teachers)} teachers on {self.slates_answered} slates "
            f"({self.none_right} none right, {self.discarded} discarded){read}{older}{kept}{slates}{deleted}{withdrawn}{uncounted}"
        )


def waits(teachers: Published, settings: ProjectConfig, this: RoundKey, work: Workspace) -> str | None:
    """Why people are needed, or None.

    Raises:
        FeedbackError: the rankings so far are to be collected, and there is none.
    """
    progress, reading = teachers.progress(work.from_answers)
    wanted = settings.feedback.minimum_share * progress.published
    if progress.complete >= wanted or (work.collect_now and any(progress.rankings.values())):
        return None
    if work.collect_now:
        left_out = f"; what was found does not count ({len(reading.uncounted)} findings)" if reading and reading.uncounted else ""
        raise FeedbackError(
            f"no slate of round {this.name} has been answered: there is nothing to collect{left_out}",
            hint="prefopt round status" if reading and reading.uncounted else "let the teachers rank some slates first",
        )
    if not work.from_answers:
        teachers.let_answer(True)  # a branch asks again what another round has collected
    names = ", ".join(f"{name} {count}" for name, count in sorted(progress.rankings.items())) or "no rankings yet"
    uncounted = f"; {len(reading.uncounted)} findings about what does not count" if reading and reading.uncounted else ""
    held = ""
    if reading is not None and reading.as_of is not None:
        held = f", as read on {reading.as_of.astimezone():%Y-%m-%d %H:%M}; to collect these: prefopt round --from-answers --collect-now"
    again = teachers.asked_again(reading)
    more = f"; {again} want another teacher" if again else ""
    return f"{progress.complete} of {progress.published} slates complete ({names}){more}{uncounted}{held}"


@stage(
    outcome=CollectOutcome,
    reads={"teachers": Teachers()},
    writes=(RANKINGS, UNCOUNTED),
    settings=(
        "data.taxonomy",
        "read",
        "feedback.source",
        "feedback.options",
        *OVERLAP,
        "feedback.question",
        "feedback.card_fields",
        "domain",
        "feedback.minimum_share",
    ),
    waits=waits,
)
def collect(teachers: Published, this: RoundKey, work: Workspace) -> Produced[CollectOutcome]:
    """Take the rankings, sorted by slate then teacher. Raises FeedbackError where there is none."""
    if not work.from_answers:
        teachers.let_answer(False)  # before they are read: no answer comes in between
    reading = teachers.read(work.from_answers)
    rankings, absences = reading.answers, reading.absences
    if not rankings:
        raise FeedbackError(f"no slate of round {this.name} has been answered", hint="let the teachers rank some slates first")
    kinds = [r.kind for r in rankings]
    outcome = CollectOutcome(
        rankings=len(rankings),
        teachers=tuple(sorted({r.teacher for r in rankings})),
        deleted_teachers=absences.deleted_teachers,
        withdrawn=absences.withdrawn,
        slates_answered=len({r.slate_id for r in rankings}),
        ranked=kinds.count("ranked"),
        none_right=kinds.count("none_right"),
        discarded=kinds.count("discarded"),
        uncounted=len(reading.uncounted),
        kept=len(absences.kept) - absences.of_deleted_accounts,
        deleted_slates=len(absences.deleted),
        older_source=absences.older or absences.lost > 0,
        comments_cut=sum(row.kind == CUT for row in reading.uncounted),
        from_answers=reading.as_of,
    )
    produced = Produced(outcome).put(RANKINGS, rankings)
    return produced.put(UNCOUNTED, reading.uncounted) if reading.uncounted else produced
