"""Atomic writes: a reader finds the old content or the new content of a file, never a part of it.

Each function writes a temporary file next to the target, flushes it to the disk, renames it, and flushes the folder: without the last
step a power failure can undo the rename. A process that is killed while it writes leaves the old target and a hidden temporary file,
which the next writer of any file in that folder, or remove_stale(), removes.
"""

from __future__ import annotations

import ctypes
import errno
import glob
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from prefopt.io.disk import naming

PRIVATE = 0o600
"""Mode of files with answers, comments or names of people: for their owner alone."""
_DAY = 86_400.0
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?:(?P<machine>[0-9a-f]{8})-(?P<pid>[0-9a-f]+)-[0-9a-f]{8}|[0-9a-f]{8}|\d+)\.tmp")
_AT_FDCWD = -100  # fcntl.h
_RENAME_EXCHANGE = 2  # stdio.h


@contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Yield a temporary path next to `path`; the file that the body writes there replaces `path` if the body succeeds.

    For libraries that open files themselves (parquet, safetensors, pandas). The body may also make a directory; an existing directory
    at `path` is not replaced. An error in the body removes the temporary file and leaves `path` as it was.

    Args:
        path: the target; its folder exists.
        mode: permission bits that the file has from its first byte on, e.g. PRIVATE; None: those of the file that is replaced, or the
            process's default.
    """
    remove_stale(path.parent, path.name)
    _remove_of_dead_processes(path.parent)
    temporary = path.with_name(f".{path.name}.{_this_machine()}-{os.getpid():x}-{secrets.token_hex(4)}.tmp")
    kept = stat.S_IMODE(path.stat().st_mode) if mode is None and path.is_file() else None
    try:
        if mode is not None:
            with naming(path, temporary):
                os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        with naming(path, temporary):
            yield temporary
            if kept is not None and temporary.is_file():
                temporary.chmod(kept)
            sync_tree(temporary)
            temporary.replace(path)
            sync(path.parent)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        elif temporary.exists():  # else a disk that takes no writes refuses it, in place of what it refused before
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


def remove_stale(folder: Path, name: str = "") -> None:
    """Remove temporary files of processes that have ended, left in a folder by writers of `name`, or of any file.

    Those of another machine or container, whose processes cannot be seen, and of earlier versions are removed when they are a day old.
    """
    for path in list(folder.glob(f".{glob.escape(name) or '*'}.*.tmp")):
        found = _TEMPORARY.match(path.name)
        if found is None or (name and found["name"] != name) or not _is_stale(path, found):
            continue
        _remove(path)


def _remove_of_dead_processes(folder: Path) -> None:
    """As remove_stale(), for a folder that may be a person's: what other programs may name so too is left alone."""
    for path in list(folder.glob(".*.tmp")):
        found = _TEMPORARY.match(path.name)
        if found is not None and found["machine"] == _this_machine() and _is_stale(path, found):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):  # a disk that takes no writes; what is written next says so
            path.unlink(missing_ok=True)


def _is_stale(path: Path, found: re.Match[str]) -> bool:
    if found["machine"] == _this_machine():
        try:
            os.kill(int(found["pid"], 16), 0)
        except ProcessLookupError:
            return True
        except OSError:  # a process of another user
            return False
        return False
    try:
        return time.time() - path.stat().st_mtime > _DAY
    except OSError:
        return False


@cache
def _this_machine() -> str:
    """Names what process ids are counted in: this boot of the machine, and the container."""
    parts = [os.uname().nodename]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


def exchange(one: Path, other: Path) -> None:
    """Give two existing files or folders each other's name in one step (renameat2 of Linux). Raises OSError where that is not possible."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(one))
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one), None, str(other))


def make_private(path: Path) -> None:
    """Let nobody but its owner read a file, or a directory with everything in it. Links are left as they are."""
    if path.is_symlink():
        return
    if path.is_dir():
        for inner in path.iterdir():
            make_private(inner)
    path.chmod(0o700 if path.is_dir() else PRIVATE)


def make_shared(path: Path) -> None:
    """Let others read a file, or a directory with everything in it, as far as the process's umask lets them: libraries write some files
    for their owner alone. Links are left as they are.
    """
    if path.is_symlink():
        return
    if path.is_dir():
        for inner in path.iterdir():
            make_shared(inner)
    path.chmod((0o777 if path.is_dir() else 0o666) & ~_umask())


def _umask() -> int:
    """Read without setting it, which other threads would notice."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"^Umask:\s*([0-7]+)$", status, flags=re.MULTILINE)
    return int(found[1], 8) if found else 0o077


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
