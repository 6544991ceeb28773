# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""What the server does beside answering: a backup at its start and every twelve hours with changes; a log that stays small."""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from pathlib import Path

import backups

BACKUP_SECONDS = 12 * 3600
LOOK_SECONDS = 60
LOG_BYTES = 10 * 2**20


def start(home: Path) -> None:
    """Look after the home in a daemon thread; the first backup is made at once."""
    threading.Thread(target=_look_after, args=(home,), daemon=True, name="housekeeping").start()


def _look_after(home: Path) -> None:
    last = 0.0
    while True:
        if not last or time.monotonic() - last > BACKUP_SECONDS:  # not the wall clock: that may jump
            last = time.monotonic()
            try:
                backups.automatic(home)
            except Exception as error:  # whatever it is, the server goes on and the log tells
                logging.getLogger("prefopt").error("no backup: %s", error)
        _shorten(home / "server.log")
        time.sleep(LOOK_SECONDS)


def _shorten(log: Path) -> None:
    """Move a long log's text to server.log.1; the file itself stays, since this process writes into it (appending)."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        older = log.with_name("server.log.1")
        shutil.copyfile(log, older)
        older.chmod(0o600)
        os.truncate(log, 0)
