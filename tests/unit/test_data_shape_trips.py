"""Any conversation, preference or judged answer goes through every shape of its family and comes back, or is refused by name."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefopt.data.formats import shapes
from prefopt.data.formats.convert_file import ConversationSettings, convert
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import DataError
from prefopt.readers.row_reader import scan
from prefopt.records import Answer, Pair, Problem
from prefopt.texts.folded import visible
from tests.unit.provider_rules import chat_faults, preference_faults, trl_faults

RUN = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
RULES = {"openai-chat": chat_faults, "openai-preference": preference_faults}

texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40).map(visible).filter(lambda t: t.strip())
looks_like_json = st.sampled_from(
    ['[{"role": "user"}', '{"standard":"x"}', "[2수01-05]", "[]", '{"a": 1}', '[{"role":"user","content":"x"}]']
)
contents = texts | looks_like_json
metadata = st.none() | st.dictionaries(
    st.sampled_from(["id", "family", "x", "출처"]), texts | st.integers(-9, 9) | st.lists(texts, max_size=2), max_size=3
)
systems = st.lists(st.builds(lambda c: {"role": "system", "content": c}, contents), max_size=1)
questions = st.builds(lambda c: {"role": "user", "content": c}, contents)
answers = st.builds(lambda c: {"role": "assistant", "content": c}, contents)
exchanges = st.lists(st.tuples(questions, answers).map(list), max_size=2).map(lambda pairs: [turn for pair in pairs for turn in pair])


def with_metadata(row, extra):
    return row if extra is None else row | {"metadata": extra}


conversations = st.builds(
    lambda s, before, q, a, m: with_metadata({"messages": [*s, *before, q, a]}, m), systems, exchanges, questions, answers, metadata
)
comparisons = st.builds(
    lambda s, before, q, a, b, m: with_metadata({"prompt": [*s, *before, q], "chosen": [a], "rejected": [b]}, m),
    systems, exchanges, questions, answers, answers, metadata,
)  # fmt: skip
judgments = st.builds(
    lambda s, q, a, label, m: with_metadata({"prompt": [*s, q], "completion": [a], "label": label}, m),
    systems, questions, answers, st.booleans(), metadata,
)  # fmt: skip


def through(folder, row, to, name):
    """A row converted to a shape and back, and the row between; None where it is refused."""
    (folder / "in.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    start = shapes.shape_of(row)
    try:
        convert(folder / "in.jsonl", folder / name, to, ConversationSettings())
    except DataError as error:
        return str(error)
    between = next(scan(folder / name)).values
    convert(folder / name, folder / "back.jsonl", start, ConversationSettings())
    return between, json.loads((folder / "back.jsonl").read_text(encoding="utf-8"))


def assert_exact(folder, row, to, name):
    found = through(folder, row, to, name)
    if isinstance(found, str):
        limits = ("this shape takes", "are the same", "common columns", "a table does not show")
        assert any(words in found for words in limits)
        return
    between, back = found
    assert back == row
    if to in RULES and name.endswith(".jsonl"):
        between.pop("metadata", None)
        assert RULES[to](between) == []


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.parquet"])
@pytest.mark.parametrize("to", [shape for shape in shapes.CONVERSATIONS if shape != "trl-messages"])
@RUN
@given(row=conversations)
def test_any_conversation_comes_back_exactly(tmp_path, to, name, row):
    assert_exact(tmp_path, row, to, name)


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.parquet"])
@pytest.mark.parametrize("to", shapes.COMPARISONS)
@RUN
@given(row=comparisons)
def test_any_comparison_comes_back_exactly(tmp_path, to, name, row):
    assert_exact(tmp_path, row, to, name)


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.parquet"])
@RUN
@given(row=judgments)
def test_any_judgment_comes_back_exactly(tmp_path, name, row):
    assert_exact(tmp_path, row, "trl-unpaired-preference", name)
    bare = {key: value for key, value in row.items() if key != "metadata"}
    assert trl_faults(bare) == []


names = st.from_regex(r"[a-z0-9가-힣.-]{1,12}", fullmatch=True)
concepts = st.lists(texts, max_size=2).map(tuple)
pairs = st.builds(
    Pair,
    problem=st.builds(Problem, id=names, text=texts, label=st.none() | texts, family=st.none() | texts),
    chosen=st.builds(Answer, label=texts, difficulty=st.none() | st.integers(1, 5), reason=st.none() | texts, concepts=concepts),
    rejected=st.builds(Answer, label=texts, level=st.none() | texts),
    weight=st.floats(0.01, 1.0),
    share=st.none() | st.floats(0.5, 1.0),
    slate_id=names,
    origin=st.sampled_from(["votes", "right_label"]),
)  # fmt: skip


@pytest.mark.parametrize("to", shapes.COMPARISONS)
@RUN
@given(pair=pairs)
def test_any_pair_comes_back_exactly_or_its_answers_are_equal(tmp_path, to, pair):
    write_rows_to(tmp_path / "p.jsonl", [pair.model_dump(mode="json", exclude_none=True)])
    try:
        convert(tmp_path / "p.jsonl", tmp_path / "x.jsonl", to, ConversationSettings())
    except DataError as error:
        assert "are the same" in str(error)  # noqa: PT017  both outcomes are right, any other exception is not
        return
    if to in RULES:
        written = json.loads((tmp_path / "x.jsonl").read_text(encoding="utf-8"))
        written.pop("metadata")
        assert RULES[to](written) == []
    convert(tmp_path / "x.jsonl", tmp_path / "b.jsonl", "pairs", ConversationSettings())
    assert Pair.model_validate_json((tmp_path / "b.jsonl").read_text(encoding="utf-8")) == pair


@RUN
@given(text=texts, label=texts, reason=st.none() | texts, level=st.none() | texts)
def test_any_labeled_problem_becomes_a_row_that_the_provider_accepts(tmp_path, text, label, reason, level):
    problem = Problem(id="p1", text=text, label=label, reason=reason, level=level)
    write_rows_to(tmp_path / "p.jsonl", [problem.model_dump(mode="json", exclude_none=True, exclude={"concepts"})])
    convert(tmp_path / "p.jsonl", tmp_path / "x.jsonl", "openai-chat", ConversationSettings(metadata=False))
    assert chat_faults(json.loads((tmp_path / "x.jsonl").read_text(encoding="utf-8"))) == []
