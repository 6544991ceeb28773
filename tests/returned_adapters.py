"""Adapters of gpt-oss as training services return them, with random weights, and the weights of the base that they stand for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import GptOssForCausalLM

Layout = Literal["one by one", "tinker", "together", "fused"]
NAMES: Mapping[Layout, tuple[str, ...]] = {
    "one by one": ("gate_proj", "up_proj", "down_proj"),
    "tinker": ("w1", "w3", "w2"),
    "together": ("w_gate", "w_up", "w_down"),
    "fused": ("gate_up_proj", "down_proj"),
}
"""Of gate, up and down; fused: of the two parameters of transformers."""
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")


def make_returned(folder: Path, layout: Layout, model: GptOssForCausalLM, *, rank: int = 2, alpha: int = 6, **said: Any) -> Path:
    """Write an adapter of attention and experts. In Tinker's layout gate and up share one A, and down one B, among all experts."""
    config, draw = model.config, torch.Generator().manual_seed(5)
    names, experts = NAMES[layout], config.num_local_experts
    hidden, inner = config.hidden_size, config.intermediate_size
    sizes = ((hidden, 2 * inner), (inner, hidden)) if layout == "fused" else ((hidden, inner), (hidden, inner), (inner, hidden))
    weights: dict[str, Tensor] = {}

    def pair(path: str, inputs: int, outputs: int, a: tuple[int, ...] = (), b: tuple[int, ...] = ()) -> None:
        weights[f"base_model.model.{path}.lora_A.weight"] = (0.3 * torch.randn(*a, rank, inputs, generator=draw)).bfloat16()
        weights[f"base_model.model.{path}.lora_B.weight"] = (0.1 * torch.randn(*b, outputs, rank, generator=draw)).bfloat16()

    for layer in range(config.num_hidden_layers):
        stem = f"model.layers.{layer}"
        attention = f"{stem}.attn" if layout == "tinker" else f"{stem}.self_attn"
        for name in ATTENTION:
            linear = model.get_submodule(f"{stem}.self_attn.{name}")
            pair(f"{attention}.{name}", linear.in_features, linear.out_features)
        for number, (name, (inputs, outputs)) in enumerate(zip(names, sizes, strict=True)):
            if layout == "tinker":
                shared = (1,) if number < 2 else (experts,), (experts,) if number < 2 else (1,)
                pair(f"{stem}.mlp.experts.{name}", inputs, outputs, *shared)
                continue
            if layout == "fused":
                pair(f"{stem}.mlp.experts.{name}", inputs, outputs, (experts,), (experts,))
                continue
            for expert in range(experts):
                pair(f"{stem}.mlp.experts.{expert}.{name}", inputs, outputs)
    folder.mkdir(parents=True)
    save_file(weights, folder / "adapter_model.safetensors")
    targets = "all-linear" if layout == "tinker" else [*ATTENTION, *names]
    plain = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": alpha, "target_modules": targets}
    (folder / "adapter_config.json").write_text(json.dumps({**plain, "base_model_name_or_path": "openai/gpt-oss-20b", **said}))
    return folder


@torch.no_grad()
def add_by_hand(model: GptOssForCausalLM, folder: Path) -> GptOssForCausalLM:
    """Add alpha / rank · B A of every pair to the weights that transformers multiplies with, expert by expert, without PEFT."""
    said = json.loads((folder / "adapter_config.json").read_text())
    scale = said["lora_alpha"] / said["r"]
    weights = load_file(folder / "adapter_model.safetensors")
    columns = {"gate": slice(0, None, 2), "up": slice(1, None, 2), "down": slice(None)}  # gpt-oss: gate, up = gate_up[::2], gate_up[1::2]
    kinds = {name: kind for names in NAMES.values() if len(names) == 3 for kind, name in zip(columns, names, strict=True)}
    kinds, columns = {**kinds, "gate_up_proj": "both"}, {**columns, "both": slice(None)}
    for key in [key for key in weights if key.endswith(".lora_A.weight")]:
        a, b = weights[key].float(), weights[key.replace("lora_A", "lora_B")].float()
        path = key.removeprefix("base_model.model.").removesuffix(".lora_A.weight").replace(".attn.", ".self_attn.")
        stem, _, name = path.rpartition(".")
        if ".experts" not in path:
            model.get_submodule(path).weight += scale * b @ a
            continue
        one = re.fullmatch(r"(.*\.experts)\.(\d+)", stem)
        module = model.get_submodule(one[1] if one else stem)
        parameter = module.down_proj if kinds[name] == "down" else module.gate_up_proj  # [experts, in, out]
        deltas = scale * (b @ a).mT
        for expert in [int(one[2])] if one else range(len(parameter)):
            parameter[expert][:, columns[kinds[name]]] += deltas if one else deltas[expert]
    return model
