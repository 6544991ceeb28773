"""Together's interface of fine-tuning jobs: SFT and DPO with LoRA on gpt-oss, from a checkpoint of an earlier job, adapter back.

Written from the types of its Python SDK (together 3.1.1), which tests check every request against.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from prefopt.errors import TrainingError, WaitingError
from prefopt.jobs.archives import unpack_adapter
from prefopt.jobs.client import RefusedError
from prefopt.jobs.rows import openai_line
from prefopt.jobs.service import Event, ExpiredFileError, Fetched, Job, JobRow, Order, State
from prefopt.jobs.together_client import FILES, TogetherClient

ADDRESS = "https://api.together.ai"
JOBS = "/v1/fine-tunes"
STATES: Mapping[str, State] = {
    "pending": "queued",
    "queued": "queued",
    "running": "running",
    "compressing": "running",
    "uploading": "running",
    "cancel_requested": "running",
    "completed": "succeeded",
    "error": "failed",
    "user_error": "failed",
    "cancelled": "cancelled",
}
NANODOLLARS = 1e9
"""Unit of a job's total_price; estimates are in dollars."""
EXPERTS = ("w_gate", "w_up", "w_down", "gate_proj", "up_proj", "down_proj", "gate_up_proj")
"""Names of experts' projections among the modules that a model can be adapted in."""
LONGEST_SUFFIX = 40
LOOKS = 6
"""How often an estimate is asked for before the command ends and waits, with growing pauses: rows are checked first."""
FIRST_LOOK = 0.5
"""Seconds before the second look."""


class TogetherJobs:
    """Together, or a server with its interface.

    Args:
        url: of the service.
        price: US dollars for a million tokens; None where nobody said.
        max_cost: most US dollars by its own estimate, which it gives once it has the rows.

    Raises:
        ConfigError: as JobClient.
    """

    def __init__(self, url: str, price: float | None, max_cost: float) -> None:
        self._client = TogetherClient(url, "url")
        self.name, self._price, self._most = f"together at {self._client.url}", price, max_cost

    def refuse(self, order: Order) -> None:
        """Nothing: what Together trains it says when the price is asked."""

    def line(self, row: JobRow) -> dict[str, Any]:
        """A row; the interface has OpenAI's form."""
        return openai_line(row)

    def price(self, order: Order) -> float | None:
        """Tokens times epochs times the price of a token. The service is asked before whether it still trains this model so."""
        self._modules(order)
        return self._price if not self._price else order.tokens() * order.epochs * self._price / 1e6

    def find_file(self, order: Order) -> str | None:
        """A file of the same name, whose hash is a part of it, and of the same size: an upload may have been interrupted."""
        for file in self._client.ask("GET", FILES).get("data") or []:
            usable = file.get("processing_status") not in ("FAILED", "INVALID_FORMAT")
            if usable and file.get("filename") == order.file_name and file.get("bytes") == len(order.content):
                return str(file["id"])
        return None

    def upload(self, order: Order) -> str:
        """Upload the rows."""
        return self._client.put_file(order.file_name, order.content)

    def find(self, suffix: str, request: str, file_id: str) -> Job | None:
        """The newest job of this name and file that neither failed nor was cancelled; Together keeps no other words about a job."""
        found = [
            job
            for job in self._client.ask("GET", JOBS).get("data") or []
            if job.get("suffix") == short(suffix)
            and job.get("training_file") == file_id
            and STATES.get(str(job.get("status")), "running") not in ("failed", "cancelled")
        ]
        return self._job(max(found, key=lambda job: str(job.get("created_at", "")))) if found else None

    def create(self, order: Order, file_id: str) -> Job:
        """Ask what it costs, which is free, then order: one request, which is never repeated."""
        body = self.request(order, file_id)
        self._refuse_price(body)
        return self._job(self._once("POST", JOBS, body, file_id))

    def request(self, order: Order, file_id: str) -> dict[str, Any]:
        """The body of the request for a job."""
        body: dict[str, Any] = {
            "training_file": file_id,
            "validation_file": "",
            "packing": True,
            "n_epochs": order.epochs,
            "n_checkpoints": 1,
            "n_evals": 0,
            "batch_size": order.options["batch_size"],
            "learning_rate": order.options["learning_rate"],
            "lr_scheduler": {"lr_scheduler_type": "cosine", "lr_scheduler_args": {"min_lr_ratio": 0.0, "num_cycles": 0.5}},
            "warmup_ratio": order.options["warmup_ratio"],
            "max_grad_norm": 1.0,
            "weight_decay": 0.0,
            "suffix": short(order.suffix),
            "random_seed": order.seed,
            "early_stopping_enabled": False,
            "training_method": dict(order.options["training_method"]),
        }
        if order.parent is not None:  # rank, alpha and modules are those of the parent
            return {**body, "from_checkpoint": order.parent.job}
        adapter = order.options["adapter"]
        shape = {"lora_r": adapter["rank"], "lora_alpha": adapter["alpha"], "lora_dropout": 0.0}
        modules = ",".join(self._modules(order))
        return {**body, "model": order.model, "training_type": {"type": "Lora", **shape, "lora_trainable_modules": modules}}

    def job(self, job_id: str) -> Job:
        """The job."""
        return self._job(self._client.ask("GET", f"{JOBS}/{job_id}"))

    def events(self, job_id: str) -> list[Event]:
        """The log, oldest first."""
        rows = self._client.ask("GET", f"{JOBS}/{job_id}/events").get("data") or []
        return sorted((Event(_time(row.get("created_at")), self._client.shown(str(row.get("message", "")))) for row in rows), key=_at)

    def cancel(self, job_id: str) -> Job:
        """Cancel it. Completed steps are paid for."""
        found = self.job(job_id)
        if found.state in ("queued", "running"):
            self._client.ask("POST", f"{JOBS}/{job_id}/cancel")
            found = self.job(job_id)
        return found

    def fetch(self, job: Job, folder: Path) -> Fetched:
        """Download the adapter."""
        archive = folder / ".archive"
        try:
            self._client.download(f"/v1/finetune/download?ft_id={job.id}&checkpoint=adapter", archive)
            unpack_adapter(archive, folder, what=f"the adapter of {job.id}")
        finally:
            archive.unlink(missing_ok=True)
        return Fetched(True, *self._learned(job.id))

    def _learned(self, job_id: str) -> tuple[int, dict[str, float]]:
        """Updates, and the last loss; nothing of a job whose numbers the service does not have any more."""
        try:
            rows = self._client.ask("GET", f"{JOBS}/{job_id}/metrics").get("metrics") or []
        except RefusedError:
            return 0, {}
        steps = [int(row["train/global_step"]) for row in rows if "train/global_step" in row]
        losses = [float(row["train/loss"]) for row in rows if "train/loss" in row]
        return max(steps, default=0), {"loss": losses[-1]} if losses and math.isfinite(losses[-1]) else {}

    def _modules(self, order: Order) -> list[str]:
        """Modules to adapt: what [adapter] says, by the names that Together has for this model.

        Raises:
            TrainingError: Together does not train this model any more, or not with these settings.
        """
        limits = self._client.ask("GET", f"{JOBS}/models/limits", params={"model_name": order.model})
        lora, options, adapter = limits["lora_training"], order.options, order.options["adapter"]
        known = [str(name) for name in lora["target_modules"]]
        longest = ("epochs", order.epochs, 1, limits["max_num_epochs"])
        rate = ("learning_rate", options["learning_rate"], limits["min_learning_rate"], limits["max_learning_rate"])
        for name, value, least, most in (longest, rate, ("rank", adapter["rank"], 1, lora["max_rank"])):
            if not least <= value <= most:
                raise TrainingError(
                    f"{self.name} trains {order.model} with {name} from {least:g} to {most:g}, not {value:g}",
                    hint="set rank under [adapter]"
                    if name == "rank"
                    else f"set epochs = {most:g} under the recipe's name"
                    if name == "epochs"
                    else "set learning_rate under the recipe's name",
                )
        experts = [name for name in known if name in EXPERTS]
        wanted = [name for name in known if name not in EXPERTS] if isinstance(adapter["targets"], str) else list(adapter["targets"])
        absent = [name for name in wanted if name not in known]
        if absent or (adapter["experts"] is True and not experts):
            raise TrainingError(
                f"{self.name} adapts {', '.join(known)} of {order.model}, and not {', '.join(absent) or 'experts'}",
                hint='set targets = "attention" and experts = "auto" under [adapter]',
            )
        return [*wanted, *(experts if adapter["experts"] is not False else [])]

    def _refuse_price(self, body: Mapping[str, Any]) -> None:
        """Raise TrainingError where the service's own estimate is above what may be spent; WaitingError while it checks the rows."""
        asked = {key: body[key] for key in ("training_file", "from_checkpoint", "n_epochs", "n_evals") if key in body}
        asked |= {"model": body.get("model", ""), "training_type": body.get("training_type")}
        unused = {"rpo_alpha": 0, "simpo_gamma": 0} if body["training_method"]["method"] == "dpo" else {}
        asked["training_method"] = {**unused, **body["training_method"]}
        reason = ""
        for look in range(LOOKS):
            said = self._once("POST", f"{JOBS}/estimate-price", asked, body["training_file"])
            if said.get("estimation_available"):
                break
            reason = str(said.get("unavailable_reason", ""))
            if reason != "train_file_not_validated":
                report = self._client.ask("GET", f"{FILES}/{body['training_file']}").get("validation_report") or {}
                words = self._client.shown(str(report.get("error") or reason))
                raise TrainingError(f"{self.name} cannot use the rows: {words}", hint="to see what is sent: prefopt round --dry-run")
            if look + 1 < LOOKS:
                time.sleep(FIRST_LOOK * 2**look)
        else:
            raise WaitingError(f"{body['training_file']} ({self.name} checks the rows; nothing is ordered yet)")
        price = float(said.get("estimated_total_price") or 0.0)
        if price > self._most:
            raise TrainingError(
                f"{self.name} estimates {price:.2f} US dollars, and max_cost is {self._most:.2f}; no job was ordered",
                hint="set max_cost under the recipe's name, or train here: prefopt round --recipe dpo",
            )
        if said.get("allowed_to_proceed") is False:
            limit = said.get("user_limit")
            raise TrainingError(
                f"{self.name} estimates {price:.2f} US dollars, which is more than the account has ({limit}); no job was ordered",
                hint="raise its limit at the service, then: prefopt round",
            )

    def _once(self, method: str, path: str, body: Mapping[str, Any], file_id: str) -> dict[str, Any]:
        """A request that names the file, sent once. Raises ExpiredFileError where the service does not have it."""
        try:
            return self._client.ask(method, path, body=body, repeat=path != JOBS)
        except RefusedError as error:
            if error.status in (400, 404) and file_id in error.message:
                raise ExpiredFileError(error.message, hint=error.hint) from None
            raise

    def _job(self, found: Mapping[str, Any]) -> Job:
        state, said = self._client.state_of(found, STATES), str(found["status"])
        events = [event for event in found.get("events") or [] if isinstance(event, dict)]
        faults = [str(event.get("message", "")) for event in events if str(event.get("type", "")).lower().endswith("error")]
        done, planned = found.get("steps_completed"), found.get("total_steps")
        price = found.get("total_price")
        return Job(
            id=str(found["id"]),
            state=state,
            model=str(found.get("model_output_name") or ""),
            error=self._client.shown(faults[-1]) if faults else said if state == "failed" else "",
            progress=f"step {done} of {planned}"
            if done is not None and planned
            else said
            if said in ("compressing", "uploading", "cancel_requested")
            else "",
            cost=None if price is None else float(price) / NANODOLLARS,
        )


def short(suffix: str) -> str:
    """A suffix that the interface takes: at most 40 characters, different for different ones."""
    return suffix if len(suffix) <= LONGEST_SUFFIX else f"{suffix[:29]}-{hashlib.sha256(suffix.encode()).hexdigest()[:10]}"


def training_method(method: Literal["sft", "dpo"], **options: float) -> dict[str, Any]:
    """The method in the interface's words."""
    if method == "sft":
        return {"method": "sft", "train_on_inputs": "auto"}
    return {"method": "dpo", "dpo_normalize_logratios_by_length": False, "dpo_reference_free": False, **options}


def _time(text: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _at(event: Event) -> datetime:
    return event.at
