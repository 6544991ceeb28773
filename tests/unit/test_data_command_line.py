"""The commands of prefopt data: checks of word problems and generated problems, splits, conversions, masks, costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prefopt.config import AdapterSettings
from prefopt.data.checks.check_files import check_data
from prefopt.data.checks.check_types import Part
from prefopt.data.checks.training_cost import Run, estimate, model_size
from prefopt.data.prepare.generate_file import draw_different, generate_file, standards_of
from prefopt.model.tiny import checkpoint_path
from prefopt.readers.options import read_options
from prefopt.taxonomy import builtin_taxonomy
from tests.command_line import CommandLine

WORD_PROBLEMS = Path(__file__).parent / "files" / "word_problems.json"
"""Twenty rows in the columns of a public set of Korean word problems: one text twice, one but for spaces, one in near words."""


@pytest.fixture
def prefopt(tmp_path, monkeypatch, capsys):
    return CommandLine(tmp_path, monkeypatch, capsys)


def test_repeats_in_a_file_of_word_problems_are_found():
    part = Part(WORD_PROBLEMS, labeled=True, reading=read_options(ignore="answer,equation"))
    checked = check_data([part], None)
    found = {(f.kind, f.line, f.other[1] if f.other else None) for f in checked.findings if f.kind != "label-rare"}
    lines = {number: 2 + 6 * (number - 1) for number in range(1, 21)}  # a row of the document takes six lines
    assert found == {
        ("duplicate", lines[10], lines[1]),  # spaces differ
        ("contradiction", lines[10], lines[1]),  # under another class
        ("duplicate", lines[14], lines[12]),
        ("near-duplicate", lines[20], lines[17]),
    }
    assert checked.counts["problems per label"] == {"least": 5, "median": 5, "most": 5}


def test_ten_of_each_standard_and_near_misses_pass_every_check(tmp_path):
    made = generate_file(tmp_path / "g.jsonl", standards_of("all"), 10, 7, pairs=100)
    assert made["problems"] == 10 * 181 + 2 * 100
    assert check_data([Part(tmp_path / "g.jsonl", labeled=True)], builtin_taxonomy()).findings == []


def test_generated_problems_do_not_depend_on_the_other_standards():
    everything = {g.problem.id: g for g in draw_different(standards_of("2수,6수01"), 6, 7)}
    for g in draw_different(standards_of("6수01"), 6, 7):
        assert everything[g.problem.id] == g


def test_a_file_goes_through_every_command(tmp_path, prefopt):
    prefopt("data", "generate", "--standards", "2수01", "--out", "g.csv", "--answers", "a.jsonl")
    assert len((tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()) == 110
    counts = json.loads(prefopt("data", "split", "g.csv", "--out", "parts", "--json"))
    assert counts["train"] + counts["validation"] + counts["test"] == 110
    assert 66 <= counts["train"] <= 88
    prefopt("data", "convert", "parts/train.jsonl", "chat.jsonl", "--to", "openai-chat", "--bare")
    assert list(json.loads((tmp_path / "chat.jsonl").read_text(encoding="utf-8").splitlines()[0])) == ["messages"]
    assert "0 of them masked" in prefopt("data", "mask", "g.csv", "m.csv")
    assert (tmp_path / "m.csv").read_bytes() == (tmp_path / "g.csv").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check",), "no files are given and no project is here"),
        (("check", "x.jsonl", "--language", "kr"), "not one of ko, en, ja, any"),
        (("convert", "x.jsonl", "y.jsonl", "--to", "chatml"), "unknown shape 'chatml'"),
        (("split", "x.jsonl", "--out", "o", "--shares", "70/20"), "add up to 100"),
        (("generate", "--standards", "7수", "--out", "o.jsonl"), "no standard starts with this"),
        (("generate", "--per-standard", "5000", "--out", "o.jsonl", "--standards", "4수03-12"), "has only"),
        (("mask", "x.jsonl", "./x.jsonl"), "would replace the source"),
        (("taxonomy", "--builtin", "ko"), "not one of ko_math_2022"),
    ],
)
def test_invalid_commands_stop_with_a_message(tmp_path, prefopt, words, message):
    (tmp_path / "x.jsonl").write_text('{"id": "a", "text": "3 + 4는 얼마입니까?"}\n', encoding="utf-8")
    printed = prefopt("data", *words, code=1)
    assert message in printed
    assert "Traceback" not in printed
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.jsonl"]


def test_the_estimated_cost_follows_the_documented_formula():
    size = model_size(checkpoint_path(), AdapterSettings())
    found = estimate(Run(rows=100, epochs=3, rows_per_step=16, tokens=10_000), size, hourly=2.0, per_million=5.0)
    assert found["steps"] == 21  # three epochs of seven, as the trainer makes them
    assert found["trained tokens"] == 30_000
    h100 = next(m for m in found["machines"] if m["machine"].startswith("H100"))
    fast = 6 * size.active * 30_000 / (989e12 * 0.35) / 3600
    assert h100["hours"][0] == pytest.approx(fast, abs=1e-6)
    assert h100["weights fit"]
    assert found["price by tokens"] == 0.15
