"""`prefopt demo`: the commands that a person would type, one after the other, on generated problems and a real Argilla."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from prefopt.cli import console
from prefopt.cli.demo_table import demo_rows, demo_table, right_labels_project
from prefopt.errors import ProjectError
from prefopt.io.tied import tied
from prefopt.project.init import make_project
from prefopt.project.project import Project, open_project
from prefopt.project.truth import read_truth
from prefopt.rounds.artifacts import REPORT
from prefopt.rounds.machine import advance
from prefopt.rounds.starting import start_base, start_next

ROUNDS = 3
RATES = {"error-rate": 0.1, "fatigue": 0.05, "label-error": 0.1, "shared-error": 0.05, "position-bias": 0.1, "disagreement": 0.05}
"""Teachers who err as people do; `prefopt teachers simulate` prints every rate."""
SIMULATION = [
    "--truth",
    "data/truth.jsonl",
    "--teachers",
    "3",
    *(f"--{name}={rate}" for name, rate in RATES.items()),
    "--copycats=0",
    "--seed=7",
]


def run_demo(folder: Path, *, as_json: bool = False) -> None:
    """Make a project in `folder` and take it through SFT and three rounds. A demo that was stopped is resumed.

    Raises:
        ProjectError: a command failed.
    """
    screen = console.err if as_json else console.out

    def say(text: str) -> None:
        screen.print(text, markup=False)

    started = time.monotonic()
    folder = folder.resolve()
    if not (folder / "prefopt.toml").exists():
        say(f"$ prefopt init {folder.name} --example")
        for path, what in make_project(folder, example=True):
            say(f"  {path.relative_to(folder)}  {what}")
    project = open_project(folder)
    _command(folder, say, "argilla", "up", "--detach", *([] if _free(6900) else ["--port", "0"]))
    try:
        _rounds(project, say)
    finally:
        _command(folder, say, "argilla", "down")
    right_labels = right_labels_project(project, read_truth(folder / "data" / "truth.jsonl"), say)
    say("$ prefopt sft")
    _advance(right_labels, 0, say)
    _close(project, right_labels, say, as_json, time.monotonic() - started)


def _rounds(project: Project, say: Callable[[str], None]) -> None:
    say("$ prefopt sft")
    _advance(project, 0, say)
    for number in range(1, ROUNDS + 1):
        say("$ prefopt round")
        if _advance(project, number, say) is not None:
            _command(project.root, say, "teachers", "simulate", "--round", str(number), *SIMULATION)
            say("$ prefopt round")
            if (why := _advance(project, number, say)) is not None:
                raise ProjectError(f"the simulated teachers left round {number:03d} unfinished: {why}", hint="prefopt argilla status")


def _advance(project: Project, number: int, say: Callable[[str], None]) -> str | None:
    """Advance one round. Returns why it waits, or None if it is finished."""
    started = {r.number for r in project.rounds()}
    rnd = project.round(number) if number in started else start_base(project) if number == 0 else start_next(project)
    with console.stage_bars() as watch:
        result = advance(rnd, watch=watch, on_done=lambda done: say("  " + console.stage_line(done)))
    return result.waiting


def _free(port: int) -> bool:
    """Whether the port is free: an Argilla that is already running must not stop a demo."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _command(folder: Path, say: Callable[[str], None], *words: str) -> None:
    """Run a prefopt command in the project's folder, as a person would."""
    say(f"$ prefopt {' '.join(words)}")
    command = tied([sys.executable, "-P", "-m", "prefopt", *words])
    result = subprocess.run(command, cwd=folder, text=True, capture_output=True, check=False)  # noqa: S603  # our own command
    for line in result.stdout.splitlines():
        say(f"  {line}")
    if result.returncode != 0:
        raise ProjectError(
            f"`prefopt {' '.join(words)}` ended with {result.returncode}:\n{result.stderr.strip()}", hint=f"run it in {folder}"
        )


def _close(project: Project, right_labels: Project, say: Callable[[str], None], as_json: bool, seconds: float) -> None:
    rows = demo_rows(project, right_labels)
    report = project.rounds()[-1].stage(REPORT.stage) / REPORT.file
    if as_json:
        known = console.rounds_rows(project.rounds())
        console.print_json({"rounds": known, "table": rows, "seconds": round(seconds, 1), "report": str(report)})
        return
    console.out.print(demo_table(rows))
    say(
        "Generated problems. The teachers are programs that know the right labels and err at the rates printed above.\n"
        "new: held-out problems of new wordings; known: near-copies of what was trained or asked (no family of the hold-out was).\n"
        "same right labels: of the problems that the teachers were asked about, added to the training part, without rankings."
    )
    say(f"All of it took {console.duration(seconds)}.")
    say(str(report))
