"""Risk-coverage and the accept rule: worked by hand and in plain Python, the guarantee by simulation, and why nothing is accepted."""

from __future__ import annotations

from math import log, pi

import numpy as np
import pytest

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.metrics import Scores, score
from prefopt.calibration.review_result import Acceptance
from prefopt.calibration.selective import acceptance, log_evidence, risk_coverage
from tests.unit.posteriors import calibrated


def made(confidence: list[float], correct: list[int]) -> Scores:
    n = len(confidence)
    zeros = np.zeros(n)
    return Scores(zeros.astype(int), zeros.astype(int), np.array(confidence), np.array(correct, dtype=float), zeros, zeros)


def in_order(correct: list[int]) -> Scores:
    """The first answer is the most confident."""
    return made([1 - i / 10_000 for i in range(len(correct))], correct)


def evidence(errors: float, accepted: float, agreed: float) -> float:
    """The e-process, term by term."""
    bets = [agreed * i / 20 for i in range(1, 20)]
    return sum((q / agreed) ** errors * ((1 - q) / (1 - agreed)) ** (accepted - errors) for q in bets) / 19


def bar(look: int = 1, guarantee: float = 0.95) -> float:
    """What the e-process has to reach."""
    return 1 / ((1 - guarantee) * 6 / (pi * look) ** 2)


def fewest(look: int = 1) -> int:
    """Problems without an error that are enough at 5 %."""
    return next(n for n in range(1, 1000) if evidence(0, n, 0.05) >= bar(look))


def test_risk_coverage_by_hand():
    points, area = risk_coverage(made([0.9, 0.6, 0.8, 0.7], [1, 1, 1, 0]))
    assert [(p.accepted_share, p.risk) for p in points] == [(0.25, 0), (0.5, 0), (0.75, pytest.approx(1 / 3)), (1, 0.25)]
    assert area == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)


def test_ties_are_on_the_curve_together():
    points, area = risk_coverage(made([0.5] * 4, [1, 1, 0, 0]))
    assert [(p.accepted_share, p.risk) for p in points] == [(1, 0.5)]
    assert area == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("errors", "accepted", "agreed"), [(0, 1, 0.05), (0, 102, 0.05), (3, 200, 0.05), (40, 300, 0.1), (2.5, 61.5, 0.05)]
)
def test_the_evidence_is_the_mean_over_the_bets(errors, accepted, agreed):
    found = log_evidence(np.array([errors], dtype=float), np.array([accepted], dtype=float), agreed)
    assert found[0] == pytest.approx(log(evidence(errors, accepted, agreed)))


def test_at_the_agreed_rate_the_evidence_is_expected_to_stay_at_1():
    # Of five problems, each wrong with probability a: over the 2^5 outcomes the mean of the e-process is 1, above a it is less
    def expected(rate: float) -> float:
        outcomes = [[int(bit) for bit in f"{i:05b}"] for i in range(32)]
        return sum(evidence(sum(o), 5, 0.05) * rate ** sum(o) * (1 - rate) ** (5 - sum(o)) for o in outcomes)

    assert expected(0.05) == pytest.approx(1)
    assert expected(0.1) < 1 < expected(0.01)


def test_faultless_answers_are_accepted_from_a_number_on():
    n = fewest()
    few, enough = acceptance(in_order([1] * (n - 1)), 0.05, 0.95), acceptance(in_order([1] * n), 0.05, 0.95)
    assert (few.threshold, few.count, few.cause, few.examined, few.examined_errors) == (None, 0, "too_few_problems", n - 1, 0)
    assert (enough.count, enough.share, enough.errors, enough.cause) == (n, 1, 0, None)
    assert few.needed is not None
    assert n <= few.needed <= n + 1
    assert acceptance(in_order([1] * few.needed), 0.05, 0.95).count == few.needed


def test_an_early_error_ends_nothing():
    found = acceptance(in_order([0] + [1] * 299), 0.05, 0.95)
    assert (found.count, found.errors) == (300, 1)
    assert acceptance(in_order([0] * 30 + [1] * 270), 0.05, 0.95).threshold is None  # 10 % are too many, wherever they are


def test_the_largest_share_that_passes_is_accepted():
    correct = [1] * 250 + [0, 1] * 50
    found = acceptance(in_order(correct), 0.05, 0.95)
    wrong = np.cumsum(1 - np.array(correct))
    expected = max(k for k in range(1, 351) if evidence(wrong[k - 1], k, 0.05) >= bar())
    assert (found.count, found.errors) == (expected, wrong[expected - 1])
    assert 250 < expected < 350
    assert found.threshold == pytest.approx(1 - (expected - 1) / 10_000)


def test_ties_are_accepted_together_or_not_at_all():
    correct = [1] * 200 + [1] * 40 + [0] * 20
    found = acceptance(made([0.9] * 200 + [0.8] * 60, correct), 0.05, 0.95)
    assert (found.count, found.threshold) == (200, 0.9)
    assert acceptance(in_order(correct), 0.05, 0.95).count > 240  # one by one, the first 40 would pass


def test_answers_that_are_wrong_too_often_are_named_as_the_cause():
    found = acceptance(in_order([0, 1, 1, 1, 1] * 100), 0.05, 0.95)
    assert (found.threshold, found.cause, found.needed) == (None, "confident_errors", None)
    assert found.examined >= fewest()
    assert found.examined_errors == -(-found.examined // 5)
    assert found.examined_errors / found.examined >= 0.05


@pytest.mark.parametrize(("errors", "n"), [(1, 120), (2, 170), (7, 290)])
def test_the_number_of_problems_that_would_do_does(errors, n):
    correct = [0] * errors + [1] * (n - errors)
    found = acceptance(in_order(correct), 0.05, 0.95)
    assert (found.threshold, found.cause, found.examined, found.examined_errors) == (None, "not_sure_yet", n, errors)
    assert found.needed is not None
    rate = errors / n
    assert evidence(rate * found.needed, found.needed, 0.05) >= bar() > evidence(rate * (found.needed - 2), found.needed - 2, 0.05)
    grown = [0] * int(rate * found.needed) + [1] * (found.needed - int(rate * found.needed))
    assert acceptance(in_order(grown), 0.05, 0.95).count == found.needed


def test_a_rate_at_the_edge_of_the_agreed_one_asks_for_no_number():
    found = acceptance(in_order([0] * 49 + [1] * 951), 0.05, 0.95)  # 4.9 %
    assert (found.cause, found.needed) == ("not_sure_yet", None)
    growth = [0.049 * log(i / 20) + 0.951 * log((1 - 0.05 * i / 20) / 0.95) for i in range(1, 20)]
    assert max(growth) < 0  # no bet wins at this rate, however many problems there are


def test_later_looks_ask_for_more():
    assert fewest(1) < fewest(2) < fewest(10)
    for look in (1, 2, 10):
        scores = in_order([1] * fewest(look))
        assert acceptance(scores, 0.05, 0.95, look=look).count == len(scores)
        later = acceptance(scores, 0.05, 0.95, look=look + 1)
        assert (later.threshold, later.look, later.cause) == (None, look + 1, "too_few_problems")


def test_siblings_count_as_their_effective_number():
    n, size = fewest(), 3
    scores, clusters = in_order([1] * (n * size)), Clusters.from_names([f"f{i // size}" for i in range(n * size)], n * size)
    assert acceptance(scores, 0.05, 0.95, clusters).count == n * size
    fewer = acceptance(in_order([1] * (n - 1) * size), 0.05, 0.95, clusters.take(np.arange((n - 1) * size)))
    assert (fewer.threshold, fewer.cause) == (None, "too_few_problems")
    assert fewer.needed is not None
    assert n * size <= fewer.needed <= (n + 1) * size
    names = Clusters.from_names([f"p{i:03d}" for i in range(n)], n)
    assert acceptance(in_order([1] * n), 0.05, 0.95, names) == acceptance(in_order([1] * n), 0.05, 0.95)


def test_what_is_accepted_is_above_the_threshold():
    scores = score(*calibrated(800, 6, 3, sharpness=4.0))
    found = acceptance(scores, 0.1, 0.95)
    chosen = scores.confidence >= found.threshold
    assert chosen.sum() == found.count > 0
    assert (1 - scores.correct[chosen]).sum() == found.errors
    assert found.errors / found.count < 0.1


def test_the_promise_is_kept_for_all_adapters_of_a_project_together():
    # True error above a confidence t follows from calibrated posteriors: the mean of 1 - confidence above t.
    population = np.exp(calibrated(40_000, 5, 99, sharpness=3.0)[0]).max(axis=1)

    def broken(found: Acceptance) -> bool:
        return found.threshold is not None and bool((1 - population[population >= found.threshold]).mean() > 0.1)

    projects, some, accepted = 120, 0, 0
    for seed in range(projects):
        looks = [acceptance(score(*calibrated(300, 5, 4 * seed + i, sharpness=3.0)), 0.1, 0.95, look=i + 1) for i in range(4)]
        some += any(map(broken, looks))
        accepted += looks[0].threshold is not None
    assert some / projects <= 0.05 + 2 * (0.05 * 0.95 / projects) ** 0.5
    assert accepted > 0.5 * projects  # and it is no empty promise


def test_problems_that_are_reviewed_anyway_are_not_accepted_but_counted():
    scores, reviewed = in_order([1] * 120), np.zeros(120, dtype=bool)
    reviewed[[10, 119]] = True
    found = acceptance(scores, 0.05, 0.95, reviewed=reviewed)
    assert (found.count, found.errors, found.share) == (118, 0, pytest.approx(118 / 120))
    assert found.threshold == pytest.approx(1 - 118 / 10_000)  # of problem 118, the least confident of the others
    none = acceptance(scores, 0.05, 0.95, reviewed=np.ones(120, dtype=bool))
    assert (none.threshold, none.count, none.cause) == (None, 0, "not_sure_yet")
    assert acceptance(scores, 0.05, 0.95, reviewed=np.zeros(120, dtype=bool)) == acceptance(scores, 0.05, 0.95)
