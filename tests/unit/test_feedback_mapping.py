"""Slates become record fields and responses become rankings; no submission disappears, whatever it holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback.mapping import (
    asked_again,
    aware,
    incomplete,
    is_answer,
    page_text,
    ranking_of,
    record_fields,
    record_id,
    record_metadata,
    response_values,
)
from prefopt.domain import DomainSettings
from prefopt.records import Answer, Candidate, Problem, Ranking, Slate
from prefopt.taxonomy import parse_taxonomy

TAXONOMY = parse_taxonomy("code,name,band,domain\n" + "".join(f"[2수01-0{i}],이름 {i},초1-2,수\n" for i in range(1, 6)), "taxonomy.csv")


def make_slate(order: tuple[int, ...] = (2, 0, 3, 1)) -> Slate:
    candidates = tuple(
        Candidate(
            id=f"c{i}",
            answer=Answer(label=TAXONOMY.ids[i], level="A", reason=f"까닭 {i}"),
            probability=0.9 if i == 0 else 0.01,
            adapter="r",
        )
        for i in range(len(order))
    )
    return Slate(id="s-1", problem=Problem(id="p", text="1 + 2\n는?"), candidates=candidates, order=order, purpose="margin", top2_gap=0.5)


def response(status: str = "submitted", **values: Any) -> dict[str, Any]:
    return {
        "status": status,
        "updated_at": "2026-03-02T09:30:00.123456",
        "values": {name: {"value": value} for name, value in values.items()},
    }


def ranks(*numbers: int | None) -> list[dict[str, Any]]:
    return [{"value": key, "rank": number} for key, number in zip("abcd", numbers, strict=False)]


def test_cards_follow_the_shuffled_order_and_do_not_show_the_models_choice() -> None:
    fields = record_fields(make_slate(), TAXONOMY)
    assert [(card["key"], card["code"]) for card in fields["candidates"]["cards"]] == [
        ("A", "[2수01-03]"),
        ("B", "[2수01-01]"),
        ("C", "[2수01-04]"),
        ("D", "[2수01-02]"),
    ]
    assert fields["problem"] == "1 + 2<br>는?"
    assert set(fields["candidates"]["cards"][0]) == {"key", "code", "name", "groups", "details", "reason"}
    assert "0.9" not in str(fields)
    assert record_metadata(make_slate()) == {"slate": make_slate().id}


@given(st.text())
def test_page_text_holds_nothing_that_markup_scripts_or_replace_act_on(text: str) -> None:
    shown = page_text(text).replace("<br>", "")
    assert not set(shown) & set("<>\"'$")


@given(st.text(min_size=1), st.text(min_size=1))
def test_record_ids_are_safe_and_stay_different(one: str, other: str) -> None:
    assert not set(record_id(one)) & set("<>&$'\"`\\")
    assert (record_id(one) == record_id(other)) == (one == other)


def test_ranks_of_positions_become_ranks_of_candidates() -> None:
    ranking = ranking_of(make_slate(), "kim", response(verdict="some", ranking=ranks(3, 1, 1, 4)), TAXONOMY)
    assert ranking is not None
    assert ranking.ranks == {"c2": 3, "c0": 1, "c3": 1, "c1": 4}
    assert ranking.submitted_at is not None
    assert ranking.submitted_at.isoformat() == "2026-03-02T09:30:00.123456+00:00"


@given(order=st.permutations(range(4)), numbers=st.lists(st.integers(1, 4), min_size=4, max_size=4), comment=st.text(max_size=20))
def test_a_ranking_survives_the_form_unchanged(order: list[int], numbers: list[int], comment: str) -> None:
    slate = make_slate(tuple(order))
    given = Ranking(
        slate_id=slate.id,
        teacher="kim",
        kind="ranked",
        ranks={f"c{i}": rank for i, rank in enumerate(numbers)},
        comment=comment.strip(),
    )
    collected = ranking_of(slate, "kim", {"status": "submitted", "values": response_values(slate, given)}, TAXONOMY)
    assert collected == given


@pytest.mark.parametrize(("first", "second", "verdict"), [(1, 2, "b"), (2, 1, "a"), (1, 1, "equal")])
def test_two_candidates(first: int, second: int, verdict: str) -> None:
    slate = make_slate((1, 0))  # card A shows c1
    given = Ranking(slate_id=slate.id, teacher="kim", kind="ranked", ranks={"c0": first, "c1": second})
    values = response_values(slate, given)
    assert values["verdict"] == {"value": verdict}
    assert ranking_of(slate, "kim", {"status": "submitted", "values": values}, TAXONOMY) == given


def test_none_is_right_with_and_without_the_right_label() -> None:
    known = ranking_of(make_slate(), "kim", response(verdict="none", right_label="[2수01-05]", ranking=ranks(1, 2, 3, 4)), TAXONOMY)
    unknown = ranking_of(make_slate(), "kim", response(verdict="none"), TAXONOMY)
    assert known is not None
    assert (known.kind, known.right_label, known.ranks) == ("none_right", "[2수01-05]", {})
    assert unknown is not None
    assert (unknown.kind, unknown.right_label) == ("none_right", None)


def test_a_label_outside_the_taxonomy_is_moved_to_the_comment() -> None:
    ranking = ranking_of(make_slate(), "kim", response(verdict="none", right_label="[9수01-01]", comment="흠"), TAXONOMY)
    assert ranking is not None
    assert ranking.right_label is None
    assert ranking.comment == "[분류 체계에 없는 분류: [9수01-01]] 흠"


@pytest.mark.parametrize(
    "values",
    [
        {"verdict": "some"},
        {"verdict": "some", "ranking": ranks(1, 2)},
        {"verdict": "some", "ranking": ranks(1, 2, None, 4)},
        {"ranking": None},
        {},
    ],
)
def test_a_submission_without_an_order_is_no_answer_and_its_teacher_is_asked_again(values: dict[str, Any]) -> None:
    given = response(**values, comment="모르겠음")
    assert ranking_of(make_slate(), "kim", given, TAXONOMY) is None
    found = asked_again(make_slate(), "kim", given)
    assert found is not None
    assert (found.kind, found.teacher, found.slate_id, found.found) == ("no-ranking", "kim", "s-1", "모르겠음")


@pytest.mark.parametrize(
    ("given", "answers"),
    [
        (response(verdict="some"), False),
        (response(verdict="some", ranking=ranks(1, None, 2, 3)), False),
        (response(verdict="some", ranking=ranks(1, 1, 2, 3)), True),
        (response(verdict="none"), True),
        (response(verdict="equal"), True),
        (response("discarded"), True),
        (response("draft", verdict="none"), False),
    ],
)
def test_progress_counts_the_responses_that_are_answers(given: dict[str, Any], answers: bool) -> None:
    assert is_answer(given) is answers


@pytest.mark.parametrize(
    ("label", "comment", "named"),
    [
        (None, "", ["no-label"]),
        ("__unknown__", "", []),
        ("__outside__", "[분류 체계에 없음]", []),
        ("__several__", "[둘 이상이 옳음]", []),
        ("[2수01-05]", "", []),
        ("[9수01-01]", "[분류 체계에 없는 분류: [9수01-01]]", ["label"]),
    ],
)
def test_none_right_without_a_label_is_named_unless_it_was_said_that_none_is_known(
    label: str | None, comment: str, named: list[str]
) -> None:
    given = response(verdict="none", right_label=label) if label else response(verdict="none")
    ranking = ranking_of(make_slate(), "kim", given, TAXONOMY)
    assert ranking is not None
    assert (ranking.kind, ranking.right_label, ranking.comment) == ("none_right", label if label in TAXONOMY else None, comment)
    assert [found.kind for found in incomplete(ranking, given)] == named


def test_a_label_beside_ranks_is_named() -> None:
    given = response(verdict="some", ranking=ranks(1, 2, 3, 4), right_label="[2수01-05]")
    ranking = ranking_of(make_slate(), "kim", given, TAXONOMY)
    assert ranking is not None
    assert [(found.kind, found.found) for found in incomplete(ranking, given)] == [("label-beside", "[2수01-05]")]
    assert incomplete(ranking, response(verdict="some", ranking=ranks(1, 2, 3, 4), right_label="__unknown__")) == []


def test_cards_show_what_is_asked_about_and_reasons_for_their_own_label() -> None:
    slate = make_slate()
    otherwise = Answer(label=TAXONOMY.ids[0], level="A", reason="이름 3에 해당한다.")
    wrong = slate.candidates[0].model_copy(update={"answer": otherwise})
    slate = slate.model_copy(update={"candidates": (wrong, *slate.candidates[1:])})
    cards = record_fields(slate, TAXONOMY)["candidates"]["cards"]
    assert {card["details"] for card in cards} == {""}
    assert [card["reason"] for card in cards] == ["까닭 2", "", "까닭 3", "까닭 1"]
    asked = record_fields(slate, TAXONOMY, DomainSettings(language="en"), ("level", "difficulty"))
    assert {card["details"] for card in asked["candidates"]["cards"]} == {"level A"}


@pytest.mark.parametrize("values", [None, {}, {"ranking": {"value": None}}, {"ranking": None}, {"ranking": {"value": ranks(1, 2, 3, 4)}}])
def test_a_discard_ignores_the_values_of_the_form(values: dict[str, Any] | None) -> None:
    ranking = ranking_of(make_slate(), "kim", {"status": "discarded", "values": values, "updated_at": None}, TAXONOMY)
    assert ranking is not None
    assert (ranking.kind, ranking.ranks) == ("discarded", {})


def test_drafts_are_ignored() -> None:
    assert ranking_of(make_slate(), "kim", response("draft", verdict="some", ranking=ranks(1, 2, 3, 4)), TAXONOMY) is None


def test_times_are_aware() -> None:
    assert aware(None) is None
    assert str(aware("2026-03-02T09:30:00Z")) == "2026-03-02 09:30:00+00:00"
    assert str(aware("2026-03-02T09:30:00+09:00")) == "2026-03-02 09:30:00+09:00"
