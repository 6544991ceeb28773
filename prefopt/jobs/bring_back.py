"""The adapter of a job as an adapter of ours: read as stock PEFT's, its shape checked, with a card that says where it was trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from prefopt.errors import TrainingError
from prefopt.io.files import write_text
from prefopt.io.strict import read_json_object
from prefopt.jobs.record import JobRecord
from prefopt.jobs.service import Managed, Order
from prefopt.model.adapter_card import CARD, CONFIG, adapter_id, refuse_other_shape, write_card
from prefopt.protocols import TrainedAdapter, TrainingJob


def bring_back(job: TrainingJob, recipe: str, order: Order, record: JobRecord, fetched: Path, *, verify: bool) -> TrainedAdapter:
    """Write job.folder/adapter and metrics.jsonl.

    Args:
        job: of the round.
        recipe: name of the recipe.
        order: what was asked.
        record: of the job, with what it reported.
        fetched: folder with the adapter as stock PEFT saves it.
        verify: compare its logits with those of stock PEFT.

    Raises:
        ModelError: it does not belong to the base of this project, or cannot be read (prefopt.model.adapter_import).
        TrainingError: rank, alpha, layers or variant are others than [adapter] says; the adapter names another base; it learned nothing.
    """
    from prefopt.model.adapter_import import import_adapter, read_stock_adapter  # torch
    from prefopt.model.learned import refuse_unlearned  # as above
    from prefopt.model.load import model_folder  # as above

    where = f"{record.job_id} at {record.service}"
    base = order.parent.base if order.parent else order.model
    _refuse_other_base(fetched, where, {base, job.model.path.partition("@")[0], model_folder(job.model.path).name})
    refuse_other_shape(job.adapter, read_stock_adapter(job.model, fetched).card, where, then="then prefopt round")
    out = job.folder / "adapter"
    shutil.rmtree(out, ignore_errors=True)  # of a run that was interrupted
    done = import_adapter(job.model, fetched, out, verify=verify, number=job.round, on_step=job.on_step)
    try:
        refuse_unlearned(out, job.parent, recipe)
    except TrainingError as error:
        raise TrainingError(
            f"{where}: {error.message}",
            hint="ask for more epochs or another learning rate under the recipe's name, then: prefopt round cancel, prefopt round",
        ) from None
    managed = Managed(service=record.service, base=base, model=record.model, job=record.job_id)
    parent = None if job.parent is None else adapter_id(job.parent)
    card = done.card.model_copy(update={"parent": parent, "recipe": recipe, "seed": job.seed, "managed": managed})
    write_card(out / CARD, card)
    line = json.dumps({"step": record.updates, **record.metrics}) + "\n" if record.metrics else ""
    write_text(job.folder / "metrics.jsonl", line)
    return TrainedAdapter(out, record.updates, record.rows, dict(record.metrics), record.updates or None)


def _refuse_other_base(fetched: Path, where: str, known: set[str]) -> None:
    """Raise TrainingError where the adapter names a base that is neither the one that was ordered nor that of this project."""
    file = fetched / CONFIG
    named = str(read_json_object(file).get("base_model_name_or_path") or "") if file.is_file() else ""
    if named and _last(named) not in {_last(name) for name in known}:
        raise TrainingError(
            f"the adapter of {where} was trained on the base {named}, and the job was to train {', '.join(sorted(known))}",
            hint="set model under the recipe's name and model.path to the same weights, then: prefopt round cancel, prefopt round",
        )


def _last(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2].lower()
