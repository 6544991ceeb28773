"""Real commands, started cheaply: forked from a process that has torch imported, each in a session and process group of its own.

A forked command is `prefopt WORDS` from its first line to its exit status: it reads sys.argv, works in its folder, and SIGKILL ends it as
it would end any other. Only the seconds of `import torch` are missing. Some commands get an interpreter of their own.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
LIMIT = 300.0
"""Seconds after which a command counts as hanging."""
TRACEBACK = "Traceback (most recent call last)"

_IMPORTED = (
    *("torch", "transformers", "peft", "trl", "trl.experimental.orpo", "accelerate", "optuna", "argilla", "sklearn.linear_model"),
    *("prefopt.cli.app", "prefopt.cli.console", "prefopt.model.load", "prefopt.model.posterior", "prefopt.rounds.machine"),
    *("recipes.sft", "recipes.dpo"),
)

Prepare = Callable[[], None]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    words: tuple[str, ...]
    status: int
    """The exit status, or minus the number of the signal."""
    said: str
    """Standard output and standard error."""
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it: not where it was done before."""
        return self.status == -signal.SIGKILL

    @property
    def traceback(self) -> bool:
        """Whether it printed one."""
        return TRACEBACK in self.said


def warm() -> None:
    """Import what the commands import, once for all of them."""
    for name in _IMPORTED:
        importlib.import_module(name)


def end_with_parent(number: int = signal.SIGKILL) -> None:
    """The kernel sends the calling process a signal when the one that started it ends, however that ends."""
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, number)


class Command:
    """A running `prefopt WORDS`. `prepare` runs in its process before its first line."""

    def __init__(self, folder: Path, words: Sequence[str], *, prepare: Prepare | None = None, log: Path | None = None) -> None:
        self.words = tuple(words)
        self.log = log or folder.parent / f"{folder.name}.log"
        self.log.write_bytes(b"")  # it may be killed before its first line
        self._began = time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _become(folder, self.words, self.log, prepare)

    def wait(self, kill_after: float | None = None) -> Ended:
        """Wait for its end, and kill its process group after a number of seconds."""
        limit = LIMIT if kill_after is None else kill_after
        while True:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                break
            if (left := limit - (time.monotonic() - self._began)) <= 0:
                try:
                    os.killpg(self.pid, signal.SIGKILL)
                except ProcessLookupError:  # it has no group of its own yet
                    os.kill(self.pid, signal.SIGKILL)
                _, status = os.waitpid(self.pid, 0)
                break
            time.sleep(min(left, 0.004))
        seconds = time.monotonic() - self._began
        if kill_after is None and seconds > LIMIT:
            raise TimeoutError(f"{self.words} did not end in {LIMIT:.0f} s:\n{self.log.read_text(errors='replace')[-2000:]}")
        return Ended(self.words, os.waitstatus_to_exitcode(status), self.log.read_text(encoding="utf-8", errors="replace"), seconds)


def _become(folder: Path, words: Sequence[str], log: Path, prepare: Prepare | None) -> None:
    """Be the command: this process never returns from here."""
    status = 70
    try:
        os.setsid()
        end_with_parent()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, null), (1, out), (2, out)):
            os.dup2(source, target)
        os.chdir(folder)
        sys.argv = ["prefopt", *words]
        if prepare is not None:
            prepare()
        status = _run()
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _run() -> int:
    from prefopt.cli.app import main

    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
            return 1
        return int(end.code or 0)
    return 0


def run(folder: Path, *words: str, kill_after: float | None = None, prepare: Prepare | None = None, log: Path | None = None) -> Ended:
    """One forked command, waited for. What it prints goes to `log`, by default a file next to the folder."""
    return Command(folder, words, prepare=prepare, log=log).wait(kill_after)


def run_fresh(folder: Path, *words: str, kill_after: float | None = None, more: Mapping[str, str] | None = None) -> Ended:
    """The same with an interpreter of its own, which imports everything itself."""
    began = time.monotonic()
    log = folder.parent / f"{folder.name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefopt", *words],
            cwd=folder,
            env={**os.environ, **(more or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        try:
            process.wait(kill_after or LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if kill_after is None:
                raise
    return Ended(tuple(words), process.returncode, log.read_text(encoding="utf-8", errors="replace"), time.monotonic() - began)


def limit_memory(more: int) -> Prepare:
    """Let a command map at most `more` bytes beyond what it has when it starts."""

    def apply() -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * os.sysconf("SC_PAGESIZE") + more
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    return apply


def limit_files(most: int) -> Prepare:
    """Let a command write no file beyond a size: its writes fail, as on a full disk."""

    def apply() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return apply
