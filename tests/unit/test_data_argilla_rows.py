"""Problems as Argilla's exported records and back."""

from __future__ import annotations

import json

import pytest

from prefopt.data.formats.argilla_records import problem_of_record, record_of
from prefopt.data.formats.convert_file import ConversationSettings, convert
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.data.formats.shape_faults import ShapeError
from prefopt.data.formats.shapes import shape_of
from prefopt.readers.problem_rows import read_problems_of, row_of
from prefopt.records import Problem

FULL = Problem(
    id="p1", text="3 + 4는 얼마입니까?", label="[2수01-05]", reason="더하는 상황이다.", level="B", difficulty=2,
    concepts=("덧셈", "상황"), family="f", augmented="paraphrase",
)  # fmt: skip
BARE = Problem(id="p2", text="3 + 4는 얼마입니까?")


@pytest.mark.parametrize("problem", [FULL, BARE])
def test_a_problem_comes_back_exactly(problem):
    record = record_of(problem)
    assert shape_of(record) == "argilla"
    assert problem_of_record(json.loads(json.dumps(record))) == problem


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.csv"])
def test_files_of_records_come_back_exactly(tmp_path, name):
    write_rows_to(tmp_path / "p.jsonl", map(row_of, [FULL, BARE]))
    assert convert(tmp_path / "p.jsonl", tmp_path / name, "argilla", ConversationSettings()) == (2, "problems")
    assert convert(tmp_path / name, tmp_path / "q.jsonl", "problems", ConversationSettings()) == (2, "argilla")
    assert list(read_problems_of(tmp_path / "q.jsonl")) == [FULL, BARE]


def test_equal_responses_are_merged_and_different_ones_refused():
    record = record_of(FULL)
    record["responses"]["label"].append({"value": "[2수01-05]", "user_id": "another"})
    assert problem_of_record(record) == FULL
    record["responses"]["label"].append({"value": "[2수01-06]", "user_id": "a third"})
    with pytest.raises(ShapeError, match="3 responses to 'label' differ"):
        problem_of_record(record)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"field": {}}, "unknown key 'field'"),
        ({"fields": []}, "key 'text' is missing"),
        ({"fields": [1]}, "fields is not an object"),
        ({"responses": {"label": "x"}}, "responses.label is not a list"),
        ({"metadata": {"color": "red"}}, "unknown key 'color'"),
        ({"id": None}, "id = None"),
    ],
)
def test_a_record_that_is_not_a_problem_is_refused(change, message):
    with pytest.raises(ShapeError, match=message):
        problem_of_record(record_of(FULL) | change)


def test_fields_may_have_other_names():
    assert problem_of_record({"id": "p2", "fields": {"문제": BARE.text}, "responses": {}}) == BARE
