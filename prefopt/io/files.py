"""Atomic writes: a reader finds the old content or the new content of a file, never a part of it.

Each function writes a temporary file next to the target, flushes it to the disk, renames it, and flushes the folder: without the last
step a power failure can undo the rename. A process that is killed while it writes leaves a hidden `.NAME.*.tmp` and the old target.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefopt.io.disk import naming

_AT_FDCWD = -100  # fcntl.h
_RENAME_EXCHANGE = 2  # stdio.h


@contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Yield a temporary path next to `path`; the file that the body writes there replaces `path` if the body succeeds.

    For libraries that open files themselves (parquet, safetensors, pandas). The body may also make a directory; an existing directory
    at `path` is not replaced. An error in the body removes the temporary file and leaves `path` as it was.

    Args:
        path: the target; its folder exists.
        mode: permission bits that the file has from its first byte on, e.g. 0o600 for a secret; None for the process's default.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")  # random: process ids repeat across containers
    try:
        if mode is not None:
            with naming(path, temporary):
                os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        with naming(path, temporary):
            yield temporary
            sync_tree(temporary)
            temporary.replace(path)
            sync(path.parent)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a binary file atomically; `mode` as in replacing()."""
    with replacing(path, mode=mode) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write a UTF-8 text file atomically, line ends as they are in `text`; `mode` as in replacing()."""
    write_bytes(path, text.encode(), mode=mode)


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document atomically, indented, UTF-8. Raises ValueError for NaN and infinities, which JSON does not have."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def exchange(one: Path, other: Path) -> None:
    """Give two existing files or folders each other's name in one step (renameat2 of Linux). Raises OSError where that is not possible."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(one))
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one), None, str(other))


def sync_tree(path: Path) -> None:
    """Flush a file, or a directory with everything in it, to the disk."""
    if path.is_dir():
        for inner in path.iterdir():
            sync_tree(inner)
    sync(path)


def sync(path: Path) -> None:
    """Flush a file's content, or a directory's list of names, to the disk."""
    handle = os.open(path, os.O_RDONLY)  # Linux flushes a file through any descriptor, and a directory only through a read-only one
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
