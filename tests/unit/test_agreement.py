"""Teachers' agreement: Krippendorff's own worked example, and which label a ranking stands for."""

from __future__ import annotations

import random

import pytest

from prefopt.rankings.label_agreement import agreement, chosen_label, nominal_alpha
from prefopt.records import Answer, Candidate, Problem, Ranking, Slate


def slate(name: str) -> Slate:
    cards = tuple(Candidate(id=f"{name}-{x}", answer=Answer(label=x), probability=0.3, adapter="a") for x in "ABC")
    return Slate(id=name, problem=Problem(id=f"p{name}", text="?"), candidates=cards, order=(0, 1, 2), purpose="margin", top2_gap=0.1)


def ranked(name: str, teacher: str, **ranks: int) -> Ranking:
    return Ranking(slate_id=name, teacher=teacher, kind="ranked", ranks={f"{name}-{x}": rank for x, rank in ranks.items()})


def test_alpha_equals_the_worked_example():
    # Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), example C: four observers, twelve units, alpha = 0.743
    observers = [
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    ]
    columns = list(zip(*(row.split() for row in observers), strict=True))
    units = [[value for value in column if value != "."] for column in columns]
    assert nominal_alpha([unit for unit in units if len(unit) > 1]) == pytest.approx(0.743, abs=5e-4)


def test_alpha_is_zero_by_chance_one_in_agreement_and_unknown_without_variety():
    chance = random.Random(0)
    assert nominal_alpha([[chance.choice("abcd") for _ in range(3)] for _ in range(3000)]) == pytest.approx(0, abs=0.03)
    assert nominal_alpha([["a", "a"], ["b", "b"]]) == 1
    assert nominal_alpha([["a", "a"], ["a", "a"]]) is None


def test_the_label_that_a_ranking_stands_for():
    s = slate("s")
    assert chosen_label(ranked("s", "t", A=2, B=1, C=3), s) == "B"
    assert chosen_label(ranked("s", "t", A=1, B=1, C=3), s) is None
    assert chosen_label(Ranking(slate_id="s", teacher="t", kind="none_right", right_label="D"), s) == "D"
    assert chosen_label(Ranking(slate_id="s", teacher="t", kind="discarded"), s) is None


def test_agreement_counts_slates_with_two_labels():
    slates = [slate("s"), slate("t"), slate("u")]
    said = [ranked("s", "1", A=1, B=2, C=3), ranked("s", "2", A=1, B=3, C=2), ranked("s", "3", A=3, B=1, C=2)]
    said += [ranked("t", "1", A=1, B=2, C=3), ranked("u", "1", A=1, B=1, C=1), ranked("u", "2", A=1, B=2, C=2)]
    found = agreement(slates, said)
    assert found.slates == 1
    assert found.same == pytest.approx(1 / 3)
    assert agreement(slates, said[3:]) is None
