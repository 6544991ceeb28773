"""Kills a command from inside at a chosen operation on files: the instants that matter, which a clock hits only by chance.

They are seen by sys.addaudithook, so that no function has to be replaced; libraries that write without Python (Arrow, SQLite) are not seen.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

MOMENTS = ("opened", "written", "manifest")
"""Of a stage: its unfinished folder is there and empty; its files are written, its manifest is not; it still has its unfinished name."""
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "shutil.rmtree")


def _path(arguments: tuple[object, ...]) -> str:
    path = arguments[0] if arguments else ""
    if isinstance(path, (str, os.PathLike)):
        named = os.fspath(path)
        return named if isinstance(named, str) else ""
    return ""


def _changes(event: str, arguments: tuple[object, ...]) -> bool:
    """Whether an event changes files: any that renames, removes or makes one, and opening one to write."""
    if event != "open":
        return event in _CHANGES
    flags = arguments[2] if len(arguments) > 2 else 0
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR)) and not _path(arguments).startswith("/dev/")


def _die() -> None:
    os.killpg(0, signal.SIGKILL)


def at_operation(number: int) -> Callable[[], None]:
    """Kill just before a command's operation on files of that number; the first is 1."""

    def apply() -> None:
        seen = 0

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            if _changes(event, arguments):
                seen += 1
                if seen == number:
                    _die()

        sys.addaudithook(watch)

    return apply


def counting(count: Path) -> Callable[[], None]:
    """Write how many operations on files a command has made so far, each as one byte."""

    def apply() -> None:
        file = os.open(count, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            if _changes(event, arguments):
                os.write(file, b".")

        sys.addaudithook(watch)

    return apply


def at_moment(stage: str, moment: str) -> Callable[[], None]:
    """Kill at one of MOMENTS of a stage."""
    unfinished = os.sep + f".{stage}.partial"

    def due(event: str, path: str) -> bool:
        folder, name = os.path.split(path)
        if moment == "opened":
            return event == "os.rename" and folder.endswith(unfinished) and name.startswith(".inputs.json.")
        if moment == "written":
            return event == "open" and folder.endswith(unfinished) and name.startswith(".stage.json.")
        return event == "os.rename" and path.endswith(unfinished)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("open", "os.rename") and due(event, _path(arguments)):
            _die()

    return lambda: sys.addaudithook(watch)
