"""Bytes of a training run's parts, counted on a model whose tensors have shapes and no data (device "meta").

Weights are counted tensor by tensor, activations by running one step (footprint.py).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Set
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, GptOssConfig

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapters import fresh_adapter
from prefopt.model.checkpoint import open_checkpoint
from prefopt.model.counted import SHAPES
from prefopt.model.expert_ways import plan_ways
from prefopt.model.experts import ExpertStack
from prefopt.model.few_launches import launch_less
from prefopt.model.gptoss import empty_gpt_oss
from prefopt.model.hub import cached, hub_model, resolve, small_files, tensor_names
from prefopt.model.identity import BaseIdentity
from prefopt.model.load import Base, attention_of, model_config, model_folder
from prefopt.model.refusals import in_words

_NF4_BLOCK, _NF4_NESTED = 64, 256  # weights per scale, and scales per scale of the scales (bitsandbytes' double quantization)


def model_config_of(settings: ModelSettings) -> Any:
    """The transformers configuration of the model. Raises ModelError."""
    if settings.path in SHAPES:
        return GptOssConfig(**SHAPES[settings.path])
    model = hub_model(settings.path)
    return model_config(model_folder(settings.path) if model is None else small_files(model))


def _tensors(settings: ModelSettings) -> Collection[str]:
    """Names of the checkpoint's tensors, from the headers of its files, so that missing and truncated ones are reported."""
    model = hub_model(settings.path)
    folder = model_folder(settings.path) if model is None else cached(resolve(model).model)
    if folder is not None:
        return open_checkpoint(folder).shard_of
    return tensor_names(model) if model is not None else ()


def is_gpt_oss(settings: ModelSettings) -> bool:
    """Whether the model has gpt-oss's architecture. Raises ModelError."""
    return bool(model_config_of(settings).model_type == "gpt_oss")


def empty_policy(
    settings: ModelSettings,
    adapter: AdapterSettings,
    *,
    device: str,
    checkpointing: bool,
    memory: int | None = None,
    card: str | None = None,
) -> Any:
    """The PeftModel that would be trained, without data.

    Args:
        settings: the base model.
        adapter: rank and targets.
        device: as for `empty_base`.
        checkpointing: whether gradient checkpointing is on.
        memory: as for `empty_base`.
        card: as for `empty_base`.

    Raises:
        ModelError: as make_plan.
    """
    base = empty_base(settings, device=device, memory=memory, card=card)
    with torch.device("meta"):  # PEFT would draw the initial values of billions of weights that nothing reads
        peft = fresh_adapter(base, adapter, 0).train()
    if checkpointing:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # transformers announces a new name for the option
            peft.gradient_checkpointing_enable({"use_reentrant": False})
    return peft


def empty_base(settings: ModelSettings, *, device: str = "cpu", memory: int | None = None, card: str | None = None) -> Base:
    """The base model without data, tokenizer and fingerprint.

    Args:
        settings: which model.
        device: "cuda" or "cpu", where the run would be; decides the dtype, the attention, and how experts are computed.
        memory: bytes of the device, which decide how many experts are computed at a time; None for enough.
        card: name of a GPU of this machine, for which the ways of computing experts may have been measured.

    Raises:
        ModelError: as make_plan.
    """
    config, mxfp4 = model_config_of(settings), _in_mxfp4(settings)
    wide = settings.dtype == "float32" or (settings.dtype == "auto" and device == "cpu")
    dtype = torch.float32 if wide else torch.bfloat16
    meta = torch.device("meta")
    if settings.path not in SHAPES:
        _tensors(settings)
    if config.model_type == "gpt_oss" and settings.quantized and not mxfp4:
        raise ModelError(
            f"{settings.path}: the experts of this gpt-oss checkpoint are not in four bits (no *_blocks), so the run would not be QLoRA",
            hint="use the checkpoint in its shipped MXFP4 layout, or set model.quantized = false",
        )
    attention = attention_of(settings, config, planned_on=device)
    if mxfp4:
        model = empty_gpt_oss(config, meta, dtype, attention=attention)
        plan_ways(model, device, dtype, memory, card)
        if device == "cuda":
            launch_less(model)
    else:
        config._attn_implementation = attention if config.model_type == "gpt_oss" else "eager"
        with meta, in_words("transformers cannot build this model from its config.json"):
            model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    model.requires_grad_(False)
    no_tokenizer: Any = None
    return Base(model, no_tokenizer, Path(settings.path), BaseIdentity("", {}), {})


def _in_mxfp4(settings: ModelSettings) -> bool:
    return settings.path in SHAPES or (is_gpt_oss(settings) and any(name.endswith("_blocks") for name in _tensors(settings)))


def nf4_layers(settings: ModelSettings, model: Any) -> set[str]:
    """Names of the base model's linear layers that a run would hold in NF4; `model` is a PeftModel."""
    lm = model.get_base_model()
    if _in_mxfp4(settings):
        if not settings.nf4_attention:
            return set()
        return {name for name, module in lm.named_modules() if _is_linear(module) and ".self_attn." in name}
    if settings.quantized is not True:  # auto loads other models than gpt-oss as they are stored
        return set()
    head = lm.get_output_embeddings()
    return {name for name, module in lm.named_modules() if _is_linear(module) and module is not head and ".lora_" not in name}


def _is_linear(module: nn.Module) -> bool:
    return type(module) is nn.Linear


def nf4_bytes(weights: int) -> int:
    """Bytes of a matrix in NF4 with double quantization: 4-bit codes, a byte per block of 64, a float32 per 256 blocks."""
    blocks = math.ceil(weights / _NF4_BLOCK)
    return math.ceil(weights / 2) + blocks + 4 * math.ceil(blocks / _NF4_NESTED)


def weight_bytes(lm: Any, nf4: Set[str]) -> tuple[dict[str, int], dict[str, str]]:
    """Bytes and main data type of a causal LM's experts, attention, embeddings and other weights, without LoRA.

    Args:
        lm: without data.
        nf4: names of the linear layers that count as NF4.
    """
    parts = dict.fromkeys(("experts", "attention", "embeddings", "other"), 0)
    by_format: dict[str, dict[str, int]] = {part: {} for part in parts}
    counted: set[int] = set()  # tied weights count once
    for name, module in lm.named_modules():
        if ".lora_" in name:
            continue
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            if id(tensor) in counted:
                continue
            counted.add(id(tensor))
            part = _part_of(name, tensor, lm)
            quantized = name in nf4 and tensor.dim() == 2
            kind = "mxfp4" if isinstance(module, ExpertStack) else "nf4" if quantized else str(tensor.dtype).removeprefix("torch.")
            size = nf4_bytes(tensor.numel()) if quantized else tensor.nbytes
            parts[part] += size
            by_format[part][kind] = by_format[part].get(kind, 0) + size
    return parts, {part: max(sizes, key=lambda kind: sizes[kind]) for part, sizes in by_format.items() if sizes}


def _part_of(name: str, tensor: Tensor, lm: Any) -> str:
    if ".experts" in name:
        return "experts"
    if ".self_attn" in name:
        return "attention"
    tables = [module.weight for module in (lm.get_input_embeddings(), lm.get_output_embeddings()) if module is not None]
    return "embeddings" if any(tensor is table for table in tables) else "other"
