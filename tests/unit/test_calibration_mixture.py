"""The mixture of adapter and baseline: its weights where they are known, and that it is used only where it is shown to help."""

from __future__ import annotations

import numpy as np
import pytest

from prefopt.calibration.comparison import Learned
from prefopt.calibration.evaluate import Opponent, Partner, evaluate
from prefopt.calibration.mixture import FEWEST, Asked, fit_weights, joined, mix
from prefopt.calibration.mixture_judgment import verdict
from prefopt.calibration.mixture_result import MixtureWeights
from prefopt.calibration.paired_result import Difference, Discordance
from prefopt.config import CalibrateSettings
from tests.unit.posteriors import FAST, ids, normalized, small_taxonomy

TAXONOMY = small_taxonomy()
L = len(TAXONOMY)
LEARNED = Learned(300, 0, 0, 10.0)


def drawn(n: int, model: float, tfidf: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two posteriors [n, L] with errors of their own, and right labels drawn from their mixture with these weights."""
    rng = np.random.default_rng(seed)
    own, theirs = (normalized(2.0 * rng.normal(size=(n, L))) for _ in range(2))
    truth = mix(own, theirs, MixtureWeights(model=model, tfidf=tfidf))
    gold = (np.cumsum(np.exp(truth), axis=1) < rng.random((n, 1))).sum(axis=1)
    return own, theirs, np.minimum(gold, L - 1)


def hot(gold: np.ndarray, width: int = L) -> np.ndarray:
    return np.eye(width)[gold]


def test_a_mixture_by_hand():
    found = mix(np.log([[0.8, 0.2]]), np.log([[0.4, 0.6]]), MixtureWeights(model=0.5, tfidf=2.0))
    raised = np.array([0.8**0.5 * 0.4**2, 0.2**0.5 * 0.6**2])
    assert np.exp(found[0]) == pytest.approx(raised / raised.sum())
    assert mix(found, found, MixtureWeights(model=1.0, tfidf=0.0)) == pytest.approx(found)


@pytest.mark.parametrize(("model", "tfidf"), [(0.3, 1.2), (1.0, 1.0), (1.5, 0.4)])
def test_known_weights_are_found_again(model, tfidf):
    own, theirs, gold = drawn(6000, model, tfidf, 1)
    found = fit_weights(Asked(own, theirs, hot(gold)))
    assert (found.model, found.tfidf) == pytest.approx((model, tfidf), abs=0.08)


def test_the_labels_that_a_slate_shows_are_enough():
    own, theirs, gold = drawn(12_000, 0.6, 0.9, 2)
    shown = np.argsort(-own, axis=1)[:, :4]  # as `sample` chooses them, by the model alone
    right = shown == gold[:, None]
    kept = right.any(axis=1)
    assert 0.5 < kept.mean() < 0.95  # the right label is not always shown
    rows = np.arange(len(gold))[:, None]
    found = fit_weights(Asked(own[rows, shown][kept], theirs[rows, shown][kept], right[kept].astype(float)))
    assert (found.model, found.tfidf) == pytest.approx((0.6, 0.9), abs=0.08)


def test_shares_of_votes_count_as_far_as_they_go():
    own, theirs, gold = drawn(50, 0.6, 0.9, 3)
    twice = Asked(np.repeat(own, 2, axis=0), np.repeat(theirs, 2, axis=0), np.vstack([hot(g) for g in np.c_[gold, (gold + 1) % L]]))
    halved = Asked(own, theirs, (hot(gold) + hot((gold + 1) % L)) / 2)
    assert vars(fit_weights(halved)) == pytest.approx(vars(fit_weights(twice)), abs=1e-5)


def test_weights_are_never_negative():
    own, theirs, gold = drawn(3000, 1.0, -1.0, 4)
    found = fit_weights(Asked(own, theirs, hot(gold)))
    assert found.tfidf == 0
    assert found.model > 0.5


def test_rounds_with_slates_of_other_widths_are_joined():
    own, theirs, gold = drawn(400, 0.6, 0.9, 5)
    narrow = Asked(own[:200, :3], theirs[:200, :3], hot(gold[:200] % 3, 3))
    wide = Asked(own[200:], theirs[200:], hot(gold[200:]))
    both = joined([narrow, wide])
    assert (len(both), both.model.shape[1]) == (400, L)
    assert np.isneginf(both.model[:200, 3:]).all()
    found = fit_weights(both)
    for change in (0.02, -0.02):  # no neighbor is more probable
        for moved in (
            MixtureWeights(model=found.model + change, tfidf=found.tfidf),
            MixtureWeights(model=found.model, tfidf=found.tfidf + change),
        ):
            assert likelihood([narrow, wide], moved) < likelihood([narrow, wide], found)


def likelihood(parts: list[Asked], weights: MixtureWeights) -> float:
    return sum(float((part.shares * mix(part.model, part.tfidf, weights)).sum()) for part in parts)


def judged(
    model: float, tfidf: float, *, fitted: int = 400, held: int = 600, seed: int = 6, settings: CalibrateSettings = FAST, look: int = 1
):
    """A calibration with a mixture fitted on asked problems, where the truth mixes with these weights."""
    own, theirs, gold = drawn(fitted, model, tfidf, seed)
    weights = fit_weights(Asked(own, theirs, hot(gold)))
    own, theirs, gold = drawn(held, model, tfidf, seed + 1)
    baseline, partner = Opponent(theirs, LEARNED), Partner(fitted, weights)
    return evaluate(own, gold, ids(held), TAXONOMY, settings, 7, baseline=baseline, partner=partner, look=look)


def test_a_mixture_that_helps_is_used_with_its_own_thresholds():
    found = judged(0.7, 0.7)
    mixture = found.mixture.judged
    assert mixture.used
    assert mixture.brier_change.high < 0
    assert mixture.accuracy_change.low > 0
    assert mixture.brier.value == pytest.approx(mixture.adapter_brier + mixture.brier_change.value)
    assert found.in_use is mixture
    assert found.in_use.acceptance != found.acceptance
    assert found.in_use.conformal.mean_size < found.conformal.mean_size


def test_a_useless_baseline_gets_no_weight_and_is_not_used():
    for seed in range(20, 30):
        found = judged(1.0, 0.0, seed=seed)
        assert found.mixture.judged.weights.tfidf < 0.15
        assert found.mixture.judged.verdict == "not_shown"
        assert found.in_use is found


def test_what_a_temperature_repairs_is_no_merit_of_the_mixture():
    found = judged(0.5, 0.0)  # the adapter alone is too sure: the weights soften it, which its own temperature does as well
    assert found.mixture.judged.weights.model == pytest.approx(0.5, abs=0.1)
    assert found.mixture.judged.temperature.value == pytest.approx(1.0, abs=0.25)
    assert not found.mixture.judged.used


def test_the_comparison_with_the_parent_does_not_see_the_mixture():
    own, theirs, gold = drawn(300, 0.7, 0.7, 8)
    parent = normalized(1.1 * own)
    partner = Partner(400, MixtureWeights(model=0.7, tfidf=0.7))
    mixed, alone = (
        evaluate(own, gold, ids(300), TAXONOMY, FAST, 7, parent, baseline=Opponent(theirs, LEARNED), partner=who) for who in (partner, None)
    )
    assert mixed.mixture.judged.used
    for name in ("accuracy", "brier", "temperature", "conformal", "parent", "refitted", "majority", "baseline"):
        assert getattr(mixed, name) == getattr(alone, name), name


def test_two_classifiers_share_the_chance_of_a_wrong_threshold():
    own, theirs, gold = drawn(600, 0.7, 0.7, 9)
    own[np.arange(600), gold] += 4.0  # sure enough for a threshold
    own = normalized(own)
    baseline, weights = Opponent(theirs, LEARNED), MixtureWeights(model=1.0, tfidf=0.0)
    alone = evaluate(own, gold, ids(600), TAXONOMY, FAST, 7, baseline=baseline)
    twice = evaluate(own, gold, ids(600), TAXONOMY, FAST, 7, baseline=baseline, partner=Partner(400, weights))
    assert twice.mixture.judged.acceptance == twice.acceptance  # the same posteriors
    assert twice.acceptance.count < alone.acceptance.count


def test_too_few_asked_problems_are_said():
    own, theirs, gold = drawn(100, 0.7, 0.7, 10)
    found = evaluate(own, gold, ids(100), TAXONOMY, FAST, 7, baseline=Opponent(theirs, LEARNED), partner=Partner(12, None))
    assert (found.mixture.asked, found.mixture.needed, found.mixture.judged) == (12, FEWEST, None)
    assert found.in_use is found


def test_every_adapter_spends_its_part_of_the_level():
    first, fourth = (judged(0.7, 0.7, look=look).mixture.judged.level for look in (1, 4))
    assert first == pytest.approx(0.05 * 6 / np.pi**2)
    assert fourth == pytest.approx(first / 16)


@pytest.mark.parametrize(
    ("high", "p_below", "gained", "lost", "p_value", "expected"),
    [
        (-0.01, 0.001, 10, 9, 1.0, "helps"),
        (-0.01, 0.001, 9, 10, 1.0, "helps"),
        (-0.01, 0.001, 5, 25, 0.0003, "less_accurate"),
        (-0.01, 0.001, 25, 5, 0.0003, "helps"),
        (-0.01, 0.02, 25, 5, 0.0003, "not_shown"),
        (0.001, 0.001, 25, 5, 0.0003, "not_shown"),
    ],
)
def test_the_rule(high, p_below, gained, lost, p_value, expected):
    brier = Difference(value=-0.03, low=-0.05, high=high, p_below=p_below, p_above=1 - p_below)
    assert verdict(brier, Discordance(lost=lost, gained=gained, p_value=p_value), 0.01, 0.05) == expected
