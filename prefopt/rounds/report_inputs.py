"""What the report's section on the school's own problems is made of: earlier slates and answers, pools, and parents' posteriors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from prefopt.calibration.pool_frame import PoolFrame
from prefopt.config import ProjectConfig
from prefopt.io.strict import read_json_object
from prefopt.project.project import ProjectData, RoundKey
from prefopt.records import Problem, Ranking, Slate
from prefopt.rounds.artifacts import POOL, POSTERIORS, RANKINGS, SLATES
from prefopt.rounds.reading import Reader, has
from prefopt.rounds.reads import Earlier, OfRound

if TYPE_CHECKING:
    from prefopt.calibration.gold_error import GoldEffect
    from prefopt.calibration.pool_estimate import JudgedSlate, PoolAccuracy, PoolShift
    from prefopt.calibration.posteriors import StoredPosteriors
    from prefopt.calibration.result import Calibration
    from prefopt.report import PoolSection, SchoolSection

MOST_UNDECIDED = 0.2
"""Share of the slates of earlier rounds without a majority above which the report makes no statement about the whole pool."""

ShiftMissing = Literal["", "no_record", "pool_changed", "no_problems"]


@dataclass(frozen=True)
class SchoolInputs:
    """Of earlier rounds and of the pool; everything is empty for the base SFT stage."""

    pool: PoolFrame | None
    """From which the round's slates were drawn; None also for rounds of earlier versions."""
    asked: tuple[OfRound[list[Slate]], ...]
    rankings: tuple[OfRound[list[Ranking]], ...]
    pools: tuple[OfRound[PoolFrame], ...]
    posteriors: Mapping[int, StoredPosteriors]
    """Of the parents of this and of earlier rounds on the hold-out, by round."""


@dataclass(frozen=True)
class School:
    """Reads SchoolInputs."""

    def load(self, reader: Reader) -> SchoolInputs:
        rnd = reader.round
        if rnd.parent is None:
            return SchoolInputs(None, (), (), (), {})
        pools = Earlier(POOL).load(reader)
        parents = {rnd.parent.number, *(pool.parent for pool in pools if pool.parent is not None)}
        return SchoolInputs(
            pool=reader.artifact(rnd, POOL) if has(rnd, POOL) else None,
            asked=Earlier(SLATES).load(reader),
            rankings=Earlier(RANKINGS).load(reader),
            pools=pools,
            posteriors={number: reader.artifact(rnd.project.round(number), POSTERIORS) for number in sorted(parents)},
        )

    def __str__(self) -> str:
        return f"earlier rounds' {SLATES}, {RANKINGS} and {POOL}, {POOL}, and parents' {POSTERIORS}"


def kept_section(before: Path | None) -> SchoolSection | None:
    """The section of a report that is rewritten: problem files may have grown since, and its adapter has not seen what was added.

    None where there is no report, or one of an earlier version without the section.
    """
    from prefopt.calibration.gold_error import GoldEffect
    from prefopt.calibration.pool_estimate import PoolAccuracy, PoolShift
    from prefopt.calibration.wordings import Wordings
    from prefopt.report import PoolSection, SchoolSection

    found = None if before is None else read_json_object(before, hint="restore the file").get("school")
    if found is None:
        return None
    pool = found["pool"]
    if pool is not None:
        accuracy = None if pool["accuracy"] is None else PoolAccuracy.model_validate(pool["accuracy"])
        shift = None if pool["shift"] is None else PoolShift.model_validate(pool["shift"])
        pool = PoolSection(**{**pool, "accuracy": accuracy, "shift": shift})
    gold = None if found["gold"] is None else GoldEffect.model_validate(found["gold"])
    return SchoolSection(Wordings.model_validate(found["wordings"]), pool, gold)


def school_section(
    inputs: SchoolInputs,
    data: ProjectData,
    posteriors: StoredPosteriors,
    calibration: Calibration,
    slates: Sequence[Slate] | None,
    rankings: Sequence[Ranking] | None,
    settings: ProjectConfig,
    this: RoundKey,
) -> SchoolSection:
    """The section of one report.

    Args:
        inputs: of earlier rounds, and the pool.
        data: training part and hold-out.
        posteriors: of the round's adapter on the hold-out.
        calibration: of the same.
        slates: of the round; None for the base SFT stage.
        rankings: of the round; None as above.
        settings: of the round.
        this: the round.
    """
    from prefopt.calibration.wordings import by_wording, with_sibling
    from prefopt.report import SchoolSection

    everything = [slate for earlier in inputs.asked for slate in earlier.value] + list(slates or ())
    answers = _answers([*(r for earlier in inputs.rankings for r in earlier.value), *(rankings or ())])
    asked = [slate.problem for slate in everything if slate.purpose in ("margin", "random")]
    right = _right(posteriors)
    known: dict[str, Problem] = {p.id: p for p in data.holdout}
    parent = None if this.parent is None else _right(inputs.posteriors[this.parent])
    names = [name for name in right if name in known]  # a report may be rewritten after problems were removed from the hold-out
    sibling = with_sibling([known[name] for name in names], [*data.train, *asked])
    level = settings.calibrate.confidence
    before = None if parent is None else [parent.get(name) for name in names]
    wordings = by_wording(sibling, [right[name] for name in names], before, level, [data.groups[name] for name in names])
    pool = None if slates is None or this.parent is None else _pool(inputs, slates, answers, this.parent, level)
    return SchoolSection(wordings, pool, _gold(everything, answers, data, calibration, settings))


def _answers(rankings: Iterable[Ranking]) -> list[Ranking]:
    """One ranking for each slate and teacher: the last, where a branch has collected the answers to linked slates once more."""
    return list({(r.slate_id, r.teacher): r for r in rankings}.values())


def _right(posteriors: StoredPosteriors) -> dict[str, bool]:
    """Problem id -> whether the most probable label is the expert's."""
    hits = (posteriors.log_probs.argmax(axis=1) == posteriors.gold).tolist()
    return dict(zip(posteriors.problem_ids, hits, strict=True))


def _gold(
    slates: Sequence[Slate], answers: Sequence[Ranking], data: ProjectData, calibration: Calibration, settings: ProjectConfig
) -> GoldEffect | None:
    """What wrong gold labels do, by the stated error or else by the gold slates of all rounds up to this one."""
    from prefopt.calibration.gold_error import effect, estimated, stated
    from prefopt.rankings.majority_label import gold_votes

    labels = len(data.taxonomy)
    if labels < 2:
        return None
    if settings.data.gold_error is not None:
        gold = stated(settings.data.gold_error)
    else:
        votes = gold_votes(slates, answers)
        differ = sum(vote.differs is True for vote in votes)
        found = estimated([(vote.gold, vote.labels) for vote in votes], labels, differ, settings.calibrate.confidence)
        if found is None:
            return None
        gold = found
    return effect(gold, calibration.accuracy, calibration.overconfidence, labels, settings.calibrate.agreed_error)


def _pool(inputs: SchoolInputs, slates: Sequence[Slate], answers: Sequence[Ranking], parent: int, level: float) -> PoolSection:
    """Accuracy of the adapter that made the slates on the pool, and against the hold-out."""
    from prefopt.calibration.pool_estimate import pool_accuracy
    from prefopt.rankings.majority_label import found_right
    from prefopt.report import PoolSection

    frame = inputs.pool
    drawn = [slate for slate in slates if slate.purpose in ("margin", "random")]
    if frame is None or any(slate.inclusion is None for slate in drawn):
        return PoolSection(parent, None, "no_record")
    if not frame.random and frame.asked < frame.problems:
        return PoolSection(parent, None, "no_random")
    before = [slate for earlier in inputs.asked if earlier.number < frame.round for slate in earlier.value]
    past = list(found_right([slate for slate in before if slate.purpose in ("margin", "random")], answers).values())
    enough = past.count(None) <= MOST_UNDECIDED * len(past)
    found = pool_accuracy(frame, _judged(frame, drawn, answers), past if enough else None, level)
    if found is None:
        return PoolSection(parent, None, "too_few")
    shift, why = _shift(inputs, frame, found, parent, level)
    return PoolSection(parent, found, "", shift, why)


def _judged(frame: PoolFrame, drawn: Sequence[Slate], answers: Sequence[Ranking]) -> list[JudgedSlate]:
    from prefopt.calibration.pool_estimate import JudgedSlate, given_cutoff
    from prefopt.rankings.majority_label import found_right, most_probable

    right = found_right(drawn, answers)
    given = given_cutoff(frame, [(slate.purpose, slate.top2_gap, slate.inclusion or 1.0) for slate in drawn])
    return [
        JudgedSlate(most_probable(slate).probability, inclusion, right[slate.id], slate.problem.group)
        for slate, inclusion in zip(drawn, given, strict=True)
    ]


def _shift(inputs: SchoolInputs, frame: PoolFrame, found: PoolAccuracy, parent: int, level: float) -> tuple[PoolShift | None, ShiftMissing]:
    """Pool against the hold-out problems that no earlier round would have asked by their gap, or why there is no comparison.

    Of the pool, the problems with the smallest gaps are gone: those up to the cutoff of an earlier round, in the eyes of the adapter that
    drew it. The same problems are left out of the hold-out. What earlier rounds drew at random changes nothing.
    """
    from prefopt.calibration.pool_estimate import pool_shift

    pools = sorted((pool for pool in inputs.pools if pool.value.round < frame.round), key=lambda pool: pool.value.round)
    if {asked.number for asked in inputs.asked if asked.number < frame.round} != {pool.number for pool in pools}:
        return None, "no_record"
    if any(first.problems - first.asked != then.problems for first, then in pairwise([*(pool.value for pool in pools), frame])):
        return None, "pool_changed"
    right = _right(inputs.posteriors[parent])
    left = set(right)
    for pool in pools:
        if pool.parent is not None and pool.value.cutoff is not None:
            left &= _beyond(inputs.posteriors[pool.parent], pool.value.cutoff)
    families = inputs.posteriors[parent].groups
    group_of = dict(zip(right, families or right, strict=True))
    kept = [name for name in right if name in left]
    shift = pool_shift(found, [right[name] for name in kept], level, [group_of[name] for name in kept])
    return shift, "" if shift is not None else "no_problems"


def _beyond(posteriors: StoredPosteriors, cutoff: float) -> set[str]:
    """Ids of the hold-out problems whose two largest probabilities differ by more than the cutoff."""
    import numpy as np

    from prefopt.rounds.slates import top2_gaps

    gaps = top2_gaps(np.exp(posteriors.log_probs))
    return {name for name, gap in zip(posteriors.problem_ids, gaps.tolist(), strict=True) if gap > cutoff}
