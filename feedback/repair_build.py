"""Write a repaired database, and put it in the place of the damaged one."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from feedback.backups import DATABASE, new_folder
from feedback.repair import Fix, Plan, plan
from feedback.repair_sources import BackupRows, Kept, plain, text
from feedback.server import digests
from prefopt.errors import FeedbackError
from prefopt.io.disk import in_disk_words
from prefopt.io.files import sync, sync_tree

WORK = digests.REPAIR
LOGS = ("", "-wal", "-shm")


def repaired_copy(result: Plan, target: Path) -> Path:
    """Write the database of a plan; rows whose record, user or dataset is lost are left out and added to the plan as lost.

    Args:
        result: of plan().
        target: a file that does not exist.

    Raises:
        FeedbackError: the rows do not fit their tables, or the result is not sound.
    """
    try:
        with closing(digests.connect(target, "rwc")) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("BEGIN")
            for table in _definitions(result, "table"):
                connection.execute(table)
            for table, rows in result.rows.items():
                marks = ", ".join("?" * len(result.columns[table]))
                connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', map(plain, rows.values()))  # noqa: S608 - a table of the database itself
            _leave_out_orphans(connection, result)
            for kind in ("index", "trigger"):
                for definition in _definitions(result, kind):
                    connection.execute(definition)
            connection.execute("COMMIT")
            digests.seal(connection)
    except digests.UNREADABLE as error:
        raise _cannot(str(error)) from None
    if damages := digests.inspect(target):
        raise _cannot(digests.in_words(damages))
    return target


def _definitions(result: Plan, kind: str) -> list[str]:
    """The SQL of the tables, indices or triggers of every table whose rows are kept; `seal` makes those of the digests."""
    found = []
    for each, name, table, sql in result.definitions.values():
        if text(each) == kind and text(table) in result.rows and not text(name).startswith(f"{digests.TABLE}_") and sql is not None:
            found.append(text(sql))
    return found


def _leave_out_orphans(connection: sqlite3.Connection, result: Plan) -> None:
    while orphans := connection.execute("PRAGMA foreign_key_check").fetchall():
        for table, row, parent, _ in {tuple(orphan) for orphan in orphans}:
            name = text(table)
            key = next(iter(digests.rows(connection, name, "WHERE rowid = ?", (row,))), None)
            connection.execute(f'DELETE FROM "{name}" WHERE rowid = ?', (row,))  # noqa: S608 - a table of the database itself
            if key is not None:
                what = f"{result.name_of(name, *key)} (its {text(parent).rstrip('s')} is lost)"
                result.fixes.append(Fix(what, "", table=name, key=key[0]))


def _cannot(why: str) -> FeedbackError:
    return FeedbackError(
        f"the database cannot be repaired: {why}",
        hint="`prefopt argilla restore` lists the backups; rounds keep what they collected",
    )


def prepare(home: Path, rounds: Sequence[Kept]) -> Plan:
    """Make a repaired copy of a home's database in .repair.partial/, for put_in_place. The caller holds the home's lock.

    Raises:
        FeedbackError: there is no database, it cannot be repaired, or the disk is full.
    """
    work = home / WORK
    shutil.rmtree(work, ignore_errors=True)
    if (home / digests.REPAIRED).exists():  # of a repair that was interrupted in its last step
        digests.take_over(home / digests.REPAIRED, home / DATABASE)
    if not (home / DATABASE).exists():
        raise FeedbackError(f"there is no {DATABASE} in {home}", hint="`prefopt argilla restore` lists the backups")
    try:
        work.mkdir(mode=0o700)
        for ending in LOGS[:2]:
            if (home / f"{DATABASE}{ending}").exists():
                shutil.copyfile(home / f"{DATABASE}{ending}", work / f"{DATABASE}{ending}")
        result = plan(work / DATABASE, BackupRows.of(home), rounds)
        if result.damages:
            repaired_copy(result, work / digests.REPAIRED)
            (work / digests.REPAIRED).chmod(0o600)
            sync_tree(work)
    except OSError as error:
        shutil.rmtree(work, ignore_errors=True)
        raise FeedbackError(
            f"no repaired copy can be made in {home}: {in_disk_words(error)}", hint="free space on the disk; nothing has been changed"
        ) from None
    return result


def put_in_place(home: Path) -> Path:
    """Let the repaired copy take the place of the database, which is kept. The caller holds the home's lock.

    Returns:
        The directory with the damaged data.
    """
    kept = new_folder(home, "replaced")
    for ending in LOGS:
        if (home / f"{DATABASE}{ending}").exists():
            os.link(home / f"{DATABASE}{ending}", kept / f"{DATABASE}{ending}")
    sync_tree(kept)
    (home / WORK / digests.REPAIRED).replace(home / digests.REPAIRED)  # from here on, a start of the server finishes it
    sync(home)
    digests.take_over(home / digests.REPAIRED, home / DATABASE)
    sync(home)
    shutil.rmtree(home / WORK, ignore_errors=True)
    return kept


def discard(home: Path) -> None:
    """Remove the copy that prepare made."""
    shutil.rmtree(home / WORK, ignore_errors=True)
