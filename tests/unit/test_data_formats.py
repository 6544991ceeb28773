"""Problems and training shapes in files of every kind: round trips are exact, faults have a line."""

from __future__ import annotations

import json

import pytest

from prefopt.data.formats.convert_file import ConversationSettings, convert
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.errors import ConfigError, DataError
from prefopt.io.row import Fault, Row
from prefopt.readers.options import parse_columns, read_options
from prefopt.readers.problem_rows import read_problems_of, row_of
from prefopt.readers.row_reader import scan
from prefopt.records import Answer, Pair, Problem

PROBLEMS = [
    Problem(
        id="p1",
        text='3 + 4는\n"얼마", 입니까?',
        label="[2수01-05]",
        reason="더하기이다.",
        level="C",
        difficulty=1,
        concepts=("덧셈", "a|b, c"),
    ),
    Problem(id="007", text="=SUM(1,2)처럼 쓴 식 <|end|>", label="[2수01-06]", family="f/1"),
    Problem(id="p3", text="007", label="[4수01-01]", concepts=("[대괄호",)),
]
PAIRS = [
    Pair(
        problem=PROBLEMS[0],
        chosen=Answer(label="[2수01-05]", level="C", difficulty=1, concepts=("덧셈",), reason="더하기이다."),
        rejected=Answer(label="[2수01-06]"),
        weight=2 / 3,
        slate_id="s1",
        origin="votes",
    ),
    Pair(
        problem=PROBLEMS[1],
        chosen=Answer(label="[4수01-01]"),
        rejected=Answer(label="[2수01-06]"),
        weight=1.0,
        slate_id="s2",
        origin="right_label",
    ),
]
KINDS = ("x.jsonl", "x.csv", "x.tsv", "x.xlsx", "x.parquet", "x")


def write(path, rows):
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", KINDS)
def test_problems_come_back_exactly_from_every_kind_of_file(tmp_path, name):
    assert write_rows_to(tmp_path / name, map(row_of, PROBLEMS)) == 3
    assert list(read_problems_of(tmp_path / name)) == PROBLEMS


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.parquet", "x"])
@pytest.mark.parametrize("shape", ["openai-chat", "instruction", "trl-prompt-completion"])
def test_problems_come_back_exactly_from_every_shape(tmp_path, name, shape):
    source = write(tmp_path / "p.jsonl", map(row_of, PROBLEMS))
    assert convert(source, tmp_path / name, shape, ConversationSettings()) == (3, "problems")
    assert convert(tmp_path / name, tmp_path / "back.jsonl", "problems", ConversationSettings()) == (3, shape)
    assert (tmp_path / "back.jsonl").read_text(encoding="utf-8") == source.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.parquet", "x"])
@pytest.mark.parametrize("shape", ["openai-preference", "trl-preference"])
def test_pairs_come_back_exactly_from_every_shape(tmp_path, name, shape):
    source = write(tmp_path / "p.jsonl", [p.model_dump(mode="json", exclude_none=True) for p in PAIRS])
    convert(source, tmp_path / name, shape, ConversationSettings())
    convert(tmp_path / name, tmp_path / "back.jsonl", "pairs", ConversationSettings())
    assert [Pair.model_validate_json(line) for line in (tmp_path / "back.jsonl").read_text(encoding="utf-8").splitlines()] == PAIRS


CHAT = {
    "messages": [
        {"role": "system", "content": "분류한다."},
        {"role": "user", "content": "1+1"},
        {"role": "assistant", "content": "2?", "weight": 0},
        {"role": "user", "content": "다시"},
        {"role": "assistant", "content": "둘", "weight": 1},
    ]
}
PREFERENCE = {
    "input": {"messages": [{"role": "user", "content": "1+1"}]},
    "preferred_output": [{"role": "assistant", "content": "2"}],
    "non_preferred_output": [{"role": "assistant", "content": "3"}],
}


def test_files_of_other_programs_come_back_unchanged(tmp_path):
    chat, preference = write(tmp_path / "c.jsonl", [CHAT]), write(tmp_path / "p.jsonl", [PREFERENCE])
    convert(chat, tmp_path / "c2.jsonl", "openai-chat", ConversationSettings())
    assert (tmp_path / "c2.jsonl").read_bytes() == chat.read_bytes()
    convert(preference, tmp_path / "t.jsonl", "trl-preference", ConversationSettings())
    assert json.loads((tmp_path / "t.jsonl").read_text())["rejected"] == [{"role": "assistant", "content": "3"}]
    convert(tmp_path / "t.jsonl", tmp_path / "p2.jsonl", "openai-preference", ConversationSettings())
    assert (tmp_path / "p2.jsonl").read_bytes() == preference.read_bytes()


def test_the_written_shapes_are_those_that_openai_and_trl_document(tmp_path):
    source = write(tmp_path / "p.jsonl", [row_of(PROBLEMS[1])])
    convert(source, tmp_path / "c.jsonl", "openai-chat", ConversationSettings("분류한다.", "type", metadata=False))
    prompt = [{"role": "system", "content": "분류한다."}, {"role": "user", "content": PROBLEMS[1].text}]
    answer = {"role": "assistant", "content": '{"type":"[2수01-06]"}'}
    assert json.loads((tmp_path / "c.jsonl").read_text(encoding="utf-8")) == {"messages": [*prompt, answer]}
    convert(source, tmp_path / "t.jsonl", "trl-prompt-completion", ConversationSettings("분류한다.", "type", metadata=False))
    assert json.loads((tmp_path / "t.jsonl").read_text(encoding="utf-8")) == {"prompt": prompt, "completion": [answer]}


def test_a_dataset_dict_saved_by_the_datasets_library_is_read(tmp_path):
    import datasets

    rows = [row_of(p) for p in PROBLEMS]
    parts = {"train": rows[:2], "test": rows[2:]}
    made = datasets.DatasetDict(
        {k: datasets.Dataset.from_list([{**r, "concepts": r.get("concepts")} for r in v]) for k, v in parts.items()}
    )
    made.save_to_disk(str(tmp_path / "d"))
    assert [r.values["id"] for r in scan(tmp_path / "d")] == ["p1", "007", "p3"]


@pytest.mark.parametrize(
    ("row", "to", "message"),
    [
        ({"messages": CHAT["messages"]}, "instruction", "no field for the weight of a message"),
        ({"messages": CHAT["messages"][:2]}, "trl-prompt-completion", "no message is the assistant's"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "openai-chat", "messages.0.role"),
        ({"messages": [{"role": "user", "content": "x", "names": "y"}]}, "openai-chat", "unknown key 'messages.0.names'"),
        ({"messages": [{"role": "user", "content": 3}]}, "openai-chat", "messages.0.content"),
        ({"messages": [{"role": "assistant", "content": "x", "weight": 2}]}, "openai-chat", "messages.0.weight"),
        ({"messages": []}, "openai-chat", "messages"),
        ({**PREFERENCE, "preferred_output": PREFERENCE["non_preferred_output"]}, "openai-preference", "are the same"),
        ({**PREFERENCE, "input": "x"}, "openai-preference", "input is not an object"),
        ({**PREFERENCE, "tools": []}, "openai-preference", "unknown key 'tools'"),
        (PREFERENCE, "pairs", "not a JSON object with the key 'standard'"),
        ({**PAIRS[0].model_dump(mode="json", exclude_none=True), "tie": True}, "openai-preference", "slate s1: a tie"),
        ({"prompt": "1+1", "completion": 2}, "trl-prompt-completion", "completion is not a text"),
        ({"instruction": 1, "output": "x"}, "instruction", "instruction is not a text"),
        ({"id": "p", "text": "1+1"}, "openai-chat", "has no label"),
        ({"id": "p", "text": "1+1", "lable": "x"}, "problems", "unknown column 'lable'"),
        ({"id": "p q", "text": "1+1"}, "problems", "id = 'p q'"),
    ],
)
def test_a_row_that_does_not_fit_stops_with_its_line(tmp_path, row, to, message):
    source = tmp_path / "in.jsonl"
    source.write_text("\n\n" + json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        convert(source, tmp_path / "out.jsonl", to, ConversationSettings())
    assert f"{source}:3: " in str(caught.value)
    assert message in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl"]


def test_examples_do_not_become_preferences(tmp_path):
    with pytest.raises(ConfigError, match="one contains examples, the other preferences"):
        convert(write(tmp_path / "p.jsonl", [CHAT]), tmp_path / "o.jsonl", "pairs", ConversationSettings())


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.xlsx", "a\rb", "cannot store"),
        ("x.xlsx", "_x000D_", "cannot store"),
        ("x.xlsx", "가" * 32_768, "32,767"),
        ("x.csv", "", "empty text"),
    ],
)
def test_a_value_that_a_kind_of_file_would_change_is_refused(tmp_path, name, text, message):
    with pytest.raises(DataError, match=message):
        write_rows_to(tmp_path / name, [{"id": "p", "text": text}])
    assert list(tmp_path.iterdir()) == []


def test_lines_of_every_kind_of_row_are_right(tmp_path):
    (tmp_path / "a.csv").write_bytes('\ufeffid,text\r\n\r\np1,"두\r\n줄"\r\np2,b\r\np3,c,d\r\np4,e\r\n'.encode())
    assert list(scan(tmp_path / "a.csv")) == [
        Row(3, {"id": "p1", "text": "두\n줄"}),
        Row(5, {"id": "p2", "text": "b"}),
        Fault(6, "ragged-row", "3 cells in a table of 2 columns", (3, 2)),
        Row(7, {"id": "p4", "text": "e"}),
    ]
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{\n\t"1": {"text": "a"},\n\n "2": {"id": "z",\n "text": "b"}, "3": 5\n}')
    assert list(scan(tmp_path / "a.json")) == [
        Row(2, {"id": "1", "text": "a"}),
        Row(4, {"id": "z", "text": "b"}),
        Fault(5, "not-object", "a int, not a JSON object", ("int",)),
    ]
    (tmp_path / "b.json").write_text('[{"text": "a"},\n{"text": "b"}]')
    assert [r.line for r in scan(tmp_path / "b.json")] == [1, 2]


def test_columns_may_have_common_or_given_names(tmp_path):
    rows = [{"번호": 7, "문제": "1+1", "성취기준": "[2수01-05]", "개념": "덧셈|합"}, {"번호": 8, "question": "1+2"}]
    found = list(read_problems_of(write(tmp_path / "a.jsonl", rows)))
    assert found[0] == Problem(id="7", text="1+1", label="[2수01-05]", concepts=("덧셈", "합"))
    found = list(read_problems_of(write(tmp_path / "b.jsonl", [{"nr": "a", "q": "1+1"}]), read_options("id=nr, text=q")))
    assert found == [Problem(id="a", text="1+1")]
    with pytest.raises(ConfigError, match="not KEY=COLUMN"):
        parse_columns("txt=q")


def test_unknown_endings_and_missing_files_are_refused(tmp_path):
    (tmp_path / "a.docx").write_text("x")
    for path, message in ((tmp_path / "a.docx", "no reader"), (tmp_path / "b.csv", "no such file")):
        with pytest.raises(DataError, match=message):
            scan(path)
    with pytest.raises(DataError, match="no writer"):
        write_rows_to(tmp_path / "a.xls", [{"id": "p"}])
