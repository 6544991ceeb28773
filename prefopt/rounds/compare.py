"""Two rounds on the same hold-out problems, whichever came first: paired differences as a whole and group by group."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.comparison import compare, intervals_of
from prefopt.calibration.intervals import holm, sign_flip
from prefopt.calibration.metrics import Scores, score
from prefopt.calibration.posteriors import StoredPosteriors
from prefopt.calibration.result import MIN_CELL, CalibrationView, Comparison
from prefopt.calibration.views import smooth_ece_view
from prefopt.errors import CalibrationError
from prefopt.grounds import Estimate
from prefopt.project.project import Round
from prefopt.rounds.artifacts import POSTERIORS
from prefopt.rounds.reading import has, read
from prefopt.taxonomy import Taxonomy, read_taxonomy


@dataclass(frozen=True)
class GroupChange:
    """One group of the taxonomy (or one crossing of two); p_value: exact paired test after Holm over the groups with 30 problems."""

    group: str
    count: int
    accuracy: float
    other_accuracy: float
    p_value: float | None

    @property
    def change(self) -> str:
        if self.p_value is None or self.p_value > 0.05:
            return "cannot tell"
        return "better" if self.accuracy > self.other_accuracy else "worse"


@dataclass(frozen=True)
class Confidence:
    """How far one round's confidence can be trusted, on the common problems."""

    gap: Estimate
    """Mean confidence minus accuracy."""
    known: bool
    """False: too few wrong or right answers for an interval."""
    smooth: CalibrationView

    def plain(self) -> dict[str, Any]:
        """As JSON types."""
        return {"gap": self.gap.model_dump(), "gap_known": self.known, "smooth_ece": self.smooth.model_dump()}


@dataclass(frozen=True)
class RoundsCompared:
    """`number` against `other`: differences are number minus other, on the problems that both were judged on."""

    number: int
    other: int
    problems: int
    accuracy: float
    brier: float
    confidence: tuple[Confidence, Confidence]
    """Of either round, `number` first."""
    overall: Comparison
    groups: tuple[GroupChange, ...]
    gained: tuple[str, ...]
    """Ids of the problems that `other` gets wrong and `number` right."""
    lost: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """As JSON types."""
        groups = [{**asdict(group), "change": group.change} for group in self.groups]
        confidence = [side.plain() for side in self.confidence]
        return {**vars(self), "confidence": confidence, "overall": self.overall.model_dump(mode="json"), "groups": groups}


def compare_rounds(this: Round, other: Round) -> RoundsCompared:
    """Compare two calibrated rounds.

    Raises:
        CalibrationError: a round has no posteriors, the labels differ, or fewer than 10 problems are common.
    """
    ours, theirs = _posteriors(this), _posteriors(other)
    if ours.labels != theirs.labels:
        raise CalibrationError(
            f"rounds {other.name} and {this.name} were judged over different labels: the taxonomy has changed between them"
        )
    rows = {name: i for i, name in enumerate(theirs.problem_ids)}
    common = [(i, rows[name]) for i, name in enumerate(ours.problem_ids) if name in rows and ours.gold[i] == theirs.gold[rows[name]]]
    if len(common) < 10:
        raise CalibrationError(f"rounds {other.name} and {this.name} have {len(common)} hold-out problems in common: too few to compare")
    mine, yours = (np.array(column) for column in zip(*common, strict=True))
    new, old = score(ours.log_probs[mine], ours.gold[mine]), score(theirs.log_probs[yours], theirs.gold[yours])
    settings = this.config.calibrate
    clusters = Clusters.from_names(None if ours.groups is None else [ours.groups[i] for i in mine], len(mine))
    overall = compare(new, old, clusters, bins=settings.bins, confidence=settings.confidence)
    names = np.array(ours.problem_ids)[mine]
    return RoundsCompared(
        number=this.number,
        other=other.number,
        problems=len(common),
        accuracy=float(new.correct.mean()),
        brier=float(new.brier.mean()),
        confidence=(_confidence(new, clusters, this), _confidence(old, clusters, this)),
        overall=overall,
        groups=_groups(new, old, clusters, read_taxonomy(this.data_file("taxonomy"), this.config.read.options())),
        gained=tuple(sorted(names[new.correct > old.correct].tolist())),
        lost=tuple(sorted(names[new.correct < old.correct].tolist())),
    )


def _confidence(scores: Scores, clusters: Clusters, rnd: Round) -> Confidence:
    found = intervals_of(scores, clusters, rnd.config.calibrate.confidence)
    smooth = smooth_ece_view(scores, np.random.default_rng([rnd.config.project.seed, 5]))
    return Confidence(found.overconfidence, found.overconfidence_known, smooth)


def _posteriors(rnd: Round) -> StoredPosteriors:
    if not has(rnd, POSTERIORS):
        raise CalibrationError(f"round {rnd.name} is not calibrated yet", hint="prefopt round")
    return read(rnd, POSTERIORS)


def _groups(new: Scores, old: Scores, clusters: Clusters, taxonomy: Taxonomy) -> tuple[GroupChange, ...]:
    """By the first two groups of the taxonomy; without groups there is nothing to split by."""
    keys = [" · ".join(label.groups[:2]) for label in taxonomy.labels]
    if not taxonomy.group_names:
        return ()
    of_problem = np.array(keys)[new.gold]
    parts = [(key, of_problem == key) for key in dict.fromkeys(keys) if (of_problem == key).any()]
    tested = [key for key, rows in parts if rows.sum() >= MIN_CELL]
    raw = [sign_flip(new.correct[rows], old.correct[rows], clusters.take(rows)).p_value for key, rows in parts if key in tested]
    adjusted = dict(zip(tested, holm(np.array(raw)), strict=True))
    return tuple(
        GroupChange(
            key,
            int(rows.sum()),
            float(new.correct[rows].mean()),
            float(old.correct[rows].mean()),
            float(adjusted[key]) if key in adjusted else None,
        )
        for key, rows in parts
    )
