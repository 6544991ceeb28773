"""Rounds and predictions through inference servers: processes of their own, killed and started again in the middle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx
import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from prefopt.calibration.posteriors import read_posteriors
from prefopt.deploy.predictor import Prediction
from prefopt.io.jsonl import read_rows, write_rows
from prefopt.model.adapter_card import adapter_id
from prefopt.records import Problem
from tests.e2e.small import run
from tests.token_server import ServerProcess

CHUNKS_OF_TEN = str(Path(__file__).with_name("killed_predict.py"))


@pytest.fixture
def server():
    found = ServerProcess()
    yield found
    found.kill()


def through(folder: Path, server: str) -> None:
    """Set model.server in prefopt.toml."""
    text = (folder / "prefopt.toml").read_text(encoding="utf-8").partition("\n[model]\n")[0]
    (folder / "prefopt.toml").write_text(f'{text}\n[model]\nserver = "{server}"\n', encoding="utf-8")


def test_calibrate_and_predict_through_a_server_that_is_killed_and_started_again(trained_project, tmp_path, server):
    here, folder = (Path(shutil.copytree(trained_project, tmp_path / name, symlinks=True)) for name in ("here", "there"))
    adapter = folder / "rounds" / "000" / "train" / "adapter"
    exact = read_posteriors(here / "rounds" / "000" / "calibrate" / "posteriors.parquet")
    problems = read_rows(folder / "data" / "pool.jsonl", Problem)[:21]
    for place in (here, folder):
        write_rows(place / "new.jsonl", problems)
        write_rows(place / "few.jsonl", problems[:3])
    run(here, "round", "decide", "0", "--promote", "--because", "the only one", "--json")
    run(here, "predict", "new.jsonl", "--out", "here.jsonl")

    through(folder, server.url)
    for stage in ("calibrate", "decide", "report"):
        shutil.rmtree(folder / "rounds" / "000" / stage, ignore_errors=True)
    run(folder, "sft")
    run(folder, "round", "decide", "0", "--promote", "--because", "the only one", "--json")
    found = read_posteriors(folder / "rounds" / "000" / "calibrate" / "posteriors.parquet")
    assert found.problem_ids == exact.problem_ids
    distance = np.abs(np.exp(found.log_probs) - np.exp(exact.log_probs)).sum(axis=1) / 2
    assert distance.max() <= 1e-4 + 1e-5
    assert found.label_mass == pytest.approx(exact.label_mass, abs=3e-4)
    asked = server.asked()
    assert "/v1/load_lora_adapter" in asked
    assert asked[-2] == "/v1/unload_lora_adapter"

    run(folder, "unnamed", "--", "predict", "new.jsonl", module=CHUNKS_OF_TEN, expect=-9)  # the second of three chunks
    server.kill()
    failed = run(folder, "never", "--", "predict", "new.jsonl", module=CHUNKS_OF_TEN, expect=1)
    assert "no answer in 3 tries" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "type the command again" in failed.stderr
    assert [p.name for p in (folder / ".new.predictions.jsonl.partial").glob("0*.jsonl")] == ["000000.jsonl"]

    server.start()
    done = json.loads(run(folder, "never", "--", "predict", "new.jsonl", "--json", module=CHUNKS_OF_TEN).stdout)
    assert done["resumed"] == 10
    ours, theirs = read_rows(here / "here.jsonl", Prediction), read_rows(folder / "new.predictions.jsonl", Prediction)
    assert [p.id for p in theirs] == [p.id for p in problems]
    for a, b in zip(ours, theirs, strict=True):
        assert (a.label, a.adapter) == (b.label, b.adapter) == (a.label, adapter_id(adapter))
        assert b.confidence == pytest.approx(a.confidence, abs=2e-4)

    checked = json.loads(run(folder, "engine", "check", "--json").stdout)
    assert (checked["adapter"], checked["problems"]) == (adapter_id(adapter), 8)
    assert checked["largest"] <= 2e-4
    other = Path(shutil.copytree(adapter, tmp_path / "other"))
    weights = load_file(other / "adapter_model.safetensors")
    save_file({key: 0 * value if ".lora_B." in key else value for key, value in weights.items()}, other / "adapter_model.safetensors")
    loaded = {"lora_name": adapter_id(adapter), "lora_path": str(other)}  # under the name of the right one
    httpx.post(f"{server.url}/v1/load_lora_adapter", json=loaded, timeout=60).raise_for_status()
    for command in (("engine", "check", server.url), ("predict", "few.jsonl", "--out", "wrong.jsonl")):
        refused = run(folder, *command, expect=1)
        assert "other posteriors than in the calibration of round 000" in " ".join(refused.stderr.split())
    assert not (folder / "wrong.jsonl").exists()
    httpx.post(f"{server.url}/v1/unload_lora_adapter", json=loaded, timeout=60).raise_for_status()
    launch = run(folder, "engine", "launch", "vllm").stdout
    assert f"--lora-modules {adapter_id(adapter)}={adapter.resolve()}" in launch

    server.misbehave(loads=False)
    refused = run(folder, "predict", "few.jsonl", "--out", "more.jsonl", expect=1)
    assert f"--lora-modules {adapter_id(adapter)}={adapter.resolve()}" in refused.stderr.replace("\n", "")
    server.kill()
    named = ServerProcess("sglang", [f"{adapter_id(adapter)}={adapter.resolve()}"])  # started with the adapter, as the hint says
    through(folder, f"{server.url},{named.url}")  # the first one is dead
    try:
        run(folder, "predict", "few.jsonl", "--out", "more.jsonl")
        assert [p.label for p in read_rows(folder / "more.jsonl", Prediction)] == [p.label for p in ours[:3]]
        assert "/unload_lora_adapter" not in named.asked()  # it was there before
    finally:
        named.kill()
