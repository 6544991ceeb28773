"""The train stage under `accelerate launch`: two processes on a CPU give what one gives; what a process raises is raised here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from recipe_cases import LABELS, judged, problem
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


def write_project(folder: Path, base: Path, train: str = "") -> Path:
    """A project whose rounds can be trained: 11 labelled problems."""
    (folder / "data").mkdir(parents=True)
    (folder / "accelerate.yaml").write_text(TWO_ON_A_CPU)
    rows = "".join(f"{label},이름 {i},A|B|C,1-2학년군\n" for i, label in enumerate(LABELS))
    (folder / "taxonomy.csv").write_text(f"code,name,levels,band\n{rows}")
    write_rows(folder / "data" / "gold.jsonl", [problem(i) for i in range(11)])
    options = "batch_size = 2\naccumulate = 3\nlearning_rate = 5e-3\nsave_steps = 1\ngradient_checkpointing = false\n"
    (folder / "prefopt.toml").write_text(
        f'[model]\npath = "{base}"\ndevice = "cpu"\n[adapter]\nrank = 4\nalpha = 8\n[data]\nholdout = 0.1\n[train]\n{train}\n'
        f"[recipes.kto]\n{options}"
    )
    return folder


def trained(folder: Path, parent: Path, recipe: str, rows: list[Any]) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    """Lines of metrics.jsonl, weights and facts of round 1, whose parent lies in round 0."""
    project = open_project(folder)
    base = _freeze(project, 0, {"round": 0, "recipe": "sft"})
    shutil.copytree(parent, base.adapter)
    round_ = _freeze(project, 1, {"round": 1, "recipe": recipe, "parent": 0})
    round_.stage("pair").mkdir()
    write_rows(round_.stage("pair") / "preferences.jsonl", rows)
    facts = run_stage(round_, "train", ignore_steps, False).facts
    lines = [json.loads(line) for line in (round_.stage("train") / "metrics.jsonl").read_text().splitlines()]
    assert sorted(path.name for path in round_.stage("train").iterdir()) == ["adapter", "metrics.jsonl", "stage.json"]
    return lines, load_file(round_.adapter / "adapter_model.safetensors"), dict(facts)


def test_two_processes_give_what_one_gives(tmp_path: Path, base_path: Path, parent: Path) -> None:
    """KTO, whose rows hang together most, and nothing comes out even: 13 rows in updates of 3 x 2, so that the last one has a row left."""
    rows = [judged(i, desirable=i % 3 == 0) for i in range(20, 33)]
    ones = trained(write_project(tmp_path / "one", base_path), parent, "kto", rows)
    settings = 'launcher = "accelerate"\naccelerate_config = "accelerate.yaml"\nprocesses = 2'
    twos = trained(write_project(tmp_path / "two", base_path, settings), parent, "kto", rows)
    assert twos[2]["processes"] == 2
    assert len(ones[0]) == ones[2]["steps"] == twos[2]["steps"] > 1
    for two, one in zip(twos[0], ones[0], strict=True):
        assert two["loss"] == pytest.approx(one["loss"], abs=1e-5)
        assert two | {"epoch": 0} == pytest.approx(one | {"epoch": 0}, abs=1e-3)
    for name, weight in ones[1].items():
        assert (twos[1][name] - weight).abs().max() < 1e-4, name


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
