"""gpt-oss with frozen MXFP4 experts, read from the hub's layout: built without memory, then filled tensor by tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GptOssForCausalLM
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssRotaryEmbedding

from prefopt.errors import ModelError
from prefopt.model.checkpoint import Checkpoint
from prefopt.model.experts import Mxfp4Experts
from prefopt.model.mxfp4 import NAN_SCALE
from prefopt.model.placement import Placement, connect, spread_layers
from prefopt.model.refusals import in_words

_STORED_AS = {"gate_up_proj_blocks": "gate_up.blocks", "gate_up_proj_scales": "gate_up.scales"} | {
    "down_proj_blocks": "down.blocks",
    "down_proj_scales": "down.scales",
}
"""Name in the file -> name in Mxfp4Experts, after "…mlp.experts."."""


def fill_gpt_oss(
    checkpoint: Checkpoint,
    config: Any,
    devices: Sequence[torch.device],
    dtype: torch.dtype,
    *,
    free_bytes: Sequence[int] = (),
    nf4_attention: bool = False,
    attention: str = "eager",
) -> nn.Module:
    """A GptOssForCausalLM whose experts are Mxfp4Experts, filled from the checkpoint.

    Peak memory is the model's own bytes plus one tensor.

    Args:
        checkpoint: gpt-oss in the hub's layout.
        config: its GptOssConfig.
        devices: where the layers go; several share them.
        dtype: of all weights that are not quantized.
        free_bytes: of each device; used only if there are several.
        nf4_attention: quantize the attention's projections to NF4 (bitsandbytes, double quantization) as they are read.
        attention: transformers' name for the attention implementation.

    Raises:
        ModelError: a tensor is missing, unknown, or has another shape or dtype than config.json requires; a scale is NaN.
    """
    model = empty_gpt_oss(config, devices[0], dtype, nf4_attention=nf4_attention, attention=attention)
    placement = spread_layers(model, devices, free_bytes) if len(devices) > 1 else Placement(devices[0])
    slots: dict[str, Tensor] = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    missing = set(slots) - {"model.rotary_emb.inv_freq", "model.rotary_emb.original_inv_freq"}
    for name, tensor in checkpoint.tensors():
        slot = _slot_name(name)
        if slot not in slots:
            raise ModelError(f"{checkpoint.shard_of[name]}: tensor {name} has no place in a gpt-oss of this config.json")
        _check(name, tensor, slots[slot], checkpoint)
        put_tensor(model, slot, tensor.to(device=placement.of(slot), dtype=slots[slot].dtype, copy=True))
        missing.discard(slot)
    if config.tie_word_embeddings:
        missing.discard("lm_head.weight")
        model.tie_weights()
    if missing:
        first = checkpoint_name(min(missing))
        raise ModelError(f"{checkpoint.path}: {len(missing)} tensors are missing, first {first}", hint="download the folder again")
    if placement.layers:
        connect(model, placement)
    return model  # type: ignore[no-any-return]  # transformers is not followed by mypy


def empty_gpt_oss(config: Any, device: torch.device, dtype: torch.dtype, *, nf4_attention: bool = False, attention: str = "eager") -> Any:
    """The model with parameters that have shapes and no memory; only the rotary table has values, on `device`."""
    if getattr(config, "quantization_config", None) is not None:
        del config.quantization_config  # transformers would install its own MXFP4 quantizer
    config._attn_implementation = attention
    config.dtype = dtype
    meta = torch.device("meta")
    with meta, in_words("transformers cannot build this gpt-oss from its config.json"):
        model = GptOssForCausalLM(config).to(dtype)
        for layer in model.model.layers:
            layer.mlp.experts = Mxfp4Experts(config, meta, dtype)
            if nf4_attention:
                _make_nf4(layer.self_attn, dtype)
    model.is_loaded_in_4bit = nf4_attention  # PEFT reads this before it adds LoRA to NF4 layers
    with in_words("transformers cannot build this gpt-oss from its config.json"):
        model.model.rotary_emb = GptOssRotaryEmbedding(config=config).to(device)
    return model


def _make_nf4(module: nn.Module, dtype: torch.dtype) -> None:
    """Replace the linear layers of a module by empty NF4 layers."""
    import bitsandbytes

    for name, linear in list(module.named_children()):
        if isinstance(linear, nn.Linear):
            nf4 = bitsandbytes.nn.Linear4bit(
                linear.in_features,
                linear.out_features,
                bias=linear.bias is not None,
                compute_dtype=dtype,
                compress_statistics=True,
                quant_type="nf4",
                device="meta",
            )
            setattr(module, name, nf4.to(dtype))


def _slot_name(name: str) -> str:
    """Name of a checkpoint's tensor -> name of the parameter or buffer that holds it here."""
    stem, _, last = name.rpartition(".")
    return f"{stem}.{_STORED_AS.get(last, last)}" if stem.endswith(".experts") else name


def checkpoint_name(slot: str) -> str:
    """Name of a parameter or buffer of this model -> name of its tensor in the hub's layout."""
    for stored, ours in _STORED_AS.items():
        if slot.endswith(f".experts.{ours}"):
            return slot.removesuffix(ours) + stored
    return slot


def _check(name: str, tensor: Tensor, slot: Tensor, checkpoint: Checkpoint) -> None:
    where = f"{checkpoint.shard_of[name]}: {name}"
    if tensor.shape != slot.shape:
        raise ModelError(f"{where} has shape {tuple(tensor.shape)}; config.json requires {tuple(slot.shape)}")
    if (slot.dtype == torch.uint8) != (tensor.dtype == torch.uint8):
        raise ModelError(f"{where} is {tensor.dtype}; {'MXFP4 bytes (uint8) are' if slot.dtype == torch.uint8 else 'a float is'} required")
    if name.endswith("_scales") and bool((tensor == NAN_SCALE).any()):
        raise ModelError(f"{where} holds NaN scales (255)")
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise ModelError(f"{where} holds values that are not finite")


def put_tensor(model: nn.Module, name: str, tensor: Tensor) -> None:
    """Fill an empty parameter or buffer with a tensor; the weight of an NF4 layer is quantized."""
    stem, _, last = name.rpartition(".")
    module = model.get_submodule(stem)
    if type(module._parameters.get(last)).__name__ == "Params4bit":
        module._parameters[last] = _nf4(tensor, module)
    elif last in module._parameters:
        module._parameters[last] = nn.Parameter(tensor, requires_grad=False)
    else:
        module._buffers[last] = tensor


def _nf4(weight: Tensor, module: nn.Module) -> Any:
    """A linear layer's weight in NF4, as bitsandbytes stores it."""
    import bitsandbytes

    parameter = bitsandbytes.nn.Params4bit(weight, requires_grad=False, compress_statistics=True, quant_type="nf4", module=module)
    return parameter.to(weight.device)  # bitsandbytes quantizes on the move to a device, even to the same one
