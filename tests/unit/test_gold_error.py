"""Wrong gold labels: the correction against a simulation, the estimate against its closed form, and the bounds."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from prefopt.calibration.gold_error import _log_likelihood, corrected_accuracy, effect, estimated, stated
from prefopt.calibration.intervals import wilson
from prefopt.config import DataSettings, ProjectConfig
from prefopt.grounds import Estimate
from prefopt.project.project import open_project
from prefopt.project.round_toml import freeze_round

NONE = Estimate(value=0.02, low=0.01, high=0.03)
LABELS = 20


def votes(n: int, teachers: int, gold_error: float, error: float, rng: np.random.Generator) -> list[tuple[str, list[str]]]:
    """Gold and teachers' labels of n problems, wrong independently and at random."""

    def named(truth: int, share: float) -> str:
        return str((truth + rng.integers(1, LABELS)) % LABELS if rng.random() < share else truth)

    truths = rng.integers(LABELS, size=n)
    return [(named(t, gold_error), [named(t, error) for _ in range(teachers)]) for t in truths]


def test_the_correction_gives_the_true_accuracy_back():
    rng = np.random.default_rng(2)
    n, labels, error, accuracy = 400_000, 5, 0.08, 0.7
    truth = rng.integers(labels, size=n)

    def spoiled(share: float) -> np.ndarray:
        return np.where(rng.random(n) < share, (truth + rng.integers(1, labels, size=n)) % labels, truth)

    observed = float((spoiled(1 - accuracy) == spoiled(error)).mean())
    assert observed < 0.67
    assert corrected_accuracy(observed, error, labels) == pytest.approx(accuracy, abs=0.004)
    with pytest.raises(ValueError, match="chance"):
        corrected_accuracy(0.5, 0.5, 2)


def test_the_estimate_of_two_teachers_agrees_with_its_closed_form():
    # with many labels, wrong ones do not agree by chance: of 100, gold alone differs on 6, one teacher alone on 10, all agree on 84
    alone = [("a", ["b", "b"])] * 6 + [("a", ["a", "b"])] * 5 + [("a", ["b", "a"])] * 5 + [("a", ["a", "a"])] * 84
    found = estimated(alone, 10_000, 6)
    assert found is not None
    assert found.source == "estimated"
    assert found.error.value == pytest.approx(6 / 100, abs=0.003)
    assert found.teacher_error == pytest.approx(10 / 2 / 100, abs=0.003)
    assert found.error.low < 0.035
    assert 0.1 < found.error.high < 0.14
    assert (found.slates, found.differ) == (100, 6)


@pytest.mark.parametrize("labels", [2, 3, 5])
def test_the_chances_of_all_answers_add_up_to_1(labels):
    grid = np.array([0.05, 0.2, 0.4])
    names = [str(i) for i in range(labels)]
    chances = [np.exp(_log_likelihood([("0", answers)], labels, grid)) for answers in product(names, repeat=3)]
    assert np.sum(chances, axis=0) == pytest.approx(np.ones((3, 3)))


def test_the_interval_of_the_estimate_covers():
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(150):
        found = estimated(votes(60, 2, 0.05, 0.1, rng), LABELS, 0)
        assert found is not None
        covered.append(found.error.low <= 0.05 <= found.error.high)
    assert np.mean(covered) > 0.9


def test_no_difference_leaves_an_upper_end():
    found = estimated([("a", ["a", "a"])] * 40, LABELS, 0)
    assert found is not None
    assert (found.error.value, found.error.low) == (0, 0)
    assert 0.03 < found.error.high < 0.09


def test_one_teacher_gives_only_an_upper_end():
    found = estimated([("a", ["a"])] * 36 + [("a", ["b"])] * 4, LABELS, 4)
    assert found is not None
    assert found.source == "bounded"
    assert found.error.high == pytest.approx(wilson(4, 40, 0.95).high)
    done = effect(found, wilson(80, 100, 0.95), NONE, LABELS, 0.05)
    assert done.corrected is None
    assert not done.accepts_nothing


def test_few_slates_give_nothing():
    assert estimated([("a", ["a", "a"])] * 9, LABELS, 0) is None


def test_what_a_stated_error_does():
    seen = wilson(773, 1000, 0.95)
    done = effect(stated(0.05), seen, NONE, LABELS, 0.05)
    q = 1 / (LABELS - 1)
    assert done.corrected is not None
    assert done.corrected.value == pytest.approx((0.773 - 0.05 * q) / (1 - 0.05 * (1 + q)))
    assert done.corrected.low == pytest.approx((seen.low - 0.05 * q) / (1 - 0.05 * (1 + q)))
    assert (done.at_least, done.at_most, done.ceiling) == pytest.approx((0.723, 0.823, 0.95))
    assert (done.overconfidence.low, done.overconfidence.high) == pytest.approx((-0.04, 0.08))
    assert done.accepts_nothing
    assert not effect(stated(0.02), seen, NONE, LABELS, 0.05).accepts_nothing


def test_the_corrected_interval_carries_the_uncertainty_of_the_error():
    seen = wilson(773, 1000, 0.95)
    sure, unsure = (
        effect(gold, seen, NONE, LABELS, 0.05).corrected
        for gold in (stated(0.05), estimated(votes(60, 2, 0.05, 0.1, np.random.default_rng(1)), LABELS, 0))
    )
    assert sure is not None
    assert unsure is not None
    assert unsure.high - unsure.low > 1.5 * (sure.high - sure.low)


def test_the_setting_is_optional_and_survives_the_frozen_round(tmp_path):
    assert DataSettings().gold_error is None
    for value in (-0.1, 0.5):
        with pytest.raises(ValueError, match="gold_error"):
            ProjectConfig.model_validate({"data": {"gold_error": value}})
    (tmp_path / "prefopt.toml").write_text("")
    plain = freeze_round(open_project(tmp_path), 1, {"recipe": "dpo", "parent": 0})
    assert "gold_error" not in (plain.folder / "round.toml").read_text(encoding="utf-8")
    assert plain.config.data.gold_error is None
    (tmp_path / "prefopt.toml").write_text("[data]\ngold_error = 0.03\n")
    said = freeze_round(open_project(tmp_path), 2, {"recipe": "dpo", "parent": 0})
    assert said.config.data.gold_error == 0.03
