"""Reasons on cards: the label they name, by hand."""

from __future__ import annotations

from prefopt.rankings.rationales import rationale_quality, steps
from prefopt.records import Answer, Candidate, Problem, Slate
from prefopt.taxonomy import parse_taxonomy

TAXONOMY = parse_taxonomy("code,name\n2수01-05,두 자리 수의 덧셈\n2수01-10,곱셈의 뜻\n4수01-01,큰 수", "t.csv")


def slate(name: str, *reasons: tuple[str, str | None]) -> Slate:
    cards = tuple(
        Candidate(id=f"{name}-{i}", answer=Answer(label=label, reason=reason), probability=0.2, adapter="a")
        for i, (label, reason) in enumerate(reasons)
    )
    order = tuple(range(len(cards)))
    return Slate(id=name, problem=Problem(id=f"p{name}", text="?"), candidates=cards, order=order, purpose="margin", top2_gap=0.1)


def test_conclusions_steps_and_lengths():
    found = rationale_quality(
        [
            slate("a", ("[2수01-05]", "12와 9를 더한다. 두자리 수의 덧셈이다."), ("[2수01-10]", "두 자리 수의 덧셈을 묻는다")),
            slate("b", ("[4수01-01]", "[4수01-01]에 해당한다. 큰 수를 읽는다.\n끝"), ("[2수01-05]", None)),
            slate("c", ("[2수01-10]", "모르겠다"), ("[2수01-05]", None)),
        ],
        TAXONOMY,
    )
    assert (found.cards, found.with_reason) == (6, 4)
    assert (found.concluding, found.right_conclusion) == (3, 2)
    assert found.median_steps == 1.5  # 2, 1, 3, 1
    assert found.median_length == 19.5  # 24, 15, 28, 4


def test_cards_without_reasons_have_no_quality():
    assert rationale_quality([slate("a", ("[2수01-05]", None), ("[2수01-10]", None))], TAXONOMY) is None


def test_a_decimal_point_does_not_end_a_step():
    assert steps("3.14를 곱한다. 답은 6.28이다") == 2
    assert steps("한 줄\n\n두 줄") == 2
    assert steps("...") == 1
