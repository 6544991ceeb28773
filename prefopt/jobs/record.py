"""train/job.json: what was asked of a service, what it answered, and what is sent next. Written before every request that costs or changes
something, so that whoever goes on after an interruption knows what may have happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from prefopt.errors import ProjectError
from prefopt.frozen import Frozen
from prefopt.io.jsonl import first_fault
from prefopt.io.sealed import read_sealed, write_sealed
from prefopt.io.strict import StrictError
from prefopt.jobs.service import Job, State

FILE, SENT = "job.json", "sent.jsonl"
"""The record, and the very rows that were uploaded."""


class Seen(Frozen):
    """A state of the job, when it was first seen."""

    state: State
    at: datetime


class Attempt(Frozen):
    """A job that ended without an adapter that is used."""

    id: str
    state: State
    error: str = ""


class JobRecord(Frozen):
    """job.json."""

    schema_version: int = 1
    service: str
    suffix: str
    asked: dict[str, Any]
    """Method, model, parent, options, epochs and seed."""
    request: str
    """Order.request: sha256 of what is asked, with the rows."""
    file_name: str
    sha256: str
    """Of sent.jsonl."""
    rows: int
    left_out: dict[str, int]
    """Rows of the round that are not sent: why -> how many."""
    price: float
    """In US dollars at most, as it was computed or asked before the upload."""
    next: Literal["upload", "create", "wait", "fetch", "import"]
    """What comes next; "create" and no job_id: a job may have been created."""
    file_id: str = ""
    job_id: str = ""
    progress: str = ""
    model: str = ""
    """Id of the trained model."""
    cost: float | None = None
    """In US dollars, where the service says."""
    states: tuple[Seen, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    """Earlier jobs of this round."""
    updates: int = 0
    metrics: dict[str, float] = Field(default_factory=dict)

    @property
    def state(self) -> State | None:
        """The last state seen; None before there is a job."""
        return self.states[-1].state if self.states else None

    @property
    def is_open(self) -> bool:
        """Whether a job may be there that is paid for and not used yet."""
        return self.next != "upload"

    def seen(self, job: Job, at: datetime) -> JobRecord:
        """The record after asking for the job."""
        new = () if job.state == self.state else (Seen(state=job.state, at=at),)
        found: Mapping[str, Any] = {
            "job_id": job.id,
            "states": (*self.states, *new),
            "progress": job.progress,
            "model": job.model or self.model,
            "cost": self.cost if job.cost is None else job.cost,
        }
        return self.model_copy(update=dict(found))

    def given_up(self, state: State, error: str) -> JobRecord:
        """The record once the job is of no use: the next one starts with the file that is uploaded."""
        attempt = Attempt(id=self.job_id, state=state, error=error)
        past = (*self.attempts, attempt) if self.job_id else self.attempts
        gone: dict[str, Any] = {"job_id": "", "states": (), "progress": "", "model": "", "cost": None, "updates": 0, "metrics": {}}
        return self.model_copy(update={"next": "upload", "attempts": past, **gone})


def read_record(folder: Path) -> JobRecord | None:
    """The record in a stage's folder; None where there is none. Raises ProjectError where it is damaged or was edited."""
    path = folder / FILE
    try:
        return JobRecord.model_validate_json(read_sealed(path))
    except FileNotFoundError:
        return None
    except (ValidationError, StrictError) as error:
        raise ProjectError(f"{path}: {first_fault(error)}", hint="restore the file from a copy") from None


def write_record(folder: Path, record: JobRecord) -> None:
    """Write the record to the disk, atomically."""
    write_sealed(folder / FILE, record)
