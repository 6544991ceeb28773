"""Killed at any moment, a round can be resumed, and ends with the very same files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.small import run, simulate

KILLED = str(Path(__file__).with_name("killed.py"))
STAGES = ("sample", "publish", "collect", "pair", "train", "calibrate", "decide", "report")
SIGKILL = -9


def outputs(folder: Path) -> dict[str, str]:
    """stage/file -> sha256 of everything that round 001 has written."""
    found = {}
    for stage in STAGES:
        manifest = json.loads((folder / "rounds" / "001" / stage / "stage.json").read_text(encoding="utf-8"))
        found |= {f"{stage}/{name}": known["sha256"] for name, known in manifest["outputs"].items()}
    return found | report_without_times(folder / "rounds" / "001" / "report")


def report_without_times(folder: Path) -> dict[str, str]:
    """The report says how long the stages took; everything else in it is the same again."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    numbers = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert [row["stage"] for row in numbers.pop("cost")] == list(STAGES[:-1])
    parts = page.split('<section class="card" id="cost">')
    return {"report/report.html": parts[0] + parts[1].split("</section>", 1)[1], "report/report.json": json.dumps(numbers)}


@pytest.fixture(scope="module")
def undisturbed(_trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A project with round 001 finished without any disturbance, and what it wrote. The folder has the name that all copies get."""
    folder = Path(shutil.copytree(_trained, tmp_path_factory.mktemp("undisturbed") / "small"))
    run(folder, "round", expect=3)
    simulate(folder, 1)
    run(folder, "round")
    return folder, outputs(folder)


def fresh_copy(undisturbed: tuple[Path, dict[str, str]], tmp_path: Path, *, keep: tuple[str, ...] = ()) -> Path:
    """The project with round 001 only just started: frozen settings, and the finished stages in `keep`."""
    folder = Path(shutil.copytree(undisturbed[0], tmp_path / "small", symlinks=True))
    for stage in STAGES:
        if stage not in keep:
            shutil.rmtree(folder / "rounds" / "001" / stage)
    if "collect" not in keep:
        (folder / "rounds" / "001" / "answers.jsonl").unlink()  # what was read stays with the round, whatever becomes of the source
    return folder


@pytest.mark.parametrize("moment", ["opened", "written", "manifest"])
def test_killed_in_every_stage_and_typed_again(undisturbed, tmp_path, moment):
    folder = fresh_copy(undisturbed, tmp_path)
    shutil.rmtree(folder / "feedback", ignore_errors=True)
    for stage in STAGES:
        if stage == "collect":
            run(folder, "round", expect=3)
            simulate(folder, 1)
        run(folder, stage, moment, "--", "round", module=KILLED, expect=SIGKILL)
        assert not (folder / "rounds" / "001" / stage).exists()
        assert (folder / "rounds" / "001" / f".{stage}.partial").exists()
    run(folder, "round")
    assert outputs(folder) == undisturbed[1]
    assert not list((folder / "rounds" / "001").glob(".*.partial"))


def test_killed_in_the_middle_of_training(undisturbed, tmp_path):
    folder = fresh_copy(undisturbed, tmp_path, keep=STAGES[:4])
    process = subprocess.Popen([sys.executable, "-m", "prefopt", "round"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    partial = folder / "rounds" / "001" / ".train.partial"
    deadline = time.monotonic() + 120
    while not list(partial.glob("checkpoints/checkpoint-*")):
        assert process.poll() is None, process.stdout.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert not (folder / "rounds" / "001" / "train").exists()
    run(folder, "round")
    assert outputs(folder) == undisturbed[1]


def test_a_second_process_is_refused_while_one_works(undisturbed, tmp_path):
    folder = fresh_copy(undisturbed, tmp_path, keep=STAGES[:4])
    first = subprocess.Popen([sys.executable, "-m", "prefopt", "round"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (folder / "rounds" / "001" / ".train.partial").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        second = run(folder, "round", expect=1)
        assert str(first.pid) in second.stderr
    finally:
        first.kill()
        first.wait()
