"""What all runs share: settings that are not a recipe's own choice, the run itself and the saved adapter."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import datasets
import torch
import transformers
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from transformers.integrations import get_available_reporting_integrations

from prefopt.config import AdapterSettings
from prefopt.errors import TrainingError
from prefopt.model.adapters import AdapterCard, adapter_id, fresh_adapter, load_adapter, read_card, save_adapter
from prefopt.model.chat import renderer_for
from prefopt.model.harmony import Renderer
from prefopt.model.load import Base, load_base
from prefopt.protocols import TrainedAdapter, TrainingJob
from recipes import processes
from recipes.checkpoints import newest_complete
from recipes.guards import adapter_digest, check_trainable, refuse_sharded
from recipes.room import check_disk, fitting, limits_in_words
from recipes.rows import Row, content
from recipes.trackers import kept_local
from recipes.watch import Finite, Watch, lines


class Options(Protocol):
    """The options that every recipe's Config has, by these names."""

    @property
    def epochs(self) -> float: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def accumulate(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def schedule(self) -> str: ...
    @property
    def warmup(self) -> float: ...
    @property
    def max_grad_norm(self) -> float: ...
    @property
    def gradient_checkpointing(self) -> bool: ...
    @property
    def save_steps(self) -> int: ...
    @property
    def report_to(self) -> tuple[str, ...]: ...
    def model_dump(self, *, mode: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Opened:
    """A base with the adapter to train, and the renderer of its prompts."""

    base: Base
    model: Any
    """PeftModel with the trainable adapter "default"."""
    renderer: Renderer
    parent: str
    """adapter_digest of "default" before training."""


def open_adapter(job: TrainingJob) -> Opened:
    """Load the base with the job's parent adapter, or a fresh one where there is no parent. Raises ModelError."""
    processes.use_own_gpu()
    base = load_base(job.model)
    if job.parent is None:
        model = fresh_adapter(base, job.adapter, job.seed)
    else:
        _refuse_other_shape(job, read_card(job.parent))
        model = load_adapter(base, job.parent, trainable=True)
    check_trainable(model)
    model.is_loaded_in_4bit = False  # where it says True (NF4), TRL rounds the LoRA weights to bfloat16
    return Opened(base, model, renderer_for(base.tokenizer, job.prompt, job.answer, job.taxonomy), adapter_digest(model, "default"))


def reference_folder(job: TrainingJob) -> Path:
    """Where the parent's log-probabilities are kept: with the project, or for the time of this run."""
    return (job.folder / "checkpoints" if job.cache is None else job.cache) / "reference"


def kept_reference(job: TrainingJob, reference: str) -> Path | None:
    """The adapter that is the reference in the parent's place; None where the parent is.

    Raises:
        TrainingError: there is no adapter of an SFT stage, or it has another shape than the parent.
    """
    if reference == "parent":
        return None
    if job.sft is None:
        raise TrainingError("reference is sft, and the job brings no adapter of an SFT stage", hint='set reference = "parent"')
    _refuse_other_shape(job, read_card(job.sft))
    return job.sft


def _refuse_other_shape(job: TrainingJob, card: AdapterCard) -> None:
    wanted, found = _shape(job.adapter), _shape(card)
    if wanted != found:
        raise TrainingError(
            f"{job.parent}: the parent adapter has {found}, and [adapter] in prefopt.toml says {wanted}",
            hint="set [adapter] to what the parent has, or train the base stage anew: `prefopt sft`",
        )


def _shape(source: AdapterSettings | AdapterCard) -> dict[str, Any]:
    return {"rank": source.rank, "alpha": source.alpha, "experts": source.experts, "variant": source.variant}


def arguments(job: TrainingJob, options: Options, opened: Opened) -> dict[str, Any]:
    """Settings of Hugging Face's and TRL's trainers that all recipes share, by their names there.

    Raises:
        TrainingError: a tracker is not installed, or several GPUs are visible.
    """
    _refuse_missing_trackers(options.report_to)
    on_cpu = opened.base.device.type == "cpu"
    spread = job.model.device == "spread"  # transformers' trainer sees hf_device_map and leaves the layers where they are
    if not on_cpu and not spread and processes.count() == 1 and torch.cuda.device_count() > 1:
        raise TrainingError(  # the trainer would split batches over all of them
            f"{torch.cuda.device_count()} GPUs are visible, and a run of one process uses one",
            hint='type CUDA_VISIBLE_DEVICES=0 before the command, or set launcher = "accelerate" under [train], or device = "spread" '
            "under [model]",
        )
    if processes.count() > 1 and job.model.device == "spread":
        raise TrainingError(
            "each process needs the whole model on its own GPU, and model.device is spread",
            hint='set launcher = "none" under [train], or device = "cuda" under [model]',
        )
    if processes.count() > 1 and getattr(options, "engine", "") == "trl":
        raise TrainingError(
            "TRL's trainers repeat rows to give every process a full batch: the result would depend on the number of processes",
            hint='set engine = "shared" under the recipe\'s name, or launcher = "none" under [train]',
        )
    return {
        "output_dir": str(job.folder / "checkpoints"),
        "num_train_epochs": options.epochs,
        "per_device_train_batch_size": options.batch_size,
        "gradient_accumulation_steps": options.accumulate,
        "learning_rate": options.learning_rate,
        "lr_scheduler_type": options.schedule,
        "warmup_steps": options.warmup,  # below 1: a share of all steps
        "max_grad_norm": options.max_grad_norm,
        "gradient_checkpointing": options.gradient_checkpointing,
        "save_steps": options.save_steps,
        "save_total_limit": 2,  # the older one is complete until the newer one is
        "report_to": list(options.report_to) or "none",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would report the last finite loss in place of NaN
        "optim": "adamw_torch",
        "bf16": False,  # weights already lie in their dtype; autocast would round the float32 LoRA weights
        "max_length": None,  # rows are checked before; a collator that cuts would cut the answer
        "remove_unused_columns": False,
        "disable_tqdm": True,
        "use_cpu": on_cpu,
        "dataloader_pin_memory": not on_cpu,
        "seed": job.seed,
        "accelerator_config": {"even_batches": False},  # shares are made even without repeating rows (updates.py)
        "ddp_find_unused_parameters": False,
    }


def _refuse_missing_trackers(names: Sequence[str]) -> None:
    known = get_available_reporting_integrations()
    for name in names:
        if name not in known:
            raise TrainingError(
                f"report_to names {name!r}, which is not installed here; installed: {', '.join(known) or 'none'}",
                hint=f"pip install {name}, or take it out of report_to",
            )


class LocalRun:
    """Put before a TRL trainer: rows are tokenized already, nothing is sent anywhere, and a checkpoint holds only what a run needs to
    go on (no pickled arguments; not the reference, which is always the parent).
    """

    model: Any

    def _prepare_dataset(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        return dataset

    def _send_telemetry(self) -> None:
        pass

    def create_model_card(self, *_: Any, **__: Any) -> None:
        pass

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        self.model.save_pretrained(output_dir, selected_adapters=["default"], save_embedding_layers=False)


@contextmanager
def quiet() -> Iterator[None]:
    """Progress bars, notes and warnings of the libraries are off inside: what matters is checked and raised, or told by on_step."""
    verbosity = transformers.logging.get_verbosity()
    bars = not datasets.are_progress_bars_disabled(), transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            transformers.logging.set_verbosity(verbosity)
            if bars[0]:
                datasets.enable_progress_bars()
            if bars[1]:
                transformers.logging.enable_progress_bar()


def run(
    job: TrainingJob,
    recipe: str,
    options: Options,
    opened: Opened,
    rows: Sequence[Row],
    build: Callable[[int], Any],
    callbacks: Sequence[TrainerCallback] = (),
    facts: Mapping[str, float] = MappingProxyType({}),
) -> TrainedAdapter:
    """Train, going on from the newest complete checkpoint of the same run, and save the adapter.

    Args:
        job: writes adapter/ and metrics.jsonl in its folder; checkpoints/ are there while it runs.
        recipe: the recipe's name, for the adapter's card.
        rows: all rows of the run; the trainer must hold as many.
        build: (most rows in a forward pass) -> a trainer on `opened.model`: TRL's, which takes its rows as they are, or the shared
            engine's, which is made again with fewer rows where the device's memory runs out.
        callbacks: what else happens at every step, before metrics are written.
        facts: of the rows; they stand beside the last metrics in what is given back.

    Raises:
        TrainingError: a guard does not hold, the loss or its gradient is not finite, or the checkpoints are another run's.
    """
    checkpoints = job.folder / "checkpoints"
    watch = partial(Watch, job.folder / "metrics.jsonl", job.on_step)
    last_good = partial(_save, job, recipe, opened, opened.model, checkpoints / "last-good")

    def attempt(cut: int) -> Any:
        trainer = build(cut)
        refuse_sharded(trainer)
        if len(trainer.train_dataset) != len(rows):
            raise TrainingError(f"{len(rows)} rows went into the trainer and {len(trainer.train_dataset)} are left")
        has_reference = "ref" in opened.model.peft_config
        parameters = check_trainable(trainer.model)
        identity = _identity(job, recipe, options, opened, rows)
        resumed = processes.from_first(lambda: newest_complete(checkpoints, identity))
        trainer.remove_callback(PrinterCallback)
        for callback in (*callbacks, watch(opened.parent if has_reference else None), Finite(last_good)):
            trainer.add_callback(callback)
        check_disk(job.folder, parameters, _steps(trainer), trainer.args.save_steps)
        trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed))
        check_trainable(trainer.model)
        return trainer

    with limits_in_words(job.folder), kept_local(job) if options.report_to else nullcontext():
        engine = getattr(options, "engine", "trl")
        trainer, rows_in_a_pass = fitting(attempt, options.batch_size, opened.model, checkpoints, once=engine == "trl")
        adapter = job.folder / "adapter"
        processes.from_first(lambda: _save(job, recipe, opened, trainer.model, adapter))
    processes.from_first(lambda: shutil.rmtree(checkpoints))
    metrics = _last(lines(trainer.state.log_history)) | dict(facts)
    if rows_in_a_pass != options.batch_size:
        metrics["rows_in_a_pass"] = float(rows_in_a_pass)
    return TrainedAdapter(path=adapter, steps=trainer.state.global_step, examples=len(rows), metrics=metrics)


def _last(history: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The metrics of the last update, and of the best evaluation where there were any."""
    trained = [line for line in history if "loss" in line]
    best = min((line for line in history if "eval_loss" in line), key=lambda line: float(line["eval_loss"]), default={})
    return {key: value for key, value in (best | trained[-1]).items() if key not in ("step", "epoch", "stopped")}


def _steps(trainer: Any) -> int:
    """Updates of the whole run."""
    per_epoch: int = math.ceil(len(trainer.get_train_dataloader()) / trainer.args.gradient_accumulation_steps)
    epochs: float = trainer.args.num_train_epochs
    return math.ceil(per_epoch * epochs)


def _save(job: TrainingJob, recipe: str, opened: Opened, model: Any, path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)  # left by a run that was killed after saving
    card = AdapterCard(
        parent=None if job.parent is None else adapter_id(job.parent),
        base=opened.base.fingerprint,
        recipe=recipe,
        round=job.round,
        seed=job.seed,
        **_shape(job.adapter),
    )
    save_adapter(model, path, card)


def _identity(job: TrainingJob, recipe: str, options: Options, opened: Opened, rows: Sequence[Row]) -> str:
    """Names a run by all that its result depends on. OMP_NUM_THREADS is not among them."""
    parts = {
        "recipe": recipe,
        "options": options.model_dump(mode="json"),
        "rows": content(rows),
        "parent": opened.parent,
        "reference": adapter_id(job.sft) if job.sft is not None and getattr(options, "reference", "parent") == "sft" else "",
        "base": opened.base.fingerprint,
        "seed": job.seed,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
