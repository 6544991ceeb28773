"""Merging an adapter into plain and MXFP4 checkpoints, compared with the model with its adapter and with stock PEFT."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import GptOssForCausalLM

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapter_card import AdapterCard
from prefopt.model.adapters import fresh_adapter, load_adapter, save_adapter
from prefopt.model.load import load_base
from prefopt.model.merge import merge_adapter
from prefopt.model.mxfp4 import dequantize
from tests.gptoss import VOCABULARY, dequantized, make_checkpoint

IDS = torch.randint(3, VOCABULARY, (2, 60), generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def logits(model: torch.nn.Module) -> torch.Tensor:
    return model(IDS).logits  # type: ignore[no-any-return]  # modules return Any


def save_trained(path: Path, out: Path, *, size: float = 0.05, experts: bool = True) -> Path:
    base = load_base(ModelSettings(path=str(path), device="cpu"))
    model = fresh_adapter(base, AdapterSettings(rank=4, alpha=8, experts=experts), 0)
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            parameter.data.copy_(size * torch.randn(parameter.shape, generator=generator))
    card = AdapterCard(parent=None, base=base.fingerprint, recipe="sft", round=0, seed=0, rank=4, alpha=8, experts=experts)
    save_adapter(model, out, card)
    return out


def adapted(path: Path, adapter: Path) -> torch.Tensor:
    return logits(load_adapter(load_base(ModelSettings(path=str(path), device="cpu")), adapter, trainable=False))


@pytest.mark.parametrize("experts", [True, False])
def test_merged_in_float32_equals_the_adapter(gptoss_path: Path, tmp_path: Path, experts: bool) -> None:
    adapter = save_trained(gptoss_path, tmp_path / "adapter", experts=experts)
    merged = merge_adapter(gptoss_path, adapter, tmp_path / "merged", layout="float32", max_shard_bytes=200_000)
    assert len(list(merged.path.glob("*.safetensors"))) > 2
    assert merged.lost is None
    plain = GptOssForCausalLM.from_pretrained(merged.path, dtype=torch.float32, attn_implementation="eager").eval()
    assert (logits(plain) - adapted(gptoss_path, adapter)).abs().max() <= 1e-4
    assert merged.bytes == sum(p.nbytes for p in plain.parameters())


def test_merged_in_bfloat16_has_the_weights_of_stock_peft(gptoss_path: Path, tmp_path: Path) -> None:
    adapter = save_trained(gptoss_path, tmp_path / "adapter")
    ours = GptOssForCausalLM.from_pretrained(merge_adapter(gptoss_path, adapter, tmp_path / "merged").path, dtype=torch.bfloat16)
    theirs = PeftModel.from_pretrained(dequantized(gptoss_path), adapter).merge_and_unload().to(torch.bfloat16)
    for name, parameter in theirs.named_parameters():
        # one unit in the last place of bfloat16: the sums in float32 may round differently
        assert torch.allclose(ours.get_parameter(name).float(), parameter.float(), rtol=2**-7, atol=1e-8), name


def test_merging_into_mxfp4_measures_the_rounding_error(gptoss_path: Path, tmp_path: Path) -> None:
    small = merge_adapter(gptoss_path, save_trained(gptoss_path, tmp_path / "a", size=0.001), tmp_path / "small", layout="mxfp4")
    large = merge_adapter(gptoss_path, save_trained(gptoss_path, tmp_path / "b", size=1.0), tmp_path / "large", layout="mxfp4")
    assert small.lost is not None
    assert large.lost is not None
    assert large.lost < 0.3 < small.lost
    base = load_base(ModelSettings(path=str(large.path), device="cpu"))
    assert "mxfp4" in base.bytes_by_dtype
    exact = PeftModel.from_pretrained(dequantized(gptoss_path), tmp_path / "b").merge_and_unload()
    stack = exact.model.layers[0].mlp.experts.down_proj.data
    stored = base.model.model.layers[0].mlp.experts.down
    relative = (dequantize(stored.blocks, stored.scales, torch.float32) - stack).norm() / stack.norm()
    assert relative < 0.2


def test_an_adapter_of_another_base_and_an_existing_target_are_refused(gptoss_path: Path, tmp_path: Path) -> None:
    adapter = save_trained(gptoss_path, tmp_path / "adapter")
    with pytest.raises(ModelError, match="made for the base"):
        merge_adapter(make_checkpoint(tmp_path / "other", seed=4), adapter, tmp_path / "out")
    (tmp_path / "there").mkdir()
    with pytest.raises(ModelError, match="already exists"):
        merge_adapter(gptoss_path, adapter, tmp_path / "there")
