"""What was computed from a large file's content, kept in the user's cache for as long as the file system reports the same file.

The cache is $XDG_CACHE_HOME/prefopt, or ~/.cache/prefopt. Each record is a file of its own, written atomically, so processes that work at
the same time do not undo each other's records. A record that cannot be read is computed again; a cache that cannot be written is not used.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from prefopt.errors import ModelError
from prefopt.io.files import write_text
from prefopt.records import Record

Facts = dict[str, str]

_TICK = 100_000_000
"""Nanoseconds. A file may change twice within one tick of the file system's clock, so a record of a younger file is not kept."""


class _Kept(Record):
    path: str
    state: tuple[int, ...]
    facts: Facts


def cache_folder() -> Path | None:
    """Folder of the user's cache; None where the user has no home."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):  # the specification says to ignore a relative one
        return Path(given) / "prefopt"
    try:
        return Path.home() / ".cache" / "prefopt"
    except RuntimeError:
        return None


def facts_of(file: Path, kind: str, compute: Callable[[Path], Facts], valid: Callable[[Facts], bool] = lambda _: True) -> Facts:
    """What `compute` returns for a file, from the cache where the file's size, times and inode are those of the record.

    Args:
        file: the file; a link counts as what it points to.
        kind: of facts; increased or renamed when `compute` changes.
        compute: file -> facts.
        valid: whether facts from the cache can be those of this file.

    Raises:
        ModelError: the file changed while it was read.
    """
    real = file.resolve()
    state, now = _state(real), time.time_ns()
    record = f"files/{hashlib.sha256(f'{kind} {real}'.encode()).hexdigest()}"
    known = _read(record)
    if known is not None and (known.path, known.state) == (str(real), state) and valid(known.facts):
        return known.facts
    facts = compute(real)
    if _state(real) != state:
        raise ModelError(f"{file} changed while it was read", hint="wait until the copy or download has ended, then repeat the command")
    if now - max(state[1:3]) > _TICK:
        _write(record, _Kept(path=str(real), state=state, facts=facts))
    return facts


def keep(name: str, facts: Facts) -> None:
    """Keep facts under a name of their own, e.g. the digest of what they describe."""
    _write(name, _Kept(path="", state=(), facts=facts))


def recall(name: str) -> Facts | None:
    """What was kept under a name; None if nothing was, or the record is broken."""
    known = _read(name)
    return None if known is None else known.facts


def _state(file: Path) -> tuple[int, ...]:
    found = file.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _read(name: str) -> _Kept | None:
    folder = cache_folder()
    if folder is None:
        return None
    try:
        return _Kept.model_validate_json((folder / f"{name}.json").read_bytes())
    except (OSError, ValidationError):
        return None


def _write(name: str, kept: _Kept) -> None:
    folder = cache_folder()
    if folder is not None:
        path = folder / f"{name}.json"
        with suppress(OSError):  # read-only, full: it is computed again next time
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, kept.model_dump_json())
