"""Copies of the server's data that are whole at any moment, also while teachers submit. Standard library alone.

    python backups.py --home .argilla --target .argilla/backups/20261121T174500Z --why "by hand"

Imported by the server for its own backups, and started as a program by `prefopt argilla backup`. A backup is a folder that appears by one
rename: argilla.db (through SQLite's backup interface: one moment of the database, without stopping it), the keys beside it, and
backup.json with their sha256, written last.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sqlite3
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DATABASE = "argilla.db"
SECRETS = ("auth-secret", "owner-key", "accounts.json")
AUTOMATIC = "automatic"
KEPT = 5
"""Automatic backups that stay; those made by hand all stay."""
COUNTED = {"records": "SELECT count(*) FROM records", "answers": "SELECT count(*) FROM responses WHERE status <> 'draft'"}


class BackupError(Exception):
    """In words; whoever called says what to do."""


def damage(database: Path) -> str:
    """What is wrong with a database file, in SQLite's words; empty where it is sound.

    A file that was cut to nothing is a sound and empty database to SQLite: here it is damaged, since the server never leaves one.
    """
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=rw", uri=True, timeout=30)) as connection:
            said = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
            if said != ["ok"]:
                return "; ".join(said)
            if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'records'").fetchone()[0]:
                return "it holds no table of records"
    except sqlite3.Error as error:
        return str(error)
    return ""


def counts(database: Path) -> dict[str, int]:
    """Number of records and of answers (drafts left out). Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"file:{database}?mode=rw", uri=True, timeout=30)) as connection:
        return {name: int(connection.execute(query).fetchone()[0]) for name, query in COUNTED.items()}


def snapshot(home: Path, target: Path, why: str) -> dict[str, Any]:
    """Copy the data of a home into a new folder; returns what its backup.json says.

    Raises:
        BackupError: no data, a target that is there already, a damaged source, or a disk that is full.
    """
    if not (home / DATABASE).exists():
        raise BackupError(f"there is no {DATABASE} in {home}")
    if target.exists():
        raise BackupError(f"{target} is there already")
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial.mkdir(mode=0o700)
        _copy_database(home / DATABASE, partial / DATABASE)
        for name in SECRETS:
            if (home / name).exists():
                _write(partial / name, (home / name).read_bytes())
        made = {
            "schema": 1,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "why": why,
            **counts(partial / DATABASE),
            "sha256": {path.name: _hash(path) for path in sorted(partial.iterdir())},
        }
        _write(partial / "backup.json", (json.dumps(made, indent=2) + "\n").encode())
        partial.rename(target)
    except (OSError, sqlite3.Error) as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise BackupError(f"no backup could be made at {target}: {error}") from error
    return made


def new_name(folder: Path) -> Path:
    """A folder below `folder` that is named by the time, and sorts after those of the same second."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    same = [path.name.removeprefix(stamp) for path in folder.glob(f"{stamp}*")]
    last = max((int(rest[1:]) for rest in same if rest[1:].isdigit()), default=1)
    return folder / (f"{stamp}-{last + 1}" if same else stamp)


def automatic(home: Path, kept: int = KEPT) -> Path | None:
    """A backup where the database has changed since the others, and older automatic ones removed. None where nothing has changed.

    Told by content, since the clock may have jumped: a copy that is equal byte by byte to an earlier one is removed again.
    """
    folder = home / "backups"
    earlier = {path.parent: digest for path in sorted(folder.glob("*/backup.json")) if (digest := _digest_of_automatic(path))}
    target = new_name(folder)
    made = snapshot(home, target, AUTOMATIC)
    if made["sha256"][DATABASE] in earlier.values():
        shutil.rmtree(target)
        return None
    for old in list(earlier)[: max(0, len(earlier) + 1 - kept)]:
        shutil.rmtree(old)
    for broken_off in folder.glob(".*.partial"):
        if time.time() - broken_off.stat().st_mtime > 86400:
            shutil.rmtree(broken_off)
    return target


def _digest_of_automatic(path: Path) -> str:
    """sha256 of the database of an automatic backup; empty for all else, which is not ours to remove."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return str(said["sha256"][DATABASE]) if said["why"] == AUTOMATIC else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _copy_database(source: Path, target: Path) -> None:
    """All pages in one step: a reader of the write-ahead log, so writers go on meanwhile and the copy is of one moment."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(sqlite3.connect(f"file:{source}?mode=rw", uri=True, timeout=30)) as read,
        closing(sqlite3.connect(target)) as written,
    ):
        read.backup(written)
        written.execute("PRAGMA journal_mode = DELETE")  # one file, no log beside it
    found = damage(target)
    if found:
        raise BackupError(f"{source} is damaged: {found}")
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _write(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description="Copy the data of the bundled Argilla server.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--target", type=Path, help="folder to make [default: below backups/ of the home]")
    parser.add_argument("--why", default="by hand")
    args = parser.parse_args()
    target = args.target or new_name(args.home / "backups")
    try:
        made = snapshot(args.home, target, args.why)
    except BackupError as error:
        sys.exit(str(error))
    print(json.dumps({"folder": str(target), **made}))


if __name__ == "__main__":
    main()
