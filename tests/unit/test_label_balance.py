"""Weights that give a run the labels of the examples, worked by hand."""

from __future__ import annotations

import pytest

from recipes.label_balance import HEAVIEST, balance_weights, skew


def of_label(rows: list[dict[str, float]], weights: list[float], label: str) -> float:
    total = sum(w * sum(row.values()) for row, w in zip(rows, weights, strict=True))
    return sum(w * row.get(label, 0.0) for row, w in zip(rows, weights, strict=True)) / total


def test_slates_of_one_label_leave_the_shares_of_the_examples() -> None:
    examples = ["a"] * 50 + ["b"] * 50 + ["c"] * 100
    rows = [{"a": 1.0}] * 150 + [{label: 1.0} for label in examples]
    weights = balance_weights(rows, examples)
    assert sum(weights) / len(weights) == pytest.approx(1)
    assert of_label(rows, weights, "a") == pytest.approx(51 / 203)
    assert of_label(rows, weights, "c") == pytest.approx(101 / 203)


def test_split_votes_count_by_their_shares() -> None:
    examples = ["a", "b"] * 20
    rows = [{"a": 0.75, "b": 0.25}] * 40 + [{label: 1.0} for label in examples]
    weights = balance_weights(rows, examples)
    assert weights[0] < 1 < weights[41]
    assert of_label(rows, weights, "a") == pytest.approx(0.5, abs=0.02)


def test_balanced_rows_keep_weight_one_and_none_is_heavier_than_four() -> None:
    examples = ["a", "b"] * 10
    assert balance_weights([{label: 1.0} for label in examples], examples) == pytest.approx([1.0] * 20)
    rare = balance_weights([{"a": 1.0}] * 99 + [{"b": 1.0}], ["a", "b"] * 50)
    assert max(rare) == HEAVIEST


def test_the_most_over_represented_label_is_named() -> None:
    rows = [{"a": 1.0}] * 8 + [{"b": 0.5, "c": 0.5}] * 2
    assert skew(rows, ["a", "b", "b", "c"]) == ("a", pytest.approx(0.8), pytest.approx(0.25))
