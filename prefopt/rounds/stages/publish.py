"""publish: show the slates to the teachers."""

from __future__ import annotations

from prefopt.config import ProjectConfig
from prefopt.errors import FeedbackError, PrefoptError
from prefopt.project.conclusions import shown_reason
from prefopt.project.families import SHOWN, refuse_kin, rows_of
from prefopt.project.project import ProjectData
from prefopt.protocols import FeedbackSource
from prefopt.records import Slate
from prefopt.rounds.artifacts import RECEIPTS, SLATES
from prefopt.rounds.fit import refuse_unfit_slates
from prefopt.rounds.reads import PROBLEMS, Data
from prefopt.rounds.stage import Outcome, Produced, stage
from prefopt.rounds.teachers import Collected, PreviousTeachers, Source


class PublishOutcome(Outcome):
    """Where the slates are."""

    published: int
    source: str
    """Name of the feedback source."""
    url: str
    """Address of the first slate; empty where the source has none."""
    hidden_reasons: int = 0
    """Reasons of cards that are not shown."""
    earlier_answers: str = ""
    """What changed in the round before since it was collected: this is when the source is read, and nobody would look otherwise."""

    def line(self) -> str:
        earlier = f"; answers: {self.earlier_answers}" if self.earlier_answers else ""
        hidden = f"; {self.hidden_reasons} reasons not shown, which conclude for another label or subject" if self.hidden_reasons else ""
        return f"{self.published} slates at {self.url or self.source}{hidden}{earlier}"


@stage(
    outcome=PublishOutcome,
    reads={"data": Data(), "slates": SLATES, "source": Source(), "before": PreviousTeachers()},
    writes=(RECEIPTS,),
    settings=(
        *PROBLEMS,
        "feedback.source",
        "feedback.options",
        "feedback.overlap",
        "feedback.question",
        "feedback.card_fields",
        "domain",
    ),
    by_content=True,
)
def publish(
    data: ProjectData, slates: list[Slate], source: FeedbackSource, before: Collected | None, settings: ProjectConfig
) -> Produced[PublishOutcome]:
    """Publish every slate; again with the same slates changes nothing.

    Raises:
        DataError: a slate shows a problem of one group with a held-out or sealed one, a damaged text, or personal data.
        FeedbackError: the source refuses, or returns receipts that do not fit.
    """
    refuse_kin(data.guarded, rows_of((s.problem for s in slates), SLATES.file, "slates"), SHOWN)
    refuse_unfit_slates(slates)
    receipts = source.publish(slates)
    if [r.slate_id for r in receipts] != [s.id for s in slates]:
        raise FeedbackError(
            f"the source {settings.feedback.source!r} returned {len(receipts)} receipts for {len(slates)} slates, or in another order"
        )
    outcome = PublishOutcome(
        published=len(receipts),
        source=settings.feedback.source,
        url=receipts[0].url if receipts else "",
        hidden_reasons=sum(
            bool((candidate.answer.reason or "").strip()) and not shown_reason(candidate.answer, data.taxonomy, settings.domain)
            for slate in slates
            for candidate in slate.candidates
        ),
        earlier_answers="" if before is None else _late_changes(before),
    )
    return Produced(outcome).put(RECEIPTS, receipts)


def _late_changes(before: Collected) -> str:
    name = before.published.name
    try:
        changes = before.published.read().since(before.rankings)
    except PrefoptError as error:  # an old dataset may be gone; this round does not need it
        return f"those of round {name} could not be read again: {error.message}"
    return f"{changes.count} of round {name} changed after they were collected" if changes else ""
