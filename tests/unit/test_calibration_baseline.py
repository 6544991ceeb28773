"""The classical baseline separates what is separable and refuses what it cannot learn."""

from __future__ import annotations

import pytest

from prefopt.calibration.baseline import tfidf_baseline
from prefopt.errors import CalibrationError

TEXTS = [f"{a}에 {b}를 더하면 얼마입니까?" for a in range(2, 7) for b in range(2, 7)] + [
    f"한 변이 {a} cm인 정사각형의 넓이는 {b}의 몇 배입니까?" for a in range(2, 7) for b in range(2, 7)
]
LABELS = ["add"] * 25 + ["area"] * 25


def test_separable_texts_are_separated():
    found = tfidf_baseline(TEXTS[::2], LABELS[::2], TEXTS[1::2], LABELS[1::2])
    assert (found.accuracy.value, found.macro_f1, found.unseen) == (1.0, 1.0, 0)
    assert (found.trained_on, found.tested_on) == (25, 25)
    assert found.accuracy.low < 1


def test_labels_without_training_problems_are_counted_and_wrong():
    found = tfidf_baseline(TEXTS[::2], LABELS[::2], [*TEXTS[1:11:2], "확률을 구하시오"], [*LABELS[1:11:2], "chance"])
    assert found.unseen == 1
    assert found.accuracy.value == pytest.approx(5 / 6)


def test_the_baseline_is_deterministic():
    runs = [tfidf_baseline(TEXTS[::3], LABELS[::3], TEXTS[1::3], LABELS[1::3]) for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("train", "labels", "test", "gold"),
    [(["a"], [], ["b"], ["x"]), (["a", "b"], ["x", "x"], ["c"], ["x"]), (["a", "b"], ["x", "y"], [], [])],
)
def test_too_few_labels_or_no_test_problems_are_refused(train, labels, test, gold):
    with pytest.raises(CalibrationError):
        tfidf_baseline(train, labels, test, gold)
