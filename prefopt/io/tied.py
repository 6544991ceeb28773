"""Child processes that end with the process that started them, however that ends: a killed command leaves nobody writing behind it.

Run as a program (`python tied.py PID COMMAND...`) it asks the kernel for that and becomes the command. It imports nothing from prefopt,
so that it costs 10 ms. A command's own children are not tied by it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2); execve(2) keeps it


def tied(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` until this process ends. Its process id, streams and exit status are the command's own.

    The kernel sends SIGKILL when the thread that starts it ends: start it from a thread that waits for it.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _become(starter: int, command: Sequence[str]) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() == starter:  # otherwise it ended before the kernel was asked
        os.execvp(command[0], list(command))  # noqa: S606 - our own command, without a shell


if __name__ == "__main__":
    try:
        _become(int(sys.argv[1]), sys.argv[2:])
    except OSError as error:
        sys.exit(f"{sys.argv[2]}: {error.strerror}")
