"""What was read stays: a real Argilla is put back to a backup, answers are taken back, accounts, slates and the dataset are deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from feedback import backups, bundled
from feedback.client import ArgillaClient, find_server, sign_in
from prefopt.errors import FeedbackError
from prefopt.rankings.answers import FILE, latest
from prefopt.rankings.overlap import Overlap
from prefopt.records import Ranking, Receipt, Slate
from prefopt.rounds.published import Published, Reading
from tests.contract.desks import ArgillaDesk, make_slates


@dataclass
class Class:
    """A published round on a real server."""

    desk: ArgillaDesk
    slates: list[Slate]
    receipts: list[Receipt]
    published: Published

    @property
    def owner(self) -> ArgillaClient:
        url, key = find_server(self.desk.project)
        return ArgillaClient(url, key=key)

    def rank(self, teacher: str, slate: int, ranks: str, comment: str = "") -> None:
        self.desk.rank(teacher, self.slates[slate], self.receipts[slate], ranks, comment)

    def read(self) -> Reading:
        return self.published.read()

    def response(self, teacher: str, slate: int) -> str:
        """Id of a response."""
        ids = {name: id for id, name in self.owner.usernames().items()}
        dataset = self.owner.dataset(self.desk.name, self.owner.ensure_workspace("prefopt"))
        assert dataset is not None
        (record,) = (r for r in self.owner.records(dataset["id"]) if r["id"] == self.receipts[slate].record)
        return next(str(r["id"]) for r in record["responses"] if r["user_id"] == ids[teacher])

    def take_back(self, teacher: str, slate: int) -> None:
        """As the page does it: the teacher's own response is deleted."""
        self.desk.teachers[teacher].request("DELETE", f"/responses/{self.response(teacher, slate)}")

    def restored(self, change: Callable[[], None]) -> None:
        """The server is backed up, changed, and put back to the backup."""
        home = bundled.default_home(self.desk.project)
        made = backups.make_backup(home)
        change()
        bundled.stop(home)
        backups.restore(home, made)
        bundled.start(home)


@pytest.fixture
def school(argilla_desk: ArgillaDesk, tmp_path: Path) -> Class:
    slates = make_slates(4)
    receipts = argilla_desk.source().publish(slates)
    return Class(argilla_desk, slates, receipts, Published("001", argilla_desk.source(), slates, receipts, Overlap(2), tmp_path))


def keys(answers: list[Ranking]) -> list[tuple[str, str]]:
    return [(r.slate_id, r.teacher) for r in answers]


def kinds(reading: Reading) -> list[str]:
    return [row.kind for row in reading.uncounted]


def test_a_restored_older_server_takes_no_answer_back(school: Class) -> None:
    for slate in (0, 1):
        school.rank("kim", slate, "1234")
        school.rank("lee", slate, "1234")
    assert len(school.read().answers) == 4
    school.rank("kim", 3, "1234")
    school.rank("lee", 3, "1111")
    school.take_back("lee", 3)  # before another answer to the same slate

    def later() -> None:
        school.rank("kim", 0, "4321")
        school.rank("kim", 2, "1324")
        school.rank("lee", 3, "1324")
        school.take_back("lee", 1)
        school.take_back("kim", 3)  # an answer that was not read before
        assert len(school.read().answers) == 5

    school.restored(later)
    found = school.read()
    assert keys(found.answers) == [("s-000", "kim"), ("s-000", "lee"), ("s-001", "kim"), ("s-002", "kim"), ("s-003", "lee")]
    assert found.answers[0].ranks == {card.id: 4 - i for i, card in enumerate(school.slates[0].shown)}, "the edit was read"
    assert (found.absences.lost, found.changes.withdrawn) == (3, ())
    assert list(found.absences.taken_back) == [("s-001", "lee")], "the older server has it again, and its teacher took it back"
    (row,) = (row for row in found.uncounted if row.kind == "older-source")
    assert "it lacks 3 answers" in row.en
    assert "(restored 20" in row.en
    assert "답 3개" in row.ko
    assert keys(school.read().answers) == keys(found.answers), "the next reading does not forget it"
    school.rank("kim", 0, "2222")
    school.rank("lee", 1, "2222")
    school.rank("kim", 2, "2222")
    again = school.read()
    assert again.changes.changed == (("s-000", "kim"), ("s-002", "kim"))
    assert again.changes.new == (("s-001", "lee"),)
    assert (len(again.answers), again.absences.lost) == (6, 1)


def test_a_restore_that_loses_nothing_needs_no_word(school: Class) -> None:
    school.rank("kim", 0, "1234")
    school.restored(lambda: None)
    assert (keys(school.read().answers), kinds(school.read())) == ([("s-000", "kim")], [])
    school.restored(lambda: school.rank("kim", 1, "1234"))
    assert (keys(school.read().answers), kinds(school.read())) == ([("s-000", "kim")], []), "it was never read"


def test_what_is_taken_back_is_told_from_a_deleted_account(school: Class) -> None:
    owner = school.owner
    owner.add_teacher("moon", "moon", owner.ensure_workspace("prefopt"), "teacher-pass-1")
    school.desk.teachers["moon"] = sign_in(owner.url, "moon", "teacher-pass-1")
    school.rank("kim", 0, "1234")
    for slate in (0, 1):
        school.rank("lee", slate, "1234")
        school.rank("moon", slate, "1234")
    assert len(school.read().answers) == 5
    school.take_back("kim", 0)  # the only one
    owner.request("DELETE", f"/responses/{school.response('lee', 0)}")
    school.desk.draft("lee", school.slates[1], school.receipts[1])
    school.take_back("moon", 0)
    user = next(id for id, name in owner.usernames().items() if name == "moon")
    owner.request("DELETE", f"/users/{user}")
    found = school.read()
    assert keys(found.answers) == [("s-001", "moon")]
    assert found.changes.withdrawn == (("s-000", "kim"), ("s-000", "lee"), ("s-000", "moon"), ("s-001", "lee"))
    assert found.changes.removed == (("s-001", "moon"),)
    assert {key: (event.by, event.certain) for key, event in found.absences.taken_back.items()} == {
        ("s-000", "kim"): ("", True),
        ("s-000", "lee"): ("owner", True),
        ("s-000", "moon"): ("", True),
        ("s-001", "lee"): ("", True),
    }
    assert all(event.gone_at is not None for event in found.absences.taken_back.values())
    assert "1 answers of lee were taken away by owner" in " ".join(row.en for row in found.uncounted)
    owner.add_teacher("moon", "moon", owner.ensure_workspace("prefopt"), "teacher-pass-1")
    assert keys(school.read().answers) == [("s-001", "moon")], "another account of the same name took nothing back"
    school.rank("kim", 0, "4321")
    assert keys(school.read().answers) == [("s-000", "kim"), ("s-001", "moon")]
    user = next(id for id, name in owner.usernames().items() if name == "moon")
    owner.request("DELETE", f"/users/{user}")


def test_an_account_of_another_name_votes_once(school: Class) -> None:
    owner = school.owner
    owner.add_teacher("hwang", "hwang", owner.ensure_workspace("prefopt"), "teacher-pass-1")
    school.desk.teachers["hwang"] = sign_in(owner.url, "hwang", "teacher-pass-1")
    school.rank("hwang", 0, "1234")
    assert keys(school.read().answers) == [("s-000", "hwang")]
    user = next(id for id, name in owner.usernames().items() if name == "hwang")
    owner.request("PATCH", f"/users/{user}", json={"username": "hwang2"})
    found = school.read()
    assert (keys(found.answers), kinds(found)) == ([("s-000", "hwang2")], ["renamed"])
    owner.request("DELETE", f"/users/{user}")


def test_a_deleted_slate_costs_its_own_answers_only(school: Class) -> None:
    for teacher in ("kim", "lee"):
        for slate in (0, 1):
            school.rank(teacher, slate, "1234")
    assert len(school.read().answers) == 4
    for slate in (1, 3):
        school.owner.request("DELETE", f"/records/{school.receipts[slate].record}")
    school.rank("kim", 2, "1234")
    progress, found = school.published.progress()
    assert found is not None
    assert keys(found.answers) == [("s-000", "kim"), ("s-000", "lee"), ("s-001", "kim"), ("s-001", "lee"), ("s-002", "kim")]
    assert (progress.complete, progress.published) == (2, 3), "s-003 can never be complete"
    assert found.absences.deleted == ("s-001", "s-003")
    (row,) = found.uncounted
    assert row.en.startswith("2 slates (s-001, s-003) were deleted on the feedback server")
    assert row.en.endswith("the 2 answers that were read count")
    assert [r.slate_id for r in school.desk.source().collect(school.slates, school.receipts)] == ["s-000", "s-000", "s-002"]


@pytest.mark.parametrize("gone", ["dataset", "server"])
def test_what_was_read_can_be_collected_without_the_dataset_or_the_server(school: Class, gone: str) -> None:
    with pytest.raises(FeedbackError, match="no answer of round 001 was read before"):
        school.published.read(from_answers=True)
    school.rank("kim", 0, "1234")
    before = school.read()
    home = bundled.default_home(school.desk.project)
    if gone == "server":
        bundled.stop(home)
    else:
        dataset = school.owner.dataset(school.desk.name, school.owner.ensure_workspace("prefopt"))
        assert dataset is not None
        school.owner.request("DELETE", f"/datasets/{dataset['id']}")
    try:
        with pytest.raises(FeedbackError) as error:
            school.read()
        assert "collect the 1 answers that were read on 20" in error.value.hint
        assert error.value.hint.endswith("prefopt round --from-answers")
        held = school.published.read(from_answers=True)
        assert (held.answers, held.as_of is not None) == (before.answers, True)
        assert school.published.progress(from_answers=True)[0].rankings == {"kim": 1}
    finally:
        bundled.start(home)


def test_a_comment_of_any_length_stops_nothing(school: Class) -> None:
    school.rank("kim", 0, "1234", comment="가" * 400_000)
    school.rank("lee", 0, "1234", comment="나" * 20_000)
    found = school.read()
    assert [len(answer.comment) for answer in found.answers] == [20_053, 20_000]
    assert found.answers[0].comment.endswith("자 중 20,000자]")
    assert kinds(found) == ["comment-cut"]
    assert school.read().answers == found.answers == latest(school.published.log / FILE)
    school.rank("kim", 0, "1234", comment="짧게")
    assert school.read().changes.changed == (("s-000", "kim"),)
    assert kinds(school.read()) == []
