"""Merge an adapter into its base, tensor by tensor: to a plain checkpoint, or back to MXFP4 with a measure of the rounding error."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from prefopt.errors import ModelError
from prefopt.io.files import replacing, write_text
from prefopt.model.adapter_card import WEIGHTS, AdapterCard
from prefopt.model.checkpoint import Checkpoint, open_checkpoint
from prefopt.model.identity import refuse_other_base
from prefopt.model.load import identity_of
from prefopt.model.module_names import own_name, stored_path
from prefopt.model.mxfp4 import GROUP, dequantize, quantize
from prefopt.model.peft_config import agreed_card, read_peft_config

_COPIED = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json", "chat_template.jinja")
_DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}
Layout = Literal["bfloat16", "float32", "mxfp4"]
_STEM = "base_model.model."  # that PEFT puts before a module's path


@dataclass(frozen=True)
class Merged:
    """A merged checkpoint."""

    path: Path
    bytes: int
    lost: float | None
    """Layout "mxfp4" only: norm of the rounding error divided by the norm of the adapter's update, over all experts. Above 1, rounding
    changes the experts more than training did. None for other layouts."""


def merge_adapter(base: Path, adapter: Path, out: Path, *, layout: Layout = "bfloat16", max_shard_bytes: int = 5 * 2**30) -> Merged:
    """Write base and adapter as one checkpoint. Peak memory is one shard of the output and one stack of experts.

    Args:
        base: gpt-oss in its shipped layout, or any other safetensors checkpoint.
        adapter: an adapter that prefopt saved for this base.
        out: the folder to make; must not exist.
        layout: "bfloat16" or "float32" (`gate_up_proj` and `down_proj` as stacks, no quantization_config), or "mxfp4" as shipped.
        max_shard_bytes: largest size of a shard file.

    Raises:
        ModelError: the adapter was trained on another base, or a file of the base has changed since; the base lacks one of its targets;
            `out` exists.
    """
    checkpoint = open_checkpoint(base)
    card = agreed_card(adapter)
    refuse_other_base(adapter, card.base, card.base_parts, base, identity_of(base))
    if out.exists():
        raise ModelError(f"{out} already exists", hint="give the path of a new folder")
    merged = MergedTensors(checkpoint, adapter, card)
    with replacing(out) as folder:
        size = _write(merged, folder, layout, max_shard_bytes)
        merged.update.refuse_unused()
        _write_config(base, folder, layout)
    return Merged(out, size, merged.update.lost if layout == "mxfp4" else None)


def _write(merged: MergedTensors, out: Path, layout: Layout, max_shard_bytes: int) -> int:
    """Write the merged weights; returns their bytes."""
    writer = _Writer(out, max_shard_bytes)
    dtype = _DTYPES["bfloat16" if layout == "mxfp4" else layout]
    for name in merged.shapes:
        tensor = merged.tensor(name)
        stack = tensor.dim() == 3
        if stack and layout == "mxfp4":
            blocks, scales = quantize(tensor)
            merged.update.measure(name, tensor, dequantize(blocks, scales, torch.float32))
            writer.add(f"{name}_blocks", blocks)
            writer.add(f"{name}_scales", scales)
        else:
            writer.add(name, tensor.to(dtype).contiguous())
    return writer.close()


class _Update:
    """The change that an adapter makes to each weight of its base, and the error that re-quantizing adds."""

    def __init__(self, adapter: Path, card: AdapterCard, checkpoint: Checkpoint) -> None:
        self._weights = load_file(adapter / WEIGHTS)
        self._card = card
        said = read_peft_config(adapter)
        self._transposed = bool(said["fan_in_fan_out"])  # transformers' Conv1D stores its weight as [in, out]
        ends = tuple(f".{end}" for end in said["target_parameters"] or ())
        stacks = {name.removesuffix("_blocks") for name in checkpoint.shard_of}
        self._stacks = {own_name(name) for name in stacks if f".{name}".endswith(ends)}
        self._unused = {key.rsplit(".lora_", 1)[0] for key in self._weights}
        first = {key.removeprefix(_STEM).split(".")[0] for key in self._unused}
        self._prefix = f"{first.pop()}." if len(first) == 1 else ""
        self._changed = self._rounded = 0.0  # squared norms over all experts

    def _module(self, name: str) -> tuple[str, str]:
        """A weight of the checkpoint -> the module's path in transformers' model, and in the adapter's file."""
        module = name.removesuffix(".weight")
        stored = stored_path(own_name(module), self._stacks)
        if f"{_STEM}{stored}.lora_A.weight" in self._weights or f"{_STEM}{self._prefix}{stored}.lora_A.weight" not in self._weights:
            return module, f"{_STEM}{stored}"
        return f"{self._prefix}{module}", f"{_STEM}{self._prefix}{stored}"  # the hub's gpt2 leaves out "transformer."

    def of(self, name: str, experts: int = 0) -> Tensor | None:
        """scaling * B A of a weight: [out, in], or [E, in, out] for a stack of experts; None if the adapter does not change the weight."""
        module, stem = self._module(name)
        if f"{stem}.lora_A.weight" not in self._weights or (experts and own_name(module) not in self._stacks):
            return None
        self._unused.discard(stem)
        down, up = self._weights[f"{stem}.lora_A.weight"], self._weights[f"{stem}.lora_B.weight"]
        scaling = self._card.scaling_of(module)
        if not experts:
            return scaling * up @ down
        down = down.view(experts, -1, down.shape[1])  # A is expert-major, B rank-major (LoraExpertStack)
        return scaling * torch.einsum("ore,eri->eio", up.view(up.shape[0], -1, experts), down)

    def merged(self, name: str, weight: Tensor) -> Tensor:
        """A weight after merging. With DoRA (arXiv:2402.09353, equation 5), each row of the sum gets the length that was trained."""
        delta = self.of(name, weight.shape[0] if weight.dim() == 3 else 0) if name.endswith(".weight") or weight.dim() == 3 else None
        if delta is None:
            return weight
        if weight.dim() == 3:
            return weight + delta
        whole = (weight.T if self._transposed else weight) + delta
        length = self._weights.get(f"{self._module(name)[1]}.lora_magnitude_vector")
        whole = whole if length is None else whole * (length / whole.norm(dim=1))[:, None]
        return whole.T if self._transposed else whole

    def measure(self, name: str, merged: Tensor, written: Tensor) -> None:
        """Add a stack's update and rounding error, both [E, in, out], to the sums behind `lost`."""
        delta = self.of(name, merged.shape[0])
        self._changed += 0.0 if delta is None else float(delta.double().square().sum())
        self._rounded += float((written - merged).double().square().sum())

    @property
    def lost(self) -> float | None:
        """See Merged.lost; None if the adapter changes no expert."""
        return math.sqrt(self._rounded / self._changed) if self._changed else None

    def refuse_unused(self) -> None:
        """Raise ModelError if the base lacks a target of the adapter."""
        if self._unused:
            raise ModelError(f"the base has no weight for {len(self._unused)} targets of the adapter, first {min(self._unused)}")


class MergedTensors:
    """The tensors of a base with an adapter merged in, float32, each computed when it is asked for.

    Args:
        checkpoint: the base.
        adapter: an adapter that prefopt saved for it.
        card: of the adapter.

    Attributes:
        shapes: of every tensor by its name in transformers' own model; MXFP4 stacks are [E, in, out].
        update: what the adapter adds.
    """

    def __init__(self, checkpoint: Checkpoint, adapter: Path, card: AdapterCard) -> None:
        self._checkpoint, self.update = checkpoint, _Update(adapter, card, checkpoint)
        self.shapes: dict[str, tuple[int, ...]] = {}
        for name in sorted(checkpoint.shard_of):
            if name.endswith("_blocks"):
                experts, out, groups = checkpoint.shape(f"{name.removesuffix('_blocks')}_scales")
                self.shapes[name.removesuffix("_blocks")] = (experts, groups * GROUP, out)
            elif not name.endswith("_scales"):
                self.shapes[name] = checkpoint.shape(name)

    def tensor(self, name: str) -> Tensor:
        """One tensor."""
        if name in self._checkpoint.shard_of:
            return self.update.merged(name, self._checkpoint.tensor(name).float())
        blocks, scales = (self._checkpoint.tensor(f"{name}_{part}") for part in ("blocks", "scales"))
        return self.update.merged(name, dequantize(blocks, scales, torch.float32))


class _Writer:
    """Writes tensors to safetensors shards of limited size, then the index."""

    def __init__(self, out: Path, max_shard_bytes: int) -> None:
        self._out, self._limit = out, max_shard_bytes
        self._shard: dict[str, Tensor] = {}
        self._files: dict[str, str] = {}
        self._size = self._total = self._number = 0
        out.mkdir(parents=True)

    def add(self, name: str, tensor: Tensor) -> None:
        """Add a tensor to the current shard, or to a new one if it would grow too large."""
        if self._shard and self._size + tensor.nbytes > self._limit:
            self._flush()
        self._shard[name] = tensor
        self._size += tensor.nbytes

    def close(self) -> int:
        """Write the last shard and the index; returns the bytes of all tensors."""
        self._flush()
        index = {"metadata": {"total_size": self._total}, "weight_map": self._files}
        write_text(self._out / "model.safetensors.index.json", json.dumps(index, indent=2) + "\n")
        return self._total

    def _flush(self) -> None:
        self._number += 1
        file = f"model-{self._number:05d}.safetensors"
        save_file(self._shard, self._out / file, metadata={"format": "pt"})
        self._files.update(dict.fromkeys(self._shard, file))
        self._total += self._size
        self._shard, self._size = {}, 0


def _write_config(base: Path, out: Path, layout: Layout) -> None:
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    config["dtype"] = "bfloat16" if layout == "mxfp4" else layout
    if layout != "mxfp4":
        config.pop("quantization_config", None)
    write_text(out / "config.json", json.dumps(config, indent=2, sort_keys=True) + "\n")
    for name in _COPIED:
        if (base / name).is_file():
            shutil.copyfile(base / name, out / name)
