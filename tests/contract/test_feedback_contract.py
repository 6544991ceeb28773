"""The contract of every feedback source: no submitted answer is lost, changed or counted twice."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from prefopt.errors import FeedbackError, PrefoptError
from prefopt.protocols import NamesUncounted
from prefopt.rankings.consensus import consensus
from prefopt.rankings.overlap import Overlap
from prefopt.records import Ranking, Receipt, Slate
from prefopt.rounds.teachers import Published
from tests.contract.desks import ArgillaDesk, Desk, FileDesk, make_slates


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


def answer_round(desk: Desk, slates: list[Slate], receipts: list[Receipt]) -> None:
    """Two people who disagree here and there."""
    for number, (slate, receipt) in enumerate(zip(slates, receipts, strict=True)):
        desk.rank("kim", slate, receipt, ("1234", "2134", "1123")[number % 3], comment="둘째가 더 낫습니다" if number == 1 else "")
        if number % 4 == 3:
            desk.none_right("lee", slate, receipt, "[6수04-01]")
        elif number % 4 == 2:
            desk.discard("lee", slate, receipt)
        else:
            desk.rank("lee", slate, receipt, ("1234", "4321")[number % 2])


def test_both_sources_give_the_same_people_and_the_same_consensus(argilla_desk: Desk, tmp_path: Path) -> None:
    slates = make_slates(12)
    taxonomy = argilla_desk.context().taxonomy
    found = []
    for desk in (argilla_desk, FileDesk(tmp_path, "mathclass-001")):
        receipts = desk.source().publish(slates)
        answer_round(desk, slates, receipts)
        if isinstance(desk, FileDesk):  # what people do to files and cannot do to accounts
            folder = tmp_path / "feedback" / "mathclass-001"
            shutil.copy(folder / "kim.csv", folder / "kim (1).csv")
            (folder / "lee.csv").rename(folder / "LEE_최종.csv")
            shutil.copy(folder / "kim.csv", folder / "park.csv")
        published = Published("001", desk.source(), slates, receipts, Overlap(2), tmp_path / desk.name)
        published.log.mkdir()
        progress, reading = published.progress()
        assert reading is not None
        found.append((content(reading.answers), progress, consensus(slates, reading.answers, taxonomy), desk.source().progress(receipts)))
    assert found[0] == found[1]
    assert found[0][1] == found[0][3]
    assert {answer[1] for answer in found[0][0]} == {"kim", "lee"}


def test_one_person_under_two_names_counts_once_in_both_sources(desk: Desk, tmp_path: Path) -> None:
    slates = make_slates(4)
    receipts = desk.source().publish(slates)
    for slate, receipt in zip(slates, receipts, strict=True):
        for name in ("kim", "lee"):
            desk.rank(name, slate, receipt, "2134", comment=f"{slate.id}: 둘째 후보의 까닭이 문제와 맞습니다")
    published = Published("001", desk.source(), slates, receipts, Overlap(2), tmp_path)
    progress, reading = published.progress()
    assert reading is not None
    assert (progress.complete, {r.teacher for r in reading.answers}) == (0, {"kim"})
    assert [row.kind for row in reading.uncounted] == ["one-person"]


def test_a_submission_that_counts_for_less_is_named(argilla_desk: ArgillaDesk) -> None:
    slates = make_slates(3)
    receipts = argilla_desk.source().publish(slates)
    argilla_desk.respond("kim", receipts[0], "submitted", {"verdict": {"value": "some"}})
    argilla_desk.discard("kim", slates[1], receipts[1])
    argilla_desk.rank("lee", slates[0], receipts[0], "1234")
    source = argilla_desk.source()
    assert isinstance(source, NamesUncounted)
    rankings, uncounted = source.read(slates, receipts)
    assert rankings == source.collect(slates, receipts)
    assert [(r.slate_id, r.teacher, r.kind) for r in rankings] == [
        ("s-000", "lee", "ranked"),
        ("s-001", "kim", "discarded"),
    ]
    assert [(found.kind, found.slate_id) for found in uncounted] == [("no-ranking", "s-000")]
    assert "kim" in uncounted[0].ko
