"""Tests that may be looked at after every observation: their chance of a false alarm, their power, and their digits."""

from __future__ import annotations

from itertools import product
from math import comb, exp, inf, log, nan, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special

from prefopt.inuse.clustered import RandomizedDifference, randomized_path
from prefopt.inuse.drift import BINS, Drift, step_of_count, step_of_share
from prefopt.inuse.eprocess import EVERY, FROM_THE_START, ODDS, ErrorAudit, LabelShares, SampleRatio, audit_path, ratio_path
from prefopt.inuse.paired import Paired, difference_bounds, paired_path, share_bounds
from prefopt.inuse.plan import clients_need, paired_need, split_need
from prefopt.inuse.two_samples import log_e_of_counts

ALPHA, LOOKS, RUNS = 0.05, 2_000, 120


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def alarms(path: np.ndarray, alpha: float = ALPHA) -> float:
    return float((path >= log(1 / alpha)).any(axis=-1).mean())


def median_alarm(path: np.ndarray, alpha: float = ALPHA) -> float:
    over = path >= log(1 / alpha)
    return float(np.median(np.where(over.any(axis=-1), over.argmax(axis=-1) + 1, inf)))


def fed(test, observations):
    for one in observations:
        test.add(one)
    return test


def test_no_test_raises_more_false_alarms_than_agreed():
    chance = rng()
    assert alarms(audit_path(chance.random((RUNS, LOOKS)) < 0.05, 0.05)) <= ALPHA
    assert alarms(paired_path(chance.random((RUNS, LOOKS)) < 0.5)) <= ALPHA
    assert alarms(ratio_path((chance.random((RUNS, LOOKS)) < 0.3).astype(int), np.array([0.7, 0.3]))) <= ALPHA
    own = chance.beta(17 * 0.85, 17 * 0.15, (RUNS, 300))
    assert alarms(randomized_path(chance.random(own.shape) < 0.5, own, 0.5)) <= ALPHA


@pytest.mark.parametrize("held", [20, 300])
def test_numbers_like_those_of_the_hold_out_rarely_raise_an_alarm_and_others_do(held):
    chance = rng()

    def alarmed(first, then, good: int, looks: int) -> int | None:
        test = Drift([step_of_share(value) for value in chance.beta(*first, held)], ALPHA)
        for k, tie in enumerate(chance.random(good + looks)):
            test.add(step_of_share(chance.beta(*(first if k < good else then))), tie)
        return test.alarmed_at

    false = sum(alarmed((5, 2), (5, 2), 400, 0) is not None for _ in range(100))
    assert false <= 8  # 5 are agreed; 9 of 100 have a chance of 3 %
    assert sum(alarmed((5, 2), (3, 2), 200, 400) is not None for _ in range(20)) >= 18
    assert sum(alarmed((5, 2), (5, 1.3), 200, 400) is not None for _ in range(20)) >= 18


def test_steps_are_in_order_and_within_their_range():
    shares = [0.0, 1e-9, 0.001, 0.3, 0.5, 0.9, 0.98, 0.99, 0.999, 1 - 1e-9, 1.0]
    steps = [step_of_share(share) for share in shares]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1], step_of_share(0.98) < step_of_share(0.981)) == (0, BINS, True)
    assert step_of_count(BINS + 5) == BINS


def test_a_rate_below_the_agreed_one_is_safer_still():
    assert alarms(audit_path(rng().random((RUNS, LOOKS)) < 0.03, 0.05)) == 0


def test_faults_are_seen_about_as_soon_as_documented():
    chance = rng()
    for rate, most in ((0.10, 200), (0.15, 60), (0.20, 30)):
        assert median_alarm(audit_path(chance.random((RUNS, 800)) < rate, 0.05)) <= most
    assert median_alarm(ratio_path((chance.random((RUNS, 2_000)) < 0.6).astype(int), np.array([0.5, 0.5])), 0.001) <= 600


def test_a_fault_that_begins_after_good_service_is_seen():
    rates = np.repeat([0.03, 0.10], [1_000, 1_500])
    found = median_alarm(audit_path(rng().random((100, 2_500)) < rates, 0.05)) - 1_000
    assert 0 < found <= 650  # with every stake from the first audit on it is about 1,100


def test_the_plan_is_that_of_the_tests():
    need = paired_need(0.05, 0.14, ALPHA)
    assert 380 <= need.problems <= 480
    assert 50 <= need.decisions <= 70
    assert need.problems < need.problems_80
    assert 1_200 <= split_need(0.05, 0.85, ALPHA).problems <= 1_800
    of_clients = clients_need(0.05, 0.85, 0.05, 20, ALPHA, runs=30)
    assert of_clients.problems == 20 * of_clients.clients
    assert of_clients.clients > 100  # thirty schools do not do
    assert paired_need(0.001, 1.0, ALPHA, runs=20).problems is None


def test_audit_is_the_product_of_its_bets():
    wrong = [True, False, False, True]
    test = fed(ErrorAudit(0.1, ALPHA), wrong)
    q = [o * 0.1 / (0.9 + o * 0.1) for o in ODDS]
    bets = [prod(x / 0.1 if w else (1 - x) / 0.9 for w in wrong) for x in q]
    assert test.e == pytest.approx(FROM_THE_START * np.mean(bets) + (1 - FROM_THE_START))
    assert (test.count, test.wrong) == (4, 2)


def test_stakes_add_up_to_one_whenever_they_enter():
    """A bet that never wins or loses: with the agreed share on average, the expectation stays 1."""
    test = ErrorAudit(0.5, ALPHA)
    seen = [True, False] * (2 * EVERY)
    fed(test, seen)
    assert test.log_e < 0
    assert test.e >= (1 - FROM_THE_START) / (len(seen) // EVERY)  # what has not entered yet


def test_paired_is_the_mixture_over_all_coins():
    test = fed(Paired(ALPHA), [True, False, True, True, False, *[True] * 6])
    assert test.log_e == pytest.approx(special.betaln(10, 3) + 11 * log(2))
    mixed = integrate.quad(lambda p: p**9 * (1 - p) ** 2, 0, 1)[0]
    assert test.e == pytest.approx(mixed * 2**11)
    assert test.better is None
    fed(test, [True] * 5)
    assert (test.better, test.alarm) == ("b", True)
    at = test.alarmed_at
    fed(test, [False] * 12)
    assert (test.alarm, test.alarmed_at, test.better) == (True, at, "b")  # later evidence does not take an alarm back
    assert test.e < 20
    assert fed(Paired(ALPHA), [False] * 12).better == "a"


def test_many_streams_at_once_give_the_digits_of_one():
    chance = rng()
    wrong, coins, values = chance.random(300) < 0.1, chance.random(300) < 0.6, chance.random(40)
    category = chance.integers(0, 3, 300)
    audit, paired, ratio = ErrorAudit(0.05, ALPHA), Paired(ALPHA), SampleRatio({"0": 0.2, "1": 0.3, "2": 0.5})
    clients = RandomizedDifference(0.3, ALPHA)
    logs: dict[str, list[float]] = {"audit": [], "paired": [], "ratio": [], "clients": []}
    for k in range(300):
        for name, test, one in (
            ("audit", audit, bool(wrong[k])),
            ("paired", paired, bool(coins[k])),
            ("ratio", ratio, str(category[k])),
        ):
            test.add(one)
            logs[name].append(test.log_e)
    for k in range(40):
        clients.add(bool(coins[k]), float(values[k]))
        logs["clients"].append(clients.log_e)
    np.testing.assert_allclose(audit_path(wrong, 0.05), logs["audit"], rtol=1e-12)
    np.testing.assert_allclose(paired_path(coins), logs["paired"], atol=1e-9)
    np.testing.assert_allclose(ratio_path(category, np.array([0.2, 0.3, 0.5])), logs["ratio"], atol=1e-9)
    np.testing.assert_allclose(randomized_path(coins[:40], values, 0.3), logs["clients"], atol=1e-12)


def test_a_million_observations_neither_overflow_nor_lose_digits():
    coins = rng().random(1_000_000) < 0.52
    wins = int(coins.sum())
    path = paired_path(coins)
    assert path[-1] == pytest.approx(special.betaln(1 + wins, 1_000_001 - wins) + 1_000_000 * log(2), abs=1e-5)
    assert path[-1] > 700
    test = Paired(ALPHA)
    test._now(float(path[-1]))
    assert np.isfinite(test.e)
    low, high = share_bounds(wins, 1_000_000 - wins, ALPHA)
    assert 0 < wins / 1e6 - low < 0.005
    assert 0 < high - wins / 1e6 < 0.005
    assert np.isfinite(fed(ErrorAudit(0.05, ALPHA), [False] * 5_000).log_e)


@pytest.mark.parametrize("wrong", [nan, inf, -inf, 0.0, 1.0, -0.1, 2.0, True])
def test_a_level_that_is_none_is_refused(wrong):
    for make in (lambda: ErrorAudit(wrong, 0.05), lambda: ErrorAudit(0.05, wrong), lambda: Paired(wrong)):
        with pytest.raises(ValueError, match=r"is in \(0, 1\)"):
            make()


@pytest.mark.parametrize(
    "shares", [{}, {"a": 1.0}, {"a": 0.5, "b": 0.6}, {"a": nan, "b": 0.5}, {"a": inf, "b": 1.0}, {"a": -1, "b": 2.0}, {"a": 0.0, "b": 1}]
)
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ValueError, match="share"):
        SampleRatio(shares)
    with pytest.raises(ValueError, match="share"):
        LabelShares(shares, ALPHA)


def test_observations_of_another_kind_are_refused():
    for test in (ErrorAudit(0.05, ALPHA), Paired(ALPHA)):
        for wrong in (nan, 1, 0.5, None, "yes"):
            with pytest.raises(ValueError, match="true or false"):
                test.add(wrong)
        assert test.count == 0
    with pytest.raises(ValueError, match="none of"):
        SampleRatio({"a": 0.5, "b": 0.5}).add("c")
    with pytest.raises(ValueError, match="none of"):
        LabelShares({"a": 0.5, "b": 0.5}, ALPHA, counted=10).add("c")
    for value in (nan, inf, -0.1, 1.1):
        with pytest.raises(ValueError, match=r"\[0, 1\]"):
            RandomizedDifference(0.5, ALPHA).add(True, value)


def test_shares_that_were_not_counted_so_often_are_refused():
    for counted in (0, 3, 301):
        with pytest.raises(ValueError, match="not those of"):
            LabelShares({"a": 0.25, "b": 0.75}, ALPHA, counted=counted)
    LabelShares({"a": 1 / 3, "b": 2 / 3}, ALPHA, counted=300)


@pytest.mark.parametrize(("both", "size"), [((3, 2, 2), 3), ((4, 0, 1, 1), 2), ((5, 5), 4)])
def test_the_e_value_of_two_samples_has_the_expectation_one(both, size):
    """Over all ways to draw one sample from what is known of both together, each equally likely."""
    total, expectation = sum(both), 0.0
    for drawn in product(*(range(t + 1) for t in both)):
        if sum(drawn) == size:
            rest = [t - m for t, m in zip(both, drawn, strict=True)]
            chance = prod(comb(t, m) for t, m in zip(both, drawn, strict=True)) / comb(total, size)
            expectation += chance * exp(log_e_of_counts(drawn, rest))
    assert expectation == pytest.approx(1, abs=1e-9)


def test_two_samples_are_told_apart_and_their_order_does_not_matter():
    assert log_e_of_counts([90, 10], [10, 90]) == pytest.approx(log_e_of_counts([10, 90], [90, 10]))
    assert log_e_of_counts([90, 10], [10, 90]) > 30
    assert log_e_of_counts([90, 10], [900, 100]) < 0.5
    assert log_e_of_counts([0, 0], [5, 5]) == 0
    large = log_e_of_counts([400, 300, 200, 100], [4_100, 2_900, 2_050, 950])  # long enough for sums by Fourier transform
    assert -10 < large < 1


def test_shares_of_a_hold_out_are_not_taken_for_the_truth():
    chance, kinds, held = rng(), 12, 100
    false = {"counted": 0, "exact": 0}
    for _ in range(12):
        p = chance.dirichlet(np.full(kinds, 2.0))
        counts = chance.multinomial(held, p) + 1
        expected = {str(k): count / counts.sum() for k, count in enumerate(counts.tolist())}
        stream = [str(k) for k in chance.choice(kinds, 1_000, p=p).tolist()]
        false["counted"] += fed(LabelShares(expected, ALPHA, counted=int(counts.sum())), stream).alarm
        false["exact"] += fed(LabelShares(expected, ALPHA), stream).alarm
    assert false["counted"] <= 1
    assert false["exact"] >= 6


def test_other_shares_are_seen_also_after_a_long_time_of_equal_ones():
    expected = {"a": 0.5, "b": 0.3, "c": 0.2, "d": 0.0}
    equal = ["a"] * 5 + ["b"] * 3 + ["c"] * 2
    test = fed(LabelShares(expected, ALPHA, counted=300), equal * 160)
    assert not test.alarm
    assert test.counts == {"a": 800, "b": 480, "c": 320, "d": 0}
    assert fed(test, ["d", "c"] * 800).alarm


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 60))
def test_a_replay_from_the_middle_gives_the_same_digits(coins, cut):
    whole, parts = fed(Paired(ALPHA), coins), fed(fed(Paired(ALPHA), coins[:cut]), coins[cut:])
    assert (whole.log_e, whole.highest, whole.alarmed_at) == (parts.log_e, parts.highest, parts.alarmed_at)
    turned = fed(Paired(ALPHA), coins[::-1])
    assert turned.log_e == whole.log_e  # what is known at the end has no order; when it was known has
    mirrored = fed(Paired(ALPHA), [not coin for coin in coins])
    assert mirrored.log_e == whole.log_e
    assert {whole.better, mirrored.better} in ({None}, {"a", "b"})


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 400), st.one_of(st.none(), st.integers(0, 40)), st.integers(0, 40))
def test_the_bounds_leave_out_no_difference_exactly_where_the_test_decides(wins, losses, same, neither, waiting):
    low, high = difference_bounds(wins, losses, same=same, neither=neither, waiting=waiting, alpha=ALPHA)
    assert -1 <= low <= high <= 1
    log_e = special.betaln(1 + wins, 1 + losses) + (wins + losses) * log(2)
    decides = log_e >= log(1 / (0.9 * ALPHA))
    if abs(log_e - log(1 / (0.9 * ALPHA))) > 1e-6:
        assert (low > 0 or high < 0) == decides


def test_the_bounds_hold_the_truth_at_all_times():
    chance, missed = rng(), 0
    for _ in range(60):
        outcome = chance.choice(4, size=400, p=(0.12, 0.05, 0.8, 0.03))
        at = np.unique(np.geomspace(5, 400, 25).astype(int))
        for n in at.tolist():
            wins, losses, same, neither = (int((outcome[:n] == k).sum()) for k in range(4))
            low, high = difference_bounds(wins, losses, same=same, neither=neither, alpha=0.2)
            if not low <= 0.07 <= high:
                missed += 1
                break
    assert missed / 60 <= 0.2


def test_clients_that_differ_do_not_look_like_a_difference():
    """Thirty schools, of which the arm decides nothing: problem by problem it seems to, school by school it does not."""
    chance, false = rng(), {"problems": 0, "schools": 0}
    for _ in range(40):
        own, in_b = chance.beta(19 * 0.85, 19 * 0.15, 30), chance.random(30) < 0.5
        school = chance.integers(30, size=4_000)
        right, arm = chance.random(4_000) < own[school], in_b[school]
        a, b = right[~arm], right[arm]
        pairs = min(len(a), len(b))
        differ = a[:pairs] != b[:pairs]
        false["problems"] += alarms(paired_path(b[:pairs][differ])[None]) > 0
        test = RandomizedDifference(0.5, ALPHA)
        for k in range(30):
            test.add(bool(in_b[k]), float(right[school == k].mean()))
        false["schools"] += test.alarm
    assert false["problems"] >= 6
    assert false["schools"] <= 2


def test_a_difference_between_clients_is_seen_and_bounded():
    chance = rng()
    test = RandomizedDifference(0.5, ALPHA)
    assert test.bounds() == (-1.0, 1.0)
    assert test.difference is None
    for _ in range(80):
        in_b = bool(chance.random() < 0.5)
        test.add(in_b, float(np.clip(chance.normal(0.9 if in_b else 0.7, 0.08), 0, 1)))
    low, high = test.bounds()
    assert test.alarm
    assert 0 < low < 0.2 < high
    assert low <= test.difference <= high
