"""A recipe whose training a service does. One class for each kind of service; recipes/ has them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from prefopt.errors import ConfigError, PrefoptError, TrainingError
from prefopt.jobs.bring_back import bring_back
from prefopt.jobs.options import JobOptions
from prefopt.jobs.rows import Rows, example_rows, preference_rows, texts_of
from prefopt.jobs.run import advance
from prefopt.jobs.service import TRAIN_HERE, JobService, Managed, Method, Order
from prefopt.model.adapter_card import read_card
from prefopt.protocols import ExtraInput, TrainedAdapter, TrainingJob

AROUND = 16
"""Tokens that a chat template puts around a message, at most."""


@dataclass(frozen=True)
class Leaving:
    """What would leave for a service."""

    service: str
    order: Order
    rows: Rows
    price: float | None


class ManagedRecipe:
    """Base of the recipes of services. A recipe sets the names below, `service`, and `options`."""

    name: str
    needs: Literal["examples", "pairs"]
    Config: type[JobOptions]
    method: Method
    sft: str = ""
    """Recipe of round 000 at the same service, whose adapter this one continues; empty for such a recipe itself."""

    def service(self, config: Any) -> JobService:
        """The service with these options; nothing is sent. Raises ConfigError where an option or the key is missing."""
        raise NotImplementedError

    def options(self, config: Any) -> Mapping[str, Any]:
        """Hyperparameters by the service's names (Order.options)."""
        raise NotImplementedError

    def extra_inputs(self, config: Any) -> frozenset[ExtraInput]:
        """None: a service sees the rows of the round alone."""
        return frozenset()

    def refuse_parent(self, parent: Path | None, config: Any) -> None:
        """Raise TrainingError unless the service has the parent: the reference of a job must be the adapter that the round continues."""
        self._parent(parent, self.service(config), config)

    def train(self, job: TrainingJob, config: Any) -> TrainedAdapter:
        """Send, ask or fetch: whatever comes next. Raises WaitingError while the job runs, and as prefopt.jobs.run.advance."""
        service = self.service(config)
        order, rows = self.order(job, config, service)
        record, fetched = advance(service, order, rows, job.folder, config.max_cost)
        try:
            return bring_back(job, self.name, order, record, fetched, verify=config.verify)
        except PrefoptError:
            shutil.rmtree(fetched)  # it may be whole at the next try
            raise

    def leaving(self, job: TrainingJob, config: Any) -> Leaving:
        """What `train` would send first. Nothing is sent but the question for the price. Raises as `train`."""
        service = self.service(config)
        order, rows = self.order(job, config, service)
        return Leaving(service.name, order, rows, service.price(order))

    def order(self, job: TrainingJob, config: Any, service: JobService) -> tuple[Order, Rows]:
        """What is asked of the service, and the rows with what is left out of them."""
        parent = self._parent(job.parent, service, config)
        if not config.model:
            raise ConfigError(f"the base model at {service.name} is not named", hint=f'set model = "…" under [recipes.{self.name}]')
        rows = self._rows(job, config, service.name)
        lines = [json.dumps(service.line(row), ensure_ascii=False) + "\n" for row in rows.rows]
        content = "".join(lines).encode()
        order = Order(
            suffix=f"prefopt-{job.project}-round-{job.round:03d}",
            method=self.method,
            model=config.model,
            parent=parent,
            options=self.options(config),
            rows=rows.rows,
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            tokens=_counter(job, rows),
            epochs=config.epochs,
            seed=job.seed,
        )
        service.refuse(order)
        return order, rows

    def _rows(self, job: TrainingJob, config: Any, to: str) -> Rows:
        return preference_rows(job, to) if self.method == "dpo" else example_rows(job, to, explain=config.explain)

    def _parent(self, folder: Path | None, service: JobService, config: JobOptions) -> Managed | None:
        """The parent as the service knows it; None for round 000."""
        if folder is None:
            if self.method == "dpo":
                raise TrainingError(
                    f"{self.name} continues an adapter, and there is none", hint="train the base stage first: `prefopt sft`"
                )
            return None
        found = read_card(folder).managed
        if found is None or found.service != service.name or found.base != config.model:
            place = "here" if found is None else f"at {found.service} on {found.base}"
            raise TrainingError(
                f"the parent adapter was trained {place}, and {service.name} cannot continue it on {config.model or 'its model'}: the "
                "reference of a job must be the parent",
                hint=f"train this round here: {TRAIN_HERE[self.method]}; to train at the service, begin there: a new project with "
                f'sft = "{self.sft or self.name}" under [round]',
            )
        return found


def _counter(job: TrainingJob, rows: Rows) -> Callable[[], int]:
    @cache
    def count() -> int:
        from prefopt.model.load import model_folder  # torch: not to ask for a job
        from prefopt.model.tokenizer import read_tokenizer

        tokenizer = read_tokenizer(model_folder(job.model.path))
        conversations = [texts for row in rows.rows for texts in texts_of(row)]
        different = sorted({text for texts in conversations for text in texts})
        ids = tokenizer(different, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        lengths = dict(zip(different, map(len, ids), strict=True))
        return sum(lengths[text] + AROUND for texts in conversations for text in texts)

    return count
