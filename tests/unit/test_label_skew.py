"""Rounds whose votes are of one label, and teachers who name one label, are named; others are not."""

from __future__ import annotations

import random

from prefopt.rankings.label_skew import one_label_teachers, skewed_label
from prefopt.rankings.slate_votes import slate_votes
from prefopt.records import Answer, Candidate, Problem, Ranking, Slate

LABELS = ("a", "b", "c", "d")
LABELED = [*LABELS] * 20


def slate(number: int) -> Slate:
    candidates = tuple(Candidate(id="ABCD"[i], answer=Answer(label=label), probability=0.25, adapter="x") for i, label in enumerate(LABELS))
    return Slate(
        id=f"s{number}",
        problem=Problem(id=f"p{number}", text=f"{number}?"),
        candidates=candidates,
        order=(0, 1, 2, 3),
        purpose="random",
        top2_gap=0.0,
    )


def best(number: int, teacher: str, label: str) -> Ranking:
    return Ranking(
        slate_id=f"s{number}", teacher=teacher, kind="ranked", ranks={"ABCD"[i]: 1 if x == label else 2 for i, x in enumerate(LABELS)}
    )


def judged(truth: list[str], teachers: int, *, errors: float = 0.1, always: str = "") -> tuple[list[Slate], list[Ranking]]:
    """Slates and the votes of teachers t0, t1 …; the last one names `always` where that is given."""
    rng = random.Random(1)
    found = []
    for number, right in enumerate(truth):
        for place in range(teachers):
            says = rng.choice(LABELS) if rng.random() < errors else right
            found.append(best(number, f"t{place}", always if always and place == teachers - 1 else says))
    return [slate(number) for number in range(len(truth))], found


def test_slates_of_one_label_are_named() -> None:
    for truth, named in (["a"] * 40, "a"), ([*LABELS] * 10, ""), (["a", "a", "b", "c"] * 10, ""), (["b", "b", "b", "c"] * 10, "b"):
        slates, rankings = judged(list(truth), 1)
        votes = [slate_votes(s, [r], [1.0]) for s, r in zip(slates, rankings, strict=True)]
        found = skewed_label([v for v in votes if v is not None], LABELED)
        assert (found.label if found else "") == named
        if found:
            assert found.share > 0.6
            assert found.labeled == 0.25
    assert skewed_label([], LABELED) is None
    assert skewed_label([v for v in votes if v is not None], []) is None


def test_a_teacher_who_always_names_one_label_is_named() -> None:
    slates, rankings = judged([*LABELS] * 10, 3, always="c")
    (found,) = one_label_teachers(slates, rankings)
    assert (found.teacher, found.label, found.slates, found.share) == ("t2", "c", 40, 1.0)
    assert 0.2 < found.others < 0.35


def test_a_teacher_alone_on_other_slates_is_compared_with_all_votes() -> None:
    """One vote a slate: t2 has every third slate alone."""
    slates, rankings = judged([*LABELS] * 15, 3, always="d")
    alone = [ranking for ranking in rankings if int(ranking.slate_id[1:]) % 3 == int(ranking.teacher[1:])]
    assert [found.teacher for found in one_label_teachers(slates, alone)] == ["t2"]


def test_teachers_who_are_right_are_not_named() -> None:
    """Also where all slates have one label, where few were judged, and where nobody else judged any."""
    assert one_label_teachers(*judged(["a"] * 60, 3)) == []
    assert one_label_teachers(*judged([*LABELS] * 20, 4, errors=0.3)) == []
    assert one_label_teachers(*judged(["a"] * 60, 1)) == []
    slates, rankings = judged([*LABELS] * 2, 3, always="c")
    assert one_label_teachers(slates, rankings) == []
