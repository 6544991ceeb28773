"""prefopt data, as a person types it: checks of a project, of real word problems, of generated ones; splits, conversions, masks, costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prefopt.cli.app import main
from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.data.checks.check_files import check_data
from prefopt.data.checks.entry_reader import Entry, Part
from prefopt.data.checks.token_lengths import open_lengths
from prefopt.data.checks.training_cost import Run, estimate, model_size
from prefopt.data.prepare.generate_file import draw_different, generate_file, standards_of
from prefopt.model.load import load_base
from prefopt.model.tiny import checkpoint_path
from prefopt.records import Answer, Problem
from prefopt.taxonomy import builtin_taxonomy

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "mwp-korean-2021" / "public_mwp_data.json"
ROOT = Path(__file__).resolve().parents[2]


def process(folder: Path, *words: str, code: int = 0) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-m", "prefopt", *words], cwd=folder, capture_output=True, text=True, env=environment)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout


@pytest.fixture
def prefopt(monkeypatch, capsys):
    """The command line without the start of an interpreter: what it printed, and errors where it printed nothing."""

    def run(folder: Path, *words: str, code: int = 0) -> str:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["prefopt", *words])
        ended = 0
        try:
            main()
        except SystemExit as end:
            ended = int(end.code or 0)
        printed = capsys.readouterr()
        assert ended == code, printed.out + printed.err
        return printed.out or printed.err

    return run


@pytest.mark.skipif(not REAL.exists(), reason="the word problems lie beside the repository, not in it")
def test_real_word_problems_their_duplicates_are_found(tmp_path):
    words = ("data", "check", str(REAL), "--taxonomy", "none", "--ignore", "answer,equation", "--json")
    found = json.loads(process(tmp_path, *words, code=1))
    assert found["problems"] == 3000
    assert found["problems per label"] == {"least": 375, "median": 375, "most": 375}
    rows = [line.strip() for line in REAL.read_text(encoding="utf-8-sig").splitlines()]
    text = {f["line"]: rows[f["line"] + 1] for f in found["findings"]}
    exact = [f for f in found["findings"] if f["kind"] == "duplicate" and text[f["line"]] == rows[f["other"]["line"] + 1]]
    assert len(exact) == 16  # the same text; the two others differ in spaces and sentence marks
    assert found["kinds"]["duplicate"] == 18
    assert found["kinds"]["near-duplicate"] == 30
    assert found["kinds"]["contradiction"] == 2


def test_ten_of_each_standard_and_near_misses_pass_every_check(tmp_path):
    made = generate_file(tmp_path / "g.jsonl", standards_of("all"), 10, 7, pairs=100)
    assert made["problems"] == 1810 + 200
    assert check_data([Part(tmp_path / "g.jsonl", labeled=True)], builtin_taxonomy()).findings == []


def test_what_is_generated_does_not_depend_on_the_other_standards():
    everything = {g.problem.id: g for g in draw_different(standards_of("2수,6수01"), 6, 7)}
    for g in draw_different(standards_of("6수01"), 6, 7):
        assert everything[g.problem.id] == g


def test_a_project_is_checked_in_words_and_as_json(tmp_path, prefopt):
    prefopt(tmp_path, "init", "p", "--example")
    page = prefopt(tmp_path / "p", "data", "check", "--cost", "--hourly", "2")
    assert "고쳐야 할 것 0건" in page
    assert "data/pool.jsonl:" in page
    assert "H100 80 GB" in page
    english = prefopt(tmp_path / "p", "data", "check", "--page", "en")
    assert "0 errors to mend" in english
    found = json.loads(prefopt(tmp_path / "p", "data", "check", "--json"))
    assert found["errors"] == 0
    assert [f["role"] for f in found["files"]] == ["gold", "pool"]
    gold = tmp_path / "p" / "data" / "gold.jsonl"
    gold.write_text(gold.read_text(encoding="utf-8").replace('"text":"', '"text":"010-1234-5678 ', 1), encoding="utf-8")
    assert "[phone]" in prefopt(tmp_path / "p", "data", "check", code=1)


def test_a_file_goes_through_every_command(tmp_path, prefopt):
    prefopt(tmp_path, "data", "generate", "--standards", "2수01", "--out", "g.csv", "--answers", "a.jsonl")
    assert len((tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()) == 110
    assert json.loads(prefopt(tmp_path, "data", "check", "g.csv", "--json"))["problems"] == 110
    counts = json.loads(prefopt(tmp_path, "data", "split", "g.csv", "--out", "parts", "--json"))
    assert counts["train"] + counts["validation"] + counts["test"] == 110
    assert 66 <= counts["train"] <= 88
    prefopt(tmp_path, "data", "convert", "parts/train.jsonl", "chat.jsonl", "--to", "openai-chat", "--bare")
    assert list(json.loads((tmp_path / "chat.jsonl").open(encoding="utf-8").readline())) == ["messages"]
    assert "0 of them masked" in prefopt(tmp_path, "data", "mask", "g.csv", "m.csv")
    assert (tmp_path / "m.csv").read_bytes() == (tmp_path / "g.csv").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check",), "no files are given and there is no project here"),
        (("check", "x.jsonl", "--language", "kr"), "not one of ko, en, ja, any"),
        (("convert", "x.jsonl", "y.jsonl", "--to", "chatml"), "no shape is called 'chatml'"),
        (("split", "x.jsonl", "--out", "o", "--shares", "70/20"), "add up to 100"),
        (("generate", "--standards", "7수", "--out", "o.jsonl"), "begins no standard"),
        (("generate", "--per-standard", "5000", "--out", "o.jsonl", "--standards", "4수03-12"), "has only"),
        (("mask", "x.jsonl", "./x.jsonl"), "would replace the file itself"),
        (("taxonomy", "--builtin", "ko"), "not one of ko_math_2022"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(tmp_path, prefopt, words, message):
    (tmp_path / "x.jsonl").write_text('{"id": "a", "text": "3 + 4는 얼마입니까?"}\n', encoding="utf-8")
    said = prefopt(tmp_path, "data", *words, code=1)
    assert message in said
    assert "Traceback" not in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.jsonl"]


def test_tokens_are_those_of_the_rendering():
    taxonomy = builtin_taxonomy()
    lengths = open_lengths(checkpoint_path(), PromptSettings(max_tokens=64), AnswerSettings(), taxonomy)
    for p in generate(1, 3, taxonomy.ids[:30:5]):
        entry = Entry(0, 1, p.id, p.text, p.label, p.reason, p.level, p.difficulty, p.concepts, p.family)
        facts: dict = {}
        (finding,) = lengths.findings([entry], [Part(Path("g.jsonl"))], facts)
        prompt = len(lengths.renderer.prompt(p, with_reason=True))
        answer = Answer(label=p.label, level=p.level, difficulty=p.difficulty, concepts=p.concepts, reason=p.reason)
        completion = len(lengths.renderer.completion(answer, with_reason=True))
        assert f"{prompt} tokens of prompt and {completion} of answer" in finding.detail
        assert facts["tokens"]["longest"] == prompt + completion
    assert (
        lengths.renderer.prompt(Problem(id="x", text="<|end|>"), with_reason=True).count(lengths.renderer.end_id) == 3
    )  # of system, developer and user; not of the text


def test_sizes_are_those_of_the_checkpoint():
    from prefopt.model.adapters import fresh_adapter

    size = model_size(checkpoint_path(), AdapterSettings())
    base = load_base(ModelSettings())
    assert size.expert_bytes == base.bytes_by_dtype["mxfp4"]
    model = fresh_adapter(base, AdapterSettings(), seed=0)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert size.lora == trained


def test_the_cost_is_the_arithmetic_that_it_says():
    size = model_size(checkpoint_path(), AdapterSettings())
    found = estimate(Run(rows=100, epochs=3, rows_per_step=16, tokens=10_000), size, hourly=2.0, per_million=5.0)
    assert found["steps"] == 19
    assert found["trained tokens"] == 30_000
    h100 = next(m for m in found["machines"] if m["machine"].startswith("H100"))
    fast = 6 * size.active * 30_000 / (989e12 * 0.35) / 3600
    assert h100["hours"][0] == pytest.approx(fast, abs=1e-6)
    assert h100["weights fit"]
    assert found["price by tokens"] == 0.15
