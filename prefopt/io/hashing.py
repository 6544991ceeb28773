"""Content hashes of files and folders. Large files are hashed once for each state of the file that the file system reports."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from prefopt.io.files import write_text

SMALL = 4 << 20
"""Bytes up to which a file is always read: hashing it takes milliseconds."""


def hash_path(path: Path) -> str:
    """sha256 of a file's bytes, or of a folder's file names and contents (hidden files are left out).

    Raises:
        FileNotFoundError: there is neither a file nor a folder.
    """
    return Hashes().of(path)


class Hashes:
    """sha256 by path. With a cache file, a file of more than SMALL bytes is read again only when its size, its times or its inode differ.

    Writing to a file changes its ctime even where the modification time is set back, so a change is missed only if the disk itself
    alters bytes. `content=True` reads everything whatever the cache says; use it before a decision, a publication or an export.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._known: dict[str, list[Any]] | None = None

    def of(self, path: Path, *, content: bool = False) -> str:
        """sha256 of a file, or of a folder's file names and contents (hidden files are left out).

        Raises:
            FileNotFoundError: there is neither a file nor a folder.
        """
        if path.is_file():
            return self._of_file(path, content)
        if not path.is_dir():
            raise FileNotFoundError(path)
        digest = hashlib.sha256()
        for inner in sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")):
            digest.update(f"{inner.relative_to(path).as_posix()}\0{self._of_file(inner, content)}\n".encode())
        return digest.hexdigest()

    def _of_file(self, path: Path, content: bool) -> str:
        stat = path.stat()
        if self._cache is None or stat.st_size <= SMALL:
            return _digest(path)
        state = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        key, known = str(path.resolve()), self._load()
        if not content and key in known and known[key][:-1] == state:
            return str(known[key][-1])
        found = _digest(path)
        known[key] = [*state, found]
        self._save()
        return found

    def _load(self) -> dict[str, list[Any]]:
        if self._known is None:
            self._known = {}
            if self._cache is not None and self._cache.exists():
                try:
                    self._known = dict(json.loads(self._cache.read_text(encoding="utf-8")))
                except ValueError:  # cut off by a crash of the machine; everything in it can be computed again
                    self._known = {}
        return self._known

    def _save(self) -> None:
        assert self._cache is not None  # noqa: S101 - only called with a cache
        self._cache.parent.mkdir(parents=True, exist_ok=True)
        write_text(self._cache, json.dumps(self._load()))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
