"""gpt-oss as GGUF, the files of llama.cpp and Ollama: a checkpoint as it is or with an adapter merged in, and an adapter by itself.

Names and layouts are those that llama.cpp's own conversion writes for gpt-oss: MXFP4 keeps its bytes, in another order within a group of
32; `gate_up_proj` is split into its even rows (gate) and its odd rows (up). Its conversion of adapters cannot read experts; this one does.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from prefopt.errors import ModelError
from prefopt.model.adapter_card import AdapterCard
from prefopt.model.checkpoint import Checkpoint
from prefopt.model.load import model_config
from prefopt.model.module_names import stock_names
from prefopt.model.mxfp4 import GROUP
from prefopt.model.tokenizer import read_tokenizer

ARCHITECTURE = "gpt-oss"
SUFFIX = ".gguf"
_TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
_LAYER = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "post_attention_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.sinks": "attn_sinks",
    "mlp.router": "ffn_gate_inp",
    "mlp.experts.down_proj": "ffn_down_exps",
}
_SPLIT = {"ffn_gate_exps": slice(0, None, 2), "ffn_up_exps": slice(1, None, 2)}
"""Rows of gate_up_proj."""
_NAME = re.compile(r"model\.layers\.(\d+)\.(.+)")


@dataclass(frozen=True)
class Part:
    """One tensor of a file: an array whose bytes are of the type `kind`, computed when it is written."""

    name: str
    kind: str
    """Name of a GGMLQuantizationType: F32, BF16 or MXFP4."""
    shape: tuple[int, ...]
    """Of the values, in the order of torch."""
    make: Callable[[], Tensor]
    """float32 or bfloat16 values; for MXFP4 the bytes [..., in / 32 * 17]."""


def refuse_other_architecture(path: Path) -> Any:
    """The configuration of a checkpoint. Raises ModelError where it is not gpt-oss, or where the package gguf is not installed."""
    gguf_package()
    config = model_config(path)
    if config.model_type != "gpt_oss":
        raise ModelError(
            f"{path}: GGUF is written for gpt-oss, and this is {config.model_type}",
            hint="export with --layout bfloat16, and convert that folder with llama.cpp's convert_hf_to_gguf.py",
        )
    return config


def gguf_package() -> ModuleType:
    """The package gguf. Raises ModelError where it is not installed."""
    try:
        return importlib.import_module("gguf")
    except ImportError:
        raise ModelError("GGUF files need the package gguf, which is not installed", hint="pip install gguf") from None


def write_model(file: Path, path: Path, config: Any, parts: Iterator[Part], name: str) -> int:
    """Write a model; returns the bytes of its tensors.

    Args:
        file: to make.
        path: the checkpoint's folder, of which the tokenizer is read.
        config: of the checkpoint.
        parts: its tensors.
        name: of the model, in the file.
    """
    gguf = gguf_package()
    writer = gguf.GGUFWriter(file, ARCHITECTURE)
    writer.add_name(name)
    _add_sizes(writer, gguf, config)
    _add_vocabulary(writer, gguf, path, config.vocab_size)
    return _write(writer, gguf, list(parts))


def write_lora(file: Path, card: AdapterCard, weights: Mapping[str, Tensor], parameters: list[str], experts: int, name: str) -> int:
    """Write an adapter; returns the bytes of its tensors.

    llama.cpp has one alpha for all tensors and takes each one's rank from its shape, so B takes what differs from alpha / rank.

    Args:
        file: to make.
        card: of the adapter.
        weights: in the stock PEFT layout.
        parameters: target_parameters of its adapter_config.json.
        experts: of each layer.
        name: in the file.

    Raises:
        ModelError: the adapter is DoRA, or changes a layer that llama.cpp does not adapt.
    """
    if card.variant == "dora":
        raise ModelError("llama.cpp has no DoRA", hint="export the merged model: --layout gguf")
    gguf = gguf_package()
    writer = gguf.GGUFWriter(file, ARCHITECTURE)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(card.alpha))
    writer.add_name(name)
    return _write(writer, gguf, list(_lora_parts(card, weights, parameters, experts)))


def checkpoint_parts(checkpoint: Checkpoint) -> Iterator[Part]:
    """The tensors of a checkpoint in its shipped layout, every value as it is."""
    for name in sorted(checkpoint.shard_of):
        if name.endswith("_scales"):
            continue
        if not name.endswith("_blocks"):
            yield from plain_parts(name, checkpoint.shape(name), partial(checkpoint.tensor, name))
            continue
        experts, rows, groups = checkpoint.shape(name.replace("_blocks", "_scales"))
        for named, chosen in _named(name.removesuffix("_blocks")):
            shape = (experts, len(range(rows)[chosen]), groups * GROUP)
            yield Part(f"{named}.weight", "MXFP4", shape, partial(_packed_rows, checkpoint, name, chosen))


def plain_parts(name: str, shape: tuple[int, ...], load: Callable[[], Tensor]) -> Iterator[Part]:
    """Tensors of a plain one: matrices as bfloat16, and as float32 what llama.cpp wants so (vectors, biases, the router).

    Args:
        name: as transformers names it.
        shape: of the tensor.
        load: returns it; stacks of experts as [E, in, out].
    """
    is_stack, is_bias = name.endswith(("experts.gate_up_proj", "experts.down_proj")), name.endswith("bias")
    if is_stack:
        shape = (*shape[:-2], shape[-1], shape[-2])
    axis = -2 if is_stack else -1  # of the rows of gate_up_proj, and of its bias
    for named, chosen in _named(re.sub(r"(\.weight|[._]bias)$", "", name)):
        sizes = list(shape)
        if chosen != slice(None):
            sizes[axis] = len(range(sizes[axis])[chosen])
        kind = "F32" if len(shape) == 1 or is_bias or named.endswith("ffn_gate_inp") else "BF16"
        make = partial(_rows, load, is_stack, axis, chosen)
        yield Part(f"{named}.{'bias' if is_bias else 'weight'}", kind, tuple(sizes), make)


def _rows(load: Callable[[], Tensor], is_stack: bool, axis: int, chosen: slice) -> Tensor:
    values = load()
    values = values.transpose(-1, -2) if is_stack else values
    if chosen == slice(None):
        return values
    return values[..., chosen, :] if axis == -2 else values[..., chosen]


def _packed_rows(checkpoint: Checkpoint, name: str, chosen: slice) -> Tensor:
    return packed(checkpoint.tensor(name)[:, chosen], checkpoint.tensor(name.replace("_blocks", "_scales"))[:, chosen])


def packed(blocks: Tensor, scales: Tensor) -> Tensor:
    """MXFP4 as ggml has it, uint8 [..., out, in / 32 * 17]: a group's scale, then bytes whose lower four bits are its first 16 codes.

    Args:
        blocks: uint8 [..., out, in / 32, 16], two neighbors a byte (prefopt.model.mxfp4).
        scales: uint8 [..., out, in / 32].
    """
    codes = torch.stack([blocks & 15, blocks >> 4], dim=-1).flatten(-2)  # [..., in / 32, 32]
    bytes_ = codes[..., :16] | (codes[..., 16:] << 4)
    return torch.cat([scales.unsqueeze(-1), bytes_], dim=-1).flatten(-2)


def _lora_parts(card: AdapterCard, weights: Mapping[str, Tensor], parameters: list[str], experts: int) -> Iterator[Part]:
    for stem, module in sorted(stock_names(weights, parameters).items()):
        down, up = weights[f"{stem}.lora_A.weight"].float(), weights[f"{stem}.lora_B.weight"].float()
        is_stack = module.endswith((".gate_up_proj", ".down_proj")) and ".experts." in module
        if is_stack:  # A is expert-major, B rank-major (LoraExpertStack)
            down = down.view(experts, -1, down.shape[1])
            up = up.view(up.shape[0], -1, experts).permute(2, 0, 1)
        up = up * (card.scaling_of(module) * up.shape[-1] / card.alpha)
        for named, chosen in _named(module):
            rows = up[..., chosen, :]
            for end, value in (("lora_a", down), ("lora_b", rows)):
                yield Part(f"{named}.weight.{end}", "F32", tuple(value.shape), partial(torch.clone, value))


def _named(module: str) -> list[tuple[str, slice]]:
    """llama.cpp's name of a module without its ending, and the rows that go there; two names for gate_up_proj. Raises ModelError."""
    if module in _TOP:
        return [(_TOP[module], slice(None))]
    found = _NAME.fullmatch(module)
    if found is not None and found[2] == "mlp.experts.gate_up_proj":
        return [(f"blk.{found[1]}.{name}", rows) for name, rows in _SPLIT.items()]
    if found is None or found[2] not in _LAYER:
        raise ModelError(f"llama.cpp has no name for {module} of gpt-oss", hint="export with --layout bfloat16 or peft for other programs")
    return [(f"blk.{found[1]}.{_LAYER[found[2]]}", slice(None))]


def _add_sizes(writer: Any, gguf: ModuleType, config: Any) -> None:
    rope = config.rope_parameters
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_expert_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_expert_count(config.num_local_experts)
    writer.add_expert_used_count(config.num_experts_per_tok)
    writer.add_sliding_window(config.sliding_window)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    elif rope["rope_type"] != "default":
        raise ModelError(f"the rope of type {rope['rope_type']!r} has no place in a GGUF file of gpt-oss")


def _add_vocabulary(writer: Any, gguf: ModuleType, path: Path, size: int) -> None:
    """Tokens by id; rows of the embedding without a token are named as llama.cpp's conversion does."""
    tokenizer = read_tokenizer(path)
    added = tokenizer.added_tokens_decoder
    names = {number: token for token, number in tokenizer.get_vocab().items()}
    kinds = []
    for number in range(size):
        if number not in names:
            kinds.append(gguf.TokenType.UNUSED)
        elif number in added:
            kinds.append(gguf.TokenType.CONTROL if added[number].special else gguf.TokenType.USER_DEFINED)
        else:
            kinds.append(gguf.TokenType.NORMAL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-4o")
    writer.add_token_list([names.get(number, f"[PAD{number}]") for number in range(size)])
    writer.add_token_types(kinds)
    special = gguf.SpecialVocab(path, load_merges=True, n_vocab=size)
    special.add_special_token["bos"] = False  # prompts are complete, in Harmony
    special.add_to_gguf(writer, quiet=True)


def _write(writer: Any, gguf: ModuleType, parts: list[Part]) -> int:
    """Write the file, one tensor in memory at a time."""
    kinds = gguf.GGMLQuantizationType
    size = 0
    for part in parts:
        kind = kinds[part.kind]
        row_bytes = gguf.quant_shape_to_byte_shape(part.shape, kind)
        count = int(np.prod(row_bytes))
        writer.add_tensor_info(part.name, row_bytes, np.dtype(np.uint8), count, raw_dtype=kind)
        size += count
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for part in parts:
        writer.write_tensor_data(_bytes(part))
    writer.close()
    return size


def _bytes(part: Part) -> NDArray[np.uint8]:
    values = part.make()
    if part.kind != "MXFP4":
        values = values.to(torch.float32 if part.kind == "F32" else torch.bfloat16)
    return values.contiguous().view(torch.uint8).numpy()
