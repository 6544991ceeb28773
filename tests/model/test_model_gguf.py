"""GGUF files of gpt-oss, read back with the package gguf: every value, every rank, and what is refused."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapter_card import AdapterCard, adapter_id, shape_of
from prefopt.model.adapters import fresh_adapter, save_adapter
from prefopt.model.export import export_adapter
from prefopt.model.gguf_files import packed
from prefopt.model.load import load_base
from prefopt.model.mxfp4 import dequantize, quantize
from tests.gptoss import make_checkpoint

gguf = pytest.importorskip("gguf")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ModelSettings:
    return ModelSettings(path=str(make_checkpoint(tmp_path_factory.mktemp("gptoss") / "base", layers=2)), device="cpu")


def made_adapter(base: ModelSettings, folder: Path, **settings: Any) -> Path:
    shape = AdapterSettings(rank=3, alpha=5, experts=settings.pop("experts", True), **settings)
    loaded = load_base(base)
    model = fresh_adapter(loaded, shape, 0)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            parameter.data.normal_(std=0.05, generator=torch.Generator().manual_seed(1))
    save_adapter(model, folder, AdapterCard(parent=None, base=loaded.fingerprint, recipe="sft", round=0, seed=0, **shape_of(shape)))
    return folder


def values(file: Path) -> dict[str, np.ndarray]:
    """Every tensor as float32, in the order of torch."""
    found = {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in gguf.GGUFReader(file).tensors}
    return {name: value.astype(np.float32) for name, value in found.items()}


def test_groups_of_mxfp4_keep_their_values_in_ggmls_order() -> None:
    weights = torch.randn(2, 64, 6, generator=torch.Generator().manual_seed(0))  # [E, in, out]
    blocks, scales = quantize(weights)
    read = gguf.dequantize(packed(blocks, scales).numpy(), gguf.GGMLQuantizationType.MXFP4)
    assert np.array_equal(read, dequantize(blocks, scales, torch.float32).transpose(-1, -2).numpy())


@pytest.mark.parametrize("variant", ["lora", "rslora"])
def test_base_and_adapter_give_the_merged_model(base: ModelSettings, tmp_path: Path, variant: str) -> None:
    adapter = made_adapter(base, tmp_path / "adapter", variant=variant)
    name = adapter_id(adapter)
    plain, lora, merged = (
        values(export_adapter(base, adapter, tmp_path / layout, layout=layout).path / f"{file}.gguf")  # type: ignore[arg-type]  # a layout
        for layout, file in (("gguf-base", "base"), ("gguf-lora", name), ("gguf", name))
    )
    assert plain.keys() == merged.keys()
    alpha = gguf.GGUFReader(tmp_path / "gguf-lora" / f"{name}.gguf").fields["adapter.lora.alpha"].contents()
    adapted = {key.removesuffix(".lora_a") for key in lora if key.endswith(".lora_a")}
    assert {key.split(".")[2] for key in adapted} == {
        *("attn_q", "attn_k", "attn_v", "attn_output"),
        *("ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"),
    }
    for key, value in plain.items():
        if key in adapted:
            down, up = lora[f"{key}.lora_a"], lora[f"{key}.lora_b"]
            value = value + alpha / up.shape[-1] * (up @ down)
        assert np.allclose(merged[key], value, rtol=2**-8, atol=1e-6), key  # bfloat16


def test_what_llama_cpp_cannot_compute_is_refused(base: ModelSettings, tmp_path: Path) -> None:
    dora = made_adapter(base, tmp_path / "dora", variant="dora", experts=False)
    with pytest.raises(ModelError, match=r"llama\.cpp has no DoRA"):
        export_adapter(base, dora, tmp_path / "out", layout="gguf-lora")
    assert not (tmp_path / "out").exists()
    assert export_adapter(base, dora, tmp_path / "merged", layout="gguf").bytes > 0
    with pytest.raises(ModelError, match="gguf is not compared here"):
        export_adapter(base, dora, tmp_path / "out", layout="gguf", prompts=[[1, 2, 3]])


def test_an_export_can_be_read_by_other_users_and_says_how_to_serve_it(base: ModelSettings, tmp_path: Path) -> None:
    adapter = made_adapter(base, tmp_path / "adapter")
    for layout, command in {
        "peft": f"--max-lora-rank 8 --max-loras 4 --max-logprobs 256 --max-model-len 2560 --lora-modules {adapter_id(adapter)}=.",
        "bfloat16": "",
        "gguf": f"llama-server --model {adapter_id(adapter)}.gguf --alias {adapter_id(adapter)}",
        "gguf-lora": f"--lora {adapter_id(adapter)}.gguf --lora-init-without-apply",
        "gguf-base": "llama-server --model base.gguf --alias base",
    }.items():
        done = export_adapter(base, adapter, tmp_path / layout, layout=layout)  # type: ignore[arg-type]  # a layout
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [done.path, *done.path.iterdir()]}
        umask = stat.S_IMODE((tmp_path / "adapter").stat().st_mode) ^ 0o777
        assert {name: mode for name, mode in modes.items() if mode != (0o777 if name == layout else 0o666) & ~umask} == {}
        assert command in (done.path / "README.md").read_text(encoding="utf-8")
