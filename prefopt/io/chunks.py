"""Long work on many rows, cut into pieces: each is a file that is there whole or not at all, so a killed run goes on with the next one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from prefopt.errors import ProjectError
from prefopt.io.files import sync, write_text
from prefopt.io.locks import locked

SIZE = 256
"""Rows of a piece: what a kill can cost. Fixed, so that a run that goes on makes the very same pieces as one that was never killed."""

_ORIGIN = "made_from.json"

T = TypeVar("T")


def cut(rows: Sequence[T]) -> list[Sequence[T]]:
    """Rows in pieces of SIZE; the last one may be smaller."""
    return [rows[start : start + SIZE] for start in range(0, len(rows), SIZE)]


def are_from(folder: Path, made_from: Mapping[str, str]) -> bool:
    """Whether the pieces in a folder, if there are any, were made from the very same."""
    origin = folder / _ORIGIN
    return origin.exists() and origin.read_text(encoding="utf-8") == _told(made_from)


def _told(made_from: Mapping[str, str]) -> str:
    return json.dumps({**made_from, "size": str(SIZE)}, sort_keys=True, indent=2)


@dataclass(frozen=True)
class Pieces:
    """The finished pieces of one piece of work, in a folder of their own."""

    folder: Path
    suffix: str

    def path(self, number: int) -> Path:
        """File of piece 0, 1, 2 …"""
        return self.folder / f"{number:06d}{self.suffix}"

    def unfinished(self, number: int) -> Path:
        """Where a piece is written before keep() gives it its name."""
        return self.folder / f".{number:06d}{self.suffix}"

    def keep(self, number: int) -> None:
        """The piece is complete: to the disk, then one rename."""
        sync(self.unfinished(number))
        self.unfinished(number).replace(self.path(number))

    def __contains__(self, number: int) -> bool:
        return self.path(number).exists()

    def remove(self) -> None:
        """All is put together elsewhere: the pieces are not needed any more."""
        shutil.rmtree(self.folder)


@contextmanager
def pieces_in(folder: Path, made_from: Mapping[str, str], suffix: str) -> Iterator[Pieces]:
    """The pieces in a folder, for one process at a time. Those that were made from anything else are removed first.

    Args:
        folder: made where it is not there.
        made_from: name and hash of everything that decides what is in the pieces.
        suffix: of the pieces' files, e.g. ".jsonl".

    Raises:
        ProjectError: another process works in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / ".lock"
    with locked(lock, lambda owner: ProjectError(f"{owner} is working in {folder}", hint="wait for it to end")):
        if not are_from(folder, made_from):
            for path in folder.iterdir():
                if path != lock:
                    path.unlink()
            write_text(folder / _ORIGIN, _told(made_from))
        yield Pieces(folder, suffix)
