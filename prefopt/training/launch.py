"""Training in several processes: `accelerate launch` starts a worker module once for each device.

Each worker reads the round for itself and trains its share (recipes/ divides the updates); the first one writes. What they report goes
through files in FOLDER/launch: the result, or the error that was raised. Steps go to the standard output, one JSON list a line. The process
that starts them holds a lock there; the kernel releases it when that process ends, however it ends, and the workers end with it.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from traceback import format_exception
from typing import Any

from prefopt import errors
from prefopt.config import TrainSettings
from prefopt.errors import ConfigError, PrefoptError, TrainingError
from prefopt.faults import as_prefopt_error
from prefopt.io.files import write_json
from prefopt.io.tied import tied
from prefopt.protocols import OnStep, TrainedAdapter, finite_or_none

FOLDER = "launch"
_STARTED = "started.lock"
_LAST_LINES = 6  # of accelerate's output, shown where it gave no reason


def launch(worker: Sequence[str], settings: TrainSettings, root: Path, out: Path, on_step: OnStep) -> tuple[TrainedAdapter, int]:
    """Train an adapter into `out` by `accelerate launch`.

    Args:
        worker: module and arguments of the worker; it calls work().
        settings: launcher settings of the round.
        root: the project's folder, which holds accelerate's config file.
        out: the unfinished stage folder.
        on_step: progress of the first worker.

    Returns:
        the recipe's result, and how many processes there were.

    Raises:
        ConfigError: the config file does not exist.
        PrefoptError: what a worker raised; TrainingError with accelerate's last lines where it raised nothing.
    """
    reports = out / FOLDER
    reports.mkdir()
    command = tied([*accelerate_command(root, settings), "-m", *worker])
    with (reports / _STARTED).open("w") as started, (reports / "output.txt").open("w", encoding="utf-8") as output:
        fcntl.flock(started, fcntl.LOCK_EX)
        safe = {**os.environ, "PYTHONSAFEPATH": "1"}  # the project's folder may have a package `recipes` of its own
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=output, text=True, env=safe)  # noqa: S603 - our own command
        try:
            _follow(process, on_step)
        finally:
            process.terminate()
            status = process.wait()
    _raise_reported(reports, status)
    found = json.loads((reports / "result.json").read_text(encoding="utf-8"))
    for path in reports.iterdir():
        path.unlink()
    reports.rmdir()
    trained = TrainedAdapter(out / "adapter", found["steps"], found["examples"], found["metrics"], found["planned"])
    return trained, found["processes"]


def config_file(root: Path, settings: TrainSettings) -> Path | None:
    """The config file for accelerate, if the settings name one. Raises ConfigError where it is missing."""
    name = settings.accelerate_config
    path = root / name
    if name and not path.is_file():
        raise ConfigError(
            f"train.accelerate_config: {path} does not exist",
            hint=f"make it: accelerate config --config_file {name}; or set accelerate_config under [train] to another file",
        )
    return path if name else None


def accelerate_command(root: Path, settings: TrainSettings) -> list[str]:
    """`accelerate launch` with the options that the settings ask for. Raises ConfigError."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--mixed_precision", "no"]  # autocast would round the LoRA weights
    path = config_file(root, settings)
    if path is not None:
        command += ["--config_file", str(path)]
    else:
        command += ["--multi_gpu", "--num_machines", "1", "--dynamo_backend", "no", "--main_process_port", "0"]
    return [*command, "--num_processes", str(settings.processes)] if settings.processes else command


def _follow(process: subprocess.Popen[str], on_step: OnStep) -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    with process.stdout:
        for line in process.stdout:
            if line.startswith('["step", '):
                _, done, total, note = json.loads(line)
                on_step(done, total, note)
    process.wait()


def _raise_reported(reports: Path, status: int) -> None:
    """Raise what the first process that failed raised, if one did."""
    raised = sorted(reports.glob("error-*.json"), key=lambda path: path.stat().st_mtime_ns)
    if raised:
        found = json.loads(raised[0].read_text(encoding="utf-8"))
        kind: type[PrefoptError] = getattr(errors, found["kind"], TrainingError)
        error = kind.__new__(kind)
        PrefoptError.__init__(error, found["message"], hint=found["hint"])
        error.add_note(found["stack"])
        raise error
    if status != 0 or not (reports / "result.json").exists():
        last = (reports / "output.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_LAST_LINES:]
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


def work(prepare: Callable[[OnStep], tuple[Callable[[], TrainedAdapter], int]], out: Path) -> int:
    """Run one worker of launch() and report to the process that started it; whatever is raised is reported in words.

    Args:
        prepare: called with the progress to report; returns what trains this process's share, and how many processes the settings ask for
            (0 for any number).
        out: the unfinished stage folder.

    Returns:
        the exit status of the process.
    """
    from prefopt.model.processes import leave_process_group  # torch: only a worker needs it

    threading.Thread(target=_end_with_starter, args=(out / FOLDER / _STARTED,), daemon=True).start()
    reports, rank, count = out / FOLDER, os.environ.get("RANK", "0"), int(os.environ.get("WORLD_SIZE", "1"))
    try:
        train, wanted = prepare(_print_step)
        _refuse_other_count(count, wanted)
        trained = train()
    except Exception as error:
        said = as_prefopt_error(error)
        found = {"kind": type(said).__name__, "message": said.message, "hint": said.hint, "stack": "".join(format_exception(error))}
        write_json(reports / f"error-{rank}.json", found)
        return 1
    if rank == "0":
        result: dict[str, Any] = {"steps": trained.steps, "examples": trained.examples, "metrics": finite_or_none(trained.metrics)}
        result |= {"planned": trained.planned, "processes": count}
        write_json(reports / "result.json", result)
    leave_process_group()
    return 0


def _print_step(done: int, total: int, note: str) -> None:
    print(json.dumps(["step", done, total, note]), flush=True)


def _end_with_starter(lock: Path) -> None:
    """End this process once the one that started the training has released the lock: nobody else may write into its folder.

    Its process id would not do: it lasts until somebody has read the exit status.
    """
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        os._exit(1)
