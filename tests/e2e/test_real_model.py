"""The benchmark with pretrained models, on the tiny gpt-oss: rounds of several recipes on the same slates, and finished work is read."""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import real_model
from prefopt.model.tiny import checkpoint_path
from prefopt.project.project import open_project

ARMS = ("consensus", "orpo")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    rng = random.Random(0)
    texts = {f"{rng.randint(10, 99)} {sign} {rng.randint(10, 99)} 를 계산하시오": sign for sign in "+-" * 60}
    rows = [{"id": f"p{i:03d}", "text": text, "label": "12"[sign == "-"]} for i, (text, sign) in enumerate(texts.items())]
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for name, size in {"LABELED": 16, "POOL": 24, "SLATES": 6}.items():
        monkeypatch.setattr(real_model, name, size)
    monkeypatch.setattr(real_model, "SFT", {"learning_rate": 3e-3, "num_train_epochs": 1})
    monkeypatch.setattr(real_model, "ARMS", {name: replace(real_model.ARMS[name], options={"num_train_epochs": 1}) for name in ARMS})
    models = checkpoint_path()
    return argparse.Namespace(models=models.parent, data=tmp_path, seeds=[7], arms=list(ARMS), folder=tmp_path / "projects")


def test_recipes_branch_one_round_and_finished_arms_are_read(small: argparse.Namespace, capsys: pytest.CaptureFixture[str]) -> None:
    few = real_model.Set("few", checkpoint_path().name, "problems.jsonl", 12, "유형을 쓴다.", "type")
    found = real_model.run_set(few, small)
    assert [row["arm"] for row in found["rows"]] == ["sft", *ARMS, "tfidf 16", "tfidf 22"]
    (folder,) = (small.folder / "few" / "seed-7").iterdir()
    first, second = open_project(folder).rounds()[1:]
    assert (first.recipe, second.recipe) == ARMS
    assert second.stage("collect").resolve() == first.stage("collect").resolve()
    assert second.parent is not None
    assert second.parent.number == 0
    capsys.readouterr()
    assert json.dumps(real_model.run_set(few, small)) == json.dumps(found)
    assert "train" not in capsys.readouterr().err
