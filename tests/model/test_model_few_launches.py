"""Functions that replace gpt-oss's modules on a CUDA device: equal to transformers and PEFT on a CPU, with their gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssRMSNorm, apply_rotary_pos_emb, eager_attention_forward

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.model.adapters import fresh_adapter
from prefopt.model.attention import FUSED_SINKS, fused_attention
from prefopt.model.expert_rows import TokenRows
from prefopt.model.experts import ExpertStack
from prefopt.model.few_launches import launch_less, rms_norm, rotated_heads
from prefopt.model.load import load_base
from prefopt.model.low_rank import project
from tests.gptoss import VOCABULARY

BOUND = {torch.float32: 2e-6, torch.bfloat16: 3e-3}
"""Norm of the difference as a share of the norm; one rounding to bfloat16 gives 1.7e-3."""
ROUNDED_TWICE = {torch.float32: 2e-6, torch.bfloat16: 5e-3}
"""Of LoRA on attention: results are rounded before and after the update is added, as by PEFT, and x A.T in between."""
both_dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def compare(ours: Callable[..., Any], exact: Callable[..., Any], tensors: list[Tensor], dtype: torch.dtype, roundings: int = 1) -> None:
    """Results, and gradients by the tensors, of ours in a dtype and of exact in float64."""
    found, right = ([*tensors], [*tensors])
    results = []
    for function, kind, given in ((ours, dtype, found), (exact, torch.float64, right)):
        given[:] = [tensor.to(dtype).to(kind).requires_grad_() for tensor in given]
        outputs = function(*given)
        outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
        assert all(part.dtype == kind for part in outputs)
        above = [randn(*part.shape, seed=7).to(dtype).to(kind) for part in outputs]
        results.append([*outputs, *torch.autograd.grad(outputs, given, above)])
    for one, other in zip(*results, strict=True):
        assert torch.linalg.norm(one.double() - other) <= roundings * BOUND[dtype] * torch.linalg.norm(other)


@both_dtypes
def test_the_norm_equals_transformers(dtype: torch.dtype) -> None:
    theirs = GptOssRMSNorm(48, eps=1e-5)
    theirs.weight.data = 1 + 0.1 * randn(48).to(dtype).float()
    theirs.requires_grad_(False)
    x = randn(2, 5, 48) * 3

    def exact(x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * theirs.weight.double()

    compare(lambda x: rms_norm(x, theirs.weight.to(dtype), 1e-5), exact, [x], dtype)
    torch.testing.assert_close(rms_norm(x, theirs.weight, 1e-5), theirs(x), atol=2e-6, rtol=2e-6)


@both_dtypes
@pytest.mark.parametrize("repeats", [1, 4])
@pytest.mark.parametrize("own_positions", [True, False])
def test_rotated_and_repeated_heads_equal_transformers(repeats: int, own_positions: bool, dtype: torch.dtype) -> None:
    cos, sin = (randn(2 if own_positions else 1, 6, 8, seed=i).to(dtype) for i in range(2))

    def exact(query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        heads = [part.view(2, 6, -1, 16).transpose(1, 2) for part in (query, key, value)]
        query, key = apply_rotary_pos_emb(heads[0], heads[1], cos.double(), sin.double())
        return [query, *(part.repeat_interleave(repeats, dim=1) for part in (key, heads[2]))]

    tensors = [randn(2, 6, width, seed=width) for width in (64, 16, 16)]
    compare(lambda q, k, v: rotated_heads(q, k, v, cos, sin, 16, repeats), exact, tensors, dtype)


@both_dtypes
@pytest.mark.parametrize("adapted", [["q"], ["q", "v"], ["q", "k", "v"]])
def test_low_rank_updates_equal_peft(adapted: list[str], dtype: torch.dtype) -> None:
    layers = nn.ModuleDict({name: nn.Linear(24, out) for name, out in (("q", 40), ("k", 16), ("v", 16))})
    for number, parameter in enumerate(layers.parameters()):
        parameter.data = (0.2 * randn(*parameter.shape, seed=number)).to(dtype)
    model: Any = get_peft_model(layers, LoraConfig(r=3, lora_alpha=12, target_modules=adapted), autocast_adapter_dtype=True)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for number, parameter in enumerate(trained):
        parameter.data = (0.2 * randn(*parameter.shape, seed=number)).to(dtype).float()
    x = randn(2, 5, 24).to(dtype)
    results = []
    for together, kind in ((True, None), (False, torch.float64)):
        current = model if kind is None else model.to(kind)
        given = (x if kind is None else x.to(kind)).requires_grad_()
        parts = [current.base_model.model[name] for name in ("q", "k", "v")]
        outputs = project(parts, given) if together else [part(given) for part in parts]
        above = [randn(*part.shape, seed=3).to(dtype).to(part.dtype) for part in outputs]
        results.append([part.detach().double() for part in (*outputs, *torch.autograd.grad(outputs, [given, *trained], above))])
    for found, right in zip(*results, strict=True):
        assert torch.linalg.norm(found - right) <= ROUNDED_TWICE[dtype] * torch.linalg.norm(right)


@both_dtypes
def test_the_sum_of_a_tokens_rows_equals_a_loop(dtype: torch.dtype) -> None:
    expert = torch.stack([torch.randperm(6, generator=torch.Generator().manual_seed(i))[:3] for i in range(7)]).clamp(max=4)
    bias, of_tokens = randn(6, 20).to(dtype), TokenRows.of_choices(expert, 6)
    assert of_tokens.rows.ends.tolist() == [int((expert <= e).sum()) for e in range(6)]

    def exact(hidden: Tensor, weights: Tensor) -> Tensor:
        rows = (hidden[:, None] * (1 + expert.unsqueeze(-1))) + bias.to(hidden.dtype)[expert]
        return (rows * weights.unsqueeze(-1)).sum(1)

    def ours(hidden: Tensor, weights: Tensor) -> Tensor:
        rows = of_tokens.spread(hidden) * (1 + of_tokens.rows.of_row.unsqueeze(-1))
        return of_tokens.summed(rows, bias, weights)

    compare(ours, exact, [randn(7, 20), randn(7, 3)], dtype)


@both_dtypes
@pytest.mark.parametrize("repeated", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_the_sink_is_added_after_attention(masked: bool, repeated: bool, dtype: torch.dtype) -> None:
    module = SimpleNamespace(sinks=torch.linspace(-2, 4, 4), num_key_value_groups=2, training=True)
    mask = torch.full((11, 13), torch.finfo(dtype).min, dtype=dtype).triu(3)[None, None] if masked else None

    def exact(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        wide = SimpleNamespace(sinks=module.sinks.double(), num_key_value_groups=2, training=True)
        return eager_attention_forward(wide, query, key, value, None if mask is None else mask.double(), 0.25)[0]

    def ours(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if repeated:
            key, value = (part.repeat_interleave(2, dim=1) for part in (key, value))
        return fused_attention(module, query, key, value, mask, 0.25, device="another")[0]

    tensors = [randn(2, heads, length, 16, seed=heads + length) for heads, length in ((4, 11), (2, 13), (2, 13))]
    compare(ours, exact, [tensors[0], tensors[1], tensors[2] + 0.5], dtype, roundings=2)  # of the weights, too


def test_a_whole_model_trains_the_same_with_few_launches(gptoss_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = torch.randint(3, VOCABULARY, (2, 80), generator=torch.Generator().manual_seed(0))
    results = []
    for few in (False, True):
        base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
        if few:
            launch_less(base.model)
            monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS, FUSED_SINKS, functools.partial(fused_attention, device="another"))
            for module in base.model.modules():
                if isinstance(module, ExpertStack):
                    module.way = "grouped"
        model = fresh_adapter(base, AdapterSettings(rank=4, alpha=8, experts=True), 0).train()
        model.gradient_checkpointing_enable({"use_reentrant": False})
        trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        for number, parameter in enumerate(trained.values()):
            if parameter.abs().max() == 0:
                parameter.data = 0.05 * randn(*parameter.shape, seed=number)
        loss = model(ids, labels=ids).loss
        loss.backward()
        results.append((list(trained), loss.detach(), [parameter.grad for parameter in trained.values()]))
        with torch.no_grad():
            tail = model.eval()(ids[:, :40], use_cache=True).past_key_values
            results[-1] += (model(ids[:, 40:], past_key_values=tail).logits,)
    (names, loss, gradients, logits), (same_names, same_loss, same_gradients, same_logits) = results
    assert names == same_names  # stock PEFT reads what is saved
    torch.testing.assert_close(loss, same_loss, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(logits, same_logits, atol=1e-5, rtol=1e-5)
    largest = max(float(grad.abs().max()) for grad in gradients)
    assert max(float((a - b).abs().max()) for a, b in zip(gradients, same_gradients, strict=True)) <= 1e-5 * largest
    assert not torch.equal(logits, same_logits)  # the other functions did run
