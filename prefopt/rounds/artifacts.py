"""The data flow of a round in one table: what each stage writes, under which name, in which format, with which type.

    sample ──► SLATES, POOL, LEFT_OUT       calibrate ──► POSTERIORS, GENERAL, CALIBRATION, TFIDF
    publish ─► RECEIPTS                     decide ─────► DECISION
    collect ─► RANKINGS, UNCOUNTED          report ─────► REPORT, REPORT_NUMBERS, REVIEW
    pair ────► PREFERENCES, DROPPED
    train ───► ADAPTER, METRICS, PUBLISHED, JOB, SENT

Who reads what is declared by each stage, in rounds/stages/NAME.py, and `prefopt round show --graph` prints it. Reading goes through
rounds/reading.py, which compares every file with the stage.json of the stage that wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from prefopt.calibration.pool_frame import PoolFrame
from prefopt.calibration.result import Calibration
from prefopt.errors import DataError, ProjectError
from prefopt.io.files import write_text
from prefopt.io.jsonl import first_fault, read_rows, write_rows
from prefopt.io.strict import StrictError, checked_json
from prefopt.records import (
    Decision,
    Dropped,
    GeneralScores,
    Judged,
    LeftOut,
    Pair,
    PreferenceRow,
    Ranking,
    Receipt,
    Slate,
    SlateVotes,
    Uncounted,
)

if TYPE_CHECKING:
    from prefopt.calibration.baseline import Tfidf
    from prefopt.calibration.posteriors import StoredPosteriors

T = TypeVar("T")
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class Artifact(Generic[T]):
    """One file or folder in a stage's folder, and the type of its content."""

    stage: str
    file: str
    optional: bool = False
    """Some rounds do not have it."""

    def __str__(self) -> str:
        return f"{self.stage}/{self.file}"

    def load(self, path: Path) -> T:
        """The content of the file. Raises DataError, ProjectError or CalibrationError where it is damaged."""
        raise NotImplementedError

    def store(self, path: Path, value: T) -> None:
        """Write the content into the unfinished stage folder."""
        raise NotImplementedError


@dataclass(frozen=True)
class Rows(Artifact[list[R]]):
    """JSON lines, one record a line."""

    row: type[R] = BaseModel  # type: ignore[assignment]  # always given; dataclasses want a default after `optional`
    filled: bool = False
    """A round without a row of it does not get this far."""

    def load(self, path: Path) -> list[R]:
        rows = read_rows(path, self.row)
        if self.filled and not rows:
            raise DataError("has no rows", path=path, hint="restore the file from a copy")
        return rows

    def store(self, path: Path, value: Iterable[R]) -> None:
        write_rows(path, value)


@dataclass(frozen=True)
class Preferences(Artifact[list[Pair | Judged | SlateVotes]]):
    """JSON lines of pairs, judged answers and the votes of slates; `kind` in each row says which it is."""

    def load(self, path: Path) -> list[Pair | Judged | SlateVotes]:
        return [row.root for row in read_rows(path, PreferenceRow)]

    def store(self, path: Path, value: Iterable[Pair | Judged | SlateVotes]) -> None:
        write_rows(path, value)


@dataclass(frozen=True)
class Document(Artifact[R]):
    """One JSON document of one type."""

    row: type[R] = BaseModel  # type: ignore[assignment]  # always given; as above

    def load(self, path: Path) -> R:
        try:
            return self.row.model_validate_json(checked_json(path.read_bytes()))
        except (ValidationError, StrictError) as error:
            raise ProjectError(f"{path}: {first_fault(error)}", hint="restore the file") from None

    def store(self, path: Path, value: R) -> None:
        write_text(path, value.model_dump_json(indent=2) + "\n")


@dataclass(frozen=True)
class Posteriors(Artifact["StoredPosteriors"]):
    """A Parquet table of label posteriors, one row a held-out problem."""

    def load(self, path: Path) -> StoredPosteriors:
        from prefopt.calibration.posteriors import read_posteriors  # pyarrow and numpy: not for every command

        return read_posteriors(path)

    def store(self, path: Path, value: StoredPosteriors) -> None:
        from prefopt.calibration.posteriors import write_posteriors  # as above

        write_posteriors(path, value)


@dataclass(frozen=True)
class Classical(Artifact["Tfidf"]):
    """The fitted classical baseline (calibration/baseline_file.py)."""

    def load(self, path: Path) -> Tfidf:
        from prefopt.calibration.baseline_file import read_tfidf  # numpy: not for every command

        return read_tfidf(path)

    def store(self, path: Path, value: Tfidf) -> None:
        from prefopt.calibration.baseline_file import write_tfidf  # as above

        write_tfidf(path, value)


@dataclass(frozen=True)
class Written(Artifact[Path]):
    """A file or folder that a library or a recipe writes itself, in the unfinished stage folder. Its value is its path."""

    def load(self, path: Path) -> Path:
        return path

    def store(self, path: Path, value: Path) -> None:
        if value != path or not path.exists():
            raise ProjectError(f"stage {self.stage} returned {value} in place of {path}", hint="report this as a bug of the stage")


SLATES = Rows("sample", "slates.jsonl", row=Slate, filled=True)
POOL = Document("sample", "pool.json", optional=True, row=PoolFrame)
LEFT_OUT = Rows("sample", "left_out.jsonl", optional=True, row=LeftOut)
RECEIPTS = Rows("publish", "receipts.jsonl", row=Receipt, filled=True)
RANKINGS = Rows("collect", "rankings.jsonl", row=Ranking)
UNCOUNTED = Rows("collect", "uncounted.jsonl", optional=True, row=Uncounted)
PREFERENCES = Preferences("pair", "preferences.jsonl")
DROPPED = Rows("pair", "dropped.jsonl", row=Dropped)
ADAPTER = Written("train", "adapter")
METRICS = Written("train", "metrics.jsonl")
PUBLISHED = Written("train", "published", optional=True)
"""Of a round 000 that was taken from the Hub: what was published beside the adapter, its calibration among it."""
JOB = Written("train", "job.json", optional=True)
SENT = Written("train", "sent.jsonl", optional=True)
POSTERIORS = Posteriors("calibrate", "posteriors.parquet")
GENERAL = Document("calibrate", "general.json", optional=True, row=GeneralScores)
CALIBRATION = Document("calibrate", "calibration.json", row=Calibration)
TFIDF = Classical("calibrate", "tfidf.safetensors", optional=True)
DECISION = Document("decide", "decision.json", row=Decision)
REPORT = Written("report", "report.html")
REPORT_NUMBERS = Written("report", "report.json")
REVIEW = Written("report", "review.csv")

ARTIFACTS: tuple[Artifact[Any], ...] = (
    SLATES,
    POOL,
    LEFT_OUT,
    RECEIPTS,
    RANKINGS,
    UNCOUNTED,
    PREFERENCES,
    DROPPED,
    ADAPTER,
    METRICS,
    PUBLISHED,
    JOB,
    SENT,
    POSTERIORS,
    GENERAL,
    CALIBRATION,
    TFIDF,
    DECISION,
    REPORT,
    REPORT_NUMBERS,
    REVIEW,
)
