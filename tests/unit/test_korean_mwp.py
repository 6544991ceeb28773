"""The benchmark of word problems: who is held out, and how arms are put beside the SFT adapter."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import korean_mwp
from benchmarks.korean_mwp_table import Made, Row, markdown, scored_row
from prefopt.calibration.metrics import score
from prefopt.project.resolve import load_config


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, str]], list[str]]:
    rows = {str(i): {"class": "가나"[i % 2], "question": f"{i}  더하기 {i}"} for i in range(2999)}
    rows["2999"] = {"class": "가", "question": "0 더하기 0"}
    path = tmp_path_factory.mktemp("mwp") / "problems.json"
    path.write_text("\ufeff" + json.dumps(rows), encoding="utf-8")
    return korean_mwp.read_problems(path)


def test_repeats_are_left_out_and_labels_are_numbers(problems: tuple[list[dict[str, str]], list[str]]) -> None:
    rows, types = problems
    assert (len(rows), types, {r["label"] for r in rows}) == (2999, ["가", "나"], {"1", "2"})


def test_no_problem_is_held_out_twice_or_used_in_two_ways(problems: tuple[list[dict[str, str]], list[str]]) -> None:
    splits = [korean_mwp.split(*problems, seed) for seed in (7, 8, 9, 10)]
    held = [p["id"] for parts in splits for p in parts.holdout]
    assert len(held) == len(set(held)) == 4 * korean_mwp.HELD_OUT
    for parts in splits:
        used = [p["id"] for p in [*parts.gold, *parts.holdout, *parts.pool]]
        assert len(used) == len(set(used)) == korean_mwp.LABELED + korean_mwp.HELD_OUT + korean_mwp.POOL
    assert splits[0].gold != korean_mwp.split(*problems, 11).gold  # the same hold-out, other labeled problems


@pytest.mark.parametrize("arm", korean_mwp.ARMS)
def test_the_settings_of_every_arm_are_settings(arm: str, tmp_path: Path) -> None:
    (tmp_path / "prefopt.toml").write_text(korean_mwp.settings(7, "file", korean_mwp.ARMS[arm]), encoding="utf-8")
    config = load_config(tmp_path / "prefopt.toml").config
    assert (config.sample.slates, config.feedback.overlap) == (150, korean_mwp.ARMS[arm].overlap)
    assert config.feedback.question == ("best" if arm == "consensus-best" else "ranking")
    assert config.pair.min_weight == (0.0 if arm in ("trl", "kto") else 0.5)


def test_seeds_with_the_same_holdout_are_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["korean_mwp.py", "--seeds", "7", "11"])
    with pytest.raises(SystemExit):
        korean_mwp.main()
    assert "have the same hold-out" in capsys.readouterr().err


def test_a_row_counts_over_all_seeds() -> None:
    """Two seeds of four problems and two labels: 3 gained and 1 lost, p = 2 * (1 + 4) / 2^4."""
    sure, gold = np.log([[0.9, 0.1], [0.1, 0.9]]), np.zeros(4, dtype=np.int64)
    before = [score(sure[[1, 1, 0, 0]], gold), score(sure[[1, 0, 0, 1]], gold)]
    after = [score(sure[[0, 0, 0, 0]], gold), score(sure[[0, 1, 0, 1]], gold)]
    made = [Made(scores, "promoted", "orpo", 0, slates, 3 * slates, 120) for scores, slates in zip(after, (150, 148), strict=True)]
    row = scored_row("orpo", "1", "orpo", Row(made, ["promoted", "held"], after), before)
    assert (row["slates"], row["judgments"], row["updates"]) == (149, 447, 120)
    assert row["against_parent"]["accuracy"]["value"] == 0
    assert (row["accuracy"], row["by_seed"], row["problems"]) == (0.75, [1.0, 0.5], 8)
    known = row["against_sft"]
    assert (known["gained"], known["lost"], known["p_value"]) == (3, 1, pytest.approx(10 / 16))
    assert known["accuracy"]["value"] == pytest.approx(2 / 8)
    assert known["brier"]["value"] == pytest.approx(
        -2 * (2 * 0.9**2 - 2 * 0.1**2) / 8
    )  # a right answer costs 2 * 0.1^2, a wrong one 2 * 0.9^2
    assert known["brier"]["low"] <= known["brier"]["value"] <= known["brier"]["high"]
    text = markdown([row], [{"labels": 300, "accuracy": 0.9, "by_seed": [0.9, 0.9]}])
    assert len({line.count("|") for line in text.splitlines()}) == 1
    assert "3, 1, 0.625" in text
