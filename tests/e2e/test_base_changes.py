"""A project on a model of the Hub, offline: the commit is kept, and a base that changed after training is refused with its file's name."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest

from prefopt.model.tiny import checkpoint_path
from tests.e2e.small import SETTINGS, run, write_small_project
from tests.hub_server import commit_of, lay_out

NAME = "maker/small"
FIRST, SECOND = commit_of(1), commit_of(2)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HF_HOME with the first commit; then, after round 000, the branch moves on to a second one with other weights."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def environment(home: Path) -> dict[str, str]:
    return {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def trained(home: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose round 000 was trained at the first commit."""
    lay_out(home / "hub", NAME, checkpoint_path(), FIRST)
    folder = write_small_project(tmp_path_factory.mktemp("hub") / "small", SETTINGS + f'\n[model]\npath = "{NAME}"\n')
    run(folder, "sft", env=environment)
    other = Path(shutil.copytree(checkpoint_path(), tmp_path_factory.mktemp("other") / "base"))
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"sliding_window": 8}))
    lay_out(home / "hub", NAME, other, SECOND)
    return folder


def predict(folder: Path, environment: dict[str, str], expect: int) -> str:
    (folder / "new.jsonl").write_text('{"id": "1", "text": "12 + 9는 얼마입니까?"}\n', encoding="utf-8")
    shutil.rmtree(folder / ".new.predictions.jsonl.partial", ignore_errors=True)
    (folder / "new.predictions.jsonl").unlink(missing_ok=True)
    return run(folder, "predict", "new.jsonl", "--round", "0", env=environment, expect=expect).stderr


def test_the_commit_is_kept_and_shown(trained: Path, environment: dict[str, str]) -> None:
    start = tomllib.loads((trained / "rounds" / "000" / "round.toml").read_text(encoding="utf-8"))["start"]
    assert start["model_commit"] == FIRST
    card = json.loads((trained / "rounds" / "000" / "train" / "adapter" / "prefopt.json").read_text())
    manifest = json.loads((trained / "rounds" / "000" / "train" / "stage.json").read_text())
    assert manifest["outcome"]["base"] == card["base"]
    assert set(card["base_parts"]) >= {"weights", "config", "tokenizer", "chat_template", "generation_config"}
    report = json.loads(run(trained, "report", "--json").stdout)
    assert card["base"] in json.dumps(report)
    assert f"{NAME}@{FIRST}, in the cache" in run(trained, "check", env=environment).stdout
    assert card["base"][:12] in run(trained, "check", "--load-model", env=environment).stdout
    assert "changed in prefopt.toml" not in run(trained, "round", "status", env=environment).stdout


def test_predictions_on_a_changed_base_are_refused_until_it_is_restored(trained: Path, home: Path, environment: dict[str, str]) -> None:
    tokenizer = (home / "hub" / "models--maker--small" / "snapshots" / FIRST / "tokenizer.json").resolve()
    before = tokenizer.read_bytes()
    content = json.loads(before)
    content["model"]["merges"] = content["model"]["merges"][: len(content["model"]["merges"]) // 2]
    tokenizer.write_text(json.dumps(content), encoding="utf-8")
    message = predict(trained, environment, expect=1)
    tokenizer.write_bytes(before)
    assert "tokenizer.json: changed in" in message
    assert f"delete {home / 'hub' / 'models--maker--small'}, and it is downloaded again" in message
    predict(trained, environment, expect=0)


def test_a_wrong_name_of_a_model_is_one_line(trained: Path, environment: dict[str, str]) -> None:
    failed = run(trained, "plan", "maker/unknown", env=environment, expect=1)
    assert "not complete in the cache" in failed.stderr
    assert "Traceback" not in failed.stderr
    failed = run(trained, "plan", "unknown", env=environment, expect=1)
    assert "no such model folder" in failed.stderr
