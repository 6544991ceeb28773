"""Layers placed on several devices compute and learn what they do on one. Every device here is main memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapters import fresh_adapter
from prefopt.model.attention import register_fused_sinks
from prefopt.model.checkpoint import open_checkpoint
from prefopt.model.gptoss import empty_gpt_oss, fill_gpt_oss
from prefopt.model.identity import BaseIdentity
from prefopt.model.load import Base, load_base, model_config
from prefopt.model.packed import causal_lm
from prefopt.model.placement import Placement, spread_layers
from prefopt.model.posterior import LabelTree, label_log_likelihoods
from tests.gptoss import VOCABULARY

CPU = torch.device("cpu")
IDS = torch.randint(3, VOCABULARY, (2, 70), generator=torch.Generator().manual_seed(0))
FOUR = tuple(torch.device("cuda", i) for i in range(4))


def empty(path: Path) -> Any:
    return empty_gpt_oss(model_config(path), torch.device("meta"), torch.float32)


def sizes(model: Any) -> tuple[int, int]:
    """Bytes of a layer, and of the weights outside the layers."""
    layer = sum(t.nbytes for t in (*model.model.layers[0].parameters(), *model.model.layers[0].buffers()))
    return layer, sum(t.nbytes for t in (*model.parameters(), *model.buffers())) - layer * len(model.model.layers)


def test_layers_fill_the_devices_in_proportion_to_their_free_memory(gptoss_path: Path) -> None:
    model = empty(gptoss_path)
    layer, rest = sizes(model)
    equal = spread_layers(model, FOUR[:2], [rest + 3 * layer, 3 * layer])
    assert [device.index for device in equal.layers] == [0, 0, 1, 1]
    uneven = spread_layers(model, FOUR[:2], [rest + layer, 6 * layer])
    assert [device.index for device in uneven.layers] == [0, 1, 1, 1]
    each = spread_layers(model, FOUR, [rest + 2 * layer, 2 * layer, 2 * layer, 2 * layer])
    assert [device.index for device in each.layers] == [0, 1, 2, 3]
    assert each.of("model.layers.2.mlp.experts.down.blocks").index == 2
    assert each.of("lm_head.weight") == each.of("model.embed_tokens.weight") == each.of("model.norm.weight") == FOUR[0]
    assert each.layers == FOUR
    assert Placement(CPU).of("model.layers.3.mlp.router.weight") == CPU


def test_weights_that_do_not_fit_are_refused(gptoss_path: Path) -> None:
    model = empty(gptoss_path)
    layer, rest = sizes(model)
    with pytest.raises(ModelError, match=r"4 layers of .* do not fit on 2 devices"):
        spread_layers(model, FOUR[:2], [rest + layer, 2 * layer])
    with pytest.raises(ModelError, match="do not fit on 2 devices"):
        spread_layers(model, FOUR[:2], [rest - 1, 100 * layer])
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match=r"model\.device is spread, and torch sees no CUDA device"):
            load_base(ModelSettings(path=str(gptoss_path), device="spread"))


@pytest.mark.parametrize("attention", ["eager", "fused_sinks"])
def test_a_spread_model_computes_and_learns_the_same(gptoss_path: Path, attention: str) -> None:
    register_fused_sinks()
    results = []
    for devices in ([CPU], [CPU, CPU, CPU]):
        config = model_config(gptoss_path)
        room = [2**30] * len(devices)
        lm = fill_gpt_oss(open_checkpoint(gptoss_path), config, devices, torch.float32, free_bytes=room, attention=attention)
        assert hasattr(lm, "hf_device_map") is (len(devices) > 1)  # read by trainers
        assert hasattr(lm.model.layers[1], "_hf_hook") is (len(devices) > 1)
        lm.requires_grad_(False).eval()
        base = Base(lm, load_base(ModelSettings(path=str(gptoss_path), device="cpu")).tokenizer, gptoss_path, BaseIdentity("", {}), {})
        model = fresh_adapter(base, AdapterSettings(rank=4, alpha=8), 0)
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                parameter.data.normal_(std=0.05, generator=torch.Generator().manual_seed(1))
        tree = LabelTree([[7, 8, 13], [7, 9, 13], [11, 13]])
        prompts = [row.tolist()[:length] for row, length in zip(IDS, (70, 64), strict=True)]
        likelihoods = label_log_likelihoods(causal_lm(model), prompts, tree, batch_size=2)
        model.train()
        model.gradient_checkpointing_enable({"use_reentrant": False})
        logits = model(IDS).logits
        logits.square().mean().backward()
        gradients = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
        results.append((torch.tensor(likelihoods), logits.detach(), gradients))
    one, three = results
    assert torch.equal(one[0], three[0])
    assert torch.equal(one[1], three[1])
    assert all(torch.equal(gradient, three[2][name]) for name, gradient in one[2].items())
