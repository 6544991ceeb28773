"""The last layer computed at some columns: values and gradients equal the whole layer's, for every attention and with a cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.model.adapters import fresh_adapter
from prefopt.model.last_layer import trim_last_layer
from prefopt.model.load import load_base
from prefopt.model.packed import causal_lm
from prefopt.model.posterior_masks import attention_masks
from tests.gptoss import VOCABULARY, make_checkpoint

IDS = torch.randint(3, VOCABULARY, (2, 70), generator=torch.Generator().manual_seed(0))  # longer than the sliding window of 32
KEPT = torch.tensor([[5, 40, 69], [68, 69, 69]])


def model_of(path: Path, attention: str) -> Any:
    base = load_base(ModelSettings(path=str(path), device="cpu", attention=attention))
    model = fresh_adapter(base, AdapterSettings(rank=4, alpha=8), 0)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            parameter.data.normal_(std=0.05, generator=torch.Generator().manual_seed(1))
    return model


def decode(lm: Any, start: int = 0, cache: DynamicCache | None = None, **kept: torch.Tensor) -> torch.Tensor:
    queries = torch.arange(start, IDS.shape[1])[None].expand(2, -1)
    keys = torch.arange(IDS.shape[1])[None].expand(2, -1)
    masks = attention_masks(lm.get_decoder(), keys[:, None, :] <= queries[:, :, None], queries, keys)
    inputs = {"input_ids": IDS[:, start:], "position_ids": queries, "attention_mask": masks}
    output = lm.get_decoder()(**inputs, past_key_values=cache, use_cache=False, **kept)
    return output.last_hidden_state  # type: ignore[no-any-return]  # modules return Any


@pytest.mark.parametrize("layers", [3, 4])  # the last one has a sliding window, or sees everything
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_values_and_gradients_are_those_of_the_whole_layer(tmp_path: Path, layers: int, attention: str) -> None:
    model = model_of(make_checkpoint(tmp_path, layers=layers), attention)
    lm, weights = causal_lm(model), [p for p in model.parameters() if p.requires_grad]
    assert trim_last_layer(lm.get_decoder())
    assert trim_last_layer(lm.get_decoder())  # a second time changes nothing
    whole, few = decode(lm).gather(1, KEPT[..., None].expand(-1, -1, 64)), decode(lm, kept=KEPT)
    assert few.shape == (2, 3, 64)
    torch.testing.assert_close(few, whole, atol=1e-5, rtol=1e-5)
    wanted = torch.randn(whole.shape, generator=torch.Generator().manual_seed(2))
    expected, actual = (torch.autograd.grad((hidden * wanted).sum(), weights) for hidden in (whole, few))
    largest = max(gradient.abs().max() for gradient in expected)
    assert all((a - b).abs().max() <= 1e-5 * largest for a, b in zip(expected, actual, strict=True))


@torch.no_grad()
def test_values_after_a_cached_prefix_are_those_of_the_whole_layer(gptoss_path: Path) -> None:
    lm = causal_lm(model_of(gptoss_path, "eager"))
    assert trim_last_layer(lm.get_decoder())
    cache = DynamicCache()
    queries = torch.arange(50)[None].expand(2, -1)
    masks = attention_masks(lm.get_decoder(), queries[:, None, :] <= queries[:, :, None], queries)
    lm.get_decoder()(input_ids=IDS[:, :50], position_ids=queries, attention_mask=masks, past_key_values=cache, use_cache=True)
    trimmed = decode(lm, 50, cache, kept=torch.tensor([[0, 19], [3, 18]]))
    whole = decode(lm)
    torch.testing.assert_close(trimmed, torch.stack([whole[0, [50, 69]], whole[1, [53, 68]]]), atol=1e-5, rtol=1e-5)


def test_other_architectures_are_not_changed() -> None:
    config = LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)
    assert not trim_last_layer(LlamaForCausalLM(config).get_decoder())
