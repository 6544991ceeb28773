"""A run killed at any moment resumes to the same bits: real processes, SIGKILL, all four recipes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefopt.errors import TrainingError
from recipes.checkpoints import mark_complete, newest_complete
from tests.recipes.recipe_cases import LABELS, SMALL, judged, pair, problem

ROOT = Path(__file__).parents[2]


class Server:
    """Starts jobs and kills them."""

    def __init__(self) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("job_server.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self._answer() == "ready"

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _send(self, order: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._answer())

    def finish(self, order: dict[str, Any]) -> int:
        """Run a job to its end; its exit status."""
        return self._send({"wait": self._send({"run": order})})

    def kill_when(self, order: dict[str, Any], sign: Path) -> int:
        """Run a job until a path exists, then SIGKILL it; its exit status."""
        pid = self._send({"run": order})
        end = time.monotonic() + 60
        while not sign.exists() and time.monotonic() < end:
            time.sleep(0.0005)
        os.kill(pid, signal.SIGKILL)
        return self._send({"wait": pid})

    def close(self) -> None:
        self._process.communicate(timeout=30)  # closes its input, which ends it


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def order_for(recipe: str, folder: Path, base: Path, parent: Path, engine: str = "prompt_sharing") -> dict[str, Any]:
    data: list[Any] = {
        "sft": [problem(i) for i in range(4)],
        "dpo": [pair(i, weight=1 / (1 + i % 3)) for i in range(12)],
        "orpo": [pair(i, weight=1 / (1 + i % 3)) for i in range(12)],
        "kto": [judged(i, desirable=i % 3 == 0) for i in range(12)],
    }[recipe]
    folder.mkdir()
    labels = "\n".join(f"{label},이름 {i}" for i, label in enumerate(LABELS))
    return {
        "recipe": recipe,
        "folder": str(folder),
        "base": str(base),
        "parent": None if recipe == "sft" else str(parent),
        "taxonomy": f"code,name\n{labels}\n",
        "data": [row.model_dump(mode="json") for row in data],
        "options": SMALL | {"engine": engine, "save_steps": 1, "num_train_epochs": 2.0},  # six updates
    }


@pytest.mark.parametrize("engine", ["prompt_sharing", "trl"])
@pytest.mark.parametrize("recipe", ["sft", "dpo", "orpo", "kto"])
def test_a_killed_run_resumes_to_the_same_bits(
    recipe: str, engine: str, tmp_path: Path, server: Server, base_path: Path, parent: Path
) -> None:
    undisturbed = order_for(recipe, tmp_path / "undisturbed", base_path, parent, engine)
    assert server.finish(undisturbed) == 0
    order = order_for(recipe, tmp_path / "killed", base_path, parent, engine)
    checkpoints = tmp_path / "killed" / "checkpoints"
    first, second = sorted(random.Random(f"{recipe} {engine}").sample(range(1, 6), 2))  # any two of the updates before the last
    assert server.kill_when(order | {"pause_at": first + 1}, checkpoints / f"checkpoint-{first}") == -signal.SIGKILL
    assert server.kill_when(order | {"pause_at": second + 1}, checkpoints / f"checkpoint-{second}" / "complete") == -signal.SIGKILL
    with (tmp_path / "killed" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 5, "loss": 0.')  # as a kill within a write leaves it
    assert server.finish(order) == 0
    for file_name in ("adapter/adapter_model.safetensors", "metrics.jsonl", "adapter/prefopt.json"):
        assert (tmp_path / "killed" / file_name).read_bytes() == (tmp_path / "undisturbed" / file_name).read_bytes(), file_name
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == ["adapter", "metrics.jsonl"]


def test_a_run_killed_while_or_after_it_saves_its_adapter(tmp_path: Path, server: Server, base_path: Path, parent: Path) -> None:
    undisturbed = order_for("orpo", tmp_path / "undisturbed", base_path, parent)
    assert server.finish(undisturbed) == 0
    order = order_for("orpo", tmp_path / "killed", base_path, parent)
    server.kill_when(order, tmp_path / "killed" / "adapter")
    assert server.finish(order) == 0
    saved = [folder / "adapter" / "adapter_model.safetensors" for folder in (tmp_path / "killed", tmp_path / "undisturbed")]
    assert saved[0].read_bytes() == saved[1].read_bytes()


def test_only_complete_checkpoints_count(tmp_path: Path) -> None:
    for step in (2, 10, 12):
        (tmp_path / f"checkpoint-{step}").mkdir(parents=True)
        (tmp_path / f"checkpoint-{step}" / "adapter_model.safetensors").write_bytes(b"x")
    (tmp_path / "job").write_text("one")
    mark_complete(tmp_path / "checkpoint-2")
    mark_complete(tmp_path / "checkpoint-10")
    assert newest_complete(tmp_path, "one") == tmp_path / "checkpoint-10"
    assert not (tmp_path / "checkpoint-12").exists()
    with pytest.raises(TrainingError, match="checkpoints of another run"):
        newest_complete(tmp_path, "two")


def test_checkpoints_whose_deletion_was_killed_are_not_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a checkpoint is gone and its mark is not: only where the folder has another name already."""
    import shutil

    from recipes.checkpoints import MARK, discard, newest_complete

    checkpoint = tmp_path / "checkpoints" / "checkpoint-2"
    checkpoint.mkdir(parents=True)
    for name in (MARK, "adapter_model.safetensors"):
        (checkpoint / name).touch()

    def killed(path: Path, **_: object) -> None:
        if (Path(path) / "checkpoint-2").exists():
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            discard(tmp_path / "checkpoints")
    assert not (tmp_path / "checkpoints").exists()
    assert newest_complete(tmp_path / "checkpoints", "job") is None
