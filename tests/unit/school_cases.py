"""Sections on the school's own problems, for the tests of the report."""

from __future__ import annotations

from prefopt.calibration.gold_error import GoldError, effect
from prefopt.calibration.pool_estimate import JudgedSlate, PoolAccuracy, pool_accuracy, pool_shift
from prefopt.calibration.pool_frame import PoolFrame
from prefopt.calibration.result import Calibration
from prefopt.calibration.wordings import by_wording
from prefopt.grounds import Estimate
from prefopt.report import PoolSection, SchoolSection

FRAME = PoolFrame(round=1, problems=530, asked=80, random=16, mean_confidence=0.41, predicted={"a": 530}, cutoff=0.02)
ESTIMATED = GoldError(source="estimated", error=Estimate(value=0.052, low=0.012, high=0.118), slates=40, differ=4, teacher_error=0.094)


def pool_of(right_by_chance: int = 6, undecided: int = 2) -> PoolAccuracy:
    """64 certain slates, 15 of them right; 16 by chance; some of the certain ones without a majority."""
    certain = [JudgedSlate(0.2, 1.0, None if i < undecided else i < 17, i) for i in range(64)]
    chance = [JudgedSlate(0.45, 16 / 466, i < right_by_chance, 100 + i) for i in range(16)]
    found = pool_accuracy(FRAME, [*certain, *chance], [i % 3 == 0 for i in range(80)])
    assert found is not None
    return found


def school_section(calibration: Calibration, gold: GoldError | None = ESTIMATED, holdout_right: int = 130) -> SchoolSection:
    """Problems of learned wordings gained, those of new ones did not."""
    sibling = [i < 90 for i in range(200)]
    right = [i < 70 or i >= 150 for i in range(200)]
    parent = [i < 30 or i >= 148 for i in range(200)]
    found = pool_of()
    shift = pool_shift(found, [i < holdout_right for i in range(200)])
    return SchoolSection(
        wordings=by_wording(sibling, right, parent),
        pool=PoolSection(0, found, "", shift),
        gold=None if gold is None else effect(gold, calibration.accuracy, calibration.overconfidence, 12, 0.05),
    )
