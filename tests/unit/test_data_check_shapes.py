"""prefopt data check on conversations, preferences and judged answers: every fault with its kind and line, and leaks by the question."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from prefopt.data.checks.check_files import Rules, check_data
from prefopt.data.checks.check_types import Part
from prefopt.data.checks.finding_kinds import KINDS
from prefopt.data.formats import shapes
from prefopt.data.formats.convert_file import ConversationSettings, convert
from prefopt.records import Answer, Judged, Pair, Problem
from prefopt.taxonomy import builtin_taxonomy
from prefopt.texts.same_text import canonical
from tests.command_line import CommandLine
from tests.unit.test_data_shape_rules import ACCEPTED, REFUSED, A, B, Q, chat, preference, said, user

TAXONOMY = builtin_taxonomy()
QUESTIONS = [f"{i} + {2 * i + 1}의 값을 구하고 설명하시오." for i in range(11, 21)]


@pytest.fixture
def prefopt(tmp_path, monkeypatch, capsys):
    return CommandLine(tmp_path, monkeypatch, capsys)


def write(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def found(*parts, taxonomy=TAXONOMY, rules=None):
    return [(f.kind, f.line, f.other[1] if f.other else None) for f in check_data(parts, taxonomy, rules).findings]


def kinds(*parts, **more):
    return {kind for kind, _, _ in found(*parts, **more)}


def chats():
    return [chat(user(text), said(A)) for text in QUESTIONS]


def preferences():
    return [preference([user(text)]) for text in QUESTIONS]


@pytest.mark.parametrize(("rows", "shape"), [(chats(), "openai-chat"), (preferences(), "openai-preference")])
def test_a_good_file_has_no_finding(tmp_path, rows, shape):
    checked = check_data([Part(write(tmp_path / "a.jsonl", rows), labeled=True)], TAXONOMY)
    assert checked.findings == []
    assert checked.counts["files"][0] | {"path": ""} == {"path": "", "role": "gold", "shape": shape, "problems": 10}


@pytest.mark.parametrize(
    "shape", [shape for shape in shapes.SHAPES if shape not in ("pairs", "judged", *shapes.JUDGED, *shapes.COMPARISONS)]
)
def test_a_good_file_of_every_shape_of_examples_is_checked_alike(tmp_path, shape):
    rows = [Problem(id=f"p{i}", text=text, label="[2수01-05]").model_dump(exclude_none=True) for i, text in enumerate(QUESTIONS)]
    rows[3]["label"], rows[7]["text"] = "[2수01-99]", QUESTIONS[6]
    convert(write(tmp_path / "p.jsonl", rows), tmp_path / "x.jsonl", shape, ConversationSettings())
    part = Part(tmp_path / "x.jsonl", labeled=True)
    assert [f for f in found(part) if f[0] not in ("label-rare", "export")] == [("label-unknown", 4, None), ("duplicate", 8, 7)]


@pytest.mark.parametrize("shape", shapes.PREFERENCES)
def test_a_file_of_every_shape_of_preferences_is_checked_alike(tmp_path, shape):
    problems = [Problem(id=f"p{i}", text=text) for i, text in enumerate(QUESTIONS)]
    pairs = [
        Pair(problem=p, chosen=Answer(label="[2수01-05]"), rejected=Answer(label="[2수01-06]"), weight=1, slate_id=f"s{i}", origin="votes")
        for i, p in enumerate(problems)
    ]
    pairs[4] = pairs[4].model_copy(update={"rejected": Answer(label="[2수01-98]")})
    again, opposite = pairs[1], pairs[2].model_copy(update={"chosen": pairs[2].rejected, "rejected": pairs[2].chosen})
    other = pairs[3].model_copy(update={"rejected": Answer(label="[2수01-07]")})
    rows = [pair.model_dump(mode="json", exclude_none=True) for pair in (*pairs, again, opposite, other)]
    convert(write(tmp_path / "p.jsonl", rows), tmp_path / "x.jsonl", shape, ConversationSettings())
    assert found(Part(tmp_path / "x.jsonl", labeled=True)) == [
        ("label-unknown", 5, None), ("preference-duplicate", 11, 2), ("preference-contradiction", 12, 3),
    ]  # fmt: skip


def test_preferences_that_go_in_a_circle_over_three_rows_are_found_and_can_be_accepted(tmp_path, prefopt):
    a, b, c = (json.dumps({"standard": f"[2수01-{n}]"}) for n in ("05", "06", "07"))
    rows = [preference(preferred=[said(better)], rejected=[said(worse)]) for better, worse in ((a, b), (b, c), (c, a))]
    path = write(tmp_path / "x.jsonl", rows)
    assert ("preference-circle", 3, 1) in found(Part(path))
    assert "preference-circle" not in {f[0] for f in found(Part(write(tmp_path / "y.jsonl", rows[:2])))}
    assert "preference-circle" in prefopt("data", "check", "x.jsonl")
    assert "(preference-circle)" in prefopt("data", "convert", "x.jsonl", "p.jsonl", "--to", "pairs") + prefopt.errors


@pytest.mark.parametrize("shape", [*shapes.COMPARISONS, "pairs", "judged", "openai-chat", "sharegpt", "instruction", "trl-messages"])
@pytest.mark.parametrize("kind", [".jsonl", ".csv"])
def test_the_masked_copy_that_the_finding_names_can_be_made_of_every_shape(tmp_path, prefopt, shape, kind):
    problem, label = Problem(id="p1", text=f"{Q} 문의 010-1234-5678"), Answer(label="[2수01-05]", reason="두 수를 더하는 문제이다.")
    row: Any = problem.model_copy(update={"label": label.label})
    if shape in shapes.PREFERENCES:
        row = Pair(problem=problem, chosen=label, rejected=Answer(label="[2수01-06]"), weight=1, slate_id="s", origin="votes")
    elif shape in shapes.JUDGED:
        row = Judged(problem=problem, answer=label, desirable=True, weight=1, slate_id="s", origin="votes")
    source = write(tmp_path / "p.jsonl", [row.model_dump(mode="json", exclude_none=True)])
    convert(source, tmp_path / f"x{kind}", shape, ConversationSettings())
    page = prefopt("data", "check", f"x{kind}", code=1)
    command = re.search(r"`prefopt (data mask [^`]+)`", page)
    assert command is not None
    assert "1 of them masked" in prefopt(*command[1].split())
    assert "[phone]" not in prefopt("data", "check", f"x-new{kind}", code=None)
    assert "010-1234" not in (tmp_path / f"x-new{kind}").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [("split", "x.jsonl", "--out", "parts"), ("sft", "x.jsonl", "y.jsonl")])
def test_a_command_that_takes_problems_says_so_of_preferences(tmp_path, prefopt, command):
    write(tmp_path / "x.jsonl", [preference()])
    assert "a preference, not a problem" in prefopt("data", *command, code=1)
    write(tmp_path / "x.jsonl", [{"prompt": Q, "chosen": "가", "rejected": "나"}])
    assert "a preference, not a problem" in prefopt("data", *command, code=1)


@pytest.mark.parametrize("shape", shapes.JUDGED)
def test_judged_answers_that_contradict_each_other_are_found(tmp_path, shape):
    def judged(text, label, good):
        problem = Problem(id="p1", text=text)
        row = Judged(problem=problem, answer=Answer(label=label), desirable=good, weight=1, slate_id="s1", origin="votes")
        return row.model_dump(mode="json", exclude_none=True)

    rows = [
        judged(Q, "[2수01-05]", True),
        judged(Q, "[2수01-06]", False),
        judged(f" {Q}", "[2수01-05]", False),
        judged(Q, "[2수01-06]", False),
    ]
    convert(write(tmp_path / "j.jsonl", rows), tmp_path / "x.jsonl", shape, ConversationSettings())
    assert found(Part(tmp_path / "x.jsonl")) == [("preference-contradiction", 3, 1), ("preference-duplicate", 4, 2)]


@pytest.mark.parametrize("name", REFUSED)
def test_every_rule_of_a_format_is_a_finding_with_its_line(tmp_path, name):
    row, kind = REFUSED[name]
    assert (kind, 2, None) in found(Part(write(tmp_path / "a.jsonl", [chats()[0], row])))


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_row_that_is_accepted_has_no_error(tmp_path, name):
    errors = [f for f in check_data([Part(write(tmp_path / "a.jsonl", [ACCEPTED[name][1]]))], TAXONOMY).findings if f.severity == "error"]
    assert errors == []


def test_every_fault_of_a_row_is_found():
    row = chat({"role": "bot", "content": ""}, user(name=""), said(weight=3), tools=[{}])
    faults = []
    shapes.read(row, "openai-chat", faults, "standard")
    assert [f.kind for f in faults] == ["chat-tools", "chat-role", "chat-empty", "type-wrong", "chat-weight"]


def test_one_question_with_two_answers_is_a_contradiction_also_where_no_label_is_read(tmp_path):
    rows = [
        chat(user(Q), said(A)),
        chat(user(Q.replace(" ", "  ")), said(B)),
        chat(user("12의 약수는?"), said("여섯")),
        chat(user("12의 약수는?"), said("다섯")),
    ]
    assert {f for f in found(Part(write(tmp_path / "a.jsonl", rows))) if f[0] == "contradiction"} == {
        ("contradiction", 2, 1), ("contradiction", 4, 3),
    }  # fmt: skip


def test_mixed_shapes_are_named_with_both_lines(tmp_path):
    rows = [chats()[0], preferences()[1], chats()[2], {"id": "p9", "text": QUESTIONS[9], "label": "[2수01-05]"}]
    assert [f for f in found(Part(write(tmp_path / "a.jsonl", rows))) if f[0] == "shape-mixed"] == [
        ("shape-mixed", 2, 1),
        ("shape-mixed", 4, 1),
    ]


@pytest.mark.parametrize("rows", [chats(), preferences()])
def test_a_question_of_the_holdout_is_a_leak(tmp_path, rows):
    holdout = [Problem(id="h1", text=f"{QUESTIONS[4]} ", label="[2수01-05]").model_dump(exclude_none=True)]
    parts = (Part(write(tmp_path / "a.jsonl", rows)), Part(write(tmp_path / "h.jsonl", holdout), "holdout", True))
    assert "leak" in kinds(*parts)


def test_an_earlier_question_of_a_conversation_is_a_leak(tmp_path):
    holdout = [Problem(id="h1", text=QUESTIONS[4], label="[2수01-05]").model_dump(exclude_none=True)]
    rows = [chat(user(QUESTIONS[4]), said(A), user("다시 풀어 보시오."), said(B))]
    assert "leak" in kinds(Part(write(tmp_path / "a.jsonl", rows)), Part(write(tmp_path / "h.jsonl", holdout), "holdout", True))


def test_personal_data_are_found_in_every_message(tmp_path):
    rows = [
        chat({"role": "system", "content": "문의: 010-1234-5678"}, user(QUESTIONS[0]), said(A)),
        chat({"role": "system", "content": "문의: 010-1234-5678"}, user(f"{QUESTIONS[1]} kim@school.kr"), said("전화 010-9999-8888")),
    ]
    shown = [f for f in found(Part(write(tmp_path / "a.jsonl", rows))) if f[0] in ("phone", "email")]
    assert shown == [("phone", 1, None), ("email", 2, None), ("phone", 2, None)]


def test_the_key_of_the_label_can_be_given(tmp_path):
    rows = [chat(user(text), said('{"label":"[2수01-05]"}')) for text in QUESTIONS]
    part = Part(write(tmp_path / "a.jsonl", rows))
    assert kinds(part) == {"answer-unread"}
    assert kinds(part, rules=Rules(label_key="label")) == set()


def test_the_command_says_whether_a_file_is_valid(tmp_path, prefopt):
    write(tmp_path / "good.jsonl", [chat(user(text), said("일곱")) for text in QUESTIONS])
    listed = json.loads(prefopt("data", "check", "good.jsonl", "--as", "openai-chat", "--json"))
    assert listed["errors"] == 0
    assert listed["files"][0]["shape"] == "openai-chat"
    assert "good.jsonl: openai-chat의 행입니다." in prefopt("data", "check", "good.jsonl")
    write(tmp_path / "bad.jsonl", [preference(preferred=[user()])])
    assert "답이 assistant의 메시지 하나가 아닙니다" in prefopt("data", "check", "bad.jsonl", "--as", "openai-preference", code=1)
    assert "key-missing" in prefopt("data", "check", "good.jsonl", "--as", "openai-preference", code=1)
    assert "not one of" in prefopt("data", "check", "good.jsonl", "--as", "openai", code=1)
    printed = prefopt("data", "check", "--as", "openai-chat", code=1)
    assert "prefopt data check FILE --as openai-chat" in printed


def test_the_hint_to_give_the_key_of_the_label_works(tmp_path, prefopt):
    write(tmp_path / "a.jsonl", [chat(user(text), said('{"class":"[2수01-05]"}')) for text in QUESTIONS])
    printed = prefopt("data", "convert", "a.jsonl", "p.jsonl", "--to", "problems", code=1)
    assert "a.jsonl:1: the answer has no key 'standard'; its keys are 'class'" in printed
    option = printed.rsplit("→ ", 1)[1].split()
    assert "10 rows" in prefopt("data", "convert", "a.jsonl", "p.jsonl", "--to", "problems", *option)


@pytest.mark.parametrize("words", [("split", "a.jsonl", "--out", "parts"), ("sft", "a.jsonl", "s.jsonl")])
def test_commands_for_problems_say_how_conversations_become_problems(tmp_path, prefopt, words):
    write(tmp_path / "a.jsonl", chats())
    printed = prefopt("data", *words, code=1)
    assert "a.jsonl:1: " in printed
    assert "a conversation, not a problem" in printed
    typed = printed.rsplit("→ prefopt ", 1)[1].split()
    prefopt(*typed)
    assert len((tmp_path / "NEW.jsonl").read_text(encoding="utf-8").splitlines()) == 10


def test_the_hint_to_skip_a_key_works_for_conversations(tmp_path, prefopt):
    write(tmp_path / "a.jsonl", [chat(user(text), said(A), idx=i, prompt=text) for i, text in enumerate(QUESTIONS)])
    words = ["data", "convert", "a.jsonl", "p.jsonl", "--to", "problems"]
    for key in ("idx", "prompt"):
        printed = prefopt(*words, code=1)
        assert f"unknown key '{key}'" in printed
        words = [*words[:6], *printed.rsplit("skip it: ", 1)[1].split()]
    assert "10 rows" in prefopt(*words)
    assert json.loads(prefopt("data", "check", "a.jsonl", *words[6:], "--json"))["errors"] == 0


def test_plain_labels_of_any_kind_are_read_without_a_taxonomy(tmp_path, prefopt):
    write(tmp_path / "a.jsonl", [{"prompt": text, "completion": " 크기비교"} for text in QUESTIONS])
    assert "no label of the taxonomy: '크기비교'" in prefopt("data", "convert", "a.jsonl", "p.jsonl", "--to", "problems", code=1).replace(
        "' 크", "'크"
    )
    prefopt("data", "convert", "a.jsonl", "p.jsonl", "--to", "problems", "--taxonomy", "none")
    assert json.loads((tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()[0])["label"] == "크기비교"


@pytest.mark.parametrize(
    ("rows", "to", "message"),
    [
        ([chat(user(Q), said(A)), chat(user(Q), said(B))], "problems", "with another answer: lines 1 and 2 (contradiction)"),
        ([chat(user(Q), said(A)), chat(user(f"{Q} "), said(A))], "problems", "with the same answer: lines 1 and 2 (duplicate)"),
        ([{"id": "p1", "text": Q}, {"id": "p1", "text": QUESTIONS[0]}], "argilla", "id 'p1' is already in line 1"),
        ([{"id": "p1", "text": Q, "label": "x"}, {"id": "p1", "text": QUESTIONS[0], "label": "x"}], "openai-chat", "already in line 1"),
        ([preference(), preference()], "pairs", "the same two answers: lines 1 and 2 (preference-duplicate)"),
        ([preference(), preference(preferred=[said(B)], rejected=[said(A)])], "pairs", "lines 1 and 2 (preference-contradiction)"),
        ([chats()[0], preferences()[0]], "problems", "this row is openai-preference, the first row is openai-chat"),
    ],
)
def test_rows_that_would_share_an_id_or_contradict_each_other_are_refused(tmp_path, prefopt, rows, to, message):
    write(tmp_path / "a.jsonl", rows)
    printed = prefopt("data", "convert", "a.jsonl", "b.jsonl", "--to", to, code=1)
    assert "a.jsonl:2: " in printed
    assert message in printed
    assert not (tmp_path / "b.jsonl").exists()


def test_what_a_conversion_leaves_out_and_repeats_is_said(tmp_path, prefopt):
    rows = [chat(user(Q), said(A), tools=[]), chat(user(Q), said(B)), chat(user(Q), said(A), parallel_tool_calls=False)]
    write(tmp_path / "a.jsonl", rows)
    prefopt("data", "convert", "a.jsonl", "b.jsonl", "--to", "openai-chat")
    assert "the same question with another answer (contradiction): lines 1 and 2" in prefopt.errors
    assert "the same question with the same answer (duplicate): lines 1 and 3" in prefopt.errors
    assert "left out: tools (1 rows), parallel_tool_calls (1 rows)" in prefopt.errors
    assert "3 examples; OpenAI requires at least 10" in prefopt.errors
    prefopt("data", "convert", "a.jsonl", "b.json", "--to", "openai-chat", "--bare")
    assert "OpenAI takes files that end in .jsonl" in prefopt.errors
    assert "metadata" not in prefopt.errors
    write(tmp_path / "c.jsonl", [chat(user(Q, name="kim"), said(A), metadata={"source": "x"})])
    prefopt("data", "convert", "c.jsonl", "d.jsonl", "--to", "problems")
    assert "left out: metadata.source (1 rows), name of a message (1 rows)" in prefopt.errors
    prefopt("data", "convert", "d.jsonl", "e.jsonl", "--to", "openai-chat")
    assert "metadata is not a key of OpenAI's format: --bare omits it" in prefopt.errors
    prefopt("data", "convert", "d.jsonl", "e.jsonl", "--to", "openai-chat", "--bare", "--force")
    assert "metadata" not in prefopt.errors


def test_the_help_lists_every_shape(prefopt):
    printed = prefopt("data", "convert", "--help")
    assert [shape for shape in shapes.SHAPES if shape not in "".join(printed.split())] == []


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.json", "x"])
@pytest.mark.parametrize(("rows", "shape"), [(chats(), "openai-chat"), (preferences(), "openai-preference")])
def test_every_kind_of_file_is_checked(tmp_path, name, rows, shape):
    convert(write(tmp_path / "a.jsonl", rows), tmp_path / name, shape, ConversationSettings())
    checked = check_data([Part(tmp_path / name)], TAXONOMY)
    assert checked.findings == []
    assert checked.counts["files"][0]["shape"] == shape


def test_columns_that_are_named_make_rows_problems(tmp_path, prefopt):
    write(tmp_path / "a.jsonl", [{"id": f"p{i}", "prompt": text, "completion": "[2수01-05]"} for i, text in enumerate(QUESTIONS)])
    names = ("--columns", "text=prompt,label=completion")
    assert json.loads(prefopt("data", "check", "a.jsonl", *names, "--json"))["files"][0]["shape"] == "problems"
    assert "problems → problems" in prefopt("data", "convert", "a.jsonl", "b.jsonl", "--to", "problems", *names)


def test_examples_for_sft_are_checked_with_their_reasons(tmp_path, prefopt):
    rows = [
        {"id": f"p{i}", "text": text, "label": "[2수01-05]", "reason": f"{text[:7]}처럼 두 수를 더하는 [2수01-05]의 문제이다."}
        for i, text in enumerate(QUESTIONS)
    ]
    write(tmp_path / "a.jsonl", rows)
    prefopt("data", "sft", "a.jsonl", "s.jsonl")
    listed = json.loads(prefopt("data", "check", "s.jsonl", "--json"))
    assert (listed["files"][0]["shape"], listed["with reason"], listed["errors"]) == ("trl-messages", 10, 0)
    prefopt("data", "convert", "s.jsonl", "b.jsonl", "--to", "problems")
    read = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text(encoding="utf-8").splitlines()]
    assert read == [row | {"text": canonical(row["text"])} for row in rows]  # what the model reads


def test_every_kind_of_this_family_is_planted():
    planted = {kind for _, kind in REFUSED.values()}
    here = {"shape-mixed", "answer-unread", "preference-duplicate", "preference-contradiction", "preference-circle", "examples-few"}
    family = {kind for kind in KINDS if kind.startswith(("chat-", "preference-", "shape-", "answer-unread", "examples-"))}
    assert family <= planted | here
