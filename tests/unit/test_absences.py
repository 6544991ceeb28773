"""Answers that were read and are not there any more: which count, what is said of them, and what a branch and a later reading know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from feedback.file import FileConfig
from prefopt.errors import DataError, FeedbackError
from prefopt.protocols import Absence, AnswerKey, Held, SourceReading
from prefopt.rankings.answers import FILE, Changes, keep, read_log
from prefopt.rankings.overlap import Overlap
from prefopt.records import Progress, Ranking, Receipt, Slate
from prefopt.rounds.published import FOLDER, Published
from tests.unit.rankings_cases import ranked
from tests.unit.sheet_cases import SLATES

RECEIPTS = [Receipt(slate_id=slate.id, source="told", dataset="d", record=slate.id) for slate in SLATES]


@dataclass
class Told:
    """A source that says what it is told to say, and keeps what it was asked."""

    name: ClassVar[str] = "told"
    Config: ClassVar[type[BaseModel]] = FileConfig
    rankings: list[Ranking] = field(default_factory=list)
    absent: dict[AnswerKey, Absence] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    is_gone: bool = False
    held: list[Held] = field(default_factory=list)

    def publish(self, slates: Sequence[Slate]) -> list[Receipt]:
        return RECEIPTS

    def collect(self, slates: Sequence[Slate], receipts: Sequence[Receipt]) -> list[Ranking]:
        return self.rankings

    def progress(self, receipts: Sequence[Receipt]) -> Progress:
        raise NotImplementedError

    def read_after(self, slates: Sequence[Slate], receipts: Sequence[Receipt], held: Held) -> SourceReading:
        if self.is_gone:
            raise FeedbackError("it is gone", hint="bring it back")
        self.held.append(held)
        return SourceReading(self.rankings, [], self.absent, self.deleted, seen={"readings": len(self.held)})


@pytest.fixture
def source() -> Told:
    return Told([ranked(slate.id, name, "123") for slate in SLATES for name in ("kim", "lee")])


def published(source: Any, folder: Path, origin: Path | None = None, **more: Any) -> Published:
    folder.mkdir(exist_ok=True)
    return Published("001", source, SLATES, RECEIPTS, Overlap(2), folder, origin, **more)


def test_only_what_was_taken_back_or_renamed_is_gone(source: Told, tmp_path: Path) -> None:
    round_ = published(source, tmp_path)
    assert len(round_.read().answers) == 6
    first, second, third = (slate.id for slate in SLATES)
    source.absent = {
        (first, "kim"): Absence("taken_back"),
        (second, "kim"): Absence("renamed", by="kim2"),
        (third, "kim"): Absence("unknown"),
        (first, "lee"): Absence("lost"),
        (second, "lee"): Absence("account_deleted"),
        (third, "lee"): Absence("slate_deleted"),
    }
    source.rankings, source.deleted = [], (third,)
    found = round_.read()
    assert [(r.slate_id, r.teacher) for r in found.answers] == sorted(
        key for key, a in source.absent.items() if a.why not in ("taken_back", "renamed")
    )
    assert found.changes == Changes(
        withdrawn=((first, "kim"), (second, "kim")),
        removed=((second, "lee"),),
        missing=tuple(sorted([(third, "kim"), (first, "lee"), (third, "lee")])),
    )
    assert sorted(row.kind for row in found.uncounted) == ["older-source", "renamed", "slate-deleted", "taken-back", "vanished"]
    assert found.absences.plain() == {
        "taken_back": 1,
        "kept": {"account_deleted": 1, "lost": 1, "slate_deleted": 1, "unknown": 1},
        "deleted_slates": [third],
        "older_source": False,
        "restored_at": None,
    }
    assert not found.since([ranked(third, "kim", "123"), ranked(second, "lee", "123"), *found.answers]), "what is kept has not changed"
    assert found.since([ranked(first, "kim", "123"), *found.answers]) == Changes(withdrawn=((first, "kim"),))


def test_the_next_reading_is_told_what_the_last_one_found(source: Told, tmp_path: Path) -> None:
    round_ = published(source, tmp_path)
    round_.read()
    key = (SLATES[0].id, "kim")
    gone, source.rankings = source.rankings[0], source.rankings[1:]
    source.absent = {key: Absence("unknown", certain=False)}
    round_.read()
    round_.read()
    assert source.held[0] == Held([])
    assert source.held[1].seen == {"readings": 1}
    assert dict(source.held[2].absent) == source.absent
    assert gone in source.held[2].answers
    source.absent = {key: Absence("taken_back", by="owner")}
    round_.read()
    round_.read()
    assert dict(source.held[4].taken_back) == {key: gone}
    assert key not in {(r.slate_id, r.teacher) for r in source.held[4].answers}
    event = read_log(tmp_path / FILE).gone[key]
    assert (event.why, event.by, event.certain) == ("taken_back", "owner", True)


def test_an_answer_that_another_command_read_in_the_meantime_stays(tmp_path: Path) -> None:
    keep(tmp_path, [ranked("s", "kim", "123")], absent={})
    held, changes = keep(tmp_path, [], absent={})
    assert (len(held), changes) == (1, Changes(missing=(("s", "kim"),)))


def test_a_branch_goes_on_with_what_was_read(source: Told, tmp_path: Path) -> None:
    origin = published(source, tmp_path / "001")
    before = origin.read().answers
    source.rankings, source.absent = [], {(r.slate_id, r.teacher): Absence("lost") for r in before}
    branch = published(source, tmp_path / "002", tmp_path / "001")
    assert branch.read().answers == before
    assert source.held[-1].seen == {"readings": 1}
    source.is_gone = True
    another = published(source, tmp_path / "003", tmp_path / "001")
    assert another.read(from_answers=True).answers == before


def test_what_was_read_is_offered_until_it_is_collected(source: Told, tmp_path: Path) -> None:
    published(source, tmp_path).read()
    source.is_gone = True
    with pytest.raises(FeedbackError) as error:
        published(source, tmp_path).read()
    assert error.value.hint.startswith("bring it back; or collect the 6 answers that were read on 20")
    with pytest.raises(FeedbackError) as error:
        published(source, tmp_path, is_collected=True).read()
    assert error.value.hint == "bring it back"
    (tmp_path / FOLDER / "last_reading.json").unlink()  # as in rounds of earlier versions
    held = published(source, tmp_path).read(from_answers=True)
    assert (len(held.answers), held.as_of) == (6, read_log(tmp_path / FILE).last)


def test_a_damaged_note_of_the_last_reading_can_be_deleted(source: Told, tmp_path: Path) -> None:
    round_ = published(source, tmp_path)
    before = round_.read().answers
    note = tmp_path / FOLDER / "last_reading.json"
    note.write_text('{"at": "yesterday"}')
    with pytest.raises(DataError) as error:
        round_.read()
    assert error.value.hint.startswith(f"delete {note}")
    note.unlink()
    assert round_.read().answers == before


def test_a_line_that_a_crash_cut_off_stops_no_reading(source: Told, tmp_path: Path) -> None:
    round_ = published(source, tmp_path)
    before = round_.read().answers
    log = tmp_path / FILE
    log.write_bytes(log.read_bytes()[:-20])
    assert round_.read().answers == before
