"""Plans that were counted before: they need no torch, and change nothing of what is planned."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.model.counted import Counted, LogitTile, StepBytes, key_of, known, remember

TYPED = """
import sys
from prefopt.cli.app import app
from prefopt.cli.boundary import run
status = run(app, ["plan", *sys.argv[1:]])
heavy = {"torch", "transformers", "peft", "trl"} & set(sys.modules)
assert not heavy, heavy
sys.exit(status)
"""


def key(model: str = "gpt-oss-20b", **changes: object) -> str | None:
    step: dict[str, object] = {"rows": 1, "tokens": 2048, "checkpointing": True, "device": "cuda", "scratch": 1}
    adapter = AdapterSettings.model_validate({name: changes.pop(name) for name in ("rank", "alpha", "targets") if name in changes})
    return key_of(ModelSettings(path=model), adapter, **{**step, **changes})  # type: ignore[arg-type]  # the keywords of key_of


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["gpt-oss-20b", "--gpu", "80"], 0),
        (["gpt-oss-20b", "--gpu", "80", "--recipe", "dpo", "--json"], 0),
        (["gpt-oss-20b", "--gpu", "16"], 1),  # with the hint, which looks at smaller runs
        (["tiny"], 0),
    ],
)
def test_a_plan_of_usual_runs_imports_no_torch(tmp_path, words, status):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", TYPED, *words]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert "AssertionError" not in done.stderr
    if "--json" in words:
        assert json.loads(done.stdout)["total_bytes"] > 12 * 2**30
    if status:
        assert "→ set " in done.stderr


def test_a_count_is_kept_by_all_that_it_depends_on(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tile = LogitTile(rows=1, tokens=64, vocabulary=100, hidden=8, element=2, float32_tiles=0, reserved=100)
    two = StepBytes(forward=3, peak=9)
    counted = Counted(weights={"other": 7}, formats={}, trained=5, experts=True, one=StepBytes(forward=2, peak=5), two=two, tile=tile)
    assert known(key()) is None
    remember(key(), counted)
    assert known(key()) == counted
    assert key(alpha=8) == key(), "alpha scales what is trained and takes no memory"
    others = [
        key(rank=4),
        key(targets="all-linear"),
        key("gpt-oss-120b"),
        key(rows=2),
        key(tokens=64),
        key(checkpointing=False),
        key(scratch=2),
    ]
    assert len({key(), *others}) == 8
    assert [known(other) for other in others] == [None] * 7
    (record,) = tmp_path.rglob("*.json")
    record.write_text("{")
    assert known(key()) is None


def test_a_model_folder_counts_by_its_files(tmp_path):
    assert key(str(tmp_path / "nowhere")) is None
    (tmp_path / "config.json").write_text("{}")
    first = key(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"1")
    second = key(str(tmp_path))
    (tmp_path / "config.json").write_text('{"a": 1}')
    assert len({first, second, key(str(tmp_path))}) == 3


def test_bytes_of_a_step_are_linear_in_the_batch():
    tile = LogitTile(rows=1, tokens=3, vocabulary=10, hidden=4, element=2, float32_tiles=0, reserved=10)
    one, two = StepBytes(forward=10, peak=30), StepBytes(forward=15, peak=50)
    counted = Counted(weights={}, formats={}, trained=0, experts=False, one=one, two=two, tile=tile)
    step = counted.step(3)
    assert (step.kept, step.layer) == (20, 50)
    assert step.logits == 3 * 2 * 10 * 2 + 3 * 2 * 4 * 6
    assert step.peak == 20 + max(50, step.logits)
