"""Intervals and exact tests against scipy, enumeration and cases by hand; coverage by simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from prefopt.calibration.clusters import Clusters, design_effect
from prefopt.calibration.intervals import (
    FEW_CLUSTERS,
    SKEWNESS_KEPT,
    difference,
    events,
    holm,
    mean,
    paired_mean,
    paired_shares,
    poisson_binomial_p,
    share,
    sign_flip,
    wilson,
)

Z = 1.959964
FAMILIES = st.lists(st.tuples(st.integers(0, 6), st.integers(-1, 1)), min_size=1, max_size=14)
"""Family, and whether the problem is gained (1), lost (-1) or the same for both."""


def single(n: int) -> Clusters:
    return Clusters.from_names(None, n)


def families(of: object, n: int) -> Clusters:
    return Clusters.from_names([f"f{i}" for i in of], n)


def paired(changes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Correctness of this and of the other."""
    return np.array([float(c >= 0) for c in changes]), np.array([float(c <= 0) for c in changes])


def test_wilson_by_hand():
    # 0 of 10 at 95 %: from 0 to z^2 / (n + z^2); 5 of 10: 0.5 -+ z / (2 sqrt(n + z^2))
    assert (wilson(0, 10, 0.95).low, wilson(0, 10, 0.95).high) == pytest.approx((0, Z**2 / (10 + Z**2)), abs=1e-6)
    half = Z / (2 * (10 + Z**2) ** 0.5)
    assert (wilson(5, 10, 0.95).low, wilson(5, 10, 0.95).high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)


def test_a_share_of_families_is_wilson_at_their_effective_number():
    from statsmodels.stats.proportion import proportion_confint

    rng = np.random.default_rng(0)
    of = np.repeat(np.arange(40), 5)
    values = (rng.normal(size=40)[of] + 0.5 * rng.normal(size=200) > 0).astype(float)
    clusters = families(of, 200)
    effective = 200 / design_effect(values, clusters)
    assert effective < 80
    alpha = 2 * stats.norm.sf(stats.t.ppf(0.975, 39))  # the normal quantile of Wilson becomes Student's, with 39 degrees of freedom
    expected = proportion_confint(values.mean() * effective, effective, alpha=alpha, method="wilson")
    found = share(values, clusters, 0.95)
    assert found.value == values.mean()
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)


def test_mcnemar_by_hand():
    # 9 gained, 1 lost: 2 * (C(10,0) + C(10,1)) / 2^10
    this, other = paired([1] * 9 + [-1] + [0] * 5)
    found = sign_flip(this, other, single(15))
    assert (found.lost, found.gained) == (1, 9)
    assert found.p_value == pytest.approx(2 * 11 / 1024)
    assert sign_flip(other, other, single(15)).p_value == 1.0


@given(st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_sign_flips_of_single_problems_are_the_binomial_test(gained, lost):
    this, other = paired([1] * gained + [-1] * lost + [0] * 3)
    expected = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert sign_flip(this, other, single(len(this))).p_value == pytest.approx(expected)


@given(FAMILIES)
@settings(max_examples=80, deadline=None)
def test_sign_flips_of_families_equal_enumeration(drawn):
    of, changes = zip(*drawn, strict=True)
    this, other = paired(list(changes))
    nets = [sum(c for f, c in drawn if f == family) for family in set(of)]
    sums = [abs(sum(s * n for s, n in zip(signs, nets, strict=True))) for signs in product((1, -1), repeat=len(nets))]
    found = sign_flip(this, other, families(of, len(of)))
    assert found.p_value == pytest.approx(np.mean([total >= abs(sum(nets)) for total in sums]))
    assert (found.gained, found.lost) == (changes.count(1), changes.count(-1))


def test_siblings_that_all_change_are_one_change():
    # 8 of 40 gained: p = 2 / 2^8 for strangers; two families of four: p = 2 / 2^2
    this, other = paired([1] * 8 + [0] * 32)
    assert sign_flip(this, other, single(40)).p_value == pytest.approx(2 / 2**8)
    assert sign_flip(this, other, families(np.arange(40) // 4, 40)).p_value == pytest.approx(0.5)


def test_paired_shares_by_hand():
    # Bonett & Price with 12 gained, 4 lost of 98: shares 13/100 and 5/100
    this, other = paired([1] * 12 + [-1] * 4 + [0] * 82)
    found = paired_shares(this, other, single(98), 0.95)
    half = Z * ((0.18 - 0.08**2) / 100) ** 0.5
    assert found.value == pytest.approx(8 / 98)
    assert (found.low, found.high) == pytest.approx((0.08 - half, 0.08 + half), abs=1e-6)
    same = paired_shares(other[20:], other[20:], single(78), 0.95)
    assert same.low < 0 < same.high


def test_paired_shares_of_families_are_wider_by_the_design_effect():
    # 24 families of four: three gained as a whole, one lost as a whole, so the design effect is close to 4
    changes = [1] * 12 + [-1] * 4 + [0] * 80
    this, other = paired(changes)
    clusters = families(np.arange(96) // 4, 96)
    effect = design_effect(this - other, clusters)
    assert 3.5 < effect < 4.5
    up, down = 13 / 98, 5 / 98
    half = stats.t.ppf(0.975, 23) * (effect * (up + down - (up - down) ** 2) / 98) ** 0.5
    found = paired_shares(this, other, clusters, 0.95)
    assert (found.low, found.high) == pytest.approx((up - down - half, up - down + half))
    same = paired_shares(this, this, clusters, 0.95)  # no problem differs: 24 families are 24 problems
    half = stats.t.ppf(0.975, 23) * (4 * (2 / 98) / 98) ** 0.5
    assert (same.low, same.high) == pytest.approx((-half, half))


def test_the_mean_of_a_symmetric_sample_is_students_t():
    values = np.r_[0.3 + np.arange(1, 21) / 10, 0.3 - np.arange(1, 21) / 10, 0.3]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = mean(values, single(41), 0.95)
    assert (found.value, found.low, found.high) == pytest.approx((0.3, expected.low, expected.high))


def transformed(values: np.ndarray, candidate: float) -> float:
    """Hall's polynomial of the t statistic, if the true mean is the candidate."""
    n, k = len(values), SKEWNESS_KEPT * stats.skew(values)
    t = np.sqrt(n) * (values.mean() - candidate) / values.std(ddof=1)
    return float(t + k * t**2 / (3 * np.sqrt(n)) + k**2 * t**3 / (27 * n) + k / (6 * np.sqrt(n)))


def hall(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Both ends by root finding: the polynomial is set to the quantiles of Student's t."""
    quantile, far = stats.t.ppf(0.5 + confidence / 2, len(values) - 1), 100 * np.ptp(values)
    low, high = (
        optimize.brentq(lambda c, q=q: transformed(values, c) - q, values.mean() - far, values.mean() + far) for q in (quantile, -quantile)
    )
    return low, high


@pytest.mark.parametrize(("seed", "sign", "n"), [(0, 1, 40), (1, -1, 40), (2, 1, 200), (3, 1, 15)])
def test_the_mean_of_a_skewed_sample_solves_halls_equation(seed, sign, n):
    values = sign * np.random.default_rng(seed).exponential(size=n)
    found = mean(values, single(n), 0.9)
    assert (found.low, found.high) == pytest.approx(hall(values, 0.9), abs=1e-8)
    plain = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert sign * (found.low - plain.low) > 0  # the interval leans towards the long tail
    assert sign * (found.high - plain.high) > 0


def test_families_of_equal_size_are_as_many_problems_as_families():
    values = np.random.default_rng(4).exponential(size=(30, 4))
    one_each = mean(values.mean(axis=1), single(30), 0.95)
    found = mean(values.ravel(), families(np.repeat(np.arange(30), 4), 120), 0.95)
    assert (found.value, found.low, found.high) == pytest.approx((one_each.value, one_each.low, one_each.high))


def test_a_mean_stays_within_what_is_possible():
    values = np.r_[np.full(29, 0.001), 1.9]  # one problem alone is wrong, and confidently
    assert mean(values, single(30), 0.95).low < 0
    assert mean(values, single(30), 0.95, least=0, most=2).low == 0
    assert mean(2 - values, single(30), 0.95, least=0, most=2).high == 2
    constant = mean(np.ones(20), single(20), 0.95)
    assert (constant.value, constant.low, constant.high) == (1, 1, 1)


@given(st.integers(FEW_CLUSTERS + 1, 40), st.integers(0, 10_000), st.floats(-1, 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_p_values_and_interval_of_a_difference_agree(n, seed, shift, siblings):
    rng = np.random.default_rng(seed)
    size = 3 if siblings else 1
    values = rng.exponential(size=n * size) - 1 + shift
    found = difference(values, families(np.arange(n * size) // size, n * size), 0.95)
    assert (found.p_above < 0.025) == (found.low > 0)
    assert (found.p_below < 0.025) == (found.high < 0)
    assert found.p_below + found.p_above == pytest.approx(1)


def test_p_values_of_a_symmetric_difference_are_students():
    values = np.r_[0.3 + np.arange(1, 21) / 10, 0.3 - np.arange(1, 21) / 10, 0.3]
    found = difference(values, single(41), 0.95)
    assert found.p_below == pytest.approx(stats.ttest_1samp(values, 0, alternative="less").pvalue)
    assert found.p_above == pytest.approx(stats.ttest_1samp(values, 0, alternative="greater").pvalue)


@pytest.mark.parametrize(("seed", "sign"), [(0, 1), (1, -1), (2, 1)])
def test_p_values_of_a_skewed_difference_are_students_of_halls_polynomial(seed, sign):
    values = sign * (np.random.default_rng(seed).exponential(size=40) - 0.8)
    t, freedom = transformed(values, 0), freedom_of(values)
    found = difference(values, single(40), 0.95)
    assert (found.p_below, found.p_above) == pytest.approx((stats.t.cdf(t, freedom), stats.t.sf(t, freedom)))
    assert (found.p_above < 0.025, found.p_below < 0.025) == (found.low > 0, found.high < 0)


def freedom_of(values: np.ndarray) -> float:
    """Degrees of freedom of a paired difference, from the kurtosis: (sum of squares)^2 / sum of fourth powers is n / kurtosis."""
    return min(len(values) - 1, 2 * len(values) / stats.kurtosis(values, fisher=False) - 1)


def test_a_difference_that_few_problems_carry_has_a_wider_interval():
    rng = np.random.default_rng(0)
    few, many = np.zeros(300), rng.normal(size=300)
    few[:12] = rng.normal(size=12)
    for values, wider in ((few, 1.02), (many, 1.0)):
        paired, plain = paired_mean(values, single(300), 0.95), mean(values, single(300), 0.95)
        assert (paired.high - paired.low) / (plain.high - plain.low) >= wider
    assert freedom_of(few) < 24  # twelve problems carry it


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(-9, 9)), min_size=2, max_size=16))
@settings(max_examples=60, deadline=None)
def test_a_difference_of_few_families_equals_enumeration(drawn):
    of, eighths = (np.array(column) for column in zip(*drawn, strict=True))
    values = eighths / 8  # sums of eighths are exact, and many of them are equal
    totals = [values[of == family].sum() for family in np.unique(of)]
    sums = np.array([np.dot(signs, totals) for signs in product((1, -1), repeat=len(totals))])
    found = difference(values, families(of, len(of)), 0.95)
    if not values.any():
        assert (found.p_below, found.p_above) == (0.5, 0.5)
        return
    assert found.p_below == pytest.approx(np.mean(sums <= sum(totals)))
    assert found.p_above == pytest.approx(np.mean(sums >= sum(totals)))


@pytest.mark.parametrize("n", [5, FEW_CLUSTERS, 30])
def test_differences_that_are_all_equal_are_as_sure_as_their_number(n):
    found = difference(np.full(n, -0.25), single(n), 0.95)
    assert (found.value, found.p_below, found.p_above) == (-0.25, pytest.approx(0.5**n), 1)
    assert difference(np.full(n, 0.25), single(n), 0.95).p_above == pytest.approx(0.5**n)
    rounding = difference(np.full(n, -1e-16), single(n), 0.95)
    assert (rounding.p_below, rounding.p_above) == (0.5, 0.5)


def test_events_are_the_rarer_kind_over_the_design_effect():
    correct = np.array([0.0] * 4 + [1.0] * 16)
    assert events(correct, single(20)) == 4
    assert events(1 - correct, single(20)) == 4
    together = families(np.arange(20) // 4, 20)  # all wrong answers are of one family
    # the sums of the families, less their mean, are -3.2 and four times 0.8: (3.2^2 + 4 * 0.8^2) * 5/4 / (3.2 * 20/19) = 4.75
    assert events(correct, together) == pytest.approx(4 / 4.75)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.data())
@settings(max_examples=40, deadline=None)
def test_poisson_binomial_equals_enumeration(chances, data):
    hits = data.draw(st.integers(0, len(chances)))
    mass = np.zeros(len(chances) + 1)
    for outcome in product((0, 1), repeat=len(chances)):
        mass[sum(outcome)] += np.prod([p if o else 1 - p for p, o in zip(chances, outcome, strict=True)])
    expected = min(1.0, 2 * min(mass[: hits + 1].sum(), mass[hits:].sum()))
    assert poisson_binomial_p(np.array(chances), hits) == pytest.approx(expected, abs=1e-12)


def test_holm_by_hand():
    # 0.01 * 4, 0.02 * 3, max(0.06, 0.03 * 2), max(0.06, 0.04 * 1)
    assert holm(np.array([0.04, 0.01, 0.03, 0.02])) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert len(holm(np.array([]))) == 0


def all_of(values: np.ndarray, this: np.ndarray, other: np.ndarray, clusters: Clusters) -> list[float]:
    """Every number that a function of intervals.py gives for these data."""
    found = [share(this, clusters, 0.95), paired_shares(this, other, clusters, 0.95), mean(values, clusters, 0.95)]
    found += [sign_flip(this, other, clusters), difference(values, clusters, 0.95)]
    return [number for result in found for number in result.model_dump().values()]


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("n", [10, 200])
def test_nothing_is_drawn_at_random_and_the_order_does_not_matter(n, size):
    rng = np.random.default_rng(n)
    values, of = rng.exponential(size=n) - 1, np.arange(n) // size
    this, other = ((rng.random(n) < chance).astype(float) for chance in (0.7, 0.6))
    once = all_of(values, this, other, families(of, n))
    assert all_of(values, this, other, families(of, n)) == once
    order = rng.permutation(n)
    assert all_of(values[order], this[order], other[order], families(of[order], n)) == pytest.approx(once, abs=1e-12)
    renamed = Clusters.from_names([f"{97 - i:03d}" for i in of], n)
    assert all_of(values, this, other, renamed) == pytest.approx(once, abs=1e-12)


def test_named_problems_without_siblings_are_independent_problems():
    rng = np.random.default_rng(7)
    values, this, other = rng.exponential(size=90) - 1, *((rng.random(90) < 0.5).astype(float) for _ in range(2))
    names = Clusters.from_names([f"p{i:02d}" for i in range(90)], 90)
    assert all_of(values, this, other, names) == all_of(values, this, other, single(90))


@pytest.mark.parametrize("size", [1, 5])
def test_intervals_cover_the_truth(size):
    # Right with probability 0.9, families share most of their luck; the truth is known
    rng, n, draws = np.random.default_rng(size), 300, 300
    of, bar = np.arange(n) // size, stats.norm.ppf(0.9)
    clusters = families(of, n)
    inside = np.zeros(2)
    for _ in range(draws):
        luck = np.sqrt(0.6) * rng.normal(size=of[-1] + 1)[of] + np.sqrt(0.4) * rng.normal(size=n)
        correct = (luck < bar).astype(float)
        skewed = np.where(correct == 1, 0.02, 1.5)  # like Brier scores
        of_share, of_mean = share(correct, clusters, 0.95), mean(skewed, clusters, 0.95)
        inside += of_share.low <= 0.9 <= of_share.high, of_mean.low <= 0.9 * 0.02 + 0.1 * 1.5 <= of_mean.high
    assert ((inside / draws >= 0.91) & (inside / draws <= 0.99)).all(), inside / draws


def test_a_share_of_families_that_are_all_right_has_the_freedom_of_its_families():
    found = share(np.ones(100), families(np.repeat(np.arange(20), 5), 100), 0.95)
    t = stats.t.ppf(0.975, 19)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(20 / (20 + t**2))  # Wilson's lower end of 20 of 20: siblings count as one problem
