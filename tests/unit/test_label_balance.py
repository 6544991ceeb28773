"""Weights that give a run the labels of the examples, worked by hand."""

from __future__ import annotations

import pytest

from recipes.label_balance import HEAVIEST, KEPT, balance_weights, balanced_rows, label_factors


def of_label(rows: list[dict[str, float]], weights: list[float], label: str) -> float:
    total = sum(w * sum(row.values()) for row, w in zip(rows, weights, strict=True))
    return sum(w * row.get(label, 0.0) for row, w in zip(rows, weights, strict=True)) / total


def test_slates_of_one_label_leave_nearly_the_shares_of_the_examples() -> None:
    examples = ["a"] * 50 + ["b"] * 50 + ["c"] * 100
    rows = [{"a": 1.0}] * 150 + [{label: 1.0} for label in examples]
    factors = label_factors(rows, examples)
    assert factors["a"] == pytest.approx((350 / 4 + KEPT) / (200 + KEPT))
    weights = balance_weights(rows, examples)
    assert sum(weights) / len(weights) == pytest.approx(1)
    assert of_label(rows, weights, "a") == pytest.approx(0.25, abs=0.015)
    assert of_label(rows, weights, "c") == pytest.approx(0.5, abs=0.015)
    assert of_label(rows, [1.0] * 350, "a") > 0.57


def test_split_votes_count_by_their_shares() -> None:
    examples = ["a", "b"] * 20
    rows = [{"a": 0.75, "b": 0.25}] * 40 + [{label: 1.0} for label in examples]
    weights = balance_weights(rows, examples)
    assert weights[0] < 1 < weights[41]
    assert of_label(rows, weights, "a") < of_label(rows, [1.0] * 80, "a")


def test_balanced_rows_keep_weight_one_and_none_is_heavier_than_four() -> None:
    examples = ["a", "b"] * 10
    assert balance_weights([{label: 1.0} for label in examples], examples) == [1.0] * 20
    assert balance_weights([{"a": 1.0}] * 9 + [{"b": 0.5, "c": 0.5}], []) == [1.0] * 10
    rare = balance_weights([{"a": 1.0}] * 990 + [{"b": 1.0}] * 10, ["a", "b"] * 50)
    assert max(rare) == HEAVIEST


def test_labels_of_few_rows_keep_their_weight() -> None:
    """Of 181 labels, most have one or two rows: their shares among the rows say nothing."""
    labels = [f"{i}" for i in range(181)]
    rows = [{labels[i % 181]: 1.0} for i in range(0, 400, 2)] + [{label: 1.0} for label in labels]
    weights = balance_weights(rows, labels)
    assert 0.8 < min(weights) <= max(weights) < 1.25


def test_rows_have_the_weight_as_a_factor() -> None:
    examples = ["a", "b"] * 25
    rows = [{"weight": 0.5, "likelihood": 0.25}] * 60 + [{"weight": 1.0, "likelihood": 1.0}] * 50 + [{"weight": 2.0}]
    found = balanced_rows(rows, ["a"] * 60 + examples + [""], examples)
    assert found[0]["weight"] == pytest.approx(0.5 * found[0]["balance"])
    assert found[0]["likelihood"] == pytest.approx(0.25 * found[0]["balance"])
    assert found[0]["balance"] == found[60]["balance"] < 1 < found[61]["balance"]
    assert found[-1] == {"weight": 2.0, "balance": 1.0}
