"""The memory plan of a training run, made before anything is loaded: bytes per part, whether they fit, and which settings would.

The plan reads config.json and the headers of the safetensors files. Importing this module does not import torch; making a plan does only
for a run that was not counted before (counted.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prefopt.config import AdapterSettings, ModelSettings, ProjectConfig
from prefopt.errors import ConfigError, ModelError
from prefopt.model.counted import SHAPES, Counted, LogitTile, is_gpt_oss, key_of, known, remember, scratch_of

ROWS_PER_EXAMPLE = {
    "sft": 1,
    "consensus": 2,
    "dpo": 2,
    "orpo": 2,
    "kto": 1,
}  # a slate's answers, without reasons, are shorter than a prompt
"""Rows of tokens that one example of a recipe puts into a forward pass with gradients: two for a pair."""
_REFERENCE_COPIES = {"sft": 0, "consensus": 0, "dpo": 1, "orpo": 0, "kto": 1}  # frozen copies of the adapter
_FLOAT32 = 4  # bytes
_MOMENTS_AND_GRADIENT = 3  # float32 values per trained weight: the gradient and AdamW's two moments
_RESERVE = 0.05  # share of the machine for the CUDA context, libraries, and gaps between an allocator's blocks
_LARGEST_BATCH = 1024  # end of the search


@dataclass(frozen=True)
class Machine:
    """The device that a run is planned for."""

    name: str
    device: str
    """"cuda" or "cpu"."""
    bytes: int
    """Free memory now; all memory of a card that is not in this machine."""
    is_here: bool = False
    """Whether it is a GPU of this machine, for which the ways of computing experts may have been measured."""


@dataclass(frozen=True)
class Run:
    """The training run that is planned."""

    model: ModelSettings
    adapter: AdapterSettings
    tokens: int = 2048
    """Length of a row: prompt and answer together."""
    batch: int = 1
    recipe: str = "sft"
    checkpointing: bool = True


@dataclass(frozen=True)
class Plan:
    """Memory of a run, by part."""

    run: Run
    machine: Machine
    parts: dict[str, int]
    """Bytes of: experts, attention, embeddings, other, adapter, gradients and optimizer, kept for backward, worst moment, reserve."""
    formats: dict[str, str]
    """Data type of each weight part, e.g. "mxfp4"; for "worst moment", its two candidates."""
    largest_batch: int
    """The largest batch that fits; 0 if not even one example does."""

    @property
    def total(self) -> int:
        """Bytes of all parts."""
        return sum(self.parts.values())

    @property
    def fits(self) -> bool:
        """Whether the machine holds all parts."""
        return self.total <= self.machine.bytes


def machine_at_hand(settings: ModelSettings) -> Machine:
    """The first GPU of this machine, or its main memory."""
    if settings.device != "cpu" and Path("/dev/nvidiactl").exists():
        import torch  # it takes seconds, and without a driver it would find no GPU

        if torch.cuda.is_available():
            free, _ = torch.cuda.mem_get_info()
            return Machine(torch.cuda.get_device_name(), "cuda", free, is_here=True)
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    return Machine("memory of this machine", "cpu", next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")))


def card(gib: float) -> Machine:
    """A GPU with this much memory; it need not be in this machine."""
    return Machine(f"a GPU of {gib:g} GiB", "cuda", int(gib * 2**30))


def plan_training(
    config: ProjectConfig,
    model: str,
    *,
    recipe: str = "sft",
    tokens: int | None = None,
    batch: int = 1,
    gpu_gib: float | None = None,
) -> Plan:
    """Plan a run with a project's settings for another model, length, batch size or machine.

    Args:
        config: supplies the adapter, the attention, and the recipe's gradient checkpointing.
        model: a checkpoint folder, a model on the Hub (its weights are not downloaded), "tiny", "gpt-oss-20b" or "gpt-oss-120b"; the last
            two need no checkpoint.
        recipe: one of ROWS_PER_EXAMPLE.
        tokens: length of a row; None for prompt.max_tokens.
        batch: examples (pairs, for DPO and ORPO; slates, for consensus) in a batch.
        gpu_gib: memory of the GPU to plan for, in GiB; None for this machine.

    Raises:
        ConfigError: no plan exists for this recipe.
        ModelError: as make_plan.
    """
    if recipe not in ROWS_PER_EXAMPLE:
        raise ConfigError(f"there is no memory plan for the recipe {recipe!r}", hint=f"use one of {', '.join(ROWS_PER_EXAMPLE)}")
    settings = config.model.model_copy(update={"path": model})
    checkpointing = config.recipes.get(recipe, {}).get("gradient_checkpointing", True)
    run = Run(settings, config.adapter, tokens or config.prompt.max_tokens, batch, recipe, checkpointing)
    return make_plan(run, machine_at_hand(settings) if gpu_gib is None else card(gpu_gib))


def make_plan(run: Run, machine: Machine) -> Plan:
    """Count the bytes of a run.

    Raises:
        ModelError: the checkpoint is missing or broken, its weights are not quantized although model.quantized is set, or the
            architecture cannot be adapted.
    """
    counted = counted_of(run, machine)
    run = replace(run, adapter=run.adapter.model_copy(update={"experts": counted.experts}))
    parts, formats, trained = dict(counted.weights), dict(counted.formats), counted.trained
    parts["adapter"] = _FLOAT32 * trained * (1 + _REFERENCE_COPIES[run.recipe])
    parts["gradients and optimizer"] = _MOMENTS_AND_GRADIENT * _FLOAT32 * trained
    reserve = int(_RESERVE * machine.bytes)
    free = machine.bytes - sum(parts.values()) - reserve
    low, high = 0, _LARGEST_BATCH
    while low < high:  # bytes grow with the batch, so a binary search finds the largest that fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if counted.step(middle).peak <= free else (low, middle - 1)
    step = counted.step(run.batch)
    parts |= {"kept for backward": step.kept, "worst moment": max(step.layer, step.logits), "reserve": reserve}
    formats["worst moment"] = f"one layer's backward pass {_size(step.layer)}, logits {_size(step.logits)}: the larger of them"
    return Plan(run, machine, parts, formats, low)


def key_of_run(run: Run, machine: Machine) -> str | None:
    """Under what the count of a run is kept; None where it is not."""
    if machine.is_here:
        return None
    adapter = run.adapter
    if adapter.experts == "auto" and run.model.path in SHAPES and adapter.variant != "dora":
        adapter = adapter.model_copy(update={"experts": True})  # as a plan says of the same run
    return key_of(
        run.model,
        adapter,
        rows=ROWS_PER_EXAMPLE[run.recipe],
        tokens=run.tokens,
        checkpointing=run.checkpointing,
        device=machine.device,
        scratch=scratch_of(machine.bytes) if machine.device == "cuda" else 0,
    )


def counted_of(run: Run, machine: Machine) -> Counted:
    """The count of a run, from what is kept or from the model itself. Raises as make_plan."""
    key = key_of_run(run, machine)
    found = known(key)
    if found is None:
        found = count(run, machine)
        remember(key, found)
    return found


def count(run: Run, machine: Machine) -> Counted:
    """Count a run on its model without data. Raises as make_plan."""
    from prefopt.model.adapters import adapts_experts
    from prefopt.model.footprint import step_bytes
    from prefopt.model.plan_bytes import empty_policy, nf4_layers, weight_bytes

    model = empty_policy(
        run.model, run.adapter, device=machine.device, checkpointing=run.checkpointing, memory=machine.bytes, card=machine.name
    )
    weights, formats = weight_bytes(model.get_base_model(), nf4_layers(run.model, model))
    rows = ROWS_PER_EXAMPLE[run.recipe]
    one, two = step_bytes(model, rows, run.tokens)
    return Counted(
        weights=weights,
        formats=formats,
        trained=sum(p.numel() for p in model.parameters() if p.requires_grad),
        experts=adapts_experts(model, run.adapter),
        one=one,
        two=two,
        tile=LogitTile.of(model.get_base_model(), rows=rows, tokens=run.tokens, device=machine.device),
    )


def table(plan: Plan) -> dict[str, Any]:
    """A plan as `prefopt plan` prints it, sizes in bytes."""
    run, settings = plan.run, plan.run.model
    return {
        "model": settings.path,
        "machine": plan.machine.name,
        "machine_bytes": plan.machine.bytes,
        "recipe": run.recipe,
        "tokens": run.tokens,
        "batch": run.batch,
        "adapter": {"rank": run.adapter.rank, "experts": run.adapter.experts, "targets": run.adapter.targets},
        "gradient_checkpointing": run.checkpointing,
        "formats": plan.formats,
        "bytes": plan.parts,
        "total_bytes": plan.total,
        "fits": plan.fits,
        "largest_batch": plan.largest_batch,
    }


def advice(plan: Plan) -> Plan | None:
    """The first of ever smaller runs that fits the machine; None if none of them does."""
    for smaller in smaller_runs(plan.run):
        fitting = make_plan(smaller, plan.machine)
        if fitting.largest_batch:
            return make_plan(replace(smaller, batch=min(smaller.batch, fitting.largest_batch)), plan.machine)
    return None


def changes(before: Run, after: Run) -> list[str]:
    """The settings in which two runs differ, as lines of prefopt.toml."""
    recipe = f"recipes.{before.recipe}"
    named = [
        (f"{recipe}.gradient_checkpointing = true", before.checkpointing, after.checkpointing),
        (f"{recipe}.batch_size = {after.batch}", before.batch, after.batch),
        ("model.nf4_attention = true", before.model.nf4_attention, after.model.nf4_attention),
        (f"adapter.rank = {after.adapter.rank}", before.adapter.rank, after.adapter.rank),
        ('adapter.targets = "attention"', before.adapter.targets, after.adapter.targets),
        ("adapter.experts = false", before.adapter.experts, after.adapter.experts),
        (f"prompt.max_tokens = {after.tokens}", before.tokens, after.tokens),
    ]
    return [text for text, old, new in named if old != new]


def refuse_too_large(plan: Plan) -> None:
    """Raise ModelError for a run that does not fit, with the settings that would."""
    if plan.fits:
        return
    other = advice(plan)
    hint = (
        f"set {', '.join(changes(plan.run, other.run))} ({other.total / 2**30:.1f} GiB)"
        if other
        else "use a larger machine or a smaller model"
    )
    raise ModelError(
        f"the run needs {plan.total / 2**30:.1f} GiB, and {plan.machine.name} has {plan.machine.bytes / 2**30:.1f} GiB", hint=hint
    )


def smaller_runs(run: Run) -> Iterator[Run]:
    """Ever smaller runs of the same batch: first the changes that cost only time, last those that cost quality."""
    run = replace(run, checkpointing=True)
    yield run
    if not run.model.nf4_attention and _is_gpt_oss(run.model):
        run = replace(run, model=run.model.model_copy(update={"nf4_attention": True}))
        yield run
    if run.adapter.rank > 8:
        run = replace(run, adapter=run.adapter.model_copy(update={"rank": 8}))
        yield run
    if run.adapter.targets == "all-linear":
        run = replace(run, adapter=run.adapter.model_copy(update={"targets": "attention"}))
        yield run
    if run.adapter.experts and _is_gpt_oss(run.model):
        run = replace(run, adapter=run.adapter.model_copy(update={"experts": False}))
        yield run
    for tokens in (1024, 512):
        if tokens < run.tokens:
            yield replace(run, tokens=tokens)


def _is_gpt_oss(settings: ModelSettings) -> bool:
    found = is_gpt_oss(settings.path)
    if found is None:
        from prefopt.model.plan_bytes import is_gpt_oss as read

        return read(settings)
    return found


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 / 10 else f"{count / 2**20:.1f} MiB"
