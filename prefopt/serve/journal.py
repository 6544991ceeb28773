"""serve/: predictions and corrections, one file a day each. Lines are only added, and are on the disk before the reply is sent."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ValidationError

from prefopt.errors import DataError, ProjectError
from prefopt.inuse.records import FOLDER as FOLDER
from prefopt.inuse.records import SecondAnswer
from prefopt.io.disk import naming
from prefopt.io.files import PRIVATE, sync
from prefopt.io.jsonl import first_fault, line_of
from prefopt.io.locks import locked
from prefopt.records import Record
from prefopt.serve.records import Correction, EngineEvent, Lifted, PredictionId, ServedPrediction, time_of

LOCK = ".lock"
Kind = Literal["predictions", "corrections"]
OURS = ("predictions", "corrections", "second", "lifted", "engine")
"""How the names of the files begin that the serving process adds to."""
R = TypeVar("R", bound=Record)
F = TypeVar("F", ServedPrediction, SecondAnswer)


def server_lock(folder: Path) -> AbstractContextManager[None]:
    """Hold the lock of the one process that serves a project. Raises ProjectError where another process holds it."""
    folder.mkdir(mode=0o700, exist_ok=True)

    def busy(owner: str) -> ProjectError:
        return ProjectError(f"another process serves this project: {owner}", hint="end it first; one process serves a project")

    return locked(folder / LOCK, busy, mode=PRIVATE)


class Journal:
    """Adds to the files of one folder, and reads them. Any thread may add; one process does (server_lock).

    Args:
        folder: serve/ of the project; made if it is missing.
        whole: remove what a crash left unfinished; only by the process that serves.
    """

    def __init__(self, folder: Path, *, whole: bool = True) -> None:
        self.folder = folder
        self._writing = threading.Lock()
        folder.mkdir(mode=0o700, exist_ok=True)
        for path in folder.glob("*.jsonl") if whole else ():
            if path.stem.partition("-")[0] in OURS:
                _cut_unfinished(path)

    def add_predictions(self, rows: Sequence[ServedPrediction]) -> None:
        """Add answers, all or none; they are on the disk on return. Raises OSError where the disk refuses."""
        by_day: dict[str, list[ServedPrediction]] = {}
        for row in rows:
            by_day.setdefault(day_of(row.prediction), []).append(row)
        for day, found in by_day.items():
            self._add(self.folder / f"predictions-{day}.jsonl", found)

    def add_seconds(self, rows: Sequence[SecondAnswer]) -> None:
        """Add what the other adapter of a comparison answered. Raises as add_predictions."""
        for day in sorted({day_of(row.prediction) for row in rows}):
            self._add(self.folder / f"second-{day}.jsonl", [row for row in rows if day_of(row.prediction) == day])

    def add_correction(self, row: Correction) -> None:
        """Add a teacher's word. Raises as add_predictions."""
        self._add(self.folder / f"corrections-{row.at:%Y%m%d}.jsonl", [row])

    def add_engine(self, row: EngineEvent) -> None:
        """Add what happened to the servers that score. Raises as add_predictions."""
        self._add(self.folder / "engine.jsonl", [row])

    def add_lifted(self, row: Lifted) -> None:
        """Add that answers are accepted again. Raises as add_predictions."""
        self._add(self.folder / "lifted.jsonl", [row])

    def _add(self, path: Path, rows: Sequence[Record]) -> None:
        text = "".join(line_of(row, path) for row in rows).encode()
        with self._writing, naming(path):
            is_new = not path.exists()
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE)
            try:
                before = os.fstat(handle).st_size
                try:
                    written = 0
                    while written < len(text):
                        written += os.write(handle, text[written:])
                    os.fsync(handle)
                except OSError:
                    with suppress(OSError):  # the next start cuts a line that stays unfinished
                        os.ftruncate(handle, before)
                    raise
            finally:
                os.close(handle)
            if is_new:
                sync(path.parent)


def day_of(prediction: str) -> str:
    """The day, in UTC, whose file has a prediction: YYYYMMDD."""
    return f"{datetime.fromtimestamp(time_of(prediction), UTC):%Y%m%d}"


def find_prediction(folder: Path, prediction: PredictionId) -> ServedPrediction | None:
    """The answer with an id; None where there is none. Reads the file of its day. Raises as read_predictions."""
    return _find(folder / f"predictions-{day_of(prediction)}.jsonl", ServedPrediction, prediction)


def find_second(folder: Path, prediction: PredictionId) -> SecondAnswer | None:
    """What the other adapter of a paired comparison answered; None where there is nothing. Raises as read_predictions."""
    return _find(folder / f"second-{day_of(prediction)}.jsonl", SecondAnswer, prediction)


def _find(path: Path, record: type[F], prediction: str) -> F | None:
    found = _rows(path, record, prediction.encode()) if path.exists() else iter(())
    return next((row for row in found if row.prediction == prediction), None)


def read_predictions(folder: Path, since: str = "", holding: bytes = b"") -> Iterator[ServedPrediction]:
    """The answers from a day (YYYYMMDD) on, oldest first.

    Args:
        folder: serve/.
        since: the first day; empty: all.
        holding: only lines with these bytes.

    Raises:
        DataError: with file and line: a line that is no such record.
    """
    for path in _days(folder, "predictions", since):
        yield from _rows(path, ServedPrediction, holding)


def read_corrections(folder: Path, since: str = "") -> Iterator[Correction]:
    """The teachers' words from a day on, oldest first. Raises as read_predictions."""
    for path in _days(folder, "corrections", since):
        yield from _rows(path, Correction)


def read_engine(folder: Path) -> list[EngineEvent]:
    """What happened to the servers that score, oldest first. Raises as read_predictions."""
    path = folder / "engine.jsonl"
    return list(_rows(path, EngineEvent)) if path.exists() else []


def read_lifted(folder: Path) -> list[Lifted]:
    """When answers were accepted again, oldest first. Raises as read_predictions."""
    path = folder / "lifted.jsonl"
    return list(_rows(path, Lifted)) if path.exists() else []


def _days(folder: Path, kind: Kind, since: str) -> list[Path]:
    return [path for path in sorted(folder.glob(f"{kind}-*.jsonl")) if path.stem.partition("-")[2] >= since]


def _rows(path: Path, record: type[R], holding: bytes = b"") -> Iterator[R]:
    """The whole lines of a file, to which another process may be adding one."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if holding not in line or not line.endswith(b"\n"):
                continue
            try:
                yield record.model_validate_json(line)
            except ValidationError as error:
                raise DataError(first_fault(error), path=path, line=number, hint="restore the file from a copy") from None


def _cut_unfinished(path: Path) -> None:
    """Remove a last line that a crash left unfinished: no client had its answer yet."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 65_536)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end != file.seek(0, os.SEEK_END):
            file.truncate(end)
            os.fsync(file.fileno())
