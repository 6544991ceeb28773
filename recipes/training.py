"""A run: the base with its adapter, the arguments that all trainers share, training itself, and the saved adapter."""

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
from typing import Any

import datasets
import torch
import transformers
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from transformers.integrations import get_available_reporting_integrations

from prefopt.errors import TrainingError
from prefopt.model.adapter_card import AdapterCard, adapter_id, adapter_toml, read_card, shape_of
from prefopt.model.adapters import adapts_experts, fresh_adapter, load_adapter, save_adapter
from prefopt.model.chat import renderer_for
from prefopt.model.harmony import Renderer
from prefopt.model.load import Base, load_base
from prefopt.model.packed import causal_lm, longest_row
from prefopt.model.support import refuse_other_in_training
from prefopt.protocols import TrainedAdapter, TrainingJob, finite_or_none
from recipes import distributed
from recipes.callbacks import MetricsWriter, StopAtNonFinite, metric_lines
from recipes.checkpoints import compute_experts_as, discard, newest_complete
from recipes.determinism import same_bits
from recipes.invariants import adapter_digest, check_trainable, check_updates, nothing_learned, refuse_sharded
from recipes.limits import check_disk, limits_explained, with_fitting_passes
from recipes.options import TrainingOptions
from recipes.schedule import planned_updates, rate_factor, warmup_updates
from recipes.tokenization import Row, digest_of
from recipes.trackers import local_trackers


@dataclass(frozen=True)
class Opened:
    """A base with the adapter to train, and the renderer of its prompts."""

    base: Base
    model: Any
    """PeftModel with the trainable adapter "default"."""
    renderer: Renderer
    parent: str
    """adapter_digest of "default" before training."""

    @property
    def positions(self) -> int:
        """Tokens of the longest row that the model can compute."""
        return longest_row(causal_lm(self.model))


def open_adapter(job: TrainingJob) -> Opened:
    """Load the base with the job's parent adapter, or a fresh one where there is no parent. Raises ModelError."""
    distributed.use_local_gpu()
    base = load_base(job.model, job.on_step)
    refuse_other_in_training(base.model)
    if job.parent is None:
        model = fresh_adapter(base, job.adapter, job.seed)
    else:
        refuse_other_lora(job, read_card(job.parent))
        model = load_adapter(base, job.parent, trainable=True)
    check_trainable(model)
    model.is_loaded_in_4bit = False  # where it is True (NF4), TRL rounds the LoRA weights to bfloat16
    return Opened(base, model, renderer_for(base.tokenizer, job.prompt, job.answer, job.taxonomy), adapter_digest(model, "default"))


def refuse_other_lora(job: TrainingJob, card: AdapterCard) -> None:
    """TrainingError where an adapter's LoRA settings are not the job's."""
    expected, actual = shape_of(job.adapter, experts=card.experts), shape_of(card)
    if expected != actual:
        theirs, ours = ({key: shape[key] for key in shape if expected[key] != actual[key]} for shape in (actual, expected))
        raise TrainingError(
            f"{job.parent}: the parent adapter has {theirs}, and [adapter] in prefopt.toml has {ours}",
            hint=f"give [adapter] in prefopt.toml the parent's values:\n{adapter_toml(card)}",
        )


def training_arguments(job: TrainingJob, options: TrainingOptions, opened: Opened) -> dict[str, Any]:
    """Arguments of transformers' and TRL's trainers that all recipes share.

    Raises:
        TrainingError: a tracker is not installed, or several GPUs are visible.
    """
    _refuse_missing_trackers(options.report_to)
    on_cpu = opened.base.device.type == "cpu"
    spread = job.model.device == "spread"  # transformers' trainer sees hf_device_map and leaves the layers where they are
    if not on_cpu and not spread and distributed.world_size() == 1 and torch.cuda.device_count() > 1:
        raise TrainingError(  # the trainer would split batches over all of them
            f"{torch.cuda.device_count()} GPUs are visible, and a run of one process uses one",
            hint='put CUDA_VISIBLE_DEVICES=0 before the command, or set launcher = "accelerate" under [train], or device = "spread" '
            "under [model]",
        )
    if distributed.world_size() > 1 and job.model.device == "spread":
        raise TrainingError(
            "each process needs the whole model on its own GPU, and model.device is spread",
            hint='set launcher = "none" under [train], or device = "cuda" under [model]',
        )
    if distributed.world_size() > 1 and options.engine == "trl":
        raise TrainingError(
            "TRL's trainers repeat rows to give every process a full batch: the result would depend on the number of processes",
            hint='set engine = "prompt_sharing" under the recipe\'s name, or launcher = "none" under [train]',
        )
    return {
        "output_dir": str(job.folder / "checkpoints"),
        "num_train_epochs": options.num_train_epochs,
        "per_device_train_batch_size": options.batch_size,
        "gradient_accumulation_steps": options.gradient_accumulation_steps,
        "learning_rate": options.learning_rate,
        "lr_scheduler_type": options.lr_scheduler_type,
        "warmup_steps": options.warmup_ratio,  # a share of all updates, which LocalRun.create_scheduler reads
        "max_grad_norm": options.max_grad_norm,
        "gradient_checkpointing": options.gradient_checkpointing,
        "save_steps": options.save_steps,
        "save_total_limit": 2,  # the older one is complete while the newer one is written
        "report_to": list(options.report_to) or "none",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # the filter logs the last finite loss in place of NaN
        "optim": "adamw_torch",
        "bf16": False,  # weights are in their dtype already; autocast would round the float32 LoRA weights
        "max_length": None,  # rows are checked by refuse_long; a collator that cuts would cut the answer
        "remove_unused_columns": False,
        "disable_tqdm": True,
        "use_cpu": on_cpu,
        "dataloader_pin_memory": not on_cpu,
        "seed": job.seed,
        "accelerator_config": {"even_batches": False},  # batching.py evens the processes' shares without repeating rows
        "ddp_find_unused_parameters": False,
    }


def _refuse_missing_trackers(names: Sequence[str]) -> None:
    known = get_available_reporting_integrations()
    for name in names:
        if name not in known:
            raise TrainingError(
                f"report_to names {name!r}, which is not installed here; installed: {', '.join(known) or 'none'}",
                hint=f"pip install {name}, or remove it from report_to under the recipe's name",
            )


class LocalRun:
    """First base of a trainer class: rows are tokenized already, nothing is sent over the network, no update has learning rate 0, the
    gradient's norm before clipping is kept, and a checkpoint holds only what a run needs to resume (no pickled arguments; not the
    reference, which is the parent).
    """

    model: Any
    args: Any
    optimizer: Any
    lr_scheduler: Any
    gradient_norm: float | None = None
    """Of the update that is made next, before it is clipped: a gradient of infinite norm is clipped to 0, which is finite."""

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The schedule of recipes/schedule.py, by the arguments lr_scheduler_type and warmup_steps (a share of all updates). A checkpoint
        holds its state as plain numbers.
        """
        if self.lr_scheduler is None:
            factor = partial(
                rate_factor,
                updates=num_training_steps,
                warmup=warmup_updates(self.args.warmup_steps, num_training_steps),
                kind=str(getattr(self.args.lr_scheduler_type, "value", self.args.lr_scheduler_type)),
            )
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, factor)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """Called by the trainer before each update, with the norm that clipping found where it clips."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)  # type: ignore[misc]  # of the trainer, the next base
        self.gradient_norm = float(norm)
        return norm

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
    """Inside, progress bars, messages and warnings of the libraries are off: faults are checked and raised, progress goes to on_step."""
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
    options: TrainingOptions,
    opened: Opened,
    rows: Sequence[Row],
    build: Callable[[int], Any],
    callbacks: Sequence[TrainerCallback] = (),
    facts: Mapping[str, float] = MappingProxyType({}),
) -> TrainedAdapter:
    """Train, resuming from the newest complete checkpoint of the same run, and save the adapter.

    Args:
        job: writes adapter/ and metrics.jsonl in its folder; checkpoints/ exists during the run.
        recipe: the recipe's name, for the adapter's card.
        options: of the recipe.
        opened: base and adapter.
        rows: all rows of the run; the trainer must hold as many.
        build: (most rows in a forward pass) -> a trainer on `opened.model`. With the engine "prompt_sharing" it is called again with fewer
            rows where the device's memory runs out.
        callbacks: called at every step, before metrics are written.
        facts: numbers about the rows, returned with the last metrics.

    Raises:
        TrainingError: an invariant does not hold, the loss or its gradient is not finite, the run makes other updates than planned, the
            adapter is what it was before, or the checkpoints are another run's.
    """
    planned = planned_updates(len(rows), options)
    checkpoints = job.folder / "checkpoints"
    writer = partial(MetricsWriter, job.folder / "metrics.jsonl", job.on_step)
    last_good = partial(_save, job, recipe, opened, opened.model, checkpoints / "last-good")

    def attempt(max_rows: int) -> Any:
        trainer = build(max_rows)
        refuse_sharded(trainer)
        if len(trainer.train_dataset) != len(rows):
            raise TrainingError(f"{len(rows)} rows were given to the trainer, and it holds {len(trainer.train_dataset)}")
        has_reference = "ref" in opened.model.peft_config
        parameters = check_trainable(trainer.model)
        identity = _identity(job, recipe, options, opened, rows)
        resumed = distributed.from_main_process(lambda: newest_complete(checkpoints, identity))
        compute_experts_as(checkpoints, opened.model, resumed=resumed is not None)
        trainer.remove_callback(PrinterCallback)
        judge = StopAtNonFinite(last_good, partial(_judged_norm, trainer))
        for callback in (*callbacks, writer(opened.parent if has_reference else None), judge):
            trainer.add_callback(callback)
        check_updates(planned, _steps(trainer))
        check_disk(job.folder, parameters, planned, trainer.args.save_steps)
        trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed))
        check_trainable(trainer.model)
        if not trainer.control.should_training_stop:  # which a callback sets to end a run before its last update
            check_updates(planned, trainer.state.global_step)
        return trainer

    trackers = local_trackers(job) if options.report_to else nullcontext()
    with limits_explained(job.folder), trackers, same_bits(options.deterministic):
        once = options.engine == "trl"
        trainer, rows_in_a_pass = with_fitting_passes(attempt, options.batch_size, opened.model, checkpoints, once=once)
        learned = adapter_digest(trainer.model, "default") != opened.parent
        adapter = job.folder / "adapter"
        if learned:
            distributed.from_main_process(lambda: _save(job, recipe, opened, trainer.model, adapter))
    distributed.from_main_process(lambda: discard(checkpoints))  # if nothing was learned too: or a run with other options ended here
    if not learned:
        raise nothing_learned(recipe, options, trainer.state.log_history)
    metrics: dict[str, float | None] = finite_or_none(_last(metric_lines(trainer.state.log_history))) | dict(facts)
    if rows_in_a_pass != options.batch_size:
        metrics["rows_in_a_pass"] = float(rows_in_a_pass)
    return TrainedAdapter(path=adapter, steps=trainer.state.global_step, examples=len(rows), metrics=metrics, planned=planned)


def _last(history: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The metrics of the last update, and of the best evaluation where there were any."""
    trained = [line for line in history if "loss" in line]
    best = min((line for line in history if "eval_loss" in line), key=lambda line: float(line["eval_loss"]), default={})
    return {key: value for key, value in (best | trained[-1]).items() if key not in ("step", "epoch", "stopped", "warning")}


def _steps(trainer: Any) -> int:
    """Updates of the whole run."""
    per_epoch: int = math.ceil(len(trainer.get_train_dataloader()) / trainer.args.gradient_accumulation_steps)
    epochs: float = trainer.args.num_train_epochs
    return math.ceil(per_epoch * epochs)


def _judged_norm(trainer: Any) -> float:
    """The norm of the next update's gradient before clipping; each is given once."""
    norm: float | None = getattr(trainer, "gradient_norm", None)
    if norm is None:
        raise TrainingError(
            "the gradient was not judged before it was clipped", hint="make LocalRun the first base of the trainer's class (recipes/dpo.py)"
        )
    trainer.gradient_norm = None
    return norm


def _save(job: TrainingJob, recipe: str, opened: Opened, model: Any, path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)  # of a run that was killed after saving
    parent = None if job.parent is None else read_card(job.parent)
    experts = adapts_experts(opened.base.model, job.adapter) if parent is None else parent.experts
    card = AdapterCard(
        parent=None if job.parent is None else adapter_id(job.parent),
        base=opened.base.identity.id,
        base_parts=dict(opened.base.identity.parts),
        recipe=recipe,
        round=job.round,
        seed=job.seed,
        **shape_of(job.adapter, experts=experts),
        **({} if parent is None else parent.patterns),
    )
    save_adapter(model, path, card)


def _identity(job: TrainingJob, recipe: str, options: TrainingOptions, opened: Opened, rows: Sequence[Row]) -> str:
    """Names a run by everything that its result depends on, but OMP_NUM_THREADS."""
    parts = {
        "recipe": recipe,
        "options": options.model_dump(mode="json"),
        "rows": digest_of(rows),
        "parent": opened.parent,
        "reference": "" if job.sft is None else adapter_id(job.sft),  # given only to a recipe that asks for it
        "base": opened.base.fingerprint,
        "seed": job.seed,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
