"""One person under two names: equal answers are named, and count once where two people cannot have given them."""

from __future__ import annotations

import random

import pytest

from feedback.judgment import chance, judge
from prefopt.rankings.same_answers import NAMED, SURE, alike, without_copies
from prefopt.records import Ranking, Slate
from prefopt.taxonomy import parse_taxonomy
from tests.unit.rankings_cases import discarded, none_right, ranked, slate

TAXONOMY = parse_taxonomy("code,name\na,A\nb,B\nc,C\nd,D\n", source="t.csv")
ORDERS = ("123", "132", "213", "231", "312", "321")


def school(count: int, comments: tuple[str, ...] = (), names: tuple[str, ...] = ("kim", "lee")) -> tuple[list[Slate], list[Ranking]]:
    """Teachers who give the same answers to so many slates, with the same comments on the first of them."""
    slates = [slate(f"s{i:03d}") for i in range(count)]
    said = [*comments, *[""] * (count - len(comments))]
    answers = [ranked(s.id, name, ORDERS[i % 6]).model_copy(update={"comment": said[i]}) for i, s in enumerate(slates) for name in names]
    return slates, answers


def counted(slates: list[Slate], answers: list[Ranking]) -> tuple[set[str], list[str]]:
    rankings, found = without_copies(slates, answers)
    return {r.teacher for r in rankings}, [row.kind for row in found]


@pytest.mark.parametrize(
    ("count", "comments", "teachers", "kinds"),
    [
        (NAMED - 1, (), {"kim", "lee"}, []),
        (NAMED, (), {"kim", "lee"}, ["same-answers"]),
        (SURE - 1, (), {"kim", "lee"}, ["same-answers"]),
        (SURE, (), {"kim"}, ["one-person"]),
        (3, ("둘째 후보의 까닭이 문제와 맞지 않습니다.",), {"kim"}, ["one-person"]),
        (3, ("모르겠음",), {"kim", "lee"}, []),
        (3, ("모르겠음", "모르겠음", "모르겠음"), {"kim", "lee"}, []),
        (2, ("둘째 후보의 까닭이 문제와 맞지 않습니다.",), {"kim", "lee"}, []),
    ],
)
def test_equal_answers_are_named_and_count_once_where_they_cannot_be_of_two(
    count: int, comments: tuple[str, ...], teachers: set[str], kinds: list[str]
) -> None:
    assert counted(*school(count, comments)) == (teachers, kinds)


def test_one_different_answer_clears_both() -> None:
    slates, answers = school(SURE)
    answers[-1] = answers[-1].model_copy(update={"ranks": dict.fromkeys(answers[-1].ranks, 1)})
    assert counted(slates, answers) == ({"kim", "lee"}, [])


def test_different_comments_leave_the_ranks_to_speak() -> None:
    slates, answers = school(NAMED, ("둘째 후보의 까닭이 문제와 맞지 않습니다.",))
    answers[1] = answers[1].model_copy(update={"comment": "다른 말"})
    assert counted(slates, answers) == ({"kim", "lee"}, ["same-answers"])


def test_discards_are_no_evidence_and_other_slates_still_count() -> None:
    slates = [slate(f"s{i:03d}") for i in range(SURE)]
    passed = [discarded(s.id, name) for s in slates for name in ("kim", "lee")]
    assert counted(slates, passed) == ({"kim", "lee"}, [])
    slates, answers = school(SURE)
    more = [slate("t1")]
    rankings, _ = without_copies([*slates, *more], [*answers, none_right("t1", "lee")])
    assert [(r.slate_id, r.teacher) for r in rankings if r.teacher == "lee"] == [("t1", "lee")]


def test_three_names_of_one_person_count_once_and_programs_are_left_out() -> None:
    assert counted(*school(SURE, names=("kim", "lee", "park"))) == ({"kim"}, ["one-person"] * 3)
    assert counted(*school(SURE, names=("simulated-1", "simulated-2"))) == ({"simulated-1", "simulated-2"}, [])


def test_of_careful_teachers_few_are_named_and_none_counts_once() -> None:
    named = sure = 0
    for seed in range(40):
        slates = [slate(f"s{seed}-{i}") for i in range(SURE)]
        answers = []
        for s in slates:
            right = random.Random(f"{seed}{s.id}").choice("abc")
            for name in ("kim", "lee"):
                answers.append(judge(s, right, TAXONOMY, chance(seed, name, s.id), teacher=name, error_rate=0.02, disagreement=0.01))
        named += len(alike(slates[:NAMED], [a for a in answers if a.slate_id in {s.id for s in slates[:NAMED]}]))
        sure += len(alike(slates, answers))
    assert sure == 0
    assert named < 40, "it is a question, not a verdict"
