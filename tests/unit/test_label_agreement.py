"""Agreement on labels and the label that a ranking chooses, by hand."""

from __future__ import annotations

import pytest

from prefopt.rankings.label_agreement import agreement, chosen_label
from prefopt.records import Answer, Candidate, Problem, Ranking, Slate


def slate(name: str) -> Slate:
    cards = tuple(Candidate(id=f"{name}-{x}", answer=Answer(label=x), probability=0.3, adapter="a") for x in "ABC")
    return Slate(id=name, problem=Problem(id=f"p{name}", text="?"), candidates=cards, order=(0, 1, 2), purpose="margin", top2_gap=0.1)


def ranked(name: str, teacher: str, **ranks: int) -> Ranking:
    return Ranking(slate_id=name, teacher=teacher, kind="ranked", ranks={f"{name}-{x}": rank for x, rank in ranks.items()})


def test_the_label_that_a_ranking_chooses():
    s = slate("s")
    assert chosen_label(ranked("s", "t", A=2, B=1, C=3), s) == "B"
    assert chosen_label(ranked("s", "t", A=1, B=1, C=3), s) is None
    assert chosen_label(Ranking(slate_id="s", teacher="t", kind="none_right", right_label="D"), s) == "D"
    assert chosen_label(Ranking(slate_id="s", teacher="t", kind="discarded"), s) is None


def test_agreement_counts_slates_with_two_labels():
    slates = [slate("s"), slate("t"), slate("u")]
    given = [ranked("s", "1", A=1, B=2, C=3), ranked("s", "2", A=1, B=3, C=2), ranked("s", "3", A=3, B=1, C=2)]
    given += [ranked("t", "1", A=1, B=2, C=3), ranked("u", "1", A=1, B=1, C=1), ranked("u", "2", A=1, B=2, C=2)]
    found = agreement(slates, given)
    assert found.slates == 1
    assert found.same == pytest.approx(1 / 3)
    # slate s: A, A, B. Of 3 values 2 are A: the pairs differ in 4 of 6 ordered pairs, as they would by chance
    assert found.alpha == pytest.approx(0)
    assert agreement(slates, given[3:]) is None


def test_alpha_of_labels_by_hand():
    slates = [slate("s"), slate("t"), slate("u")]
    firsts = {"s": "AA", "t": "AB", "u": "CC"}
    given = [
        ranked(name, str(teacher), **{x: 1 if x == first else 2 for x in "ABC"})
        for name, labels in firsts.items()
        for teacher, first in enumerate(labels)
    ]
    # 6 values (3 A, 1 B, 2 C) in 3 pairs, one of which differs: observed 1/3; by chance 1 - (3*2 + 1*0 + 2*1) / (6*5) = 11/15
    assert agreement(slates, given).alpha == pytest.approx(1 - (1 / 3) / (11 / 15))
    assert agreement(slates[:1], given[:2]).alpha is None  # one label everywhere
