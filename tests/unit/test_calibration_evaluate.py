"""evaluate(): wrong input is refused by name; right input gives exact and repeatable figures."""

from __future__ import annotations

import numpy as np
import pytest

from prefopt.calibration import Calibration, evaluate
from prefopt.calibration.clusters import Clusters
from prefopt.calibration.comparison import Learned
from prefopt.calibration.evaluate import Opponent
from prefopt.calibration.intervals import difference
from prefopt.calibration.metrics import score
from prefopt.calibration.temperature import cross_fitted, halves
from prefopt.config import CalibrateSettings
from prefopt.errors import CalibrationError
from prefopt.taxonomy import parse_taxonomy
from tests.unit.posteriors import FAST, answering, calibrated, ids, normalized, small_taxonomy

TAXONOMY = small_taxonomy()


def run(log_probs, gold, **more) -> Calibration:
    return evaluate(log_probs, gold, ids(len(gold)), TAXONOMY, FAST, 7, **more)


@pytest.fixture(scope="module")
def posterior():
    return calibrated(120, len(TAXONOMY), 1)


@pytest.fixture(scope="module")
def calibration(posterior):
    log_probs, gold = posterior
    parent = normalized(log_probs + 0.5 * np.random.default_rng(0).normal(size=log_probs.shape))
    return run(log_probs, gold, parent_log_probs=parent, label_mass=np.full(120, 0.99))


def test_json_and_back_is_exact(calibration):
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration


def test_same_input_same_bytes(posterior):
    log_probs, gold = posterior
    assert run(log_probs, gold).model_dump_json() == run(log_probs.copy(), gold.copy()).model_dump_json()


def test_figures_agree_with_each_other(posterior, calibration):
    log_probs, gold = posterior
    probs = np.exp(log_probs)
    accuracy = (probs.argmax(axis=1) == gold).mean()
    assert calibration.accuracy.value == calibration.level("label").value == pytest.approx(accuracy)
    assert calibration.overconfidence.value == pytest.approx(probs.max(axis=1).mean() - accuracy)
    assert sum(b.count for b in calibration.reliability) == sum(c.count for c in calibration.cells) == calibration.n == 120
    assert sum(b.count * abs(b.confidence - b.accuracy.value) for b in calibration.reliability) / 120 == pytest.approx(
        calibration.ece.equal_width
    )
    assert calibration.parent.accuracy.value == pytest.approx(accuracy - calibration.parent.parent_accuracy)
    assert calibration.label_mass.mean == pytest.approx(0.99)
    for estimate in (calibration.accuracy, calibration.brier, calibration.log_loss, calibration.hierarchical, calibration.parent.bias_rise):
        assert estimate.low < estimate.value < estimate.high
    assert (calibration.groups, calibration.design_effect, calibration.labels_judged) == (120, 1.0, len(set(gold.tolist())))


def test_the_tempered_scores_are_those_of_cross_fitting(posterior, calibration):
    log_probs, gold = posterior
    theirs = normalized(log_probs + 0.5 * np.random.default_rng(0).normal(size=log_probs.shape))
    half = halves(ids(120), 7)
    own, parent = (score(cross_fitted(side, gold, half)[0], gold).brier for side in (log_probs, theirs))
    found = calibration.parent.tempered
    assert (found.own, found.parent) == pytest.approx((own.mean(), parent.mean()))
    expected = difference(own - parent, Clusters.from_names(None, 120), 0.95)
    assert vars(found.difference) == pytest.approx(vars(expected))
    assert calibration.temperature.after.brier == pytest.approx(own.mean())


def test_families_are_what_every_interval_and_test_counts():
    log_probs, gold = (np.repeat(values, 3, axis=0) for values in calibrated(60, len(TAXONOMY), 3))
    parent = normalized(log_probs + np.repeat(np.random.default_rng(1).normal(size=(60, len(TAXONOMY))), 3, axis=0))
    names = [f"f{i // 3}" for i in range(180)]  # three times the same problem
    apart, together = (run(log_probs, gold, parent_log_probs=parent, groups=groups) for groups in (None, names))
    assert (together.groups, together.n) == (60, 180)
    assert together.design_effect == pytest.approx(60 / 59 * 179 / 60)  # all three are alike: 3, and the two degrees of freedom
    for name in ("accuracy", "brier", "log_loss", "hierarchical"):
        narrow, wide = getattr(apart, name), getattr(together, name)
        assert wide.value == narrow.value
        assert wide.high - wide.low > 1.6 * (narrow.high - narrow.low), name
    once = run(log_probs[::3], gold[::3], parent_log_probs=parent[::3])
    assert together.parent.mcnemar.p_value == pytest.approx(once.parent.mcnemar.p_value)
    assert together.majority.mcnemar.p_value == pytest.approx(once.majority.mcnemar.p_value)
    assert apart.parent.mcnemar.p_value < once.parent.mcnemar.p_value
    assert (together.brier.low, together.brier.high) == pytest.approx((once.brier.low, once.brier.high))


def test_names_without_siblings_change_no_interval(posterior):
    log_probs, gold = posterior
    assert run(log_probs, gold, groups=ids(120)) == run(log_probs, gold)


def test_the_look_and_the_baseline_are_kept(posterior):
    log_probs, gold = posterior
    hits = (np.arange(120) % 2).astype(float)
    found = run(log_probs, gold, look=3, baseline=Opponent(answering(gold, hits, log_probs.shape[1]), Learned(400, 100, 5, 10.0)))
    assert found.acceptance.look == 3
    assert (found.baseline.accuracy.value, found.baseline.trained_on, found.baseline.unseen) == (0.5, 400, 5)
    assert (found.baseline.answers, found.baseline.c, found.mixture) == (100, 10.0, None)
    correct = log_probs.argmax(axis=1) == gold
    assert found.baseline.mcnemar.gained == int((correct & (hits == 0)).sum())
    assert run(log_probs, gold).baseline is None


def test_group_levels_by_hand():
    # Labels 0-2 초등/수, 3-5 초등/도형, 6-8 중학/수, 9-11 중학/도형.
    gold, predicted = np.array([0] * 4 + [9] * 6), np.array([0, 1, 3, 6, 9, 9, 10, 3, 6, 0])
    log_probs = np.full((10, 12), np.log(0.1 / 11))
    log_probs[np.arange(10), predicted] = np.log(0.9)
    found = run(log_probs, gold)
    assert found.level("label").value == pytest.approx(3 / 10)
    assert found.level("band").value == pytest.approx(7 / 10)
    assert found.level("domain").value == pytest.approx(7 / 10)
    assert [c.flag for c in found.cells] == ["cannot_tell"] * 4
    assert found.confusions[0].count == 1
    assert found.majority.label == TAXONOMY.ids[9]
    assert found.majority.accuracy == pytest.approx(0.6)


def test_confusions_count_and_name_the_most_confident_first():
    gold = np.zeros(12, dtype=int)
    log_probs = np.full((12, 12), np.log(0.2 / 11))
    log_probs[:, 0] = np.log(0.8)
    for row, confidence in ((3, 0.6), (5, 0.9), (8, 0.7)):
        log_probs[row] = np.log((1 - confidence) / 11)
        log_probs[row, 4] = np.log(confidence)
    (only,) = run(log_probs, gold).confusions
    assert (only.gold, only.predicted, only.count) == (TAXONOMY.ids[0], TAXONOMY.ids[4], 3)
    assert only.examples == ("p0005", "p0008", "p0003")


def test_equally_frequent_confusions_start_with_the_most_confident():
    gold = np.arange(12)
    log_probs = np.full((12, 12), np.log(0.2 / 11))
    log_probs[np.arange(12), gold] = np.log(0.8)
    for row, confidence in ((2, 0.5), (6, 0.7)):
        log_probs[row] = np.log((1 - confidence) / 11)
        log_probs[row, 11] = np.log(confidence)
    assert [c.gold for c in run(log_probs, gold).confusions] == [TAXONOMY.ids[6], TAXONOMY.ids[2]]


def test_rounding_errors_of_the_rows_are_normalized_away(posterior):
    log_probs, gold = posterior
    assert run(log_probs + 5e-5, gold).log_loss.value == pytest.approx(run(log_probs, gold).log_loss.value, abs=1e-9)


def test_an_over_confident_cell_is_found_and_its_neighbors_are_not():
    log_probs, gold = calibrated(1600, 12, 8)
    logits = log_probs.copy()
    logits[gold < 3] *= 4.0  # the first cell
    cells = {c.groups: c for c in run(normalized(logits), gold).cells}
    first = cells["초등", "수와 연산"]
    assert first.flag == "over_confident"
    assert first.p_value < 0.001


def test_a_flat_taxonomy_has_a_cell_a_label_and_a_grouped_one_by_group():
    log_probs, gold = calibrated(60, 3, 2)
    flat = parse_taxonomy("code,name\na,a\nb,b\nc,c", "t")
    found = evaluate(log_probs, gold, ids(60), flat, FAST, 7)
    assert found.cell_groups == ("label",)
    assert [c.groups for c in found.cells] == [("a",), ("b",), ("c",)]
    assert [entry.level for entry in found.levels] == ["label"]
    grouped = parse_taxonomy("code,name,kind\na,a,x\nb,b,x\nc,c,y", "t")
    assert [c.groups for c in evaluate(log_probs, gold, ids(60), grouped, FAST, 7).cells] == [("x",), ("y",)]


def test_noise_is_cannot_tell_and_miscalibration_is_not():
    log_probs, gold = calibrated(400, 12, 4)
    assert run(log_probs, gold).ece.cannot_tell
    assert not run(normalized(log_probs * 2.5), gold).ece.cannot_tell


def _nan(p, g):
    p[7, 3] = np.nan


def _unnormalized(p, g):
    p[7] += 0.01


def _never(p, g):
    p[7, :] = -np.inf
    p[7, (g[7] + 1) % 12] = 0.0


def _range(p, g):
    g[7] = 12


def _negative(p, g):
    g[7] = -1


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(_nan, "NaN"), (_unnormalized, "sum to 1.01005"), (_never, "infinite"), (_range, "gold label 12"), (_negative, "gold label -1")],
)
def test_wrong_numbers_are_refused_with_the_problems_id(posterior, spoil, says):
    log_probs, gold = (array.copy() for array in posterior)
    spoil(log_probs, gold)
    with pytest.raises(CalibrationError, match="p0007") as caught:
        run(log_probs, gold)
    assert says in str(caught.value)


def test_wrong_shapes_are_refused(posterior):
    log_probs, gold = posterior
    with pytest.raises(CalibrationError, match=r"shape \(120, 11\), expected \(120, 12\)"):
        run(log_probs[:, 1:], gold)
    with pytest.raises(CalibrationError, match="parent_log_probs has shape"):
        run(log_probs, gold, parent_log_probs=log_probs[:100])
    with pytest.raises(CalibrationError, match="has 9 problems"):
        run(log_probs[:9], gold[:9])
    with pytest.raises(CalibrationError, match="row of integers"):
        run(log_probs, gold.astype(float))
    with pytest.raises(CalibrationError, match="119 groups for 120 problems"):
        run(log_probs, gold, groups=ids(119))
    with pytest.raises(CalibrationError, match="all held-out problems are of one group"):
        run(log_probs, gold, groups=["same"] * 120)
    with pytest.raises(CalibrationError, match=r"the baseline has shape \(7, 12\), expected \(120, 12\)"):
        run(log_probs, gold, baseline=Opponent(log_probs[:7], Learned(100, 0, 0, 10.0)))
    with pytest.raises(CalibrationError, match="120 gold labels for 119"):
        evaluate(log_probs, gold, ids(119), TAXONOMY, FAST, 7)
    with pytest.raises(CalibrationError, match="in the hold-out twice"):
        evaluate(log_probs, gold, ["same"] * 120, TAXONOMY, FAST, 7)
    with pytest.raises(CalibrationError, match="label_mass must be in"):
        run(log_probs, gold, label_mass=np.full(120, 1.5))
    with pytest.raises(CalibrationError, match="label_mass must be in"):
        run(log_probs, gold, label_mass=np.full(120, np.nan))


def test_a_probability_of_zero_is_allowed_where_the_label_is_not_gold(posterior):
    log_probs, gold = posterior
    shut = log_probs.copy()
    shut[np.arange(120), (gold + 1) % 12] = -np.inf
    assert run(normalized(shut), gold).log_loss.value > 0


def test_all_right_and_all_wrong_are_evaluated_like_any_other():
    gold = np.arange(24) % 12
    for predicted in (gold, (gold + 1) % 12):
        log_probs = np.full((24, 12), np.log(0.001 / 11))
        log_probs[np.arange(24), predicted] = np.log(0.999)
        found = evaluate(log_probs, gold, ids(24), TAXONOMY, CalibrateSettings(bootstrap=100), 7, log_probs)
        assert found.accuracy.low < found.accuracy.high
        assert Calibration.model_validate_json(found.model_dump_json()) == found
