"""That a database was restored, in its own log of answers: whoever read a later state finds out (feedback/server/history.py)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_NOTE = "INSERT INTO prefopt_history (what) VALUES ('restored')"


def note_restore(database: Path) -> None:
    """Begin a new epoch in the log of a database that no server uses. A database of an earlier version has no log.

    Raises:
        OSError: it cannot be written.
    """
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=rw", uri=True)) as connection, connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'prefopt_history'").fetchone():
                connection.execute(_NOTE)
    except sqlite3.Error as error:
        raise OSError(f"{database}: {error}") from error
