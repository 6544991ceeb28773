"""The memory plan of a training run, made before anything is loaded: bytes per part, whether they fit, and what would.

It reads config.json and the headers of the safetensors files. Weights are counted from the shapes of the model that would be loaded,
activations by running one step of it without data (footprint.py), logits from the tile that TRL's fused head works in.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM, GptOssConfig

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapters import fresh_adapter
from prefopt.model.checkpoint import open_checkpoint
from prefopt.model.experts import ExpertStack
from prefopt.model.footprint import StepBytes, step_bytes
from prefopt.model.gptoss import empty_gpt_oss
from prefopt.model.load import Base, attention_of, model_config, model_folder

SHAPES = {
    "gpt-oss-20b": {"num_hidden_layers": 24, "num_local_experts": 32},
    "gpt-oss-120b": {"num_hidden_layers": 36, "num_local_experts": 128},
}
"""Shapes that need no checkpoint; the rest is as in GptOssConfig."""
_NF4_BLOCK, _NF4_NESTED = 64, 256  # weights per constant, constants per constant of constants (bitsandbytes)
_TILE_TOKENS, _TILE_VOCABULARY = 4096, 32768  # of TRL 1.16's fused head
RECIPES = {"sft": 1, "dpo": 2, "orpo": 2, "kto": 1}
"""Rows of tokens in a forward pass with gradients, per row of the batch."""
_COPIES = {"sft": 0, "dpo": 1, "orpo": 0, "kto": 1}  # of the adapter, frozen, as the reference
_RESERVE = 0.05  # of the machine: context, libraries, gaps between an allocator's blocks
_MOST = 1024  # batch sizes above this are not looked for


@dataclass(frozen=True)
class Machine:
    """Where a run would be."""

    name: str
    device: str
    """"cuda" or "cpu"."""
    bytes: int
    """Free there now; all of it for a card that is not at hand."""


@dataclass(frozen=True)
class Run:
    """What is planned."""

    model: ModelSettings
    adapter: AdapterSettings
    tokens: int = 2048
    """Of a row, prompt and answer together."""
    batch: int = 1
    recipe: str = "sft"
    checkpointing: bool = True


@dataclass(frozen=True)
class Plan:
    """Bytes of a run, by part."""

    run: Run
    machine: Machine
    parts: dict[str, int]
    """experts, attention, embeddings, other, adapter, gradients and optimizer, kept for backward, worst moment, reserve."""
    formats: dict[str, str]
    """How each of the weights' parts is held, e.g. "mxfp4"; what the worst moment is made of."""
    largest_batch: int
    """That fits; 0 where not even one row does."""

    @property
    def total(self) -> int:
        return sum(self.parts.values())

    @property
    def fits(self) -> bool:
        return self.total <= self.machine.bytes


def machine_at_hand(settings: ModelSettings) -> Machine:
    """The first GPU, or this machine's memory."""
    if settings.device != "cpu" and torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        return Machine(torch.cuda.get_device_name(), "cuda", free)
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    return Machine("memory of this machine", "cpu", next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")))


def card(gib: float) -> Machine:
    """A GPU that need not be at hand."""
    return Machine(f"a GPU of {gib:g} GiB", "cuda", int(gib * 2**30))


def make_plan(run: Run, machine: Machine) -> Plan:
    """Count a run's bytes.

    Raises:
        ModelError: the checkpoint is missing, broken, or not in the bits that `quantized` claims; the architecture cannot be adapted.
    """
    model = _outline(run, machine)
    parts, formats = _weights(model.get_base_model(), nf4=_nf4_layers(run, model))
    adapter = sum(p.numel() for p in model.parameters() if p.requires_grad)
    parts["adapter"] = 4 * adapter * (1 + _COPIES[run.recipe])
    parts["gradients and optimizer"] = 3 * 4 * adapter
    parts["reserve"] = int(_RESERVE * machine.bytes)
    one, two = step_bytes(model, RECIPES[run.recipe], run.tokens)
    head = _Head.of(model.get_base_model(), run, machine)
    low, high = 0, _MOST
    fixed = sum(parts.values())
    while low < high:  # bytes grow with the batch
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fixed + _moment(one, two, head, middle).most <= machine.bytes else (low, middle - 1)
    moment = _moment(one, two, head, run.batch)
    parts["kept for backward"], parts["worst moment"] = moment.kept, max(moment.layer, moment.logits)
    formats["worst moment"] = f"one layer's backward pass {_size(moment.layer)}, logits {_size(moment.logits)}: the larger of them"
    parts["reserve"] = parts.pop("reserve")
    return Plan(run, machine, parts, formats, low)


def table(plan: Plan) -> dict[str, Any]:
    """A plan as `prefopt check` prints it: bytes, whole."""
    run, settings = plan.run, plan.run.model
    return {
        "model": settings.path,
        "machine": plan.machine.name,
        "machine_bytes": plan.machine.bytes,
        "recipe": run.recipe,
        "tokens": run.tokens,
        "batch": run.batch,
        "adapter": {"rank": run.adapter.rank, "experts": run.adapter.experts},
        "gradient_checkpointing": run.checkpointing,
        "formats": plan.formats,
        "bytes": plan.parts,
        "total_bytes": plan.total,
        "fits": plan.fits,
        "largest_batch": plan.largest_batch,
    }


def advice(plan: Plan) -> Plan | None:
    """The first change, or the fewest changes after one another, with which a run that does not fit would; None where none do."""
    for changed in _smaller(plan.run):
        found = make_plan(changed, plan.machine)
        if found.largest_batch:
            return make_plan(replace(changed, batch=min(changed.batch, found.largest_batch)), plan.machine)
    return None


def changes(before: Run, after: Run) -> list[str]:
    """The settings in which two runs differ, as one writes them in prefopt.toml."""
    recipe = f"recipes.{before.recipe}"
    named = [
        (f"{recipe}.gradient_checkpointing = true", before.checkpointing, after.checkpointing),
        (f"{recipe}.batch_size = {after.batch}", before.batch, after.batch),
        ("model.nf4_attention = true", before.model.nf4_attention, after.model.nf4_attention),
        (f"adapter.rank = {after.adapter.rank}", before.adapter.rank, after.adapter.rank),
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
        else "take a larger machine or a smaller model"
    )
    raise ModelError(
        f"the run needs {plan.total / 2**30:.1f} GiB, and {plan.machine.name} has {plan.machine.bytes / 2**30:.1f} GiB", hint=hint
    )


def _smaller(run: Run) -> Iterator[Run]:
    """Ever smaller runs of the same batch: what costs nothing but time comes first, what costs quality last."""
    run = replace(run, checkpointing=True)
    yield run
    if not run.model.nf4_attention and _is_gpt_oss(run.model):
        run = replace(run, model=run.model.model_copy(update={"nf4_attention": True}))
        yield run
    if run.adapter.rank > 8:
        run = replace(run, adapter=run.adapter.model_copy(update={"rank": 8}))
        yield run
    if run.adapter.experts and _is_gpt_oss(run.model):
        run = replace(run, adapter=run.adapter.model_copy(update={"experts": False}))
        yield run
    for tokens in (1024, 512):
        if tokens < run.tokens:
            yield replace(run, tokens=tokens)


def _config(settings: ModelSettings) -> Any:
    if settings.path in SHAPES:
        return GptOssConfig(**SHAPES[settings.path])
    return model_config(model_folder(settings.path))


def _is_gpt_oss(settings: ModelSettings) -> bool:
    return bool(_config(settings).model_type == "gpt_oss")


def _in_mxfp4(settings: ModelSettings) -> bool:
    return settings.path in SHAPES or (_is_gpt_oss(settings) and open_checkpoint(model_folder(settings.path)).has_suffix("_blocks"))


def _outline(run: Run, machine: Machine) -> Any:
    """The PeftModel that would be trained, without data."""
    settings, config = run.model, _config(run.model)
    wide = settings.dtype == "float32" or (settings.dtype == "auto" and machine.device == "cpu")
    dtype = torch.float32 if wide else torch.bfloat16
    device = torch.device("meta")
    mxfp4 = _in_mxfp4(settings)
    if settings.path not in SHAPES:
        open_checkpoint(model_folder(settings.path))  # its headers: shards that are missing or cut off are told now
    if config.model_type == "gpt_oss" and settings.quantized and not mxfp4:
        raise ModelError(
            f"{settings.path}: the experts of this gpt-oss checkpoint are not in four bits (no *_blocks), so the run would not be QLoRA",
            hint="use the checkpoint in its shipped MXFP4 layout, or set model.quantized = false",
        )
    attention = attention_of(settings, config, planned_on=machine.device)
    if mxfp4:
        model = empty_gpt_oss(config, device, dtype, attention=attention)
    else:
        config._attn_implementation = attention if config.model_type == "gpt_oss" else "eager"
        with device:
            model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    model.requires_grad_(False)
    no_text: Any = None
    peft = fresh_adapter(Base(model, no_text, Path(settings.path), "", {}), run.adapter, 0).train()
    if run.checkpointing:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # transformers is about to rename it
            peft.gradient_checkpointing_enable({"use_reentrant": False})
    return peft


def _nf4_layers(run: Run, model: Any) -> set[str]:
    """Names of the base's linear layers that would be in NF4."""
    lm = model.get_base_model()
    if _in_mxfp4(run.model):
        if not run.model.nf4_attention:
            return set()
        return {name for name, module in lm.named_modules() if _is_linear(module) and ".self_attn." in name}
    if not run.model.quantized:
        return set()
    head = lm.get_output_embeddings()
    return {name for name, module in lm.named_modules() if _is_linear(module) and module is not head and ".lora_" not in name}


def _is_linear(module: nn.Module) -> bool:
    return type(module) is nn.Linear


def nf4_bytes(weights: int) -> int:
    """Of a matrix in NF4 with double quantization: codes, a byte per block of 64, a float per 256 of these."""
    blocks = math.ceil(weights / _NF4_BLOCK)
    return math.ceil(weights / 2) + blocks + 4 * math.ceil(blocks / _NF4_NESTED)


def _weights(lm: Any, nf4: set[str]) -> tuple[dict[str, int], dict[str, str]]:
    parts = dict.fromkeys(("experts", "attention", "embeddings", "other"), 0)
    formats: dict[str, dict[str, int]] = {part: {} for part in parts}
    seen: set[int] = set()
    for name, module in lm.named_modules():
        if ".lora_" in name:
            continue
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            if id(tensor) in seen:
                continue
            seen.add(id(tensor))
            part = _part_of(name, tensor, lm)
            quantized = name in nf4 and tensor.dim() == 2
            kind = "mxfp4" if isinstance(module, ExpertStack) else "nf4" if quantized else str(tensor.dtype).removeprefix("torch.")
            size = nf4_bytes(tensor.numel()) if quantized else tensor.nbytes
            parts[part] += size
            formats[part][kind] = formats[part].get(kind, 0) + size
    return parts, {part: max(kinds, key=lambda k: kinds[k]) for part, kinds in formats.items() if kinds}


def _part_of(name: str, tensor: torch.Tensor, lm: Any) -> str:
    if ".experts" in name:
        return "experts"
    if ".self_attn" in name:
        return "attention"
    tables = [module.weight for module in (lm.get_input_embeddings(), lm.get_output_embeddings()) if module is not None]
    return "embeddings" if any(tensor is table for table in tables) else "other"


@dataclass(frozen=True)
class _Head:
    """The tile of logits of TRL's fused head."""

    rows: int
    tokens: int
    vocabulary: int
    hidden: int
    element: int
    tiles: int
    """Of float32 that live beside the tile where there is no Triton."""
    reserved: int
    """Columns of the tile: all that TRL asks for on a GPU, the ones it touches on a CPU."""

    @classmethod
    def of(cls, lm: Any, run: Run, machine: Machine) -> _Head:
        vocabulary, hidden = lm.get_output_embeddings().weight.shape
        on_gpu = machine.device == "cuda"
        reserved = _TILE_VOCABULARY if on_gpu else min(vocabulary, _TILE_VOCABULARY)
        return cls(RECIPES[run.recipe], run.tokens, vocabulary, hidden, lm.dtype.itemsize, 0 if on_gpu else 3, reserved)

    def bytes(self, batch: int) -> int:
        """Tile, and the gradient of the hidden states in float32. Every position counts, though on a GPU only answers are scored."""
        scored = batch * self.rows * (self.tokens - 1)
        width = min(self.vocabulary, _TILE_VOCABULARY)
        tile = min(scored, _TILE_TOKENS) * self.reserved * self.element + self.tiles * min(scored, _TILE_TOKENS) * width * 4
        return tile + scored * self.hidden * (4 + self.element)


@dataclass(frozen=True)
class _Moment:
    """Bytes of a step above weights and optimizer: `kept` together with the larger of the other two."""

    kept: int
    layer: int
    logits: int

    @property
    def most(self) -> int:
        return self.kept + max(self.layer, self.logits)


def _moment(one: StepBytes, two: StepBytes, head: _Head, batch: int) -> _Moment:
    """In a layer's backward pass, or in the head, nothing that the forward pass kept has been let go yet."""
    forward = one.forward + (batch - 1) * (two.forward - one.forward)
    peak = one.peak + (batch - 1) * (two.peak - one.peak)
    return _Moment(forward, peak - forward, head.bytes(batch))


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 / 10 else f"{count / 2**20:.1f} MiB"
