"""OpenAI's interface of fine-tuning jobs, which Azure, Bedrock and servers of one's own speak too: files, jobs, events.

It gives no weights. A server of one's own gives the adapter as result files of the job: one .tar, .tar.gz or .tgz with adapter_config.json
and adapter_model.safetensors, or these two files alone, read by GET /v1/files/ID/content. A .csv among them is the log of the losses.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from prefopt.errors import TrainingError
from prefopt.jobs.archives import unpack_adapter
from prefopt.jobs.client import JobClient, RefusedError
from prefopt.jobs.rows import openai_line
from prefopt.jobs.service import TRAIN_HERE, Event, ExpiredFileError, Fetched, Job, JobRow, Order, State
from prefopt.model.adapter_card import CONFIG, WEIGHTS

KEY_VARIABLE = "OPENAI_API_KEY"
NO_WEIGHTS = ("api.openai.com", ".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com", ".amazonaws.com", ".api.aws")
"""Hosts, or ends of hosts, that give a model id back and no weights."""
STATES: Mapping[str, State] = {
    "validating_files": "queued",
    "queued": "queued",
    "running": "running",
    "paused": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
FORGOTTEN = ("expired", "deleted", "error")
"""States of an uploaded file that no job can read."""
_PAGE = "100"
_PAGES = 50
_TARS = (".tar", ".tar.gz", ".tgz")


class OpenAiJobs:
    """A server with OpenAI's fine-tuning interface.

    Args:
        url: with or without /v1.
        price: US dollars for a million tokens; None where it is not known.

    Raises:
        ConfigError: as JobClient.
    """

    def __init__(self, url: str, price: float | None) -> None:
        self._client = JobClient(url, "url", KEY_VARIABLE)
        self.name, self._price = f"openai at {self._client.url}", price

    def refuse(self, order: Order) -> None:
        """Raise TrainingError where the host is known to give no weights: what cannot come back is not paid for."""
        host = urlsplit(self._client.url).hostname or ""
        if any(host == known or (known.startswith(".") and host.endswith(known)) for known in NO_WEIGHTS):
            raise TrainingError(
                f"{host} gives no weights back, only the id of a model: its answers could not be calibrated here, and nothing was sent",
                hint="set url under [recipes.openai] to a server that gives the adapter (docs/jobs.md), or train here: "
                f"{TRAIN_HERE[order.method]}",
            )

    def line(self, row: JobRow) -> dict[str, Any]:
        """A row in the form of the interface."""
        return openai_line(row)

    def price(self, order: Order) -> float | None:
        """Tokens times epochs times the price of a token."""
        return self._price if not self._price else order.tokens() * order.epochs * self._price / 1e6

    def find_file(self, order: Order) -> str | None:
        """A file of the same name, whose hash is a part of it."""
        for file in self._all("/v1/files", {"purpose": "fine-tune"}):
            if file.get("filename") == order.file_name and file.get("status") not in FORGOTTEN:
                return str(file["id"])
        return None

    def upload(self, order: Order) -> str:
        """Upload the rows."""
        form, files = {"purpose": "fine-tune"}, {"file": (order.file_name, order.content)}
        return str(self._client.ask("POST", "/v1/files", form=form, files=files)["id"])

    def find(self, suffix: str, request: str, file_id: str) -> Job | None:
        """Jobs are listed newest first."""
        for found in self._all("/v1/fine_tuning/jobs", {}):
            other = (found.get("metadata") or {}).get("prefopt", request) != request
            named = found.get("user_provided_suffix") == suffix and found.get("training_file") == file_id
            if named and not other and found.get("status") not in ("failed", "cancelled"):
                return self._job(found)
        return None

    def create(self, order: Order, file_id: str) -> Job:
        """One request, which is never repeated."""
        kind = "dpo" if order.method == "dpo" else "supervised"
        asked = {
            "model": order.parent.model if order.parent else order.model,
            "training_file": file_id,
            "suffix": order.suffix,
            "seed": order.seed,
            "metadata": {"prefopt": order.request},
            "method": {"type": kind, kind: {"hyperparameters": {"n_epochs": order.epochs, **order.options}}},
        }
        try:
            return self._job(self._client.ask("POST", "/v1/fine_tuning/jobs", body=asked, repeat=False))
        except RefusedError as error:
            if error.code in ("file_not_found", "invalid_training_file") or (error.status == 404 and file_id in error.message):
                raise ExpiredFileError(error.message, hint=error.hint) from None
            raise

    def job(self, job_id: str) -> Job:
        """The job, and the newest line of its log as its progress."""
        job = self._job(self._client.ask("GET", f"/v1/fine_tuning/jobs/{job_id}"))
        if job.state != "running":
            return job
        newest = self._client.ask("GET", f"/v1/fine_tuning/jobs/{job_id}/events", params={"limit": "1"}).get("data") or []
        said = self._client.shown(str(newest[0].get("message", ""))) if newest else ""
        return Job(job.id, job.state, job.model, job.error, said, job.cost, job.results)

    def events(self, job_id: str) -> list[Event]:
        """The log, oldest first."""
        found = list(self._all(f"/v1/fine_tuning/jobs/{job_id}/events", {}))
        return [Event(datetime.fromtimestamp(e["created_at"], UTC), self._client.shown(str(e["message"]))) for e in reversed(found)]

    def cancel(self, job_id: str) -> Job:
        """Cancel it; one that has ended refuses, and stays as it is."""
        try:
            return self._job(self._client.ask("POST", f"/v1/fine_tuning/jobs/{job_id}/cancel"))
        except RefusedError:
            return self.job(job_id)

    def fetch(self, job: Job, folder: Path) -> Fetched:
        """Read the result files."""
        steps, metrics = 0, dict[str, float]()
        for file_id in job.results:
            name = PurePosixPath(str(self._client.ask("GET", f"/v1/files/{file_id}").get("filename", ""))).name
            if not name.endswith((*_TARS, ".csv")) and name not in (CONFIG, WEIGHTS):
                continue
            target = folder / (name if name in (CONFIG, WEIGHTS) else ".result")
            self._client.download(f"/v1/files/{file_id}/content", target)
            if name.endswith(".csv"):
                steps, metrics = _losses(target)
            elif name.endswith(_TARS):
                unpack_adapter(target, folder, what=f"the adapter of {job.id}")
            (folder / ".result").unlink(missing_ok=True)
        return Fetched((folder / CONFIG).is_file() and (folder / WEIGHTS).is_file(), steps, metrics)

    def _job(self, found: Mapping[str, Any]) -> Job:
        state = self._client.state_of(found, STATES)
        error = found.get("error") or {}
        tokens = found.get("trained_tokens")
        return Job(
            id=str(found["id"]),
            state=state,
            model=str(found.get("fine_tuned_model") or ""),
            error=self._client.shown(str(error.get("message") or "")),
            cost=None if tokens is None or self._price is None else float(tokens) * self._price / 1e6,
            results=tuple(str(name) for name in found.get("result_files") or ()),
        )

    def _all(self, path: str, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """The entries of a list, page after page."""
        after: dict[str, str] = {}
        for _ in range(_PAGES):
            page = self._client.ask("GET", path, params={**params, "limit": _PAGE, **after})
            rows = page.get("data") or []
            yield from rows
            if not page.get("has_more") or not rows:
                return
            after = {"after": str(rows[-1]["id"])}


def _losses(path: Path) -> tuple[int, dict[str, float]]:
    """Updates and last loss of a log with the columns step and train_loss; (0, {}) of another one."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("step") and row.get("train_loss")]
    try:
        return (int(rows[-1]["step"]), {"loss": float(rows[-1]["train_loss"])}) if rows else (0, {})
    except ValueError:
        return 0, {}
