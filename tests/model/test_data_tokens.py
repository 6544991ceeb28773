"""prefopt data check with a real tokenizer: row lengths, a project's own files, sizes and costs of a checkpoint."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.data.checks.check_files import check_data
from prefopt.data.checks.check_types import Entry, Part
from prefopt.data.checks.token_lengths import open_lengths
from prefopt.data.checks.training_cost import model_size
from prefopt.data.formats.row_writer import write_rows_to
from prefopt.model.load import load_base
from prefopt.model.tiny import checkpoint_path
from prefopt.readers.problem_rows import row_of
from prefopt.records import Answer, Problem
from prefopt.taxonomy import builtin_taxonomy
from tests.command_line import CommandLine

LONG = "가나다라 마바사아 자차카타 파하 " * 200


@pytest.fixture(scope="module")
def lengths():
    return open_lengths(checkpoint_path(), PromptSettings(max_tokens=512), AnswerSettings(), builtin_taxonomy())


@pytest.fixture
def prefopt(tmp_path, monkeypatch, capsys):
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize(
    "change", [{"text": LONG}, {"reason": "가" * 8001}, {"text": "가" * 20_001}], ids=["long text", "endless reason", "endless text"]
)
def test_a_row_that_exceeds_the_context_is_found(tmp_path, lengths, change):
    rows = [row_of(p) for p in generate(4, 1, ["[2수01-06]"])]
    write_rows_to(tmp_path / "gold.jsonl", [*rows[:2], {**rows[2], **change}, rows[3]])
    findings = check_data([Part(tmp_path / "gold.jsonl", labeled=True)], builtin_taxonomy(), lengths=lengths).findings
    (finding,) = [f for f in findings if f.kind == "too-long-for-context"]
    assert finding.line == 3
    assert finding.detail.ko.startswith("문항 ")


def test_a_pool_problem_that_leaves_no_room_for_an_answer_is_found(tmp_path, lengths):
    write_rows_to(tmp_path / "pool.jsonl", [{"id": "p1", "text": "3 + 4는 얼마입니까?"}, {"id": "p2", "text": LONG}])
    (finding,) = check_data([Part(tmp_path / "pool.jsonl", "pool", labeled=False)], builtin_taxonomy(), lengths=lengths).findings
    assert (finding.kind, finding.line) == ("too-long-for-context", 2)
    assert re.search(r"답을 쓸 자리가 없음", finding.detail.ko)


def test_a_project_is_checked_as_a_page_and_as_json(tmp_path, prefopt):
    prefopt("init", "p", "--example")
    folder = tmp_path / "p"
    page = prefopt("data", "check", "--cost", "--hourly", "2", folder=folder)
    assert "고쳐야 할 것 0건" in page
    assert "data/pool.jsonl:" in page
    assert "H100 80 GB" in page
    english = prefopt("data", "check", "--page", "en", folder=folder)
    assert "0 errors to fix" in english
    found = json.loads(prefopt("data", "check", "--json", folder=folder))
    assert found["errors"] == 0
    assert [f["role"] for f in found["files"]] == ["gold", "pool"]
    gold = folder / "data" / "gold.jsonl"
    gold.write_text(gold.read_text(encoding="utf-8").replace('"text":"', '"text":"010-1234-5678 ', 1), encoding="utf-8")
    assert "[phone]" in prefopt("data", "check", code=1, folder=folder)


def test_token_counts_are_those_of_the_rendering():
    taxonomy = builtin_taxonomy()
    lengths = open_lengths(checkpoint_path(), PromptSettings(max_tokens=64), AnswerSettings(), taxonomy)
    for p in generate(1, 3, taxonomy.ids[:30:5]):
        entry = Entry(0, 1, p.id, p.text, p.label, p.reason, p.level, p.difficulty, p.concepts, p.family)
        facts: dict = {}
        (finding,) = lengths.findings([entry], [Part(Path("g.jsonl"))], facts)
        prompt = len(lengths.renderer.prompt(p, with_reason=True))
        answer = Answer(label=p.label, level=p.level, difficulty=p.difficulty, concepts=p.concepts, reason=p.reason)
        completion = len(lengths.renderer.completion(answer, with_reason=True))
        assert f"{prompt} tokens of prompt and {completion} of answer" in finding.detail.en
        assert facts["tokens"]["longest"] == prompt + completion
    assert (
        lengths.renderer.prompt(Problem(id="x", text="<|end|>"), with_reason=True).count(lengths.renderer.end_id) == 3
    )  # of system, developer and user; not of the text


def test_estimated_sizes_are_those_of_the_loaded_checkpoint():
    from prefopt.model.adapters import fresh_adapter

    size = model_size(checkpoint_path(), AdapterSettings())
    base = load_base(ModelSettings())
    assert size.expert_bytes == base.bytes_by_dtype["mxfp4"]
    model = fresh_adapter(base, AdapterSettings(), seed=0)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert size.lora == trained
