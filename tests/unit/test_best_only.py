"""Answers that name the best card alone, worked by hand: what counts, and what nobody was asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedback.file import FileConfig, FileSource
from feedback.form import asked
from feedback.judgment import best_of, chance
from feedback.mapping import ranking_of, response_values
from prefopt.protocols import FeedbackContext
from prefopt.rankings.consensus import consensus
from prefopt.rankings.rank_agreement import alpha_of_slates, ranks_by_slate
from prefopt.rankings.reliability import reliability
from prefopt.rankings.same_answers import NAMED, SURE, alike
from prefopt.records import Ranking
from recipes.consensus import contests
from tests.unit.sheet_cases import SLATES, rows_of, save
from tests.unit.sheet_cases import TAXONOMY as SHEET_TAXONOMY
from tests.unit.test_consensus import TAXONOMY, judged, pairs, ranked, slate

FOUR = slate(labels="abcd")


def best(teacher: str, letter: str, name: str = "s1", labels: str = "abcd") -> Ranking:
    ranks = {f"{name}-{x}": 1 if x == letter else 2 for x in labels}
    return Ranking(slate_id=name, teacher=teacher, kind="ranked", ranks=ranks, best_only=True)


def test_a_best_card_beats_every_other_and_says_nothing_of_two_others():
    result = consensus([FOUR], [best("kim", "b")], TAXONOMY, ties=True)
    assert pairs(result) == {("b", "a"): 1, ("b", "c"): 1, ("b", "d"): 1}
    assert result.dropped == []
    assert judged(result) == {x: (x == "b", 1, "votes") for x in "abcd"}


def test_votes_for_different_cards_count_against_each_other_and_a_vote_for_a_third_counts_as_neither():
    result = consensus([FOUR], [best("kim", "a"), best("lee", "a"), best("park", "b")], TAXONOMY)
    third = round(1 / 3, 6)
    assert pairs(result) == {
        ("a", "b"): third,
        ("a", "c"): round(2 / 3, 6),
        ("a", "d"): round(2 / 3, 6),
        ("b", "c"): third,
        ("b", "d"): third,
    }


def test_an_order_that_somebody_gave_counts_as_a_share_of_all():
    result = consensus([FOUR], [best("kim", "a"), ranked("lee", {"a": 1, "b": 2, "c": 3, "d": 3})], TAXONOMY, ties=True)
    assert pairs(result)[("b", "c")] == 0.5
    (tie,) = [pair for pair in result.pairs if pair.tie]
    assert {tie.chosen.label, tie.rejected.label} == {"c", "d"}
    net = {(p.chosen.label, p.rejected.label): p.weight for p in result.pairs}
    assert net[("c", "d")] == pytest.approx(net[("b", "c")]), "the share of those who compared them"


def test_a_right_label_that_a_card_shows_names_the_best_card_alone():
    none = Ranking(slate_id="s1", teacher="kim", kind="none_right", right_label="c")
    assert [(p.chosen.label, p.rejected.label, p.tie) for p in consensus([FOUR], [none], TAXONOMY, ties=True).pairs] == [
        ("c", "a", False),
        ("c", "b", False),
        ("c", "d", False),
    ]


def test_recipes_compare_what_a_vote_compared():
    (row,) = consensus([FOUR], [best("kim", "b"), best("lee", "a")], TAXONOMY).slates
    assert [vote.ranks for vote in row.votes] == [(2, 1, 2, 2), (1, 2, 2, 2)]
    assert contests(row) == [(0, 1, 0.5), (0, 2, 1.0), (0, 3, 1.0), (1, 2, 1.0), (1, 3, 1.0)]
    assert row.shares == (0.5, 0.5, 0, 0)


def test_agreement_is_on_the_best_card_where_a_teacher_named_it_alone():
    slates = [slate(f"s{i}", "abcd") for i in range(6)]
    orders = [dict(zip("abcd", order, strict=True)) for order in ((1, 2, 3, 4), (1, 4, 3, 2), (1, 3, 2, 4))]
    mixed = [best("kim", "a", f"s{i}") for i in range(6)] + [ranked("lee", orders[i % 3], f"s{i}") for i in range(6)]
    ranks = ranks_by_slate(slates, mixed)
    assert set(ranks["s0"].values()) == {(0, 1, 1, 1)}
    found = alpha_of_slates(ranks)
    assert found is not None
    assert found.value == 1
    apart = [best("kim", "a", f"s{i}") for i in range(6)] + [best("lee", "bcd"[i % 3], f"s{i}") for i in range(6)]
    other = alpha_of_slates(ranks_by_slate(slates, apart))
    assert other is not None
    assert other.value < 0


def test_teachers_who_agree_on_the_best_card_are_trusted_and_one_who_does_not_is_not():
    slates = [slate(f"s{i}", "abcd") for i in range(40)]
    answers = []
    for i in range(40):
        right = "abcd"[i % 4]
        answers += [best(name, right, f"s{i}") for name in ("kim", "lee")] + [best("park", "abcd"[(i * 7 + i // 4) % 4], f"s{i}")]
    found = reliability(slates, answers)
    assert found is not None
    assert found.weight("kim") > 0.8 > 0.5 > found.weight("park")


def test_equal_best_cards_are_less_evidence_than_equal_orders():
    def of(count: int) -> list[tuple[bool, int]]:
        slates = [slate(f"s{i}", "abcd") for i in range(count)]
        return [
            (pair.one_person, pair.best_only) for pair in alike(slates, [best(name, "a", s.id) for s in slates for name in ("kim", "lee")])
        ]

    assert of(3 * NAMED - 1) == []
    assert of(3 * NAMED) == [(False, 3 * NAMED)]
    assert of(2 * SURE) == [(True, 2 * SURE)]


@pytest.mark.parametrize("ranks", [{"a": 1, "b": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}, {"a": 1}])
def test_best_only_needs_one_best_and_the_others_level(ranks: dict[str, int]):
    with pytest.raises(ValueError, match="best_only"):
        Ranking(slate_id="s", teacher="kim", kind="ranked", ranks=ranks, best_only=True)


def test_the_form_for_the_best_card_and_its_answers():
    given = best("kim", "c")
    values = response_values(FOUR, given)
    assert values == {"verdict": {"value": "c"}}
    assert ranking_of(FOUR, "kim", {"status": "submitted", "values": values}, TAXONOMY) == given
    order = ranked("kim", {"a": 2, "b": 1, "c": 3, "d": 3})
    values = response_values(FOUR, order, "best")
    assert values["verdict"] == {"value": "b"}
    assert ranking_of(FOUR, "kim", {"status": "submitted", "values": values}, TAXONOMY) == order
    contradicted = {**values, "verdict": {"value": "a"}}  # the stock page lets both be said: the best card is the answer
    assert ranking_of(FOUR, "kim", {"status": "submitted", "values": contradicted}, TAXONOMY) == best("kim", "a")
    half = {"verdict": {"value": "d"}, "ranking": {"value": [{"value": "a", "rank": 1}]}}
    assert ranking_of(FOUR, "kim", {"status": "submitted", "values": half}, TAXONOMY) == best("kim", "d")
    option = {"options": [{"value": "some"}]}
    assert asked([{"name": "verdict", "settings": option}]) == "ranking"
    assert asked([{"name": "verdict", "settings": {"options": [{"value": "a"}]}}]) == "best"


def test_simulated_teachers_name_the_best_card():
    order = ranked("simulated-1", {"a": 2, "b": 1, "c": 3, "d": 4})
    assert best_of(order, chance(1, "t", "s")) == best("simulated-1", "b")
    tied = ranked("simulated-1", {"a": 1, "b": 1, "c": 3, "d": 4})
    assert {best_of(tied, chance(seed, "t", "s")).ranks["s1-a"] for seed in range(20)} == {1, 2}
    none = Ranking(slate_id="s1", teacher="simulated-1", kind="none_right", right_label="e")
    assert best_of(none, chance(1, "t", "s")) == none


def sheets(folder: Path) -> FileSource:
    context = FeedbackContext(project=folder, name="m-001", taxonomy=SHEET_TAXONOMY, overlap=1, question="best")
    return FileSource(FileConfig(teachers=("kim",)), context)


def test_a_sheet_asks_for_the_letter_of_the_best_card(tmp_path: Path):
    source = sheets(tmp_path)
    receipts = source.publish(SLATES)
    path = source.folder / "kim.csv"
    rows = rows_of(path)
    assert [name for name in rows[0] if name not in ("slate", "problem", "A", "B", "C")][:4] == [
        "best",
        "none_right",
        "right_label",
        "discard",
    ]
    rows[0]["best"], rows[1]["best"], rows[2]["best"] = " 카드 b ", "Ｃ", "A, B"
    save(path, rows)
    found, uncounted = source.read(SLATES, receipts)
    assert [(r.slate_id, r.best_only, [r.ranks[c.id] for c in SLATES[i].shown]) for i, r in enumerate(found)] == [
        ("s-1", True, [2, 1, 2]),
        ("s-2", True, [2, 2, 1]),
    ]
    assert [(row.kind, row.column, row.line) for row in uncounted] == [("best", "best", 18)]
    assert "글자 하나(A, B, C)" in uncounted[0].ko
    rows[2] |= {"best": "A", "none_right": "O"}
    save(path, rows)
    assert [row.kind for row in source.read(SLATES, receipts)[1]] == ["contradiction"]
    entered = source.enter_answers(SLATES, receipts, {"simulated-1": [best_of_first(i) for i in range(3)]})
    assert [r for r in source.collect(SLATES, receipts) if r.teacher == "simulated-1"] == entered["simulated-1"]


def best_of_first(number: int) -> Ranking:
    ranks = {c.id: 1 if i == 0 else 2 for i, c in enumerate(SLATES[number].shown)}
    return Ranking(slate_id=SLATES[number].id, teacher="simulated-1", kind="ranked", ranks=ranks, best_only=True)


def test_the_file_source_and_the_page_give_the_same_consensus(tmp_path: Path):
    source = sheets(tmp_path)
    receipts = source.publish(SLATES)
    path = source.folder / "kim.csv"
    rows = rows_of(path)
    rows[0]["best"], rows[1]["none_right"], rows[1]["right_label"], rows[2]["discard"] = "B", "O", SHEET_TAXONOMY.ids[4], "O"
    save(path, rows)
    by_page = [
        {"status": "submitted", "values": {"verdict": {"value": "b"}}},
        {"status": "submitted", "values": {"verdict": {"value": "none"}, "right_label": {"value": SHEET_TAXONOMY.ids[4]}}},
        {"status": "discarded", "values": None},
    ]
    by_file = source.collect(SLATES, receipts)
    collected = [ranking_of(s, "kim", response, SHEET_TAXONOMY) for s, response in zip(SLATES, by_page, strict=True)]
    assert consensus(SLATES, by_file, SHEET_TAXONOMY) == consensus(SLATES, [r for r in collected if r], SHEET_TAXONOMY)
