"""Hidden states to logits: measured for any scale, cap and bias, and equal to the model's own; gradients equal autograd's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PhiConfig,
    PhiForCausalLM,
)

from prefopt.config import ModelSettings
from prefopt.model.decoding import WAYS, Continuation
from prefopt.model.head import Head, hidden_states_of, keep_logits_in_float32, measure_head, output_layer
from prefopt.model.load import load_base
from prefopt.model.support import support_of
from recipes.logprobs import score_tokens

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 90,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
}
IDS = torch.tensor([[5, 17, 33, 2, 81, 40, 9]])


def random_model(kind: Any, config: Any) -> Any:
    torch.manual_seed(0)
    model = kind(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.normal_(std=0.3)
    return model


MODELS = {
    "plain": lambda: random_model(LlamaForCausalLM, LlamaConfig(**SIZES)),
    "divided": lambda: random_model(GraniteForCausalLM, GraniteConfig(**SIZES, logits_scaling=3.0)),
    "multiplied": lambda: random_model(CohereForCausalLM, CohereConfig(**SIZES, logit_scale=0.0625)),
    "capped": lambda: random_model(
        Gemma2ForCausalLM, Gemma2Config(**SIZES, head_dim=8, final_logit_softcapping=7.5, attn_implementation="eager")
    ),
    "with a bias": lambda: random_model(PhiForCausalLM, PhiConfig(**SIZES)),
}


@pytest.mark.parametrize(
    ("name", "scale", "cap"),
    [("plain", 1, None), ("divided", 1 / 3, None), ("multiplied", 0.0625, None), ("capped", 1, 7.5), ("with a bias", 1, None)],
)
def test_the_measured_head_repeats_the_models_logits(name: str, scale: float, cap: float | None) -> None:
    model = MODELS[name]()
    decoder = model.get_decoder()
    head = measure_head(model, decoder, IDS)
    assert head is not None
    assert (head.scale, head.cap, head.bias is not None) == (scale, cap, name == "with a bias")
    with torch.no_grad(), hidden_states_of(decoder) as seen:
        own = model(input_ids=IDS.flip(1)).logits
    assert (head.logits(seen[0]) - own).abs().max() <= 1e-5
    assert (head.logits(seen[0], slice(20, 50)) - own[..., 20:50]).abs().max() <= 1e-5


def test_a_cap_is_found_where_the_logits_are_far_below_it() -> None:
    model = MODELS["capped"]()
    for parameter in model.parameters():
        parameter.mul_(1e-2)
    head = measure_head(model, model.get_decoder(), IDS)
    assert head is not None
    assert head.cap == 7.5


class Normed(LlamaForCausalLM):
    """A head behind a norm of its own, which prefopt does not know."""

    def forward(self, input_ids: Tensor, **inputs: Any) -> Any:
        output = self.model(input_ids=input_ids, **inputs)
        output.logits = self.lm_head(nn.functional.normalize(output.last_hidden_state, dim=-1))
        return output


def test_a_head_that_no_numbers_repeat_is_none() -> None:
    model = random_model(Normed, LlamaConfig(**SIZES))
    assert output_layer(model) is model.lm_head
    assert measure_head(model, model.get_decoder(), IDS) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_products_of_narrow_weights_are_not_rounded(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    weight, hidden = torch.randn(50, 64).to(dtype), torch.randn(3, 64).to(dtype)
    exact = hidden.double() @ weight.double().t()
    logits = Head(weight).logits(hidden)
    assert logits.dtype == torch.float32
    assert (logits - exact).abs().max() <= 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_slice_of_hidden_states_is_multiplied_as_one_block(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch leaves its fast path on a CPU for slices of 3-D tensors: 25 against 71 GFLOP/s in float32, 8 against 187 in bfloat16."""
    weight, hidden, inputs = torch.randn(50, 64).to(dtype), torch.randn(2, 6, 64).to(dtype), list[bool]()
    linear = nn.functional.linear

    def watched(values: Tensor, *rest: Tensor) -> Tensor:
        inputs.append(values.is_contiguous())
        return linear(values, *rest)

    monkeypatch.setattr(nn.functional, "linear", watched)
    Head(weight).logits(hidden[:, 1:4])
    assert inputs == [True]


@pytest.mark.parametrize(("scale", "cap", "bias"), [(1.0, None, False), (0.3, None, True), (2.0, 5.0, False), (0.5, 3.0, True)])
def test_scores_and_gradients_equal_autograd(scale: float, cap: float | None, bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recipes.logprobs.BLOCK_BYTES", 4 * 11 * 6)  # several blocks of the vocabulary
    monkeypatch.setattr("recipes.logprobs.TOKENS_PER_BLOCK", 6)
    torch.manual_seed(1)
    head = Head(torch.randn(37, 16), torch.randn(37) if bias else None, scale, cap)
    targets = torch.randint(37, (10,))
    ours, plain = (torch.randn(10, 16).requires_grad_() for _ in range(2))
    plain.data.copy_(ours.data)
    scores = score_tokens(ours, head, targets)
    logits = scale * plain.double() @ head.weight.double().t() + (0 if head.bias is None else head.bias.double())
    logits = logits if cap is None else cap * torch.tanh(logits / cap)
    log_probs = logits.log_softmax(-1)
    expected = log_probs.gather(1, targets[:, None])[:, 0]
    weights = torch.linspace(-1, 2, 10)
    (scores.log_probs * weights).sum().backward()
    (expected * weights).sum().backward()
    assert ours.grad is not None
    assert plain.grad is not None
    assert (scores.log_probs - expected).abs().max() <= 1e-5
    assert (ours.grad - plain.grad).abs().max() <= 1e-5
    assert (scores.entropy + (log_probs.exp() * log_probs).sum(dim=1)).abs().max() <= 1e-4
    assert (scores.mean_logit - logits.mean(dim=1)).abs().max() <= 1e-5
    assert torch.equal(scores.top, (logits.argmax(dim=1) == targets).float())
    alone = score_tokens(ours, head, targets, log_probs_only=True)
    assert (alone.log_probs - expected).abs().max() <= 1e-5


@pytest.mark.parametrize("name", ["plain", "with a bias", "capped"])
def test_logits_of_a_narrow_model_are_not_rounded(name: str) -> None:
    """Whoever calls it: logits of bfloat16 states are those of their products in float64, and so is the gradient of the states."""
    model = MODELS[name]().bfloat16()
    with hidden_states_of(model.get_decoder()) as seen:
        rounded = model(IDS).logits
        keep_logits_in_float32(model)
        logits = model(IDS).logits
    assert (rounded.dtype, logits.dtype) == (torch.bfloat16, torch.float32)
    states = seen[-1].detach()
    exact = states.double() @ model.lm_head.weight.double().t() + (0 if model.lm_head.bias is None else model.lm_head.bias.double())
    exact = torch.tanh(exact / 7.5) * 7.5 if name == "capped" else exact
    assert (logits - exact).abs().max() <= 2e-6 * exact.abs().max()
    assert (rounded - exact).abs().max() >= 1e-3 * exact.abs().max()
    given = states.requires_grad_()
    made = model.lm_head(given)
    above = torch.randn(made.shape, generator=torch.Generator().manual_seed(0)).bfloat16()
    (gradient,) = torch.autograd.grad(made, given, above.float())
    right = above.double() @ model.lm_head.weight.double()
    assert gradient.dtype == torch.bfloat16
    assert torch.linalg.norm(gradient - right) <= 3e-3 * torch.linalg.norm(right)


def test_a_loaded_model_in_bfloat16_returns_logits_in_float32(gptoss_path: Path) -> None:
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu", dtype="bfloat16"))
    ids = torch.tensor([[5, 9, 7, 11]])
    support = support_of(base.model)
    with torch.no_grad(), hidden_states_of(support.parts[0]) as seen:
        logits = base.model(ids).logits
    assert torch.equal(logits, support.parts[1].logits(seen[-1]))
    assert not torch.equal(logits, logits.bfloat16().float())
    for way in WAYS:
        assert Continuation(base.model, [[5, 9, 7, 11]], way).logits().unique().numel() > logits[0, -1].bfloat16().unique().numel()
