# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""Background work of the server: a backup at the start and every twelve hours if something changed, and a log that stays small."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import snapshots

BACKUP_SECONDS = 12 * 3600
CHECK_SECONDS = 60
LOG_BYTES = 10 * 2**20


def start(home: Path) -> None:
    """Run in a daemon thread; the first backup is made immediately."""
    threading.Thread(target=_run, args=(home,), daemon=True, name="housekeeping").start()


def _run(home: Path) -> None:
    last = 0.0
    while True:
        if not last or time.monotonic() - last > BACKUP_SECONDS:  # not the wall clock, which can jump
            last = time.monotonic()
            _back_up(home)
        _shorten(home / "server.log")
        time.sleep(CHECK_SECONDS)


def _back_up(home: Path) -> None:
    """In a process of its own: checking a copy row by row would hold up the requests of this one. A failure must not stop the server."""
    command = [sys.executable, "-E", "-s", "-B", snapshots.__file__, "--home", str(home), "--automatic"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        fault = done.stderr.strip()[-1000:] if done.returncode else ""
    except OSError as error:
        fault = str(error)
    if fault:
        logging.getLogger("prefopt").error("no backup: %s", fault)


def _shorten(log: Path) -> None:
    """Copy a long log to server.log.1 and empty it; the file itself stays, because this process appends to it."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        older = log.with_name("server.log.1")
        shutil.copyfile(log, older)
        older.chmod(0o600)
        os.truncate(log, 0)
