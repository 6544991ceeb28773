"""Accuracy on the pool from its slates: unbiased over all possible draws, by hand, and coverage in benchmarks/pool_accuracy.py."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from prefopt.calibration.intervals import wilson
from prefopt.calibration.pool_estimate import JudgedSlate, given_cutoff, pool_accuracy, pool_shift
from prefopt.calibration.pool_frame import PoolFrame
from prefopt.rounds.slates import inclusion_probabilities

ROOT = Path(__file__).resolve().parents[2]


def frame(problems: int, asked: int, random: int, confidence: float = 0.5) -> PoolFrame:
    return PoolFrame(round=1, problems=problems, asked=asked, random=random, mean_confidence=confidence, predicted={}, cutoff=0.1)


def sampled(right: int, n: int, inclusion: float, confidence: float = 0.5, first: int = 0) -> list[JudgedSlate]:
    return [JudgedSlate(confidence, inclusion, i < right, first + i) for i in range(n)]


def every_draw(n: int, count: int, random: int) -> list[list[tuple[int, str]]]:
    """All equally probable outcomes of `choose` for ranks 0 to n - 1."""
    found = []
    for drawn in combinations(range(n), random):
        rest = [rank for rank in range(n) if rank not in drawn][: count - random]
        found.append(sorted([*((rank, "random") for rank in drawn), *((rank, "margin") for rank in rest)]))
    return found


def test_over_all_possible_draws_it_is_right_on_average():
    n, count, random = 16, 9, 7
    rng = np.random.default_rng(3)
    gaps, sure, right = np.sort(rng.random(n)), rng.uniform(0.3, 0.9, n), rng.random(n) < 0.4
    pi = inclusion_probabilities(gaps, count, random / count)
    pool = frame(n, count, random, float(sure.mean()))
    as_drawn, by_last = [], defaultdict(list)
    for chosen in every_draw(n, count, random):
        given = given_cutoff(pool, [(purpose, float(gaps[row]), float(pi[row])) for row, purpose in chosen])
        for inclusion, values in (
            (given, by_last[max(row for row, purpose in chosen if purpose == "margin")]),
            (pi[[r for r, _ in chosen]], as_drawn),
        ):
            total = sum((right[row] - sure[row]) / p for (row, _), p in zip(chosen, inclusion, strict=True))
            values.append(float(sure.mean()) + total / n)
    assert len(as_drawn) == 11440
    assert np.mean(as_drawn) == pytest.approx(right.mean())
    assert sorted(by_last) == list(range(1, 9))
    for last, values in by_last.items():
        if last < 8:  # with rank 8 as the last, all that was drawn lies before it, and nothing beyond is known
            assert np.mean(values) == pytest.approx(right.mean()), last


def test_given_the_last_gap_what_lies_before_it_is_certain():
    pool = frame(100, 6, 3)
    drawn = [("margin", 0.01, 1.0), ("random", 0.02, 1.0), ("margin", 0.03, 0.9), ("margin", 0.05, 0.3), ("random", 0.5, 0.03)]
    drawn.append(("random", 0.05, 0.2))  # as uncertain as the last one, but behind it in the file
    assert given_cutoff(pool, drawn) == pytest.approx([1, 1, 1, 1, 2 / 96, 2 / 96])
    assert given_cutoff(frame(100, 2, 2), drawn[-2:]) == pytest.approx([2 / 100, 2 / 100])


def test_a_simple_random_sample_by_hand():
    # 10 of 100 problems, 4 right, all with confidence .5: residuals +.5 and -.5. Mean of the residuals: (4 - 6) / 2 / 10 = -.1.
    found = pool_accuracy(frame(100, 10, 10), sampled(4, 10, 0.1))
    assert found is not None
    assert found.accuracy.value == pytest.approx(0.4)
    # one right and one wrong answer are added: 5 of 12, variance of an answer with divisor 11, over 10, times 1 - 10/100
    variance = (12 * (5 / 12) * (7 / 12) / 11) / 10 * 0.9
    half = stats.t.ppf(0.975, 9) * np.sqrt(variance)
    assert (found.accuracy.low, found.accuracy.high) == pytest.approx((0.4 - half, 0.4 + half))
    assert (found.degrees, found.by_chance, found.raw) == (9, 10, 0.4)


def test_certain_slates_add_no_variance_and_move_the_value_by_their_share():
    chance = sampled(4, 10, 10 / 90)
    certain = [JudgedSlate(0.5, 1.0, True, 50 + i) for i in range(10)]
    found, other = (
        pool_accuracy(frame(100, 20, 10), [*chance, *slates])
        for slates in (certain, [s.__class__(0.5, 1.0, False, s.group) for s in certain])
    )
    assert found is not None
    assert other is not None
    assert found.accuracy.value == pytest.approx(0.1 * 1.0 + 0.9 * 0.4)
    assert other.accuracy.value == pytest.approx(0.9 * 0.4)
    assert found.variance == pytest.approx(other.variance)


def test_a_pool_that_was_asked_as_a_whole_is_known():
    found = pool_accuracy(frame(10, 10, 2), sampled(3, 10, 1.0))
    assert found is not None
    assert (found.accuracy.value, found.accuracy.low, found.accuracy.high) == pytest.approx((0.3, 0.3, 0.3))


def test_slates_without_a_majority_are_left_out_within_their_kind():
    chance = [*sampled(4, 8, 0.1), JudgedSlate(0.5, 0.1, None, 20), JudgedSlate(0.5, 0.1, None, 21)]
    found = pool_accuracy(frame(100, 10, 10), chance)
    assert found is not None
    assert found.accuracy.value == pytest.approx(0.5)
    assert (found.undecided, found.by_chance) == (2, 8)
    asked = [JudgedSlate(0.5, 1.0, True if i < 5 else None, i) for i in range(10)]
    known = pool_accuracy(frame(10, 10, 2), asked)
    assert known is not None
    assert known.accuracy.value == 1.0
    assert known.accuracy.low < 1.0  # half of them are unknown


def test_siblings_count_as_one_draw():
    alone = pool_accuracy(frame(1000, 20, 20), sampled(10, 20, 0.02))
    pairs = [JudgedSlate(0.5, 0.02, i < 10, i // 2) for i in range(20)]
    grouped = pool_accuracy(frame(1000, 20, 20), pairs)
    assert alone is not None
    assert grouped is not None
    assert grouped.degrees == 9
    assert grouped.variance > 1.7 * alone.variance


def test_what_the_slates_do_not_show_is_not_estimated():
    certain = [JudgedSlate(0.5, 1.0, True, i) for i in range(10)]
    assert pool_accuracy(frame(100, 10, 0), certain) is None
    assert pool_accuracy(frame(100, 14, 4), [*certain, *sampled(2, 4, 0.04, first=50)]) is None
    assert pool_accuracy(frame(100, 10, 10), [JudgedSlate(0.5, 0.1, None, i) for i in range(10)]) is None
    one_family = [JudgedSlate(0.5, 0.1, True, "family") for _ in range(10)]
    assert pool_accuracy(frame(100, 10, 10), one_family) is None


def test_problems_asked_earlier_count_as_they_were_answered():
    found = pool_accuracy(frame(100, 10, 10), sampled(4, 10, 0.1), [True] * 10 + [False] * 40)
    assert found is not None
    assert found.with_asked is not None
    assert found.with_asked_problems == 150
    assert found.with_asked.value == pytest.approx((100 * 0.4 + 10) / 150)
    width = found.with_asked.high - found.with_asked.low
    assert width == pytest.approx((found.accuracy.high - found.accuracy.low) * 100 / 150)


def test_all_right_does_not_mean_certain():
    found = pool_accuracy(frame(1000, 15, 15, 0.95), sampled(15, 15, 0.015, 0.95))
    assert found is not None
    assert found.accuracy.low < 0.93


def test_the_shift_by_hand():
    pool = pool_accuracy(frame(100, 10, 10), sampled(4, 10, 0.1))
    assert pool is not None
    shift = pool_shift(pool, [i < 90 for i in range(100)])
    assert shift is not None
    held = wilson(90, 100, 0.95)
    half = stats.t.ppf(0.975, 9) * np.sqrt(pool.variance + 0.4 * 0.6 / 100)
    assert shift.difference.value == pytest.approx(-0.5)
    assert shift.difference.low == pytest.approx(-0.5 - np.hypot(min(half, 0.4), held.high - 0.9))
    assert shift.difference.high == pytest.approx(-0.5 + np.hypot(half, 0.9 - held.low))
    assert not shift.cannot_tell
    near = pool_shift(pool, [i < 45 for i in range(100)])
    assert near is not None
    assert near.cannot_tell
    assert pool_shift(pool, []) is None


def test_the_benchmark_finds_the_estimate_covered_and_the_slices_not():
    command = [sys.executable, "-m", "benchmarks.pool_accuracy", "--draws", "20", "--json"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = json.loads(out.splitlines()[-1])
    assert abs(found["bias_points"]) < 8  # 20 draws with a standard deviation of 10 points
    assert found["min_coverage"] > 0.75
    assert found["slice_bias_points"] > 8
    assert found["draws"] == 20
