"""Progress of long work where no terminal shows a bar, as in a log file: a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

from prefopt.protocols import OnStep

FIRST = 60.0
"""Seconds until the first line; later lines are as far apart, and by a tenth of the time so far where that is more."""


def progress_lines(what: str, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> OnStep:
    """The function to call with how many are done, of how many, and of what.

    Args:
        what: begins each line.
        write: writes a line.
        clock: seconds.
    """
    began = last = clock()
    started, seen, doing = began, 0, ""

    def step(done: int, total: int | None, note: str) -> None:
        nonlocal last, started, seen, doing
        now = clock()
        if note != doing or done < seen:  # another part of the stage
            started, doing = now, note
        seen = done
        if now - last < max(FIRST, (now - began) / 10):
            return
        last = now
        of = "" if total is None else f" of {total}"
        left = f", about {_minutes((now - started) / done * (total - done))} to go" if total and done and now > started else ""
        write(f"{what}: {note + ' ' if note else ''}{done}{of} after {_minutes(now - began)}{left}")

    return step


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min"
