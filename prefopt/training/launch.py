"""Training in several processes: `accelerate launch` starts `python -m prefopt.training.launch PROJECT ROUND FOLDER` once for each.

Each process reads the round for itself and trains its share (recipes/batching.py, recipes/distributed.py); the first one writes. What they
have to say goes through files in FOLDER/launch: the result, or what was raised. Steps go to the standard output, one JSON list a line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefopt import errors
from prefopt.errors import ConfigError, PrefoptError, TrainingError
from prefopt.project.project import Round, open_project
from prefopt.protocols import OnStep, TrainedAdapter, TrainingJob

FOLDER = "launch"
_STARTER = "PREFOPT_STARTED_BY"
_SHOWN = 6  # lines of what accelerate said last


def launch(rnd: Round, out: Path, on_step: OnStep) -> tuple[TrainedAdapter, int]:
    """Train a round's adapter into `out` by `accelerate launch`: what the recipe gave back, and how many processes there were.

    Raises:
        ConfigError: there is no such config file.
        PrefoptError: what a process raised; TrainingError with what accelerate said last where it raised nothing.
    """
    told = out / FOLDER
    told.mkdir()
    command = [*accelerate_command(rnd), "-m", "prefopt.training.launch", str(rnd.project.root), str(rnd.number), str(out)]
    environment = os.environ | {_STARTER: str(os.getpid())}
    with (told / "said.txt").open("w", encoding="utf-8") as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, env=environment)  # noqa: S603 - our own command
        try:
            _follow(process, on_step)
        finally:
            process.terminate()
            status = process.wait()
    _raise_told(told, status)
    found = json.loads((told / "result.json").read_text(encoding="utf-8"))
    for path in told.iterdir():
        path.unlink()
    told.rmdir()
    return TrainedAdapter(out / "adapter", found["steps"], found["examples"], found["metrics"]), found["processes"]


def config_file(rnd: Round) -> Path | None:
    """The round's file for accelerate, if it has one. Raises ConfigError where it is not there."""
    name = rnd.config.train.accelerate_config
    path = rnd.project.root / name
    if name and not path.is_file():
        raise ConfigError(f"train.accelerate_config: there is no {path}", hint=f"make it: accelerate config --config_file {name}")
    return path if name else None


def accelerate_command(rnd: Round) -> list[str]:
    """`accelerate launch` with the options that the round's settings ask for. Raises ConfigError."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--mixed_precision", "no"]  # autocast would round the LoRA weights
    path, processes = config_file(rnd), rnd.config.train.processes
    if path is not None:
        command += ["--config_file", str(path)]
    else:
        command += ["--multi_gpu", "--num_machines", "1", "--dynamo_backend", "no", "--main_process_port", "0"]
    return [*command, "--num_processes", str(processes)] if processes else command


def _follow(process: subprocess.Popen[str], on_step: OnStep) -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    with process.stdout:
        for line in process.stdout:
            if line.startswith('["step", '):
                _, done, total, note = json.loads(line)
                on_step(done, total, note)
    process.wait()


def _raise_told(told: Path, status: int) -> None:
    """Raise what the first process that failed raised, if one did."""
    raised = sorted(told.glob("error-*.json"), key=lambda path: path.stat().st_mtime_ns)
    if raised:
        found = json.loads(raised[0].read_text(encoding="utf-8"))
        kind: type[PrefoptError] = getattr(errors, found["kind"], TrainingError)
        error = kind.__new__(kind)
        PrefoptError.__init__(error, found["message"], hint=found["hint"])
        raise error
    if status != 0 or not (told / "result.json").exists():
        last = (told / "said.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_SHOWN:]
        raise TrainingError(
            f"accelerate launch ended with status {status}: " + " / ".join(line.strip() for line in last),
            hint='try the same with `accelerate test`, or set launcher = "none" under [train]',
        )


def _refuse_other_count(found: int, wanted: int) -> None:
    if wanted and found != wanted:
        raise TrainingError(
            f"accelerate started {found} processes, and train.processes is {wanted}",
            hint="for several processes on CPUs its config file needs distributed_type: MULTI_GPU and use_cpu: true",
        )


def main(root: Path, number: int, out: Path) -> int:
    """One of the processes. Its exit status."""
    from prefopt import plugins
    from prefopt.model.processes import leave_process_group
    from prefopt.training.job import job_of, recipe_options

    threading.Thread(target=_end_with, args=(int(os.environ[_STARTER]),), daemon=True).start()
    told, rank, count = out / FOLDER, os.environ.get("RANK", "0"), int(os.environ.get("WORLD_SIZE", "1"))
    try:
        rnd = open_project(root).round(number)
        _refuse_other_count(count, rnd.config.train.processes)
        recipe = plugins.find_recipe(rnd.recipe, rnd.project.root)
        job: TrainingJob = job_of(rnd, recipe, out, _tell_step)
        trained = recipe.train(job, recipe_options(rnd, recipe))
    except PrefoptError as error:
        fault = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
        _write(told / f"error-{rank}.json", fault)
        return 1
    if rank == "0":
        result = {"steps": trained.steps, "examples": trained.examples, "metrics": trained.metrics, "processes": count}
        _write(told / "result.json", result)
    leave_process_group()
    return 0


def _tell_step(done: int, total: int, note: str) -> None:
    print(json.dumps(["step", done, total, note]), flush=True)


def _write(path: Path, value: Any) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value), encoding="utf-8")
    partial.rename(path)


def _end_with(pid: int, sleep: Callable[[float], None] = time.sleep) -> None:
    """End this process once the one that started the training is gone, however it went: nobody else may write into its folder."""
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            os._exit(1)
        sleep(0.2)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
