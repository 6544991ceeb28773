"""Any bytes under any ending: rows, or a PrefoptError; never a traceback of another kind. Round trips of any text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefopt.data.checks.check_files import check_data
from prefopt.data.checks.check_types import Part
from prefopt.data.formats import shapes
from prefopt.data.formats.argilla_records import problem_of_record, record_of
from prefopt.data.formats.convert_file import ConversationSettings, convert
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import PrefoptError
from prefopt.io.row import Fault, Row
from prefopt.readers.problem_rows import read_problems_of, row_of
from prefopt.readers.row_reader import scan
from prefopt.records import Problem
from prefopt.texts.folded import visible

ENDINGS = (".jsonl", ".json", ".csv", ".tsv", ".xlsx", ".parquet")
RUN = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FEW = settings(RUN, max_examples=20)

SHAPED = ("conversations", "preferred_output", "non_preferred_output", "tools", "metadata", "problem", "answer", "desirable", "system")
TURN = ("role", "content", "from", "value", "weight", "name", "type", "text", "tool_calls", "messages", "thinking", "id")
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
words = st.sampled_from(["user", "assistant", "system", "human", "gpt", "text", "image_url", "[2수01-05]", '{"standard":"x"}'])
values = st.recursive(
    scalars | words,
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.sampled_from(TURN) | st.text(max_size=8), x, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    [*Problem.model_fields, "messages", "prompt", "completion", "chosen", "rejected", "input", "instruction", "output", "문제", *SHAPED]
) | st.text(max_size=5)
json_text = st.lists(st.dictionaries(keys, values, max_size=5), max_size=4).map(
    lambda rows: "\n".join(json.dumps(r) for r in rows).encode()
)
csv_text = st.lists(st.lists(st.text(alphabet='a,"\n\r\t\x00가;', max_size=6), max_size=4), max_size=5).map(
    lambda rows: "\n".join(",".join(r) for r in rows).encode()
)
plain = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=60).map(visible).filter(lambda t: t.strip())
"""Texts as every reader gives them."""


def survive(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for found in scan(path):
        assert isinstance(found, (Row, Fault))
        assert found.line >= 1
    for read in (
        lambda: list(read_problems_of(path)),
        lambda: convert(path, path.with_name("out.jsonl"), "problems", ConversationSettings()),
    ):
        try:
            read()
        except PrefoptError as error:
            assert str(error)  # noqa: PT017  both outcomes are right; what is not is any other exception


@pytest.mark.parametrize("ending", ENDINGS)
@RUN
@given(content=st.binary(max_size=300) | json_text | csv_text)
def test_any_bytes_give_rows_or_our_error(tmp_path, ending, content):
    survive(tmp_path / f"x{ending}", content)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Bytes of a good file of each kind that is not text."""
    folder = tmp_path_factory.mktemp("good")
    found = {}
    for ending in (".xlsx", ".parquet"):
        write_rows_to(folder / f"g{ending}", [{"id": f"p{i}", "text": "3 + 4는?", "difficulty": 2} for i in range(5)])
        found[ending] = (folder / f"g{ending}").read_bytes()
    write_rows_to(folder / "set", [{"id": "p", "text": "3 + 4는?"}])
    return found | {"set": folder / "set"}


@pytest.mark.parametrize("ending", [".xlsx", ".parquet"])
@RUN
@given(data=st.data())
def test_a_damaged_file_gives_rows_or_our_error(tmp_path, good, ending, data):
    content = bytearray(good[ending])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    survive(tmp_path / f"x{ending}", bytes(content[: data.draw(st.integers(1, len(content)))] if data.draw(st.booleans()) else content))


@FEW
@given(state=st.binary(max_size=80) | values.map(lambda v: json.dumps({"_data_files": v}).encode()), arrow=st.binary(max_size=200))
def test_a_damaged_dataset_gives_rows_or_our_error(tmp_path, good, state, arrow):
    folder = tmp_path / "set"
    folder.mkdir(exist_ok=True)
    name = next(good["set"].glob("*.arrow")).name
    (folder / name).write_bytes(arrow)
    for content in (state, (good["set"] / "state.json").read_bytes()):
        (folder / "state.json").write_bytes(content)
        assert all(isinstance(found, (Row, Fault)) for found in scan(folder))


@RUN
@given(
    row=st.dictionaries(keys, values, max_size=6),
    to=st.sampled_from(shapes.SHAPES),
    shape=st.none() | st.sampled_from(shapes.SHAPES),
)
def test_any_row_in_any_shape_gives_a_row_or_our_error(tmp_path, row, to, shape):
    (tmp_path / "x.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    try:
        convert(tmp_path / "x.jsonl", tmp_path / "y.jsonl", to, ConversationSettings(), shape)
    except PrefoptError as error:
        assert str(error)  # noqa: PT017  as above


@RUN
@given(row=st.dictionaries(keys, values, max_size=6), shape=st.none() | st.sampled_from(shapes.SHAPES))
def test_any_row_of_any_shape_can_be_checked(tmp_path, row, shape):
    (tmp_path / "x.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    for labeled in (True, None):
        for finding in check_data([Part(tmp_path / "x.jsonl", labeled=labeled, shape=shape)], None).findings:
            assert finding.line == 1
            assert finding.detail.en
            assert finding.detail.ko


problems = st.builds(
    Problem,
    id=st.from_regex(r"[a-z0-9가-힣.-]{1,12}", fullmatch=True),
    text=plain,
    label=st.none() | plain,
    reason=st.none() | plain,
    difficulty=st.none() | st.integers(1, 5),
    concepts=st.lists(plain, max_size=3).map(tuple),
    family=st.none() | plain,
)


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.csv", "x.tsv", "x.xlsx", "x.parquet"])
@settings(RUN, max_examples=30)
@given(rows=st.lists(problems, min_size=1, max_size=3))
def test_any_problem_comes_back_exactly_or_is_refused(tmp_path, name, rows):
    try:
        write_rows_to(tmp_path / name, map(row_of, rows))
    except PrefoptError:
        assert name in ("x.xlsx", "x.csv", "x.tsv")  # tables hold no control characters
        return
    assert list(read_problems_of(tmp_path / name)) == rows


def test_a_workbook_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path, good, monkeypatch):
    monkeypatch.setattr("prefopt.readers.excel_reader.MAX_SHEET", 1000)  # the rule, at a size that a test can afford
    (tmp_path / "bomb.xlsx").write_bytes(good[".xlsx"])
    assert [f.kind for f in scan(tmp_path / "bomb.xlsx")] == ["file-too-long"]


def test_argilla_itself_reads_and_writes_the_same_records(tmp_path):
    from argilla.records._io import JsonIO

    full = Problem(id="p1", text="3 + 4는?", label="[2수01-05]", reason="더하는 상황이다.", difficulty=2, concepts=("덧셈",), family="f")
    bare = Problem(id="p2", text="3 + 5는?")
    write_rows_to(tmp_path / "a.json", [record_of(full), record_of(bare)])
    records = JsonIO._records_from_json(tmp_path / "a.json")
    assert [r.fields["text"] for r in records] == [full.text, bare.text]
    JsonIO.to_json(records, tmp_path / "b.json")
    assert [problem_of_record(r) for r in json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))] == [full, bare]
