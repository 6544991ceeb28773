"""`prefopt serve --engine`: scores come from a server that is compared at its start, killed, started again, and given another adapter."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from prefopt.deploy.predictor import Predictor
from prefopt.io.jsonl import read_rows
from prefopt.model.adapter_card import adapter_id
from prefopt.records import Problem
from prefopt.serve.journal import read_engine, read_predictions
from tests.e2e.serving import serving, until
from tests.e2e.small import run
from tests.llama_server import LlamaServer
from tests.token_server import ServerProcess


@pytest.fixture
def project(trained_project: Path) -> Path:
    """Its first adapter is in use."""
    run(trained_project, "round", "decide", "0", "--promote", "--because", "the only one", "--json")
    return trained_project


@pytest.fixture
def engine() -> Iterator[ServerProcess]:
    found = ServerProcess()
    yield found
    found.kill()


def some(project: Path) -> list[tuple[str, str]]:
    return [(p.id, p.text) for p in read_rows(project / "data" / "pool.jsonl", Problem)[:3]]


def zeroed(adapter: Path, folder: Path) -> Path:
    """A copy of an adapter that changes nothing."""
    file = Path(shutil.copytree(adapter, folder)) / "adapter_model.safetensors"
    save_file({key: 0 * value if ".lora_B." in key else value for key, value in load_file(file).items()}, file)
    return folder


def test_llama_cpp_scores_is_killed_and_comes_back(project, tmp_path):
    pytest.importorskip("xllamacpp", reason="needs llama.cpp's server: pip install xllamacpp")
    name = adapter_id(project / "rounds" / "000" / "train" / "adapter")
    run(project, "export", str(tmp_path / "gguf"), "--layout", "gguf")
    llama, problems = LlamaServer(tmp_path / "gguf" / f"{name}.gguf", "school"), some(project)
    try:
        with serving(project, "--engine", llama.url, "--engine-adapter", "school") as found:
            assert found.client.get("/readyz").json()["engine"] == llama.url
            own = {p.id: p for p in Predictor.open(project).predict([Problem(id=i, text=text) for i, text in problems])}
            for row in found.classify(problems).json()["predictions"]:
                assert (row["label"], row["adapter"]) == (own[row["id"]].label, name)
                assert row["confidence"] == pytest.approx(own[row["id"]].confidence, abs=0.02)
            assert {row.engine for row in read_predictions(project / "serve")} == {llama.url}

            llama.kill()
            reply = found.classify(problems[:1])
            assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
            assert f"the engine does not score: {llama.url}" in reply.json()["error"]["message"]
            assert found.client.get("/readyz").status_code == 503
            assert found.classify(problems[:1]).status_code == 503
            assert "prefopt_engine_up 0.0" in found.client.get("/metrics").text
            llama.start()
            until(lambda: found.client.get("/readyz").status_code == 200, found.said)
            assert found.classify(problems[:1]).status_code == 200
        events = read_engine(project / "serve")
        assert [event.event for event in events] == ["checked", "lost", "back"]
        assert events[0].distance is not None
        assert events[0].distance <= 0.01
        assert len(list(read_predictions(project / "serve"))) == 4  # nothing of what failed
    finally:
        llama.kill()


def test_other_weights_are_refused_and_a_promoted_adapter_is_loaded_and_compared(project, tmp_path, engine):
    adapter = project / "rounds" / "000" / "train" / "adapter"
    first, problems = adapter_id(adapter), some(project)
    wrong = ServerProcess("vllm", [f"school={zeroed(adapter, tmp_path / 'zeroed')}"])
    try:
        refused = " ".join(
            run(project, "serve", "--port", "0", "--engine", wrong.url, "--engine-adapter", "school", expect=1).stderr.split()
        )
    finally:
        wrong.kill()
    assert "other posteriors than in the calibration of round 000: a total variation distance of" in refused
    assert "prefopt round branch 0 --at calibrate" in refused

    with serving(project, "--engine", engine.url) as found:
        assert found.classify(problems).status_code == 200
        settings = project / "prefopt.toml"
        settings.write_text(
            settings.read_text(encoding="utf-8").replace("learning_rate = 6e-3", "learning_rate = 5e-3", 1), encoding="utf-8"
        )
        run(project, "sft", "--again")
        run(project, "round", "decide", "0", "--promote", "--because", "trained again")
        until(lambda: found.client.get("/readyz").json().get("adapter", first) != first, found.said)
        assert {row["adapter"] for row in found.classify(problems).json()["predictions"]} == {adapter_id(adapter)} != {first}
        assert engine.asked().count("/v1/load_lora_adapter") == 2
    assert [(event.event, event.adapter) for event in read_engine(project / "serve")] == [
        ("checked", first),
        ("checked", adapter_id(adapter)),
    ]
