"""Processes that a test kills, and whether what they started is gone."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 60.0
"""After which a test gives up waiting for what happens at once."""


@dataclass(frozen=True)
class Killed:
    """A process that was killed, and its children at that time."""

    pid: int
    children: tuple[int, ...]


@contextmanager
def killed_and_left_unreaped(command: Sequence[str], *, cwd: Path, when: Callable[[], bool]) -> Iterator[Killed]:
    """Start a command, SIGKILL it once `when` is true, and leave it a zombie until the body is done. Its group is ended afterwards."""
    root = str(Path(__file__).parents[1])
    with (cwd / "output.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, "PYTHONPATH": root}, stdout=log, stderr=log, start_new_session=True
        )  # what it starts stays in its session
    try:
        until = time.monotonic() + 4 * _SECONDS
        while not when():
            assert process.poll() is None, (cwd / "output.log").read_text()
            assert time.monotonic() < until
            time.sleep(0.02)
        children = tuple(map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()))
        os.kill(process.pid, 9)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        os.kill(process.pid, 0)  # a zombie has its process id still
        yield Killed(process.pid, children)
    finally:
        for pid in _members(process.pid):
            os.kill(pid, 9)
        process.wait()


def gone(pids: Sequence[int]) -> bool:
    """Whether all these processes end; waited for."""
    until = time.monotonic() + _SECONDS
    while any(_runs(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return bool(pids)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _members(session: int) -> list[int]:
    """Processes of a session that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getsid(int(entry.name)) == session and _runs(int(entry.name)):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
