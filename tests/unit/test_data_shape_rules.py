"""Rows of every shape that are accepted or refused, each rule by itself; what is written obeys the provider's rules."""

from __future__ import annotations

import json

import pytest

from prefopt.data.formats import shapes
from prefopt.data.formats.answers import AnswerForm, meaning, text_answer
from prefopt.data.formats.convert_file import ConversationSettings, convert
from prefopt.data.formats.messages import Conversation
from prefopt.data.formats.shape_faults import ShapeError
from prefopt.errors import DataError
from prefopt.records import Answer, Judged, Pair, Problem
from tests.unit.provider_rules import chat_faults, preference_faults, trl_faults

Q = "3 + 4는 얼마입니까?"
A, B = '{"standard":"[2수01-05]"}', '{"standard":"[2수01-06]"}'
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

ANSWERED = {"role": "tool", "content": "1"}
LIMITS = ("no field for", "this shape takes", "has no role", "unknown key 'thinking'")
"""Words of refusals of what a shape has no place for."""


def user(content=Q, **more):
    return {"role": "user", "content": content, **more}


def said(content=A, **more):
    return {"role": "assistant", "content": content, **more}


def chat(*messages, **more):
    return {"messages": list(messages), **more}


def preference(prompt=None, preferred=None, rejected=None, **more):
    return {
        "input": {"messages": [user()] if prompt is None else prompt, **more},
        "preferred_output": [said()] if preferred is None else preferred,
        "non_preferred_output": [said(B)] if rejected is None else rejected,
    }


def turns(*pairs):
    return [{"from": who, "value": what} for who, what in pairs]


ACCEPTED = {
    "chat": ("openai-chat", chat(user(), said())),
    "chat with system": ("openai-chat", chat({"role": "system", "content": "분류한다."}, user(), said())),
    "chat with developer": ("openai-chat", chat({"role": "developer", "content": "분류한다."}, user(), said())),
    "chat with parts": ("openai-chat", chat(user([{"type": "text", "text": "3 + 4는"}, {"type": "text", "text": "얼마?"}]), said())),
    "answer in parts": ("openai-chat", chat(user(), said([{"type": "text", "text": A}]))),
    "chat with name": ("openai-chat", chat(user(name="kim"), said(name="model"))),
    "chat with weights": ("openai-chat", chat(user(), said(weight=0), user(), said(weight=1))),
    "chat with empty tools": ("openai-chat", chat(user(), said(), tools=[], functions=[], parallel_tool_calls=True)),
    "chat with our metadata": ("openai-chat", chat(user(), said(), metadata={"id": "p1"})),
    "chat with nulls of a table": ("openai-chat", chat(user(weight=None, name=None, tool_calls=None), said(), tools=None)),
    "several turns": ("openai-chat", chat(user(), said(), user("다시"), said(B))),
    "answer in a fence": ("openai-chat", chat(user(), said(f"```json\n{A}\n```"))),
    "label alone": ("openai-chat", chat(user(), said("[2수01-05]"))),
    "preference": ("openai-preference", preference()),
    "preference with turns": ("openai-preference", preference([user(), said(), user("다시")])),
    "preference with empty tools": ("openai-preference", preference(tools=[], parallel_tool_calls=True)),
    "sharegpt": ("sharegpt", {"conversations": turns(("human", Q), ("gpt", A))}),
    "sharegpt with system": ("sharegpt", {"conversations": turns(("system", "분류한다."), ("human", Q), ("gpt", A))}),
    "sharegpt with a system of its own": ("sharegpt", {"system": "분류한다.", "conversations": turns(("human", Q), ("gpt", A))}),
    "sharegpt with roles": ("sharegpt", {"conversations": [user(), said()]}),
    "sharegpt preference": (
        "sharegpt-preference",
        {"conversations": turns(("human", Q)), "chosen": turns(("gpt", A))[0], "rejected": turns(("gpt", B))[0]},
    ),
    "instruction": ("instruction", {"instruction": "분류한다.", "input": Q, "output": A}),
    "instruction without input": ("instruction", {"instruction": Q, "input": "", "output": A}),
    "instruction with empty keys": ("instruction", {"instruction": Q, "input": "", "output": A, "system": "", "history": []}),
    "instruction with system": ("instruction", {"instruction": Q, "output": A, "system": "분류한다.", "history": [[Q, B]]}),
    "instruction preference": ("instruction-preference", {"instruction": Q, "chosen": A, "rejected": B}),
    "messages with thinking": ("trl-messages", chat(user(), said(thinking="더한다."))),
    "prompt and completion": ("trl-prompt-completion", {"prompt": [user()], "completion": [said()]}),
    "prompt and completion as texts": ("trl-prompt-completion", {"prompt": Q, "completion": f" {A}"}),
    "trl preference": ("trl-preference", {"prompt": [user()], "chosen": [said()], "rejected": [said(B)]}),
    "trl preference as texts": ("trl-preference", {"prompt": Q, "chosen": A, "rejected": B}),
    "implicit prompt": ("trl-preference", {"chosen": [user(), said()], "rejected": [user(), said(B)]}),
    "ultrafeedback": (
        "trl-preference",
        {"prompt": Q, "prompt_id": "x", "chosen": [user(), said()], "rejected": [user(), said(B)], "messages": [user(), said()],
         "score_chosen": 8.5, "score_rejected": 7.0},
    ),
    "prompt as a text beside answers": ("trl-preference", {"prompt": Q, "chosen": [said()], "rejected": [said(B)]}),
    "unpaired": ("trl-unpaired-preference", {"prompt": [user()], "completion": [said()], "label": False}),
    "unpaired as texts": ("trl-unpaired-preference", {"prompt": Q, "completion": A, "label": True}),
}  # fmt: skip
REFUSED = {
    "no messages": ({"messages": []}, "chat-empty"),
    "messages as a text": ({"messages": "x"}, "type-wrong"),
    "a message as a text": ({"messages": ["x"]}, "type-wrong"),
    "unknown role": (chat({"role": "bot", "content": Q}, said()), "chat-role"),
    "role of another type": (chat({"role": 3, "content": Q}, said()), "chat-role"),
    "no role": (chat({"content": Q}, said()), "key-missing"),
    "unknown key of a message": (chat(user(names="x"), said()), "key-unknown"),
    "unknown key of a row": (chat(user(), said(), idx=3), "key-unknown"),
    "empty content": (chat(user(), said("")), "chat-empty"),
    "blank content": (chat(user(" \n"), said()), "chat-empty"),
    "no content": (chat(user(), {"role": "assistant"}), "chat-empty"),
    "no parts": (chat(user([]), said()), "chat-empty"),
    "a number as content": (chat(user(3), said()), "type-wrong"),
    "a picture": (chat(user([{"type": "image_url", "image_url": {"url": "x"}}]), said()), "chat-part"),
    "sound": (chat(user([{"type": "input_audio", "input_audio": {}}]), said()), "chat-part"),
    "a part without text": (chat(user([{"type": "text"}]), said()), "type-wrong"),
    "a part that is a text": (chat(user([Q]), said()), "type-wrong"),
    "no answer": (chat(user()), "chat-no-answer"),
    "user last": (chat(user(), said(), user()), "chat-no-answer"),
    "nothing trained": (chat(user(), said(weight=0)), "chat-no-answer"),
    "no question": (chat({"role": "system", "content": "x"}, said()), "chat-no-question"),
    "weight 2": (chat(user(), said(weight=2)), "chat-weight"),
    "weight true": (chat(user(), said(weight=True)), "chat-weight"),
    "weight as text": (chat(user(), said(weight="1")), "chat-weight"),
    "weight of the user": (chat(user(weight=1), said()), "chat-weight"),
    "weight of the user as text": (chat(user(weight="x"), said()), "chat-weight"),
    "name of no characters": (chat(user(name=""), said()), "type-wrong"),
    "name as number": (chat(user(name=3), said()), "type-wrong"),
    "tools": (chat(user(), said(), tools=[{"type": "function", "function": {"name": "f"}}]), "chat-tools"),
    "functions": (chat(user(), said(), functions=[{"name": "f"}]), "chat-tools"),
    "a call": (chat(user(), {"role": "assistant", "tool_calls": [CALL]}, {**ANSWERED, "tool_call_id": "c1"}, said()), "chat-tools"),
    "a malformed call": (chat(user(), {"role": "assistant", "tool_calls": [{"id": "c1"}]}, said()), "chat-tool-call"),
    "an answer to no call": (chat(user(), {**ANSWERED, "tool_call_id": "c9"}, said()), "chat-tool-call"),
    "parallel calls as text": (chat(user(), said(), parallel_tool_calls="yes"), "type-wrong"),
    "metadata as text": (chat(user(), said(), metadata="x"), "type-wrong"),
    "preferred by the user": (preference(preferred=[user()]), "preference-output"),
    "two preferred": (preference(preferred=[said(), said()]), "preference-output"),
    "two rejected": (preference(rejected=[said(), said(B)]), "preference-output"),
    "no preferred": (preference(preferred=[]), "chat-empty"),
    "empty rejected": (preference(rejected=[said("")]), "chat-empty"),
    "prompt without user": (preference([{"role": "system", "content": "x"}]), "chat-no-question"),
    "prompt that ends with an answer": (preference([user(), said()]), "preference-prompt"),
    "prompt of no messages": (preference([]), "chat-empty"),
    "no input": ({key: value for key, value in preference().items() if key != "input"}, "key-missing"),
    "input as text": (preference() | {"input": Q}, "type-wrong"),
    "input without messages": (preference() | {"input": {}}, "key-missing"),
    "equal answers": (preference(rejected=[said()]), "preference-equal"),
    "equal but for spaces": (preference(rejected=[said('{"standard":"[2수01-05]" }')]), "preference-equal"),
    "equal but for the fence": (preference(rejected=[said(f"```json\n{A}\n```")]), "preference-equal"),
    "equal but for dashes": (preference(rejected=[said('{"standard":"［2수01－05］"}')]), "preference-equal"),
    "label alone equal to JSON": (preference(rejected=[said("[2수01-05]")]), "preference-equal"),
    "equal but for empty values": (preference(rejected=[said('{"standard":"[2수01-05]","level":null}')]), "preference-equal"),
    "weight of a preference": (preference(preferred=[said(weight=1)]), "chat-weight"),
    "tools of a preference": (preference(tools=[{"type": "function"}]), "chat-tools"),
    "tools beside input": (preference() | {"tools": []}, "key-unknown"),
    "sharegpt with a strange role": ({"conversations": turns(("bot", Q), ("gpt", A))}, "chat-role"),
    "sharegpt that ends with the person": ({"conversations": turns(("human", Q))}, "chat-no-answer"),
    "sharegpt without value": ({"conversations": [{"from": "human"}, *turns(("gpt", A))]}, "chat-empty"),
    "sharegpt as text": ({"conversations": "x"}, "type-wrong"),
    "sharegpt with tools": ({"conversations": turns(("human", Q), ("gpt", A)), "tools": "[x]"}, "chat-tools"),
    "history as text": ({"instruction": Q, "output": A, "history": "x"}, "type-wrong"),
    "empty output": ({"instruction": Q, "output": ""}, "chat-empty"),
    "instruction of a number": ({"instruction": 1, "output": A}, "type-wrong"),
    "texts beside messages": ({"prompt": Q, "completion": [said()]}, "type-wrong"),
    "completion of the user": ({"prompt": [user()], "completion": [user()]}, "chat-no-answer"),
    "completion as number": ({"prompt": Q, "completion": 3}, "type-wrong"),
    "texts without prompt": ({"chosen": f"{Q} {A}", "rejected": f"{Q} {B}"}, "preference-prompt"),
    "nothing in common": ({"chosen": [user("1"), said()], "rejected": [user("2"), said(B)]}, "preference-prompt"),
    "another prompt": ({"prompt": "다른 글", "chosen": [user(), said()], "rejected": [user(), said(B)]}, "preference-prompt"),
    "chosen without rejected": ({"prompt": Q, "chosen": A}, "key-missing"),
    "several messages after the prompt": (
        {"chosen": [user(), said(), user(), said()], "rejected": [user(), said(B), user(), said(B)]}, "preference-output",
    ),
    "label as text": ({"prompt": Q, "completion": A, "label": "good"}, "type-wrong"),
    "label as number": ({"prompt": Q, "completion": A, "label": 1}, "type-wrong"),
    "text of a template": ({"text": "<|im_start|>user\nx<|im_end|>"}, "shape-unread"),
    "prompt alone": ({"prompt": Q}, "shape-unread"),
    "steps": ({"prompt": Q, "completions": ["a"], "labels": [True]}, "shape-unread"),
}  # fmt: skip


def read(row):
    faults = []
    return shapes.read(row, shapes.shape_of(row), faults, "standard"), [fault.kind for fault in faults]


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_good_row_is_recognized_and_read(name):
    shape, row = ACCEPTED[name]
    assert shapes.shape_of(row) == shape
    found, faults = read(row)
    assert faults == []
    messages = found.messages[:-1] if isinstance(found, Conversation) else found.prompt
    assert any(m.role == "user" and m.content.startswith("3 + 4는") for m in messages)


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_row_is_refused_by_its_rule(name):
    row, kind = REFUSED[name]
    assert kind in read(row)[1]
    assert shapes.shape_of(row) != "problems"


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_good_row_is_written_by_the_rules_of_every_provider(tmp_path, name):
    shape, row = ACCEPTED[name]
    (tmp_path / "in.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    family = next(f for f in (shapes.CONVERSATIONS, shapes.COMPARISONS, shapes.JUDGED) if shape in f)
    rules = {"openai-chat": chat_faults, "openai-preference": preference_faults}
    for to in family:
        if to == "judged":
            continue
        try:
            convert(tmp_path / "in.jsonl", tmp_path / "out.jsonl", to, ConversationSettings(metadata=False))
        except DataError as error:
            refused = str(error)
            written = None
        else:
            refused = ""
            written = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
        assert written is not None or any(limit in refused for limit in LIMITS)
        if written is not None and to in rules:
            assert rules[to](written) == []
        elif written is not None and to.startswith("trl-"):
            assert trl_faults(written) == []


@pytest.mark.parametrize("name", [n for n, (row, _) in REFUSED.items() if shapes.shape_of(row).startswith("openai-")])
def test_a_bad_row_of_the_provider_is_never_written(tmp_path, name):
    row, _ = REFUSED[name]
    (tmp_path / "in.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    for to in (*shapes.CONVERSATIONS, *shapes.COMPARISONS):
        with pytest.raises(Exception, match=r"in\.jsonl:1: |cannot be converted"):
            convert(tmp_path / "in.jsonl", tmp_path / "out.jsonl", to, ConversationSettings(), shapes.shape_of(row))
    assert not (tmp_path / "out.jsonl").exists()


PROBLEM = Problem(id="p1", text=Q, label="[2수01-05]")
EQUAL = Pair(
    problem=PROBLEM, chosen=Answer(label="[2수01-05]"), rejected=Answer(label="[2수01-05]"), weight=1.0, slate_id="s1", origin="votes"
)


@pytest.mark.parametrize("to", ["pairs", "openai-preference", "trl-preference", "sharegpt-preference", "instruction-preference"])
def test_a_pair_of_equal_answers_is_never_written(tmp_path, to):
    (tmp_path / "p.jsonl").write_text(EQUAL.model_dump_json(exclude_none=True) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="the preferred and the rejected answer are the same"):
        convert(tmp_path / "p.jsonl", tmp_path / "o.jsonl", to, ConversationSettings())


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (A, "[2수01-05]"),
        (f" \n{A}\n", "[2수01-05]"),
        (f"```json\n{A}\n```", "[2수01-05]"),
        (f"```\n{A}```", "[2수01-05]"),
        ("[2수01-05]", "[2수01-05]"),
        ("2수01-05", "2수01-05"),
        ('"[2수01-05]"', "[2수01-05]"),
        ("```\n[2수01-05]\n```", "[2수01-05]"),
    ],
)
def test_answers_are_read_as_people_write_them(text, label):
    assert text_answer(text, AnswerForm()) == Answer(label=label)


@pytest.mark.parametrize(
    "text", ["일곱", "[2수01-05]이다.", "3", "", '{"standard":"a","standard":"b"}', "[2수01-05]\n[2수01-06]", "[]", "null"]
)
def test_any_other_text_is_no_answer(text):
    with pytest.raises(ShapeError, match="not a JSON object with the key 'standard', and no label"):
        text_answer(text, AnswerForm())


def test_the_key_that_the_answer_has_is_named_and_can_be_given():
    with pytest.raises(ShapeError, match="no key 'standard'; its keys are 'label', 'level'") as caught:
        text_answer('{"label":"[2수01-05]","level":"B"}', AnswerForm())
    assert caught.value.fault.hint == "--label-key label"
    assert text_answer('{"label":"[2수01-05]","level":"B"}', AnswerForm("label")) == Answer(label="[2수01-05]", level="B")


def test_other_keys_of_an_answer_may_have_the_names_of_columns():
    assert text_answer('{"standard":"[2수01-05]","근거":"더한다.","난이도":2}', AnswerForm()) == Answer(
        label="[2수01-05]", reason="더한다.", difficulty=2
    )
    with pytest.raises(ShapeError, match="the answer: unknown key 'color'"):
        text_answer('{"standard":"[2수01-05]","color":"red"}', AnswerForm())


def test_answers_that_differ_have_different_meanings():
    texts = [A, B, '{"standard":"[2수01-05]","level":"A"}', '{"standard":"[2수01-05]","reason":"x"}', "일곱", '{"label":"[2수01-05]"}']
    assert len({meaning(text, "standard") for text in texts}) == len(texts)


def test_judged_answers_come_back_exactly(tmp_path):
    rows = [
        Judged(problem=PROBLEM, answer=Answer(label=label), desirable=good, weight=0.5, slate_id="s1", origin="tie")
        for label, good in (("[2수01-05]", True), ("[2수01-06]", False))
    ]
    (tmp_path / "j.jsonl").write_text("".join(r.model_dump_json(exclude_none=True) + "\n" for r in rows), encoding="utf-8")
    for name in ("t.jsonl", "t.csv", "t.parquet"):
        assert convert(tmp_path / "j.jsonl", tmp_path / name, "trl-unpaired-preference", ConversationSettings()) == (2, "judged")
        assert convert(tmp_path / name, tmp_path / "b.jsonl", "judged", ConversationSettings()) == (2, "trl-unpaired-preference")
        assert [Judged.model_validate_json(line) for line in (tmp_path / "b.jsonl").read_text(encoding="utf-8").splitlines()] == rows
