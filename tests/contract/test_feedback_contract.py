"""The contract of every feedback source: no submitted answer is lost, changed or counted twice."""

from __future__ import annotations

import pytest

from prefopt.errors import FeedbackError, PrefoptError
from prefopt.records import Ranking
from tests.contract.desks import Desk, make_slates


def content(rankings: list[Ranking]) -> list[tuple[object, ...]]:
    return [(r.slate_id, r.teacher, r.kind, dict(sorted(r.ranks.items())), r.right_label, r.comment) for r in rankings]


class TestSource:
    def test_publishing_twice_gives_the_same_receipts_and_one_record_a_slate(self, desk: Desk) -> None:
        slates = make_slates(5)
        first = desk.source().publish(slates)
        assert desk.source().publish(slates) == first
        assert [receipt.slate_id for receipt in first] == [slate.id for slate in slates]
        assert len({receipt.record for receipt in first}) == 5

    def test_ranks_ties_gaps_discards_and_right_labels_come_back_exactly(self, desk: Desk) -> None:
        slates = make_slates(5)
        receipts = desk.source().publish(slates)
        desk.rank("kim", slates[0], receipts[0], "3114", comment="까닭이 좋음, 그런데…")
        desk.rank("lee", slates[0], receipts[0], "1234")
        desk.discard("kim", slates[1], receipts[1])
        desk.none_right("kim", slates[2], receipts[2], "[6수04-01]")
        desk.none_right("lee", slates[2], receipts[2])
        desk.rank("lee", slates[3], receipts[3], "2222")
        # slate 0 shows c2 c0 c3 c1 as A B C D; slate 3 shows c1 c3 c0 c2
        assert content(desk.source().collect(slates, receipts)) == [
            ("s-000", "kim", "ranked", {"c0": 1, "c1": 4, "c2": 3, "c3": 1}, None, "까닭이 좋음, 그런데…"),
            ("s-000", "lee", "ranked", {"c0": 2, "c1": 4, "c2": 1, "c3": 3}, None, ""),
            ("s-001", "kim", "discarded", {}, None, ""),
            ("s-002", "kim", "none_right", {}, "[6수04-01]", ""),
            ("s-002", "lee", "none_right", {}, None, ""),
            ("s-003", "lee", "ranked", {"c0": 2, "c1": 2, "c2": 2, "c3": 2}, None, ""),
        ]

    @pytest.mark.parametrize(("count", "ranks"), [(2, "21"), (2, "11"), (2, "12"), (3, "131")])
    def test_slates_of_two_and_three_candidates(self, desk: Desk, count: int, ranks: str) -> None:
        slates = make_slates(1, candidates=count)
        receipts = desk.source(overlap=1).publish(slates)
        desk.rank("kim", slates[0], receipts[0], ranks)
        (ranking,) = desk.source(overlap=1).collect(slates, receipts)
        assert [ranking.ranks[candidate.id] for candidate in slates[0].shown] == [int(rank) for rank in ranks]

    def test_two_candidates_of_which_neither_is_right(self, desk: Desk) -> None:
        slates = make_slates(1, candidates=2)
        receipts = desk.source(overlap=1).publish(slates)
        desk.none_right("kim", slates[0], receipts[0], "[4수03-02]")
        (ranking,) = desk.source(overlap=1).collect(slates, receipts)
        assert (ranking.kind, ranking.right_label) == ("none_right", "[4수03-02]")

    def test_what_is_begun_but_not_submitted_is_not_collected(self, desk: Desk) -> None:
        slates = make_slates(2)
        receipts = desk.source().publish(slates)
        desk.draft("kim", slates[0], receipts[0])
        assert desk.source().collect(slates, receipts) == []
        assert desk.source().progress(receipts).rankings == {}

    def test_an_edited_answer_counts_once_with_its_last_value(self, desk: Desk) -> None:
        slates = make_slates(2)
        receipts = desk.source().publish(slates)
        desk.rank("kim", slates[0], receipts[0], "1234")
        desk.rank("kim", slates[0], receipts[0], "4321")
        desk.discard("kim", slates[1], receipts[1])
        desk.none_right("kim", slates[1], receipts[1])
        rankings = desk.source().collect(slates, receipts)
        assert [(r.slate_id, r.kind, sorted(r.ranks.values())) for r in rankings] == [
            ("s-000", "ranked", [1, 2, 3, 4]),
            ("s-001", "none_right", []),
        ]
        assert rankings[0].ranks[slates[0].shown[0].id] == 4

    def test_publishing_again_keeps_what_was_answered(self, desk: Desk) -> None:
        slates = make_slates(3)
        receipts = desk.source().publish(slates)
        desk.rank("kim", slates[1], receipts[1], "2134")
        before = content(desk.source().collect(slates, receipts))
        assert desk.source().publish(slates) == receipts
        assert content(desk.source().collect(slates, receipts)) == before != []

    def test_progress_counts_slates_with_all_wanted_judgments(self, desk: Desk) -> None:
        slates = make_slates(3)
        receipts = desk.source().publish(slates)
        assert desk.source().progress(receipts).model_dump() == {"complete": 0, "published": 3, "rankings": {}}
        desk.rank("kim", slates[0], receipts[0], "1234")
        desk.rank("kim", slates[1], receipts[1], "1234")
        desk.discard("lee", slates[1], receipts[1])  # a discard is a judgment: or a round would wait for it for ever
        assert desk.source().progress(receipts).model_dump() == {"complete": 1, "published": 3, "rankings": {"kim": 2, "lee": 1}}

    def test_another_rounds_slates_under_the_same_name_are_refused(self, desk: Desk) -> None:
        desk.source().publish(make_slates(3))
        with pytest.raises(FeedbackError, match=r"does not belong to this round|slates of another round"):
            desk.source().publish(make_slates(3, prefix="other"))

    def test_a_slate_whose_cards_changed_is_refused(self, desk: Desk) -> None:
        slates = make_slates(3)
        desk.source().publish(slates)
        changed = slates[0].model_copy(update={"order": (0, 1, 3, 2)})
        with pytest.raises(FeedbackError, match=r"does not belong to this round|slates of another round"):
            desk.source().publish([changed, *slates[1:]])

    def test_receipts_of_another_source_are_refused(self, desk: Desk) -> None:
        slates = make_slates(1)
        receipts = [receipt.model_copy(update={"source": "elsewhere"}) for receipt in desk.source().publish(slates)]
        with pytest.raises(FeedbackError, match="elsewhere"):
            desk.source().collect(slates, receipts)

    def test_a_label_outside_the_taxonomy_is_named(self, desk: Desk) -> None:
        slate = make_slates(1)[0]
        first = slate.candidates[0]
        bad = first.model_copy(update={"answer": first.answer.model_copy(update={"label": "[9수99-99]"})})
        with pytest.raises(PrefoptError, match=r"s-000.*\[9수99-99\]"):
            desk.source().publish([slate.model_copy(update={"candidates": (bad, *slate.candidates[1:])})])
