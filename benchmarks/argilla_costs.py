"""What requests cost the bundled Argilla in processor time and memory, whatever else the machine does. Used by argilla_load.py."""

from __future__ import annotations

import os
import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from feedback.server import digests

WORDS = ("구슬 99개", "구슬", "개", "없는말이다", '"두 자리"', "구슬 -없는말")
"""Searches: a common word and a rare one, common, a single letter, a word that is nowhere, a phrase, one word that must not occur."""


def multiply_records(home: Path, count: int) -> None:
    """Copy the records of a stopped server until there are so many, under new ids."""
    with closing(sqlite3.connect(home / "argilla.db")) as db, db:
        digests.register(db)
        columns = [row[1] for row in db.execute("PRAGMA table_info(records)")]
        changed = {"id": "lower(hex(randomblob(16)))", "external_id": "external_id || '-' || hex(randomblob(6))"}
        names = ", ".join(f'"{column}"' for column in columns)
        values = ", ".join(changed.get(column, f'"{column}"') for column in columns)
        (present,) = db.execute("SELECT count(*) FROM records").fetchone()
        while present < count:
            more = min(present, count - present)
            db.execute(f"INSERT INTO records ({names}) SELECT {values} FROM records LIMIT {more}")  # noqa: S608 - names of the table
            present += more


def cpu_ms(pid: int, request: Callable[[], object], times: int = 5) -> float:
    """Milliseconds of processor time that a process spends on a request: the mean of several, after one that is not counted."""
    request()
    before = cpu_seconds(pid)
    for _ in range(times):
        request()
    return round(1000 * (cpu_seconds(pid) - before) / times, 1)


def wait_until_idle(pid: int) -> None:
    """Wait until a process does nothing of its own, as the backup that a server makes at its start."""
    before, now = -1.0, cpu_seconds(pid)
    while now > before + 0.05:
        time.sleep(2)
        before, now = now, cpu_seconds(pid)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_rss_mb(pid: int) -> float:
    """Peak memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024, 1)


def quantile_ms(seconds: list[float], share: float) -> float:
    """Quantile in milliseconds. Ends the program if fewer than two requests succeeded."""
    if len(seconds) < 2:
        raise SystemExit(f"{len(seconds)} requests succeeded: nothing to measure")
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return round(1000 * cuts[round(share * 100) - 1], 1)
