"""What a training service is asked for. A service is one class with these methods; prefopt/jobs/run.py decides when each is called."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from prefopt.errors import TrainingError
from prefopt.model.adapter_card import Managed as Managed

State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
"""Of a job. The last three are final."""
FINAL = ("succeeded", "failed", "cancelled")
Method = Literal["sft", "dpo"]
TRAIN_HERE: Mapping[str, str] = {"sft": 'set sft = "sft" under [round], then prefopt sft', "dpo": "prefopt round --recipe dpo"}
"""By method: what to type to train the round on this machine in place of a job."""


@dataclass(frozen=True)
class JobRow:
    """A row to train on, as texts: nothing of it names a teacher, a school or a file."""

    messages: tuple[dict[str, str], ...]
    """[{"role": "system", "content": …}, {"role": "user", "content": …}]: the developer message and the problem."""
    chosen: str
    """The final message (JSON) of the preferred answer; of a labeled problem, the answer."""
    rejected: str | None = None
    """That of the other answer; None for method "sft"."""


@dataclass(frozen=True)
class Order:
    """Everything that decides what a job computes and costs."""

    suffix: str
    """prefopt-PROJECT-round-003: names the job at the service. At most 64 characters."""
    method: Method
    model: str
    """Base model, by the service's name."""
    parent: Managed | None
    """What the job continues, trained by the same service; None for a job on the base."""
    options: Mapping[str, Any]
    """Hyperparameters, by the service's names: JSON values."""
    rows: Sequence[JobRow]
    content: bytes
    """The file to upload: JobService.line of each row as JSON, one a line."""
    sha256: str
    """Of `content`."""
    tokens: Callable[[], int] = field(compare=False)
    """Counts the tokens of one pass over the rows, with the local tokenizer; a prompt counts with each of its answers. Takes seconds."""
    epochs: int = 1
    seed: int = 0

    @property
    def request(self) -> str:
        """sha256 of all that the job's result depends on. A service that keeps metadata of jobs keeps it, and `find` compares it."""
        parent = None if self.parent is None else self.parent.model_dump()
        asked = [self.method, self.model, parent, dict(self.options), self.sha256, self.epochs, self.seed]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    @property
    def file_name(self) -> str:
        """Name of the uploaded file: equal for equal content, so that a file that was uploaded is found again."""
        return f"{self.suffix}-{self.sha256[:12]}.jsonl"


@dataclass(frozen=True)
class Job:
    """A job as the service describes it now."""

    id: str
    state: State
    model: str = ""
    """Id of the trained model, once it succeeded."""
    error: str = ""
    """Why it failed, in the service's words."""
    progress: str = ""
    """E.g. "step 12 of 40", where the service says."""
    cost: float | None = None
    """In US dollars, where the service says."""
    results: tuple[str, ...] = ()
    """Ids of result files, where there are some."""


@dataclass(frozen=True)
class Event:
    """A line of a job's log."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Fetched:
    """What came back of a job that succeeded."""

    weights: bool
    """Whether adapter_config.json and adapter_model.safetensors, in the layout of stock PEFT, lie in the folder now. False: only a model id
    came back."""
    steps: int = 0
    """Updates, where the service says; 0 otherwise."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The last value of each, e.g. {"loss": 0.41}."""


class UnansweredError(TrainingError):
    """The service did not say whether it did what was asked: no answer, or a failure of its own (status 500 and above)."""


class ExpiredFileError(TrainingError):
    """The service no longer has an uploaded file; it is uploaded again."""


class JobService(Protocol):
    """A training service, opened with its address, options and key. Building it sends nothing.

    Every method raises TrainingError (what failed in the service's words, with a hint) where the service refuses, and UnansweredError where
    it is not known what it did. Methods that only read, and `upload` and `cancel`, may repeat a request by themselves (JobClient does);
    `create` must send one request and never repeat it.
    """

    name: str
    """Names the service in job.json, on the adapter's card and in messages, e.g. "openai at https://gpu.school.kr"."""

    def refuse(self, order: Order) -> None:
        """Raise TrainingError where the order cannot be carried out, before anything leaves: an unknown option, no weights come back."""
        ...

    def line(self, row: JobRow) -> dict[str, Any]:
        """A row in the interface's form. jobs.rows.openai_line is that of OpenAI, Azure and Together."""
        ...

    def price(self, order: Order) -> float | None:
        """What the job will cost at most, in US dollars, computed or asked; sends no rows. None: nobody knows, and the job is refused."""
        ...

    def find_file(self, order: Order) -> str | None:
        """Id of a file that was uploaded under order.file_name and is still usable."""
        ...

    def upload(self, order: Order) -> str:
        """Upload order.content; returns the file's id. A service without files returns ""."""
        ...

    def find(self, suffix: str, request: str, file_id: str) -> Job | None:
        """The newest job that neither failed nor was cancelled, with this suffix, made of this file, and of Order.request `request` where
        the service keeps metadata: a job whose creation was interrupted.
        """
        ...

    def create(self, order: Order, file_id: str) -> Job:
        """Start the job. Raises ExpiredFileError where the file is gone."""
        ...

    def job(self, job_id: str) -> Job:
        """The job now."""
        ...

    def events(self, job_id: str) -> list[Event]:
        """Its log, oldest first; [] where the service keeps none."""
        ...

    def cancel(self, job_id: str) -> Job:
        """Cancel it; one that has ended stays as it is."""
        ...

    def fetch(self, job: Job, folder: Path) -> Fetched:
        """Write the adapter of a job that succeeded into an empty folder, as stock PEFT saves it: adapter_config.json, with
        base_model_name_or_path, and adapter_model.safetensors. jobs.import then checks base, rank and alpha and writes our layout.
        """
        ...
