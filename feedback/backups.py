"""Backups of the bundled server's data: create one (even while the server runs), list and restore them.

feedback/server/snapshots.py, which the server uses too, makes the copies and describes their layout.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from feedback.environment import SERVER
from feedback.restored import note_restore
from feedback.server import digests
from prefopt.errors import FeedbackError
from prefopt.io.disk import in_disk_words, is_read_only
from prefopt.io.files import remove_stale, sync, sync_tree
from prefopt.io.locks import locked
from prefopt.io.tied import tied

DATABASE = "argilla.db"
REPLACED = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "auth-secret", "owner-key", "accounts.json")
"""Files that a restore moves aside. The -wal and -shm files belong to the old database: SQLite must not find them next to another one."""

HOW_TO_REPAIR = "prefopt argilla down, then `prefopt argilla repair`   (says what it can put right, and asks)"
LONGEST_DESCRIPTION = 100_000
"""Bytes of a backup.json that are read."""


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
    command = [sys.executable, "-B", str(SERVER / "snapshots.py"), "--home", str(home), *(["--target", str(target)] if target else [])]
    done = subprocess.run(tied(command), capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    if done.returncode != 0:
        message = done.stderr.strip() or "no backup could be made"
        if " is damaged: " in message:
            raise FeedbackError(message, hint=HOW_TO_REPAIR)
        if is_read_only(home if target is None else target):
            raise FeedbackError(message, hint="make the backup on another disk: prefopt argilla backup DIRECTORY")
        raise FeedbackError(message, hint="`prefopt argilla status` shows which data this is")
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
    """What is wrong with a backup; empty if every file is a plain one with its recorded hash, and the database is one of an Argilla server
    in which every row is what was written.
    """
    return _fault(backup, backup.folder)


def _fault(backup: Backup, folder: Path) -> str:
    """As fault(), for a copy of the backup's files in another folder."""
    for name, wanted in backup.sha256.items():
        try:
            with _opened(folder / name) as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                    return f"{name} has changed since it was made"
        except OSError as error:
            return f"{name} cannot be read: {error.strerror or error}"
    return digests.in_words(digests.inspect(folder / DATABASE, at_rest=False, mode="ro&immutable=1"))


def _opened(path: Path) -> BufferedReader:
    """A plain file for reading. Raises OSError for anything else: a link could lead out of the backup, and a pipe has no end."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError("it is not a plain file")
    return open(handle, "rb")


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
    with hold(home):
        incoming = home / digests.RESTORE
        incoming.mkdir(mode=0o700)
        try:
            for name in backup.sha256:
                _copy(backup.folder / name, incoming / name)
            damage = _fault(backup, incoming)  # of the copies: what was verified is what is put in place
            if not damage:
                note_restore(incoming / DATABASE)
            sync_tree(incoming)
        except _UnreadableError as error:
            damage = str(error)
        except OSError as error:
            shutil.rmtree(incoming, ignore_errors=True)
            raise FeedbackError(
                f"the backup cannot be copied to {home}: {in_disk_words(error)}", hint="free space on the disk; nothing has been changed"
            ) from None
        if damage:
            shutil.rmtree(incoming, ignore_errors=True)
            raise FeedbackError(
                f"the backup {backup.folder} is damaged: {damage}", hint="choose another one: `prefopt argilla restore` lists them"
            )
        replaced = _set_aside(home)
        for name in sorted(
            backup.sha256, key=lambda name: name == DATABASE
        ):  # the database last: an interrupted restore must not look like an empty server
            (incoming / name).replace(home / name)
        incoming.rmdir()
        sync(home)
    return replaced


class _UnreadableError(Exception):
    """A file of a backup cannot be read; the disk of the server is not at fault."""


def _copy(source: Path, target: Path) -> None:
    try:
        file = _opened(source)
    except OSError as error:
        raise _UnreadableError(f"{source.name} cannot be read: {error.strerror or error}") from None
    with file, open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
        shutil.copyfileobj(file, copy)


def _set_aside(home: Path) -> Path | None:
    """Move the current data to a new directory replaced-<time>/."""
    present = [name for name in (*REPLACED, digests.REPAIRED) if (home / name).exists()]
    if not present:
        return None
    replaced = new_folder(home, "replaced")
    for name in present:
        (home / name).rename(replaced / name)
    return replaced


def new_folder(home: Path, name: str) -> Path:
    """Make a directory NAME-<time> that only its owner can read."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = [f"{name}-{stamp}", *(f"{name}-{stamp}-{number}" for number in range(2, 100))]
    folder = next(home / each for each in names if not (home / each).exists())
    folder.mkdir(mode=0o700)
    return folder


def _read(folder: Path) -> Backup:
    try:
        with _opened(folder / "backup.json") as file:
            raw = json.loads(file.read(LONGEST_DESCRIPTION))
        made_at = datetime.fromisoformat(raw["made_at"])
        names = {str(name): str(value) for name, value in raw["sha256"].items()}
        if raw["schema"] != 1 or not set(names) <= set(REPLACED) or DATABASE not in names or made_at.tzinfo is None:
            raise ValueError("another layout")
        return Backup(folder, made_at, str(raw["why"]), int(raw["records"]), int(raw["answers"]), names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise FeedbackError(f"{folder} is not a backup of an Argilla server", hint="`prefopt argilla restore` lists the backups") from None


@contextmanager
def hold(home: Path, then: str = "then restore") -> Iterator[None]:
    """Hold the server's own lock, so that no server runs or starts in the meantime."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    running = f"the Argilla server of {home} is running"
    with locked(
        home / "server.lock",
        lambda owner: FeedbackError(f"{running} ({owner})", hint=f"`prefopt argilla down` first, {then}"),
        mode=0o600,
    ):
        for name in digests.UNFINISHED:  # of commands that were killed: none of them works while this one holds the lock
            shutil.rmtree(home / name, ignore_errors=True)
        remove_stale(home)
        yield
