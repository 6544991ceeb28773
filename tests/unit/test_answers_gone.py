"""Files that are no second person: one that was read and is gone, renamed or emptied, and a copy of another teacher's workbook."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedback.file import FileSource
from prefopt.rankings.answers import FILE, latest
from prefopt.rankings.overlap import Overlap
from prefopt.rounds.teachers import Published
from tests.unit.sheet_cases import SLATES, changed, file_source, kinds, rank_all


@pytest.fixture
def published(tmp_path: Path) -> Published:
    source = file_source(tmp_path, "kim", "lee", "choi", overlap=2)
    receipts = source.publish(SLATES)
    log = tmp_path / "round"
    log.mkdir()
    return Published("001", source, SLATES, receipts, Overlap(2), log)


def folder(published: Published) -> Path:
    assert isinstance(published.source, FileSource)
    return published.source.folder


def counts(published: Published) -> tuple[dict[str, int], int, list[str]]:
    progress, reading = published.progress()
    assert reading is not None
    return dict(progress.rankings), progress.complete, kinds(reading.uncounted)


def fill(published: Published, name: str, *ranks: str) -> Path:
    assert isinstance(published.source, FileSource)
    return rank_all(published.source, name, *ranks)


def test_a_file_that_was_saved_under_the_name_of_another_teacher_is_one_person(published: Published) -> None:
    fill(published, "kim.csv", "123", "213", "321")
    assert counts(published) == ({"kim": 3}, 0, [])
    (folder(published) / "kim.csv").rename(folder(published) / "lee.csv")
    assert counts(published) == ({"lee": 3}, 0, ["answers-gone"])
    changes = published.read().changes
    assert not changes.removed_teachers


@pytest.mark.parametrize("how", ["deleted", "emptied"])
def test_answers_that_are_gone_are_named_and_count_again_when_they_are_back(published: Published, how: str) -> None:
    path = fill(published, "kim.csv", "123", "213", "321")
    fill(published, "lee.csv", "123", "213", "132")
    assert counts(published) == ({"kim": 3, "lee": 3}, 3, [])
    kept = path.read_bytes()
    if how == "deleted":
        path.unlink()
    else:
        changed(path, lambda rows: [row.update({f"rank_{letter}": "" for letter in "ABC"}) for row in rows])
    assert counts(published) == ({"lee": 3}, 0, ["answers-gone"])
    found = published.read().uncounted[0]
    assert (found.teacher, found.path) == ("kim", "feedback/m-001/kim.csv")
    assert "3 answers of kim" in found.en
    assert "되돌려" in found.ko
    assert len([row for row in latest(published.log / FILE) if row.teacher == "kim"]) == 3
    path.write_bytes(kept)
    assert counts(published) == ({"kim": 3, "lee": 3}, 3, [])


def test_whose_answers_are_removed_as_the_finding_about_one_person_says_counts_no_more(published: Published) -> None:
    for name in ("kim.csv", "lee.csv"):
        fill(published, name, "123", "213", "321")
        changed(folder(published) / name, lambda rows: [row.update(comment="까닭을 스스로 길게 적은 똑같은 말입니다") for row in rows])
    assert counts(published) == ({"kim": 3}, 0, ["one-person"])
    (folder(published) / "lee.csv").unlink()
    assert counts(published) == ({"kim": 3}, 0, ["answers-gone"])
    fill(published, "choi.csv", "123", "123", "132")
    assert counts(published) == ({"kim": 3, "choi": 3}, 3, ["answers-gone"])


def test_a_workbook_that_is_a_copy_of_another_teachers_does_not_count(published: Published) -> None:
    path = fill(published, "kim.xlsx", "123", "213", "321")
    (folder(published) / "lee.csv").unlink()
    (folder(published) / "lee.xlsx").write_bytes(path.read_bytes())
    assert counts(published) == ({"kim": 3}, 0, ["same-file"])
    assert published.read().uncounted[0].path == "feedback/m-001/lee.xlsx"
    fill(published, "lee.xlsx", "123", "213", "132")
    assert counts(published) == ({"kim": 3, "lee": 3}, 3, [])


def test_empty_workbooks_that_were_handed_out_need_no_word(published: Published) -> None:
    path = fill(published, "kim.xlsx", "   ", "   ", "   ")
    (folder(published) / "lee.xlsx").write_bytes(path.read_bytes())
    assert counts(published) == ({}, 0, [])
