"""MXFP4: four-bit floating point in groups of 32 with one power-of-two scale each.

Source: OCP Microscaling Formats (MX) Specification 1.0, sections 5.2 and 6.3. Layout as gpt-oss ships it:

    blocks  uint8 [E, out, in/32, 16]   two E2M1 codes a byte, the lower four bits first
    scales  uint8 [E, out, in/32]       E8M0: 2 ** (scale - 127); 255 means NaN

Every code times its scale is exact in bfloat16 and in float32, so dequantizing is exact.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from prefopt.errors import ModelError
from prefopt.io.files import write_text

if TYPE_CHECKING:
    from transformers import GptOssForCausalLM

GROUP = 32
"""Weights that share a scale."""
NAN_SCALE = 255

_MAGNITUDES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)  # E2M1: one sign, two exponent, one mantissa bit
_MIDPOINTS = (0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0)
_TIE_GOES_UP = (False, True, False, True, False, True, False)  # to the neighbor whose code is even
_WORD = {2: torch.int32, 4: torch.int64}  # bytes of a float -> an integer that holds two of them
_LARGEST_EXPONENT = 2  # of E2M1: 6 = 1.5 * 2 ** 2


@lru_cache(maxsize=16)
def _tables(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Two lookup tables: the two weights of each byte as one integer of their joint width [256], and the value of each scale [256]."""
    values = torch.tensor([*_MAGNITUDES, *(-m for m in _MAGNITUDES)])
    byte = torch.arange(256)
    pairs = torch.stack([values[byte & 15], values[byte >> 4]], dim=-1)
    scales = torch.exp2(byte.double() - 127)
    scales[NAN_SCALE] = float("nan")
    words = pairs.to(dtype).contiguous().view(_WORD[dtype.itemsize]).flatten()
    return words.to(device), scales.to(device, dtype)


def dequantize(blocks: Tensor, scales: Tensor, dtype: torch.dtype) -> Tensor:
    """Weights [..., in, out] of blocks [..., out, in/32, 16] and scales [..., out, in/32]; a transposed view of [..., out, in].

    A table of all 256 bytes gives two weights per lookup, several times faster than unpacking bits. Reading the pair as one integer takes
    a third of the time of reading a row of two floats.
    """
    words, powers = _tables(dtype, blocks.device)
    pairs = words.index_select(0, blocks.flatten().int())
    weights = pairs.view(dtype).view(*scales.shape, GROUP)  # [..., out, in/32, 32]
    weights *= powers[scales.int()].unsqueeze(-1)
    return weights.flatten(-2).transpose(-1, -2)


def quantize(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Blocks and scales of weights [..., in, out]: the nearest value, ties to the even code, saturating above the largest value.

    Weights that `dequantize` returned are quantized exactly.

    Raises:
        ModelError: `in` is not a multiple of 32, or a weight is not finite.
    """
    inputs = weights.shape[-2]
    if inputs % GROUP:
        raise ModelError(f"the input size of MXFP4 weights must be a multiple of {GROUP}, not {inputs}")
    if not torch.isfinite(weights).all():
        raise ModelError("weights that are not finite cannot be quantized to MXFP4")
    groups = weights.transpose(-1, -2).float()
    groups = groups.reshape(*groups.shape[:-1], inputs // GROUP, GROUP)
    largest = groups.abs().amax(-1)
    _, exponent = torch.frexp(largest)  # largest = m * 2 ** exponent with 0.5 <= m < 1
    scale = (exponent - 1 - _LARGEST_EXPONENT + 127).clamp(0, NAN_SCALE - 1)
    scale = torch.where(largest > 0, scale, 0)
    scaled = torch.ldexp(groups, 127 - scale.unsqueeze(-1))  # divides by a power of two, so nothing is rounded before the codes
    codes = _nearest_code(scaled)
    blocks = codes[..., 0::2] | (codes[..., 1::2] << 4)
    return blocks.contiguous(), scale.to(torch.uint8).contiguous()


def _nearest_code(values: Tensor) -> Tensor:
    """E2M1 code of each value: the count of midpoints below it, and the sign in bit 3."""
    magnitude = values.abs()
    code = torch.zeros_like(values, dtype=torch.uint8)
    for midpoint, up in zip(_MIDPOINTS, _TIE_GOES_UP, strict=True):
        code += (magnitude >= midpoint) if up else (magnitude > midpoint)
    return code + 8 * torch.signbit(values).to(torch.uint8)


def write_shipped_layout(model: GptOssForCausalLM, path: Path, *, max_shard_bytes: int = 5 * 2**30) -> None:
    """Save a gpt-oss model in the hub's layout: experts as `*_blocks` and `*_scales`, the rest in bfloat16, MXFP4 named in config.json.

    Args:
        model: in any floating dtype; its experts are rounded to MXFP4, other weights to bfloat16.
        path: the folder, made if missing. The tokenizer is not written.
        max_shard_bytes: largest size of a shard file.
    """
    path.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name, weight in model.state_dict().items():
        if name.endswith((".gate_up_proj", ".down_proj")):
            tensors[f"{name}_blocks"], tensors[f"{name}_scales"] = quantize(weight.detach().cpu())
        else:
            tensors[name] = weight.detach().to("cpu", torch.bfloat16).contiguous()
    _write_shards(tensors, path, max_shard_bytes)
    config = _hub_config(model.config.to_dict())
    write_text(path / "config.json", json.dumps(config, indent=2, sort_keys=True) + "\n")


def _hub_config(config: dict[str, Any]) -> dict[str, Any]:
    for volatile in ("_name_or_path", "torch_dtype", "transformers_version"):
        config.pop(volatile, None)
    config["architectures"] = ["GptOssForCausalLM"]
    config["dtype"] = "bfloat16"
    kept = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]
    config["quantization_config"] = {"quant_method": "mxfp4", "modules_to_not_convert": kept}
    return config


def _write_shards(tensors: dict[str, Tensor], path: Path, max_shard_bytes: int) -> None:
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if shards[-1] and size + tensor.nbytes > max_shard_bytes:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    if len(shards) == 1:
        save_file(shards[0], path / "model.safetensors", metadata={"format": "pt"})
        return
    files: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        file = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        save_file(shard, path / file, metadata={"format": "pt"})
        files.update(dict.fromkeys(shard, file))
    index = {"metadata": {"total_size": sum(t.nbytes for t in tensors.values())}, "weight_map": dict(sorted(files.items()))}
    write_text(path / "model.safetensors.index.json", json.dumps(index, indent=2) + "\n")
