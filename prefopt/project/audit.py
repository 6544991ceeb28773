"""rounds/audit.json: when the sealed problems of data.audit were opened, for which adapter, and with what result.

The hold-out judges every round, so the adapter in use was chosen by it, and its accuracy there is too high by what the choice gains from
chance. The audit judges one adapter, once. Next to the record lie, for each opening N, the problems (audit-N.jsonl) and the posteriors
(audit-N.parquet).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from prefopt.errors import ProjectError
from prefopt.grounds import Estimate
from prefopt.io.jsonl import first_fault
from prefopt.io.sealed import read_sealed, write_sealed
from prefopt.io.strict import StrictError, checked_json
from prefopt.records import Record

FILE = "audit.json"
LEAST = 10
"""Problems of groups that were never opened, from which an opening says anything."""


class AuditFigures(Record):
    """What an opening found."""

    accuracy: Estimate
    brier: Estimate
    """In [0, 2]; lower is better."""
    confidence_level: float
    posteriors_sha256: str


class Opening(Record):
    """One opening. It is recorded before the first problem is scored: an interrupted one is finished with the same adapter and problems."""

    round: int
    adapter_sha256: str
    at: datetime
    because: str
    file: str
    """data.audit, relative to the project."""
    file_sha256: str
    problems: tuple[str, ...]
    """Ids of the problems that are scored; their texts are in audit-N.jsonl."""
    groups: int
    figures: AuditFigures | None = None
    """None while it is unfinished."""


class AuditRecord(Record):
    """All openings, oldest first."""

    format: Literal[1] = 1
    openings: tuple[Opening, ...] = ()

    @property
    def unfinished(self) -> Opening | None:
        """The last opening, where it was interrupted."""
        return self.openings[-1] if self.openings and self.openings[-1].figures is None else None


def read_audit(rounds: Path) -> AuditRecord:
    """The record of a project; an empty one where nothing was opened. Raises ProjectError where it was changed by hand."""
    path = rounds / FILE
    try:
        return AuditRecord.model_validate_json(checked_json(read_sealed(path)))
    except FileNotFoundError:
        return AuditRecord()
    except (ValidationError, StrictError) as error:
        raise ProjectError(f"{path} is not what prefopt wrote: {first_fault(error)}", hint="restore the file from a copy") from None


def write_audit(rounds: Path, record: AuditRecord) -> None:
    """Replace the record by one rename."""
    write_sealed(rounds / FILE, record)
