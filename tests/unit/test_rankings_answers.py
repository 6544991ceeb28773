"""answers.jsonl: lines are only added, a later change is noticed, a deleted account keeps its answers."""

from __future__ import annotations

import pytest

from prefopt.errors import DataError
from prefopt.rankings.answers import FILE, Changes, keep, latest
from tests.unit.rankings_cases import discarded, none_right, ranked


def test_answers_are_kept_once_and_changes_are_named(tmp_path):
    first = [ranked("s", "kim", "123"), ranked("s", "lee", "123", seconds=4)]
    assert keep(tmp_path, first) == (first, Changes(new=(("s", "kim"), ("s", "lee"))))
    before = (tmp_path / FILE).read_bytes()
    again = [first[0], ranked("s", "lee", "123", seconds=9)]
    assert keep(tmp_path, again)[1] == Changes(), "how long it took is no part of an answer"
    assert (tmp_path / FILE).read_bytes() == before
    edited = [ranked("s", "kim", "321"), first[1], discarded("t", "kim")]
    assert keep(tmp_path, edited)[1] == Changes(new=(("t", "kim"),), changed=(("s", "kim"),))
    assert (tmp_path / FILE).read_bytes().startswith(before), "nothing that was written is ever changed"
    assert sorted(latest(tmp_path / FILE), key=lambda r: (r.slate_id, r.teacher)) == edited


def test_a_deleted_account_keeps_its_answers_and_a_withdrawn_answer_does_not_count(tmp_path):
    given = [ranked("s", "kim", "123"), none_right("t", "kim", "d"), ranked("s", "lee", "213"), ranked("t", "lee", "213")]
    keep(tmp_path, given)
    held, changes = keep(tmp_path, [given[2]])
    assert changes == Changes(withdrawn=(("t", "lee"),), removed=(("s", "kim"), ("t", "kim")))
    assert changes.removed_teachers == ("kim",)
    assert held == [given[0], given[2], given[1]]
    held, changes = keep(tmp_path, [given[2]])
    assert (len(held), changes.withdrawn) == (3, ()), "reported once"
    held, changes = keep(tmp_path, given)
    assert changes == Changes(new=(("t", "lee"),))
    assert len(held) == 4


def test_a_line_that_a_crash_cut_off_is_rewritten(tmp_path):
    keep(tmp_path, [ranked("s", "kim", "123"), ranked("t", "kim", "123")])
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:-20])
    held, changes = keep(tmp_path, [ranked("s", "kim", "123"), ranked("t", "kim", "123")])
    assert changes == Changes(new=(("t", "kim"),))
    assert len(held) == len(latest(tmp_path / FILE)) == 2


def test_a_file_changed_by_hand_is_refused_with_its_line(tmp_path):
    keep(tmp_path, [ranked("s", "kim", "123")])
    with (tmp_path / FILE).open("a") as file:
        file.write("{}\n")
    with pytest.raises(DataError, match=r"answers.jsonl:2"):
        keep(tmp_path, [])
