"""Make a database readable whose definitions SQLite does not understand: one flipped bit in them closes every table."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import Any

from feedback.repair_sources import BackupRows, Values, flipped_back, plain, text
from feedback.server import digests

Entry = tuple[Any, ...]
"""A row of sqlite_master: type, name, table, root page, SQL."""


def readable(database: Path, backups: BackupRows) -> dict[str, Values]:
    """Take the definitions that SQLite refuses out of a database, and put those of tables back as they were.

    Args:
        database: a copy that may be changed.
        backups: where a definition is looked for that one flipped bit does not explain.

    Returns:
        The definitions that were taken out, as they were if that is known: "type/name" -> (type, name, table, SQL).

    Raises:
        sqlite3.Error: the file is no database, or what it needs is known nowhere.
    """
    refused: list[Entry] = []
    while (fault := _fault(database)) is not None:
        found = re.match(r"malformed database schema \((.*?)\)", str(fault))
        entries = _take_out(database, found[1]) if found else []
        if not entries:
            raise fault
        refused += entries
    if not refused:
        return {}
    wanted = _wanted(database)
    right = [_right(entry, wanted, backups) for entry in refused]
    with closing(digests.connect(database)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        for entry in right:
            if text(entry[0]) == "table":
                connection.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", plain(entry))
    if (fault := _fault(database)) is not None:
        raise fault
    return {f"{text(entry[0])}/{text(entry[1])}": (*entry[:3], entry[4]) for entry in right}


def _fault(database: Path) -> Exception | None:
    try:
        with closing(digests.connect(database)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except digests.UNREADABLE as error:
        return error
    return None


def _take_out(database: Path, name: str) -> list[Entry]:
    with closing(digests.connect(database)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        every = connection.execute("SELECT type, name, tbl_name, rootpage, sql, rowid FROM sqlite_master").fetchall()
        entries = [entry for entry in every if text(entry[1]) == name]
        for entry in entries:
            connection.execute("DELETE FROM sqlite_master WHERE rowid = ?", entry[5:])
    return [entry[:5] for entry in entries]


def _wanted(database: Path) -> dict[bytes, str]:
    """Digest -> "type/name" of every definition, where that can be read."""
    try:
        with closing(digests.connect(database)) as connection:
            return {value: key for (kind, key), value in digests.expected(connection).items() if kind == digests.SCHEMA}
    except digests.UNREADABLE:
        return {}


def _right(entry: Entry, wanted: dict[bytes, str], backups: BackupRows) -> Entry:
    """An entry as it was: with one bit flipped back, or as in the newest backup; otherwise as it reads."""
    values = (*entry[:3], entry[4])
    if text(entry[1]) == digests.TABLE:
        found: Values | None = (*entry[:3], digests.Text(digests.CREATE.encode()))
    elif (hit := flipped_back(digests.SCHEMA, values, wanted)) is not None:
        found = hit[1]
    else:
        found = backups.definitions().get(f"{text(entry[0])}/{text(entry[1])}")
    return (*found[:3], entry[3], found[3]) if found is not None else entry
