"""last_reading.json in a folder next to answers.jsonl: when the feedback source was last read, and what was known of it then."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from prefopt.errors import DataError, ProjectError
from prefopt.io.jsonl import first_fault
from prefopt.io.sealed import read_sealed, write_sealed
from prefopt.protocols import Absence, AnswerKey, Held
from prefopt.rankings.answers import Log
from prefopt.records import Record, Uncounted

FILE = "last_reading.json"


class AbsentAnswer(Record):
    """An answer that was not in the source any more and counts all the same."""

    slate_id: str
    teacher: str
    why: Literal["account_deleted", "slate_deleted", "lost", "unknown"]
    at: datetime | None = None
    by: str = ""
    certain: bool = True


class LastReading(Record):
    """The last reading of a round's feedback source."""

    at: datetime
    seen: dict[str, Any] = Field(default_factory=dict)
    """What the source asked to keep (prefopt.protocols.SourceReading.seen)."""
    absent: tuple[AbsentAnswer, ...] = ()
    doubted: tuple[AnswerKey, ...] = ()
    """Answers of the log that did not count for the moment."""
    uncounted: tuple[Uncounted, ...] = ()
    """What the source did not count."""
    deleted: tuple[str, ...] = ()
    """Ids of slates that were no longer there."""
    older: bool = False
    restored_at: datetime | None = None
    """Both as in prefopt.protocols.SourceReading."""

    @property
    def absences(self) -> dict[AnswerKey, Absence]:
        """Why answers are absent."""
        return {(row.slate_id, row.teacher): Absence(row.why, row.at, row.by, row.certain) for row in self.absent}


def read_last(folder: Path) -> LastReading | None:
    """The last reading of a round; None before the first one, and of rounds of earlier versions. Raises DataError where it is damaged."""
    path = folder / FILE
    try:
        return LastReading.model_validate_json(read_sealed(path))
    except FileNotFoundError:
        return None
    except (ValidationError, ProjectError) as error:
        what = error.message if isinstance(error, ProjectError) else first_fault(error)
        raise DataError(what, path=path, hint=f"delete {path}: it is written again at the next reading") from None


def write_last(folder: Path, reading: LastReading) -> None:
    """Keep what a reading found, after its answers are in answers.jsonl."""
    folder.mkdir(exist_ok=True, mode=0o700)  # it names teachers
    write_sealed(folder / FILE, reading, indent=1, mode=0o600, exclude_defaults=True)


def held(log: Log, last: LastReading | None) -> Held:
    """What was read of a source before, for the source."""
    taken_back = {key: event.answer for key, event in log.gone.items() if event.why == "taken_back" and event.certain}
    return Held(
        answers=list(log.answers.values()),
        taken_back=taken_back,
        absent=last.absences if last else {},
        seen=last.seen if last else {},
    )
