"""Run a function that others wrote, such as a chat template, in a process with limits of time, memory and output."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import time
import warnings
from collections.abc import Callable
from contextlib import suppress

from prefopt.errors import ModelError

SECONDS = 10
"""Processor time; a template of a real model takes a millisecond."""
MEMORY = 1 << 30
"""Bytes beyond those of this process."""
CHARACTERS = 1_000_000
_WALL = 60  # seconds until a process that does not even compute is ended


class FailedError(Exception):
    """The function raised an exception; the message is its type and words."""


def bounded_text(make: Callable[[], str], what: str) -> str:
    """The text that a function of pure Python returns, computed in a fork of this process.

    Args:
        make: takes nothing; what it changes is lost.
        what: names it in the error.

    Raises:
        FailedError: it raised an exception.
        ModelError: it did not end in SECONDS, or needed more than MEMORY or CHARACTERS.
    """
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12 for any fork with threads: the child uses none of theirs
        child = os.fork()
    if child == 0:
        _run(make, reader, writer)
    os.close(writer)
    try:
        said = _read(reader)
    finally:
        os.close(reader)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    try:
        kind, text = json.loads(said)
    except ValueError:  # it was ended before it said anything, or said too much
        kind, text = "limit", ""
    if kind == "failed":
        raise FailedError(text)
    if kind == "limit" or len(text) > CHARACTERS:
        limits = f"{SECONDS} s, {MEMORY >> 30} GiB and {CHARACTERS:,} characters"
        raise ModelError(f"{what} does not end within {limits}", hint="edit chat_template.jinja")
    return str(text)


def _run(make: Callable[[], str], reader: int, writer: int) -> None:
    """The child: it leaves without any clean-up, which would be that of the parent."""
    try:
        os.close(reader)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
        with open("/proc/self/statm", "rb") as file:
            now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
        try:
            said = ["text", make()]
        except MemoryError:
            said = ["limit", ""]
        except Exception as error:
            said = ["failed", f"{type(error).__name__}: {error}"[:300]]
        if len(said[1]) > CHARACTERS:
            said = ["limit", ""]
        rest = memoryview(json.dumps(said).encode())
        while rest:
            rest = rest[os.write(writer, rest) :]
    finally:
        os._exit(0)


def _read(reader: int) -> bytes:
    parts: list[bytes] = []
    until = time.monotonic() + _WALL
    while (left := until - time.monotonic()) > 0 and select.select([reader], [], [], left)[0]:
        part = os.read(reader, 1 << 16)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)
