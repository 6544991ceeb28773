"""Backups of the bundled server's data: create one (even while the server runs), list and restore them.

feedback/server/snapshots.py, which the server uses too, makes the copies and describes their layout.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from feedback.environment import SERVER
from prefopt.errors import FeedbackError
from prefopt.io.files import sync, sync_tree
from prefopt.io.locks import locked
from prefopt.io.tied import tied

DATABASE = "argilla.db"
REPLACED = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "auth-secret", "owner-key", "accounts.json")
"""Files that a restore moves aside. The -wal and -shm files belong to the old database: SQLite must not find them next to another one."""


@dataclass(frozen=True)
class Backup:
    """One backup folder, as its backup.json describes it."""

    folder: Path
    made_at: datetime
    why: str
    records: int
    answers: int
    sha256: dict[str, str]

    @property
    def content(self) -> str:
        """Time, counts and reason in words."""
        when = self.made_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return f"{when}, {self.records} records, {self.answers} answers, {self.why}"

    @property
    def line(self) -> str:
        """Name and content, for lists."""
        return f"{self.folder.name}  {self.content}"


def make_backup(home: Path, target: Path | None = None) -> Backup:
    """Copy the data of a home to `target` (a new directory; by default below backups/ of the home), whether or not its server runs.

    Raises:
        FeedbackError: there is no data, the target exists, the database is damaged, or the disk is full.
    """
    command = tied([sys.executable, str(SERVER / "snapshots.py"), "--home", str(home), *(["--target", str(target)] if target else [])])
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    if done.returncode != 0:
        raise FeedbackError(done.stderr.strip() or "no backup could be made", hint="`prefopt argilla status` shows which data this is")
    return _read(Path(json.loads(done.stdout)["folder"]))


def list_backups(home: Path) -> list[Backup]:
    """The backups below a home, newest first; directories that are not backups are skipped."""
    backups = []
    for path in (home / "backups").glob("*/backup.json"):
        try:
            backups.append(_read(path.parent))
        except FeedbackError:
            continue
    return sorted(backups, key=lambda backup: (backup.made_at, backup.folder.name), reverse=True)


def fault(backup: Backup) -> str:
    """What is wrong with a backup; empty if every file has its recorded hash and the database passes SQLite's integrity check."""
    for name, wanted in backup.sha256.items():
        try:
            with (backup.folder / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                    return f"{name} has changed since it was made"
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"
    try:
        with closing(sqlite3.connect(f"file:{backup.folder / DATABASE}?mode=ro&immutable=1", uri=True)) as connection:
            findings = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
    except sqlite3.Error as error:
        return str(error)
    return "" if findings == ["ok"] else "; ".join(findings)


def how_to_restore(home: Path) -> str:
    """The command that restores the newest intact backup of a home."""
    for backup in list_backups(home):
        if not fault(backup):
            return f"prefopt argilla restore {backup.folder.name}    (of {backup.content})"
    return f"no intact backup is in {home / 'backups'}; if you keep one elsewhere: prefopt argilla restore DIRECTORY"


def find_backup(home: Path, name: str) -> Backup:
    """A backup by the name of its directory below backups/, or by its path. Raises FeedbackError with the known names."""
    for folder in (home / "backups" / name, Path(name)):
        if (folder / "backup.json").exists():
            return _read(folder.resolve())
    known = [backup.line for backup in list_backups(home)]
    raise FeedbackError(
        f"there is no backup {name!r}; known backups:\n  " + "\n  ".join(known) if known else f"there is no backup {name!r}, nor any other",
        hint="prefopt argilla restore NAME, with a name from this list or the path of a backup",
    )


def restore(home: Path, backup: Backup) -> Path | None:
    """Restore a backup. The current data is moved to replaced-<time>/ and kept.

    Returns:
        The directory with the replaced data; None if there was none.

    Raises:
        FeedbackError: the server runs, the backup is damaged, or the disk is full.
    """
    with _locked(home):
        damage = fault(backup)
        if damage:
            raise FeedbackError(
                f"the backup {backup.folder} is damaged: {damage}", hint="choose another one: `prefopt argilla restore` lists them"
            )
        incoming = home / ".restore.partial"
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir(mode=0o700)
        try:
            for name in backup.sha256:
                shutil.copyfile(backup.folder / name, incoming / name)
                (incoming / name).chmod(0o600)
            sync_tree(incoming)
        except OSError as error:
            shutil.rmtree(incoming, ignore_errors=True)
            raise FeedbackError(
                f"the backup cannot be copied to {home}: {error}", hint="free space on the disk; nothing has been changed"
            ) from None
        replaced = _set_aside(home)
        for name in sorted(
            backup.sha256, key=lambda name: name == DATABASE
        ):  # the database last: an interrupted restore must not look like an empty server
            (incoming / name).replace(home / name)
        incoming.rmdir()
        sync(home)
    return replaced


def _set_aside(home: Path) -> Path | None:
    """Move the current data to a new directory replaced-<time>/."""
    present = [name for name in REPLACED if (home / name).exists()]
    if not present:
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = [f"replaced-{stamp}", *(f"replaced-{stamp}-{number}" for number in range(2, 100))]
    replaced = next(home / name for name in names if not (home / name).exists())
    replaced.mkdir(mode=0o700)
    for name in present:
        (home / name).rename(replaced / name)
    return replaced


def _read(folder: Path) -> Backup:
    try:
        raw = json.loads((folder / "backup.json").read_text(encoding="utf-8"))
        made_at = datetime.fromisoformat(raw["made_at"])
        names = {str(name): str(value) for name, value in raw["sha256"].items()}
        if raw["schema"] != 1 or not set(names) <= set(REPLACED) or DATABASE not in names:
            raise ValueError("another layout")
        return Backup(folder, made_at, str(raw["why"]), int(raw["records"]), int(raw["answers"]), names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise FeedbackError(f"{folder} is not a backup of an Argilla server", hint="`prefopt argilla restore` lists the backups") from None


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Hold the server's own lock, so that no server runs or starts in the meantime."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    running = f"the Argilla server of {home} is running"
    with locked(
        home / "server.lock",
        lambda owner: FeedbackError(f"{running} ({owner})", hint="`prefopt argilla down` first, then restore"),
        mode=0o600,
    ):
        yield
