"""prefopt data sft: examples with reasons, effort and language, rendered by the tiny model's tokenizer and by TRL's template."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from prefopt.data.formats.convert_file import ConversationSettings, convert
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.readers.problem_rows import row_of
from prefopt.records import Problem
from prefopt.texts.same_text import canonical
from tests.command_line import CommandLine

PROBLEMS = [
    Problem(
        id=f"p{i}",
        text=f"바구니에 귤 {23 + 3 * i}개가 있었는데 {14 + 2 * i}개를 더 넣었습니다. 귤은 모두 몇 개인지 구하시오.",
        label="[2수01-06]",
        reason="두 자리 수의 덧셈이다. 두 자리 수의 덧셈과 뺄셈에 해당한다.",
    )
    for i in range(12)
]


@pytest.fixture
def source(tmp_path):
    write_rows_to(tmp_path / "gold.jsonl", map(row_of, PROBLEMS))
    return tmp_path / "gold.jsonl"


@pytest.fixture
def prefopt(tmp_path, monkeypatch, capsys):
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("form", ["messages", "text", "ids"])
def test_examples_have_the_given_effort_and_language(source, prefopt, tmp_path, form):
    result = json.loads(prefopt("data", "sft", "gold.jsonl", "x.jsonl", "--to", form, "--effort", "high", "--language", "ko", "--json"))
    assert (result["examples"], result["refused"], result["effort"], result["language"]) == (12, {}, "high", "ko")
    row = json.loads((tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()[0])
    reason, text = PROBLEMS[0].reason, canonical(PROBLEMS[0].text)
    if form == "messages":
        developer, user, assistant = row["messages"]
        assert developer["content"].endswith("Reasoning language: Korean")
        assert (user["content"], assistant["thinking"]) == (text, reason)
        assert json.loads(assistant["content"]) == {"standard": "[2수01-06]"}
        assert row["chat_template_kwargs"] == {"reasoning_effort": "high"}
    elif form == "text":
        assert "Reasoning: high" in row["prompt"]
        assert row["completion"] == (
            f'<|channel|>analysis<|message|>{reason}<|end|><|start|>assistant<|channel|>final<|message|>{{"standard":"[2수01-06]"'
        )
    else:
        assert len(row["input_ids"]) == len(row["completion_mask"]) <= result["longest"]
        assert row["completion_mask"] == sorted(row["completion_mask"])


def test_trls_template_renders_the_messages(source, prefopt, tmp_path):
    import trl
    from transformers import PreTrainedTokenizerFast

    from prefopt.model.tiny import checkpoint_path

    prefopt("data", "sft", "gold.jsonl", "x.jsonl", "--effort", "high")
    row = json.loads((tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()[0])
    template = (Path(trl.__file__).parent / "chat_templates" / "gptoss.jinja").read_text(encoding="utf-8")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(checkpoint_path())
    text = tokenizer.apply_chat_template(row["messages"], chat_template=template, tokenize=False, **row["chat_template_kwargs"])
    assert "Reasoning: high" in text
    assert f"<|start|>user<|message|>{canonical(PROBLEMS[0].text)}<|end|>" in text
    assert f"<|channel|>analysis<|message|>{PROBLEMS[0].reason}<|end|>" in text
    assert '<|channel|>final<|message|>{"standard":"[2수01-06]"}<|return|>' in text


def test_effort_and_language_default_to_the_projects_settings(source, prefopt, tmp_path):
    (tmp_path / "taxonomy.csv").write_text("code,name\n[2수01-06],두 자리 수의 덧셈과 뺄셈\n[2수01-05],다른 것\n", encoding="utf-8")
    (tmp_path / "prefopt.toml").write_text('[prompt]\neffort = "low"\nreasoning_language = "ja"\n', encoding="utf-8")
    printed = prefopt("data", "sft", "gold.jsonl", "x.jsonl", code=1)
    assert "every problem is refused: 12 language" in printed
    result = json.loads(prefopt("data", "sft", "gold.jsonl", "x.jsonl", "--language", "any", "--json"))
    assert (result["examples"], result["effort"], result["language"]) == (12, "low", None)


def test_reasons_that_do_not_support_their_label_are_refused_by_line(source, prefopt, tmp_path):
    changed = [
        PROBLEMS[0].model_copy(update={"reason": "세 자리 수의 덧셈이다. 따라서 [4수01-03]에 해당한다."}),
        PROBLEMS[1].model_copy(update={"reason": None}),
        PROBLEMS[2].model_copy(update={"reason": PROBLEMS[2].text}),
        PROBLEMS[3].model_copy(update={"reason": "바구니에 더 넣었으므로 더하면 된다."}),
        *PROBLEMS[4:],
    ]
    write_rows_to(source, map(row_of, changed))
    result = json.loads(prefopt("data", "sft", "gold.jsonl", "x.jsonl", "--refused", "no.jsonl", "--json"))
    assert result["examples"] == 8
    rows = [json.loads(line) for line in (tmp_path / "no.jsonl").read_text(encoding="utf-8").splitlines()]
    whys = ["names [4수01-03]", "no reason", "copies", "names no label"]
    assert rows == [{"line": i + 1, "id": f"p{i}", "why": why} for i, why in enumerate(whys)]


def test_a_row_that_is_too_long_stops_with_its_line(source, prefopt, tmp_path):
    (tmp_path / "taxonomy.csv").write_text("code,name\n[2수01-06],두 자리 수의 덧셈과 뺄셈\n[2수01-05],다른 것\n", encoding="utf-8")
    (tmp_path / "prefopt.toml").write_text("[prompt]\nmax_tokens = 64\n", encoding="utf-8")
    printed = prefopt("data", "sft", "gold.jsonl", "x.jsonl", code=1)
    assert re.search(r"gold\.jsonl:1: problem 'p0' has \d+ tokens; the limit is 64", printed)


def test_trl_and_datasets_read_the_written_files(tmp_path):
    import datasets
    from trl import is_conversational

    write_rows_to(tmp_path / "p.jsonl", [{"id": f"p{i}", "text": f"{i} + 4는?", "label": "[2수01-05]"} for i in range(3)])
    convert(tmp_path / "p.jsonl", tmp_path / "set", "trl-prompt-completion", ConversationSettings())
    loaded = datasets.load_from_disk(str(tmp_path / "set"))
    assert len(loaded) == 3
    assert is_conversational(loaded[0])
