"""The train stage under `accelerate launch`: two processes on a CPU give what one gives; what a process raises is raised here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recipe_cases import LABELS, judged, pair, problem
from safetensors.torch import load_file

from prefopt.errors import ConfigError, TrainingError
from prefopt.project import open_project
from prefopt.protocols import ignore_steps
from prefopt.rounds import _freeze, run_stage, start_base
from prefopt.store import write_rows

TWO_ON_A_CPU = """\
compute_environment: LOCAL_MACHINE
distributed_type: MULTI_GPU
num_processes: 2
use_cpu: true
main_process_port: 0
"""


def write_project(folder: Path, base: Path, train: str = "", recipes: str = "") -> Path:
    """A project whose rounds can be trained: 11 labelled problems."""
    (folder / "data").mkdir(parents=True)
    (folder / "accelerate.yaml").write_text(TWO_ON_A_CPU)
    rows = "".join(f"{label},이름 {i},A|B|C,1-2학년군\n" for i, label in enumerate(LABELS))
    (folder / "taxonomy.csv").write_text(f"code,name,levels,band\n{rows}")
    write_rows(folder / "data" / "gold.jsonl", [problem(i) for i in range(11)])
    options = "batch_size = 2\naccumulate = 3\nlearning_rate = 5e-3\nsave_steps = 1\ngradient_checkpointing = false\n"
    (folder / "prefopt.toml").write_text(
        f'[model]\npath = "{base}"\ndevice = "cpu"\n[adapter]\nrank = 4\nalpha = 8\n[data]\nholdout = 0.1\n[train]\n{train}\n'
        f"[recipes.sft]\n{options}epochs = 1.0\n" + "".join(f"[recipes.{name}]\n{options}{recipes}" for name in ("dpo", "kto"))
    )
    return folder


def trained(folder: Path, rounds: dict[str, list[Any]]) -> dict[str, tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]]:
    """Lines of metrics.jsonl, weights and facts of the base stage and of one round for each recipe."""
    project = open_project(folder)
    found = {}
    for number, (recipe, rows) in enumerate({"sft": [], **rounds}.items()):
        start = {"round": number, "recipe": recipe, "parent": 0}
        round_ = _freeze(project, number, start) if number else start_base(project)
        if number:
            round_.stage("pair").mkdir()
            write_rows(round_.stage("pair") / "preferences.jsonl", rows)
        facts = run_stage(round_, "train", ignore_steps, False).facts
        lines = [json.loads(line) for line in (round_.stage("train") / "metrics.jsonl").read_text().splitlines()]
        assert sorted(path.name for path in round_.stage("train").iterdir()) == ["adapter", "metrics.jsonl", "stage.json"]
        found[recipe] = lines, load_file(round_.adapter / "adapter_model.safetensors"), dict(facts)
    return found


def test_two_processes_give_what_one_gives(tmp_path: Path, base_path: Path) -> None:
    """Same updates, same losses, whatever does not come out even: 13 pairs in updates of 3 x 2, so that the last update has one."""
    rounds = {
        "dpo": [pair(i, weight=1 / (1 + i % 3)) for i in range(20, 33)],
        "kto": [judged(i, desirable=i % 3 == 0) for i in range(20, 33)],
    }
    one = trained(write_project(tmp_path / "one", base_path), rounds)
    settings = 'launcher = "accelerate"\naccelerate_config = "accelerate.yaml"\nprocesses = 2'
    two = trained(write_project(tmp_path / "two", base_path, settings), rounds)
    for recipe in one:
        assert two[recipe][2]["processes"] == 2
        assert one[recipe][2]["steps"] == two[recipe][2]["steps"] == len(one[recipe][0]) > 1
        for ours, theirs in zip(two[recipe][0], one[recipe][0], strict=True):
            assert ours["loss"] == pytest.approx(theirs["loss"], abs=1e-5), recipe
            assert ours == pytest.approx(theirs, abs=1e-3), recipe
        for name, weight in one[recipe][1].items():
            assert (two[recipe][1][name] - weight).abs().max() < 1e-4, (recipe, name)


def test_what_a_process_raises_is_raised(tmp_path: Path, base_path: Path) -> None:
    folder = write_project(tmp_path / "a", base_path, 'launcher = "accelerate"\naccelerate_config = "accelerate.yaml"\nprocesses = 3')
    path = folder / "accelerate.yaml"
    path.write_text(TWO_ON_A_CPU.replace("MULTI_GPU", "NO"))
    with pytest.raises(TrainingError, match=r"accelerate started 1 processes, and train.processes is 3") as raised:
        run_stage(start_base(open_project(folder)), "train", ignore_steps, False)
    assert "distributed_type: MULTI_GPU" in raised.value.hint


def test_a_config_file_that_is_not_there_is_refused(tmp_path: Path, base_path: Path) -> None:
    folder = write_project(tmp_path / "a", base_path, 'launcher = "accelerate"\naccelerate_config = "none.yaml"')
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        run_stage(start_base(open_project(folder)), "train", ignore_steps, False)
