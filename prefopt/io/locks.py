"""Locks between processes, by flock(2): a lock ends with its process, however that ends, so a stale lock file blocks nobody.

A lock file's content names the process that holds it: {"host": …, "pid": …}.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

_WAIT = 0.02
_READS = 50  # a process takes the lock a moment before it writes its name


class NamelessLockError(Exception):
    """A lock is held, and its file does not say by whom."""


@dataclass(frozen=True)
class Owner:
    """The process that holds a lock."""

    host: str
    pid: int

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@contextmanager
def locked(path: Path, busy: Callable[[str], Exception] | None = None, *, mode: int = 0o644) -> Iterator[None]:
    """Hold the exclusive lock of a file while the body runs. Not reentrant.

    Args:
        path: the lock file; made if it is missing, and kept. Its folder exists.
        busy: makes the error to raise if another process holds the lock, from words for that process ("process 7 on desk");
            None waits until the lock is free.
        mode: permission bits of a new lock file.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, mode)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            if busy is None:  # not with a blocking call
                raise
            raise busy(str(_owner(path) or "another process")) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(asdict(Owner(platform.node(), os.getpid()))).encode(), 0)
        yield
    finally:
        os.close(handle)


def holder(path: Path) -> Owner | None:
    """The process that holds the lock of a file; None if it is free or was never taken.

    Raises:
        NamelessLockError: the lock is held, and its file names no process.
        OSError: the file cannot be opened.
    """
    try:
        handle = os.open(path, os.O_RDONLY)  # so that it can be asked on a disk that takes no writes
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two processes may look at the same moment
        return None
    except BlockingIOError:
        owner = _owner(path)
        if owner is None:
            raise NamelessLockError(f"{path} is locked, but names no process") from None
        return owner
    finally:
        os.close(handle)


def _owner(path: Path) -> Owner | None:
    """The process that a held lock file names; None if it names none. A bare number is the process id of a program on this machine."""
    for _ in range(_READS):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return Owner(platform.node(), content) if isinstance(content, int) else Owner(str(content["host"]), int(content["pid"]))
        except (ValueError, KeyError, TypeError):
            time.sleep(_WAIT)
    return None
