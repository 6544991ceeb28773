"""pair: turn rankings into preferences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from prefopt.config import ProjectConfig
from prefopt.errors import ProjectError
from prefopt.project.families import SHOWN, refuse_kin, rows_of
from prefopt.project.project import ProjectData, RoundKey
from prefopt.rankings.consensus import as_meant, consensus
from prefopt.rankings.label_skew import OneLabel, SkewedLabel, one_label_teachers, skewed_label
from prefopt.records import Judged, Pair, Ranking, Slate, SlateVotes
from prefopt.rounds.artifacts import DROPPED, PREFERENCES, RANKINGS, SLATES
from prefopt.rounds.reads import PROBLEMS, Data
from prefopt.rounds.stage import Outcome, Produced, stage

if TYPE_CHECKING:
    from prefopt.rankings.reliability import Reliability


class PairOutcome(Outcome):
    """How many preferences there are, and what gave none."""

    pairs: int
    judged: int
    desirable: int
    """Of the judged answers."""
    slates: int = 0
    """With at least one vote for an answer; 0 in rounds of earlier versions, which did not keep the votes."""
    dropped: dict[str, int]
    """Slates that gave no preference, by cause (records.Dropped.cause)."""
    skewed: SkewedLabel | None = None
    """The label that has more of the votes than its share of the labeled problems explains."""
    one_label: tuple[OneLabel, ...] = ()
    """Teachers who name one label on most slates."""
    left_out: int = 0
    """Answers of these teachers that do not count."""

    def line(self) -> str:
        dropped = ", ".join(f"{count} {cause}" for cause, count in self.dropped.items())
        slates = f"{self.slates} slates: " if self.slates else ""
        found = f"{slates}{self.pairs} pairs, {self.judged} judged ({self.desirable} desirable); dropped: {dropped or 'nothing'}"
        return ". ".join([found, *self._warnings()])

    def _warnings(self) -> list[str]:
        found = [
            f"{one.teacher} names {one.label} on {one.share:.0%} of {one.slates} slates, where the others would on {one.others:.0%}: "
            + ("these answers are left out" if self.left_out else "they count, as set by pair.one_label")
            for one in self.one_label
        ]
        if self.skewed is not None:
            found.append(
                f"{self.skewed.share:.0%} of the votes are for {self.skewed.label}, which is {self.skewed.labeled:.0%} of the labeled "
                "problems: recipes with balance_labels lower their weight"
            )
        return found


@stage(
    outcome=PairOutcome,
    reads={"data": Data(), "slates": SLATES, "rankings": RANKINGS},
    writes=(PREFERENCES, DROPPED),
    settings=(*PROBLEMS, "pair"),
)
def pair(data: ProjectData, slates: list[Slate], rankings: list[Ranking], settings: ProjectConfig, this: RoundKey) -> Produced[PairOutcome]:
    """Weigh the teachers' votes into pairs and judged answers, and keep the votes of each slate.

    Raises:
        DataError: a slate shows a problem of one group with a held-out or sealed one.
        ProjectError: rankings and slates do not fit, or votes are to be weighed by a reliability that cannot be estimated.
    """
    refuse_kin(data.guarded, rows_of((s.problem for s in slates), f"rounds/{this.name}/{SLATES.stage}/{SLATES.file}", "slates"), SHOWN)
    options = settings.pair
    one_label = one_label_teachers(slates, rankings)
    unheard = {one.teacher for one in one_label} if options.one_label == "leave_out" else set()
    counted = [ranking for ranking in rankings if ranking.teacher not in unheard]
    try:
        trusted = trusted_teachers(slates, counted) if options.votes == "reliability" else None
        found = consensus(slates, counted, data.taxonomy, min_weight=options.min_weight, ties=options.ties, trusted=trusted)
    except ValueError as error:
        raise ProjectError(
            f"the rankings of round {this.name} do not fit its slates: {error}", hint=f"prefopt round branch {this.number} --at collect"
        ) from error
    outcome = PairOutcome(
        pairs=len(found.pairs),
        judged=len(found.judged),
        desirable=sum(j.desirable for j in found.judged),
        slates=len(found.slates),
        dropped=dict(sorted(Counter(d.cause for d in found.dropped).items())),
        skewed=skewed_label(found.slates, [str(problem.label) for problem in data.train]),
        one_label=tuple(one_label),
        left_out=len(rankings) - len(counted),
    )
    preferences: list[Pair | Judged | SlateVotes] = [*found.pairs, *found.judged, *found.slates]
    return Produced(outcome).put(PREFERENCES, preferences).put(DROPPED, found.dropped)


def trusted_teachers(slates: Sequence[Slate], rankings: Sequence[Ranking]) -> Reliability:
    """How reliable each teacher of a round is. Raises ProjectError where the answers do not show it."""
    from prefopt.rankings.reliability import reliability  # scipy: only where votes are weighed

    known = {slate.id: slate for slate in slates}
    found = reliability(slates, [as_meant(known[r.slate_id], r) for r in rankings if r.slate_id in known])
    if found is None:
        raise ProjectError(
            'votes = "reliability" in [pair], but no slate was ranked by two teachers, and none has a known label',
            hint='set votes = "equal" under [pair], then prefopt round',
        )
    return found
