"""Consistent copies of the server's data, even while teachers submit. Uses the standard library only.

    python snapshots.py --home .argilla --target .argilla/backups/20261121T174500Z --why "by hand"

The server imports this module for its automatic backups, and `prefopt argilla backup` runs it as a program. A backup is a directory that
appears by one rename: argilla.db (copied with SQLite's backup interface: one state of the database, without stopping it), the keys, and
backup.json with their sha256, written last.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import glob
import hashlib
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import digests  # type: ignore[import-not-found]  # next to this file; the server's interpreter finds it there

DATABASE = "argilla.db"
SECRETS = ("auth-secret", "owner-key", "accounts.json")
AUTOMATIC = "automatic"
KEPT = 5
"""Number of automatic backups that are kept; backups made by hand are all kept."""
COUNTED = {"records": "SELECT count(*) FROM records", "answers": "SELECT count(*) FROM responses WHERE status <> 'draft'"}


class BackupError(Exception):
    """Why no backup could be made; the caller adds a hint."""


def damage(database: Path, *, at_rest: bool = True) -> str:
    """What is wrong with a database file, in one line; empty if its structure and every row are as written (see digests.inspect)."""
    return str(digests.in_words(digests.inspect(database, at_rest=at_rest)))


def counts(database: Path) -> dict[str, int]:
    """Number of records and of answers (without drafts). Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"file:{database}?mode=rw", uri=True, timeout=30)) as connection:
        return {name: int(connection.execute(query).fetchone()[0]) for name, query in COUNTED.items()}


def snapshot(home: Path, target: Path | None, why: str) -> tuple[Path, dict[str, Any]]:
    """Copy the data of a home to a new directory, by default one below its backups/; returns it and the content of its backup.json.

    Raises:
        BackupError: no data, a target that exists, a damaged source, or a full disk.
    """
    if not (home / DATABASE).exists():
        raise BackupError(f"there is no {DATABASE} in {home}")
    if target is not None and target.exists():
        raise BackupError(f"{target} exists already")
    if not _is_running(home) and (fault := digests.log_fault(home / f"{DATABASE}-wal")):
        raise BackupError(f"{home / DATABASE} is damaged: {fault}")  # copying it would remove the log
    folder, name = (home / "backups", "new") if target is None else (target.parent, target.name)
    partial, lock = folder / f".{name}.{os.getpid()}.partial", -1
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        remove_unfinished(folder, "*" if folder == home / "backups" else glob.escape(name))
        lock = _make_locked(partial)
        copy_database(home / DATABASE, partial / DATABASE)
        for name in SECRETS:
            if (home / name).exists():
                _write(partial / name, (home / name).read_bytes())
        description = {
            "schema": 1,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "why": why,
            **counts(partial / DATABASE),
            "sha256": {path.name: _hash(path) for path in sorted(partial.iterdir())},
        }
        _write(partial / "backup.json", (json.dumps(description, indent=2) + "\n").encode())
        sync(partial)
        made = _named_by_time(partial) if target is None else partial.rename(target)
        sync(folder)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"no backup could be made at {target or folder}: {_in_words(error)}") from error
    finally:
        if lock >= 0:
            shutil.rmtree(partial, ignore_errors=True)  # its name is gone if it has become the backup
            os.close(lock)
    return made, description


def _named_by_time(partial: Path) -> Path:
    """Rename a finished backup to a free name: another process may make a backup in the same second."""
    while True:
        try:
            return partial.rename(new_name(partial.parent))
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def remove_unfinished(folder: Path, name: str = "*") -> None:
    """Remove what killed processes left of backups in a folder: a process that still works on one has it locked."""
    for path in folder.glob(f".{name}.*.partial"):
        if not path.name.split(".")[-2].isdigit() or not path.is_dir():
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(handle)


def _make_locked(folder: Path) -> int:
    """Make a folder and lock it for this process. Returns the handle that holds the lock."""
    while True:
        folder.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if folder.exists() and folder.stat().st_ino == os.fstat(handle).st_ino:
            return handle
        os.close(handle)  # another process took it for one that was left, before it was locked


def new_name(folder: Path) -> Path:
    """A path below `folder` named by the time; it sorts after earlier names of the same second."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    same = [path.name.removeprefix(stamp) for path in folder.glob(f"{stamp}*")]
    last = max((int(rest[1:]) for rest in same if rest[1:].isdigit()), default=1)
    return folder / (f"{stamp}-{last + 1}" if same else stamp)


def _is_running(home: Path) -> bool:
    """Whether a server holds the lock of this home, and has its database open."""
    try:
        with (home / "server.lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def automatic(home: Path, kept: int = KEPT) -> Path | None:
    """Make a backup if the database has changed since the earlier ones, and remove old automatic ones. None if nothing has changed.

    Changes are detected by content, because the clock can jump: a copy that equals an earlier one byte by byte is removed again.
    """
    folder = home / "backups"
    earlier = {path.parent: digest for path in sorted(folder.glob("*/backup.json")) if (digest := _digest_of_automatic(path))}
    target, description = snapshot(home, None, AUTOMATIC)
    if description["sha256"][DATABASE] in earlier.values():
        shutil.rmtree(target)
        return None
    for old in list(earlier)[: max(0, len(earlier) + 1 - kept)]:
        shutil.rmtree(old)
    return target


def _digest_of_automatic(path: Path) -> str:
    """sha256 of the database of an automatic backup; empty for anything else, which must not be removed."""
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        return str(description["sha256"][DATABASE]) if description["why"] == AUTOMATIC else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def copy_database(source: Path, target: Path) -> None:
    """Copy all pages in one step, as a reader of the write-ahead log: writers continue, and the copy is one state of the database."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        _readable(source, target.with_name(".source")) as opened,
        closing(sqlite3.connect(f"file:{opened}?mode=rw", uri=True, timeout=30)) as read,
        closing(sqlite3.connect(target)) as copy,
    ):
        read.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # a single file, without a log next to it
    if message := damage(target):
        raise BackupError(f"{source} is damaged: {message}")
    sync(target)


@contextmanager
def _readable(database: Path, work: Path) -> Iterator[Path]:
    """The database, or where its disk takes no writes, which SQLite needs to read a log, a copy with its log in the folder `work`."""
    if not os.statvfs(database.parent).f_flag & os.ST_RDONLY:
        yield database
        return
    work.mkdir(mode=0o700)
    try:
        for ending in ("", "-wal"):  # nobody writes to them, so they are one state
            if (database.with_name(database.name + ending)).exists():
                shutil.copyfile(database.with_name(database.name + ending), work / f"{database.name}{ending}")
        yield work / database.name
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _in_words(error: OSError | sqlite3.Error) -> str:
    """The system's message with the file's name, without its number."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror.lower()}" if error.filename else error.strerror.lower()


def sync(path: Path) -> None:
    """Flush a file's content, or a directory's list of names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(path: Path, text: str) -> None:
    """Write a file atomically, flushed to the disk."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync(path.parent)


def _write(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    """Make one backup and print its description as JSON."""
    parser = argparse.ArgumentParser(description="Copy the data of the bundled Argilla server.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--target", type=Path, help="directory to create (default: below backups/ of the home)")
    parser.add_argument("--why", default="by hand")
    parser.add_argument("--automatic", action="store_true", help="only if something has changed; the last few are kept")
    args = parser.parse_args()
    if args.automatic:
        os.nice(10)
    try:
        if args.automatic:
            automatic(args.home)
            return
        target, description = snapshot(args.home, args.target, args.why)
    except BackupError as error:
        sys.exit(str(error))
    print(json.dumps({"folder": str(target), **description}))


if __name__ == "__main__":
    main()
