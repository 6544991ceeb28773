"""A child process ends with the process that started it, also where that was killed and nobody has read its exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from prefopt.io.tied import tied
from tests.processes import gone, killed_and_left_unreaped

STARTER = """\
import subprocess, sys
from prefopt.io.tied import tied
subprocess.run(tied(["sh", "-c", "echo $$ > child; exec sleep 600"]))
"""


def test_it_ends_with_its_starter(tmp_path: Path) -> None:
    child = tmp_path / "child"
    with killed_and_left_unreaped(
        [sys.executable, "-c", STARTER], cwd=tmp_path, when=lambda: child.exists() and child.read_text()
    ) as killed:
        assert killed.children == (int(child.read_text()),), "it is the command itself, not a process around it"
        assert gone(killed.children)


def test_streams_and_exit_status_are_the_commands_own(tmp_path: Path) -> None:
    done = subprocess.run(tied(["sh", "-c", "cat; echo no >&2; exit 7"]), input="yes\n", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "yes\n", "no\n")
    missing = subprocess.run(tied(["there-is-no-such-command"]), capture_output=True, text=True, check=False)
    assert (missing.returncode, missing.stderr) == (1, "there-is-no-such-command: No such file or directory\n")


def test_every_process_that_prefopt_starts_is_tied() -> None:
    """But for the bundled server, which lives on, the backup that it makes, which ends by itself, a question to an interpreter, which has a
    limit of time, and a fork that computes one text under a limit of processor time.
    """
    root = Path(__file__).parents[2]
    lines = [
        (path.relative_to(root).as_posix(), line.strip())
        for package in ("prefopt", "recipes", "feedback")
        for path in sorted((root / package).rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if "subprocess.run(" in line or "subprocess.Popen(" in line or "os.fork(" in line or "multiprocessing" in line
    ]
    untied = [
        (file, line)
        for file, line in lines
        if "tied(" not in line and "tied(" not in (root / file).read_text(encoding="utf-8").split(line)[0][-400:]
    ]
    found = dict(untied)
    assert len(found) == len(untied)
    assert sorted(found) == [
        "feedback/bundled.py",
        "feedback/environment.py",
        "feedback/server/housekeeping.py",
        "prefopt/model/bounded.py",
    ]
    assert "start_new_session=True" in found["feedback/bundled.py"]
    assert "timeout=" in found["feedback/environment.py"]
