"""Fused attention with sinks compared with transformers' eager attention, and attention in NF4 with experts in MXFP4."""

from __future__ import annotations

import functools
from pathlib import Path
from types import SimpleNamespace

import bitsandbytes.functional
import pytest
import torch
from peft.tuners.lora.bnb import Linear4bit
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.gpt_oss.modeling_gpt_oss import eager_attention_forward

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapter_card import AdapterCard
from prefopt.model.adapters import fresh_adapter, load_adapter, save_adapter
from prefopt.model.attention import FUSED_SINKS, fused_attention, register_fused_sinks
from prefopt.model.load import Base, load_base, refuse_unquantized
from tests.gptoss import VOCABULARY

IDS = torch.randint(3, VOCABULARY, (2, 80), generator=torch.Generator().manual_seed(0))  # longer than the sliding window of 32


def load(path: Path, **settings: object) -> Base:
    return load_base(ModelSettings(path=str(path), device="cpu", **settings))


def padded_mask() -> torch.Tensor:
    mask = torch.ones_like(IDS)
    mask[0, :13] = 0
    return mask


@pytest.mark.parametrize("on_cpu", [True, False])  # False: the computation for other devices
@pytest.mark.parametrize("mask", [None, padded_mask()])
def test_fused_attention_with_sinks_equals_eager(
    gptoss_path: Path, mask: torch.Tensor | None, on_cpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_fused_sinks()
    options = {"block": 24} if on_cpu else {"device": "another"}
    monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS, FUSED_SINKS, functools.partial(fused_attention, **options))
    results = []
    for attention in ("eager", "sdpa"):
        base = load(gptoss_path, attention=attention)
        model = fresh_adapter(base, AdapterSettings(rank=4, alpha=8), 0)
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                parameter.data.normal_(std=0.05, generator=torch.Generator().manual_seed(1))
        logits = model(IDS, attention_mask=mask).logits
        real = slice(None) if mask is None else mask.bool()
        logits[real].square().mean().backward()
        results.append((base.attention, logits[real].detach(), {k: p.grad for k, p in model.named_parameters() if p.requires_grad}))
    (name, eager, gradients), (fused_name, fused, fused_gradients) = results
    assert (name, fused_name) == ("eager", "fused_sinks")
    assert (eager - fused).abs().max() <= 1e-5
    largest = max(g.abs().max() for g in gradients.values())
    assert all((g - fused_gradients[k]).abs().max() <= 1e-5 * largest for k, g in gradients.items())


def queries_and_keys(length: int, keys: int) -> tuple[torch.Tensor, ...]:
    """query [2, 4, length, 16], key and value [2, 2, keys, 16], and a mask [2, 1, length, keys]: the last queries of a causal row whose
    second row of the batch begins with padding. With 30 queries, the first eight attend only to their sinks.
    """
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(2, 4, length, 16, generator=generator)
    key, value = (torch.randn(2, 2, keys, 16, generator=generator) for _ in range(2))
    allowed = torch.ones(length, keys, dtype=torch.bool).tril(keys - length).expand(2, -1, -1).clone()
    allowed[1, :, :7] = torch.eye(length, keys, dtype=torch.bool)[:, :7]
    if length == 30:
        allowed[:, :8] = False
    mask = torch.zeros(2, 1, length, keys).masked_fill(~allowed[:, None], torch.finfo(torch.float32).min)
    return query, key, value, mask


@pytest.mark.parametrize(("length", "keys"), [(1, 1), (1, 30), (2, 30), (30, 30), (20, 50), (17, 17)])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_queries_after_keys_of_a_cache(length: int, keys: int, masked: bool, dtype: torch.dtype) -> None:
    module = SimpleNamespace(sinks=torch.linspace(-2, 4, 4), num_key_value_groups=2, training=False)
    *tensors, mask = (tensor.to(dtype) for tensor in queries_and_keys(length, keys))
    results = []
    for attend in (functools.partial(fused_attention, block=8), eager_attention_forward):
        given = [tensor.clone().requires_grad_() for tensor in tensors]
        out, _ = attend(module, *given, mask if masked else None, 0.25)
        results.append([out, *torch.autograd.grad(out.float().square().sum(), given)])
    close = {"atol": 1e-5, "rtol": 1e-5} if dtype == torch.float32 else {"atol": 0.05, "rtol": 0.05}
    torch.testing.assert_close(*results, **close)


def test_sinks_that_are_trained_get_a_gradient() -> None:
    query, key, value, mask = queries_and_keys(30, 30)
    results = []
    for attend in (fused_attention, eager_attention_forward):
        sinks = torch.linspace(-2, 4, 4).requires_grad_()
        out, _ = attend(SimpleNamespace(sinks=sinks, num_key_value_groups=2, training=True), query, key, value, mask, 0.25)
        results.append(torch.autograd.grad(out.square().sum(), sinks)[0])
    torch.testing.assert_close(*results, atol=1e-4, rtol=1e-5)


def test_attention_in_nf4_with_mxfp4_experts(gptoss_path: Path) -> None:
    plain, four = load(gptoss_path), load(gptoss_path, nf4_attention=True)
    weights = 4 * (2 * 64 * 64 + 2 * 64 * 32)  # four layers: q and o, k and v
    blocks = weights // 64
    assert four.bytes_by_dtype["mxfp4"] == plain.bytes_by_dtype["mxfp4"]
    assert plain.bytes_by_dtype["float32"] - four.bytes_by_dtype["float32"] == 4 * weights
    assert weights // 2 + blocks <= four.bytes_by_dtype["nf4"] <= weights // 2 + 2 * blocks  # a byte per block, and its scales
    name = "model.layers.1.self_attn.q_proj"
    weight = four.model.get_submodule(name).weight
    expected, state = bitsandbytes.functional.quantize_4bit(
        plain.model.get_submodule(name).weight, quant_type="nf4", compress_statistics=True
    )
    assert torch.equal(weight.data, expected)
    assert torch.equal(weight.quant_state.absmax, state.absmax)
    with torch.no_grad():
        similar = torch.nn.functional.cosine_similarity(four.model(IDS).logits, plain.model(IDS).logits, dim=-1)
    assert similar.mean() > 0.95


def test_an_adapter_on_nf4_attention_trains_in_float32_and_reloads_exactly(gptoss_path: Path, tmp_path: Path) -> None:
    base = load(gptoss_path, nf4_attention=True)
    model = fresh_adapter(base, AdapterSettings(rank=4, alpha=8), 0).train()
    assert isinstance(model.get_submodule("base_model.model.model.layers.0.self_attn.q_proj"), Linear4bit)
    trained = [p for p in model.parameters() if p.requires_grad]
    assert {p.dtype for p in trained} == {torch.float32}
    optimizer = torch.optim.SGD(trained, lr=0.5)
    for _ in range(2):
        model(IDS, labels=IDS).loss.backward()
        optimizer.step()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in trained)
    card = AdapterCard(parent=None, base=base.fingerprint, recipe="sft", round=0, seed=0, rank=4, alpha=8, experts=True)
    save_adapter(model, tmp_path / "adapter", card)
    again = load_adapter(load(gptoss_path, nf4_attention=True), tmp_path / "adapter", trainable=False)
    with torch.no_grad():
        assert torch.equal(again(IDS).logits, model.eval()(IDS).logits)


def test_unquantized_attention_is_not_called_nf4(gptoss_path: Path) -> None:
    base = load(gptoss_path)
    with pytest.raises(ModelError, match=r"attention are not in NF4"):
        refuse_unquantized(base.model, gptoss_path, nf4_attention=True)
