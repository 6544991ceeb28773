"""The train stage under `accelerate launch`: two processes on a CPU give what one gives; what a process raises is raised here."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from prefopt.errors import ConfigError, TrainingError
from prefopt.project.project import open_project
from prefopt.rounds.artifacts import ADAPTER
from prefopt.rounds.machine import run_stage
from prefopt.rounds.reading import locate
from tests.processes import gone, killed_and_left_unreaped
from tests.recipes.recipe_cases import judged, pair, put_round, write_project

TWO_ON_A_CPU = """\
compute_environment: LOCAL_MACHINE
distributed_type: MULTI_GPU
num_processes: 2
use_cpu: true
main_process_port: 0
"""


OPTIONS = "batch_size = 2\ngradient_accumulation_steps = 3\nlearning_rate = 5e-3\nsave_steps = 1\ngradient_checkpointing = false\n"


def rows(recipe: str) -> list[Any]:
    """Thirteen of them, so that no division is even."""
    return [judged(i, desirable=i % 3 == 0) if recipe == "kto" else pair(i, weight=1 + i % 2) for i in range(13)]


def trained(
    folder: Path, base: Path, parent: Path, recipe: str, train: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    """Lines of metrics.jsonl, weights and outcome of a round whose parent is round 0, in a folder with a package `recipes` of its own."""
    write_project(folder, base, f"[train]\n{train}\n[recipes.{recipe}]\n{OPTIONS}")
    (folder / "accelerate.yaml").write_text(TWO_ON_A_CPU)
    (folder / "recipes").mkdir()
    (folder / "recipes" / "__init__.py").write_text("raise ImportError('a package of the project, not the one of the distribution')")
    monkeypatch.chdir(folder)
    put_round(folder, 0, "sft", adapter=parent)
    rnd = put_round(folder, 1, recipe, rows=rows(recipe))
    outcome = run_stage(rnd, "train").outcome
    lines = [json.loads(line) for line in (rnd.stage("train") / "metrics.jsonl").read_text().splitlines()]
    assert sorted(path.name for path in rnd.stage("train").iterdir()) == ["adapter", "metrics.jsonl", "stage.json"]
    return lines, load_file(locate(rnd, ADAPTER) / "adapter_model.safetensors"), outcome.model_dump()


@pytest.mark.parametrize("recipe", ["dpo", "orpo", "kto"])
def test_two_processes_give_what_one_gives(
    tmp_path: Path, base_path: Path, parent: Path, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """13 rows in updates of 3 x 2, so that the last one has a row left; KTO's rows hang together most."""
    ones = trained(tmp_path / "one", base_path, parent, recipe, "", monkeypatch)
    settings = 'launcher = "accelerate"\naccelerate_config = "accelerate.yaml"\nprocesses = 2'
    twos = trained(tmp_path / "two", base_path, parent, recipe, settings, monkeypatch)
    assert twos[2]["processes"] == 2
    assert len(ones[0]) == ones[2]["steps"] == twos[2]["steps"] > 1
    for two, one in zip(twos[0], ones[0], strict=True):
        assert two["loss"] == pytest.approx(one["loss"], abs=1e-5)
        assert two | {"epoch": 0} == pytest.approx(one | {"epoch": 0}, abs=1e-3)
    for name, weight in ones[1].items():
        assert (twos[1][name] - weight).abs().max() < 1e-4, name


def test_what_a_process_raises_is_raised(tmp_path: Path, base_path: Path) -> None:
    settings = '[train]\nlauncher = "accelerate"\naccelerate_config = "accelerate.yaml"\nprocesses = 3'
    folder = write_project(tmp_path / "a", base_path, settings)
    with pytest.raises(ConfigError, match=r"accelerate\.yaml does not exist"):
        run_stage(put_round(folder, 0, "sft"), "train")
    (folder / "accelerate.yaml").write_text(TWO_ON_A_CPU.replace("MULTI_GPU", "NO"))
    with pytest.raises(TrainingError, match=r"accelerate started 1 processes, and train.processes is 3") as raised:
        run_stage(open_project(folder).round(0), "train")
    assert "distributed_type: MULTI_GPU" in raised.value.hint


STARTER = """\
from pathlib import Path
from prefopt.config import TrainSettings
from prefopt.training.launch import launch
settings = TrainSettings(launcher="accelerate", accelerate_config="accelerate.yaml", processes=2)
launch(["tests.recipes.test_launch", "."], settings, Path("."), Path("."), print)
"""


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    """Killed, and its exit status read by nobody: its process id is still there then."""
    (tmp_path / "accelerate.yaml").write_text(TWO_ON_A_CPU)
    command = [sys.executable, "-c", STARTER]
    with killed_and_left_unreaped(command, cwd=tmp_path, when=lambda: len(list(tmp_path.glob("pid-*"))) == 2) as killed:
        workers = [int(path.name.removeprefix("pid-")) for path in tmp_path.glob("pid-*")]
        assert gone([*workers, *killed.children])


if __name__ == "__main__":  # one of its workers
    from prefopt.training.launch import work

    def in_a_long_step(on_step: Any) -> Any:
        Path(f"pid-{os.getpid()}").touch()
        time.sleep(600)

    sys.exit(work(lambda on_step: (lambda: in_a_long_step(on_step), 2), Path(sys.argv[1])))
