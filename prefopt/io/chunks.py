"""Long work on many rows in chunks, each in a file that is complete or absent, so an interrupted run resumes with the next chunk."""

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
from prefopt.io.hashing import hash_path
from prefopt.io.locks import locked

SIZE = 64
"""Rows of a chunk: the most that an interruption loses, minutes where a row takes seconds. Fixed, so that a resumed run makes the same
chunks as an uninterrupted one."""

_ORIGIN = "made_from.json"

T = TypeVar("T")


def cut(rows: Sequence[T]) -> list[Sequence[T]]:
    """Rows in chunks of SIZE; the last one may be smaller."""
    return [rows[start : start + SIZE] for start in range(0, len(rows), SIZE)]


def are_from(folder: Path, made_from: Mapping[str, str]) -> bool:
    """Whether a folder holds chunks that were made from these inputs."""
    origin = folder / _ORIGIN
    return origin.exists() and origin.read_text(encoding="utf-8") == _description(made_from)


def _description(made_from: Mapping[str, str]) -> str:
    return json.dumps({**made_from, "size": str(SIZE)}, sort_keys=True, indent=2)


@dataclass(frozen=True)
class Chunks:
    """The finished chunks of one task, in a folder of their own."""

    folder: Path
    suffix: str

    def path(self, number: int) -> Path:
        """File of a finished chunk; numbers begin at 0."""
        return self.folder / f"{number:06d}{self.suffix}"

    def unfinished(self, number: int) -> Path:
        """File to write a chunk to before keep() renames it."""
        return self.folder / f".{number:06d}{self.suffix}"

    def keep(self, number: int) -> None:
        """Mark a chunk as finished: flush its file to the disk, write its digest, then rename it."""
        sync(self.unfinished(number))
        write_text(self._digest(number), hash_path(self.unfinished(number)))
        self.unfinished(number).replace(self.path(number))
        sync(self.folder)

    def __contains__(self, number: int) -> bool:
        """Whether a chunk is finished, and what was written; one that is not is made again."""
        try:
            return hash_path(self.path(number)) == self._digest(number).read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return False

    def _digest(self, number: int) -> Path:
        return self.folder / f"{number:06d}.sha256"

    def remove(self) -> None:
        """Remove the folder, once the chunks are combined elsewhere."""
        shutil.rmtree(self.folder)


@contextmanager
def chunks_in(folder: Path, made_from: Mapping[str, str], suffix: str) -> Iterator[Chunks]:
    """The chunks in a folder, for one process at a time. Chunks that were made from other inputs are removed first.

    Args:
        folder: made if it is missing.
        made_from: name and hash of every input that the chunks depend on.
        suffix: of the chunks' files, e.g. ".jsonl".

    Raises:
        ProjectError: another process is using the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / ".lock"
    with locked(lock, lambda owner: ProjectError(f"{owner} is working in {folder}", hint="wait for it to end")):
        if not are_from(folder, made_from):
            for path in folder.iterdir():
                if path != lock:
                    path.unlink()
            write_text(folder / _ORIGIN, _description(made_from))
        yield Chunks(folder, suffix)
