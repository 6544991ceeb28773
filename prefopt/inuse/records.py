"""What a comparison of two adapters reads and writes in serve/.

comparisons.jsonl is its own: one line when a comparison starts and one when it stops, each with its digest; lines are only added. From the
records of `prefopt serve` it reads the keys that it needs: predictions-YYYYMMDD.jsonl, corrections-YYYYMMDD.jsonl, and
second-YYYYMMDD.jsonl, in which a paired comparison keeps what the other adapter answered.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import ConfigDict, Field

from prefopt.errors import DataError, ProjectError
from prefopt.frozen import Frozen
from prefopt.inuse.assignment import Arm, Unit
from prefopt.io.disk import naming
from prefopt.io.files import PRIVATE, sync
from prefopt.io.jsonl import validated
from prefopt.io.jsonl_reader import decode_json
from prefopt.io.locks import locked
from prefopt.io.row import Fault, Row
from prefopt.io.sealed import KEY, digest_of, sealed_line
from prefopt.records import Id, Record

FOLDER = "serve"
FILE = "comparisons.jsonl"
Mode = Literal["paired", "split"]
Share = Annotated[float, Field(gt=0, lt=1)]


class Adapter(Record):
    """The adapter of an arm."""

    round: Annotated[int, Field(ge=0)]
    adapter: Id
    """Its id, as in every prediction."""


class Started(Record):
    """A comparison begins."""

    what: Literal["started"] = "started"
    id: Id
    """Also the salt of the draw."""
    at: datetime
    a: Adapter
    b: Adapter
    mode: Mode
    unit: Unit = "problem"
    share: Share = 0.5
    """Of b, in a split comparison."""
    alpha: Share
    per_client: Annotated[int, Field(ge=1)] = 20
    """Judged problems with which a client counts, where clients are drawn."""
    because: str


class Stopped(Record):
    """A comparison ends."""

    what: Literal["stopped"] = "stopped"
    id: Id
    at: datetime
    promote: Arm | None = None
    """The arm whose adapter was promoted; None: none."""
    verdict: str
    """As ComparisonStatus.verdict when it ended."""
    because: str


class SecondAnswer(Record):
    """What the other adapter answered to the problem of a prediction: one line of second-YYYYMMDD.jsonl."""

    prediction: Id
    at: datetime
    arm: Arm
    label: str
    probability: Annotated[float, Field(ge=0, le=1)]
    adapter: Id
    round: int


class _Seen(Frozen):
    """The keys of a record of `prefopt serve` that a comparison reads; it has others."""

    model_config = ConfigDict(extra="ignore")


class Served(_Seen):
    """An answer that was given."""

    prediction: str
    at: datetime
    client: str = ""
    text: str | None = None
    text_sha256: str
    label: str
    audit: bool
    adapter: str
    comparison: str | None = None
    """Id of the comparison during which it was given, with both adapters in memory."""


class Word(_Seen):
    """A teacher's word on an answer."""

    prediction: str
    at: datetime
    label: str | None = None
    by: str
    seen: bool
    """Whether the teacher knew what an adapter had answered. Two labels in an order drawn by hash do not say that."""


_COPY = "restore the file from a copy"
S = TypeVar("S", Served, Word, SecondAnswer)
NAMES: dict[type[_Seen | SecondAnswer], str] = {Served: "predictions", Word: "corrections", SecondAnswer: "second"}


def read_days(folder: Path, record: type[S], since: datetime) -> list[S]:
    """The records of serve/ from a moment on, in the order of the files; a last line that is being written is left out.

    Args:
        folder: serve/ of the project.
        record: Served, Word or SecondAnswer.
        since: the first moment.

    Raises:
        DataError: with file and line: a line that is no such record.
    """
    first = f"{since:%Y%m%d}"
    paths = [path for path in sorted(folder.glob(f"{NAMES[record]}-*.jsonl")) if path.stem.rpartition("-")[2] >= first]
    return [row for path in paths for row in _rows(path, record) if row.at >= since]


def _rows(path: Path, record: type[S]) -> Iterator[S]:
    for row in _lines(path):
        yield validated(row, record, path)


def _lines(path: Path) -> Iterator[Row]:
    """The whole lines of a file, to which another process may be adding one."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                values = decode_json(line.decode(), number)
            except UnicodeDecodeError:
                raise DataError("is not UTF-8", path=path, line=number, hint=_COPY) from None
            if isinstance(values, Fault):
                raise values.as_error(path)
            if not isinstance(values, dict):
                raise DataError("is no JSON object", path=path, line=number, hint=_COPY)
            yield Row(number, values)


def comparisons(folder: Path) -> list[tuple[Started, Stopped | None]]:
    """All comparisons of a project, oldest first; the last one runs if it has no end.

    Raises:
        DataError: with file and line: a line was changed, or is not what prefopt writes there.
    """
    path = folder / FILE
    found: list[tuple[Started, Stopped | None]] = []
    for row in _lines(path) if path.exists() else ():
        values = dict(row.values)
        if values.pop(KEY, None) != digest_of(values):
            raise DataError("has been changed since it was written: its digest differs", path=path, line=row.line, hint=_COPY)
        plain = Row(row.line, values)
        record: Started | Stopped
        record = validated(plain, Stopped, path) if values.get("what") == "stopped" else validated(plain, Started, path)
        open_ = found[-1][0] if found and found[-1][1] is None else None
        if isinstance(record, Started) and open_ is None:
            found.append((record, None))
        elif isinstance(record, Stopped) and open_ is not None and open_.id == record.id:
            found[-1] = (open_, record)
        else:
            raise DataError(f"{record.what} {record.id} does not follow from the lines above", path=path, line=row.line, hint=_COPY)
    return found


def running(folder: Path) -> Started | None:
    """The comparison that runs; None where none does. Raises as comparisons()."""
    found = comparisons(folder)
    return found[-1][0] if found and found[-1][1] is None else None


def begin(folder: Path, started: Started) -> None:
    """Record a start.

    Raises:
        ProjectError: another comparison runs.
        DataError: as comparisons().
    """
    with _locked(folder):
        if (other := running(folder)) is not None:
            raise ProjectError(
                f"rounds {other.a.round:03d} and {other.b.round:03d} are being compared since {other.at:%Y-%m-%d}",
                hint='to end that: prefopt ab stop --because "…"',
            )
        _add(folder, started)


def end(folder: Path, stopped: Stopped) -> None:
    """Record an end.

    Raises:
        ProjectError: this comparison does not run.
        DataError: as comparisons().
    """
    with _locked(folder):
        current = running(folder)
        if current is None or current.id != stopped.id:
            raise ProjectError("the comparison has been stopped already", hint="prefopt ab status")
        _add(folder, stopped)


def _locked(folder: Path) -> AbstractContextManager[None]:
    folder.mkdir(mode=0o700, exist_ok=True)
    return locked(folder / ".comparisons.lock", mode=PRIVATE)


def _add(folder: Path, record: Started | Stopped) -> None:
    """Add a line; one that a crash left unfinished, of which no command had said anything, is replaced."""
    path = folder / FILE
    with naming(path):
        is_new = not path.exists()
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE), "r+b") as file:
            content = file.read()
            file.seek(content.rfind(b"\n") + 1)
            file.write(sealed_line(record, path).encode())
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync(folder)
