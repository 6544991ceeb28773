"""Whatever is written can be read again: long comments are cut with a mark, and what earlier versions wrote too long is read."""

from __future__ import annotations

import json

import pytest

from prefopt.data.formats import row_writer
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import DataError
from prefopt.io.jsonl import read_rows, write_rows
from prefopt.io.jsonl_reader import MAX_LINE, scan_jsonl
from prefopt.rankings.answers import FILE, AnswerEvent, keep, latest
from prefopt.rankings.limits import MAX_COMMENT, bounded, bounded_finding, cut_comments
from prefopt.records import Problem, Ranking, Uncounted
from prefopt.rounds.format1 import renamed_lines
from prefopt.texts.kept_text import is_cut, kept_text, without_halves
from tests.unit.rankings_cases import ranked

LONG = "가" * 400_000
BREAKS = "첫 줄\u2028둘째\u0085셋째\x0b넷째\x0c다섯째\r여섯째\x1c끝"


def commented(comment: str, slate: str = "s", teacher: str = "kim") -> Ranking:
    return ranked(slate, teacher, "123").model_copy(update={"comment": comment})


def test_a_text_is_cut_once_and_says_so():
    cut = kept_text(LONG, 20_000)
    assert cut.startswith("가" * 20_000 + " …[")
    assert "of 400,000 characters" in cut
    assert kept_text(cut, 20_000) == cut
    assert (is_cut(cut), is_cut("가" * 19_999), kept_text("가" * 20_000, 20_000)) == (True, False, "가" * 20_000)
    forged = LONG + cut[-60:]
    assert len(kept_text(forged, 20_000)) < 20_200, "a mark that somebody wrote protects no long text"


def test_halves_of_a_surrogate_pair_become_a_mark_and_whole_pairs_stay():
    assert without_halves("a\ud800b\U0001f600") == "a\ufffdb\U0001f600"


@pytest.mark.parametrize("comment", [LONG, "\x00" * 400_000, "\\" * 400_000, '"' * 400_000, "\U0001f600" * 400_000, BREAKS])
def test_an_answer_is_read_back_as_it_was_kept(tmp_path, comment):
    held, changes = keep(tmp_path, [commented(comment)])
    assert (len(held), len(changes.new)) == (1, 1)
    assert latest(tmp_path / FILE) == held
    assert [type(row).__name__ for row in scan_jsonl(tmp_path / FILE)] == ["Row"], "any reader takes its lines"
    assert keep(tmp_path, [commented(comment)])[1].count == 0, "the same comment is no change"
    assert [row.kind for row in cut_comments(held)] == (["comment-cut"] if len(comment) > MAX_COMMENT else [])


@pytest.mark.parametrize("part", ["teacher", "right_label"])
def test_two_long_names_stay_two(part):
    one, two = (bounded(commented("").model_copy(update={part: LONG + end})) for end in "ab")
    assert len(getattr(one, part)) < 250
    assert getattr(one, part) != getattr(two, part)


def test_what_is_said_of_a_finding_is_bounded():
    found = bounded_finding(Uncounted(kind="rank", ko=LONG, en=LONG, teacher=LONG, path=LONG, column=LONG, found=LONG))
    assert len(found.model_dump_json().encode()) < MAX_LINE


def test_a_round_that_a_long_line_of_an_earlier_version_stopped_goes_on(tmp_path):
    event = AnswerEvent(at="2026-11-01T00:00:00Z", what="new", answer=commented(LONG))
    (tmp_path / FILE).write_text(event.model_dump_json(exclude_none=True) + "\n", encoding="utf-8")
    assert (tmp_path / FILE).stat().st_size > MAX_LINE
    held, changes = keep(tmp_path, [commented(LONG)])
    assert (len(held[0].comment) < MAX_COMMENT + 100, changes.count) == (True, 0)
    held, changes = keep(tmp_path, [commented("짧게")])
    assert ([r.comment for r in held], changes.changed) == (["짧게"], (("s", "kim"),))


def test_a_record_that_no_reader_would_take_is_not_written(tmp_path):
    problem = Problem(id="p-1", text="1+1?", concepts=("가" * 400_000,))
    with pytest.raises(DataError, match=r"rows.jsonl:2: p-1 would be a line of 1,200,\d+ bytes, and at most 1,000,000 are read back"):
        write_rows(tmp_path / "rows.jsonl", [Problem(id="p-0", text="1?"), problem])
    write_rows(tmp_path / "short.jsonl", [Problem(id="p-1", text="가" * 20_000, concepts=(BREAKS,))])
    assert read_rows(tmp_path / "short.jsonl", Problem)[0].concepts == (BREAKS,)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.json"])
def test_a_converted_row_that_no_reader_would_take_is_not_written(tmp_path, name, monkeypatch):
    monkeypatch.setattr(row_writer, "MAX_JSON", 1_000_000)  # half a GiB takes too long
    with pytest.raises(DataError, match=r"read back"):
        write_rows_to(tmp_path / name, [{"id": "a", "text": "x" * 1_000_001}])
    assert not (tmp_path / name).exists()


def test_line_separators_within_a_comment_survive_a_migration():
    row = {"at": "2026-01-01T00:00:00Z", "what": "new", "answer": {"verdict": "ranked", "comment": BREAKS}}
    (line,) = renamed_lines(json.dumps(row, ensure_ascii=False) + "\n", FILE).split("\n")[:-1]
    assert json.loads(line)["answer"] == {"kind": "ranked", "comment": BREAKS}
