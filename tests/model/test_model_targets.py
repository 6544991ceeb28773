"""Which layers LoRA adapts: whole attention of many architectures, in the text decoder only; what cannot be covered is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import (
    AutoModelForCausalLM,
    FalconConfig,
    FalconMambaConfig,
    Gemma3Config,
    JetMoeConfig,
    Lfm2Config,
    NemotronHConfig,
    OPTConfig,
    Qwen3MoeConfig,
)

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapter_card import AdapterCard, shape_of
from prefopt.model.adapters import adapted_modules, fresh_adapter, load_adapter, save_adapter
from prefopt.model.identity import BaseIdentity
from prefopt.model.linear_layers import adaptable
from prefopt.model.load import Base, load_base
from prefopt.model.merge import merge_adapter
from prefopt.model.module_names import shortest_suffixes
from prefopt.model.targets import coverage, select, targets_of
from tests.gptoss import VOCABULARY, dequantized
from tests.stock_adapters import SMALL, configs, make_dense, randomize, stock

ATTENTION = {
    "llama": "q_proj k_proj v_proj o_proj",
    "phi3": "qkv_proj o_proj",
    "gpt2": "c_attn c_proj",
    "gpt_neox": "query_key_value dense",
    "deepseek_v3": "q_a_proj q_b_proj kv_a_proj_with_mqa kv_b_proj o_proj",
    "falcon": "query_key_value dense",
    "opt": "q_proj k_proj v_proj out_proj",
}
ALL = configs() | {
    "falcon": FalconConfig(vocab_size=VOCABULARY, hidden_size=64, num_hidden_layers=3, num_attention_heads=4),
    "opt": OPTConfig(vocab_size=VOCABULARY, hidden_size=64, word_embed_proj_dim=64, ffn_dim=96, num_hidden_layers=3, num_attention_heads=4),
}


def empty(config: Any) -> Any:
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def base_of(model: Any) -> Base:
    nothing: Any = None
    return Base(model, nothing, Path("base"), BaseIdentity("", {}), {})


@pytest.mark.parametrize("architecture", ALL)
def test_attention_is_adapted_whole_and_nothing_else(architecture: str) -> None:
    model = empty(ALL[architecture])
    chosen = select(model, "attention", experts=False)
    assert sorted({name.rsplit(".", 1)[-1] for name in chosen}) == sorted(ATTENTION[architecture].split())
    assert len(chosen) == 3 * len(ATTENTION[architecture].split())
    assert not any("mlp" in name.split(".") for name in chosen)
    found = coverage(model, chosen)
    assert found.covered == {"attention": len(chosen)} == {"attention": found.present["attention"]}
    assert (found.layers, found.untouched, found.without_attention) == (3, (), {})


@pytest.mark.parametrize("architecture", ALL)
def test_all_linear_adapts_every_linear_layer_without_head_and_routers(architecture: str) -> None:
    model = empty(ALL[architecture])
    chosen = set(select(model, "all-linear", experts=False))
    head = model.get_output_embeddings()
    linear = {name for name, module in model.named_modules() if type(module).__name__ in ("Linear", "Conv1D", "FalconLinear")}
    linear -= {name for name, module in model.named_modules() if module is head}
    out_of_reach = {name for name in linear if architecture == "deepseek_v3" and ".mlp." in name}  # see test_adapter_import.py
    assert chosen == linear - out_of_reach
    line = coverage(model, chosen).line()
    assert ("stock PEFT cannot adapt" in line) is bool(out_of_reach)


def test_the_default_of_gpt_oss_is_what_it_has_always_been(gptoss_path: Path) -> None:
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    assert select(base.model, "attention", experts=True) == [
        f"model.layers.{layer}.{name}"
        for layer in range(4)
        for name in (*(f"self_attn.{x}_proj" for x in "qkvo"), "mlp.experts.gate_up", "mlp.experts.down")
    ]
    found = coverage(base.model, select(base.model, "attention", experts=False))
    assert found.line() == "16 of 24 modules (attention 16 of 16, experts 0 of 8) in 4 layers"
    assert select(base.model, "all-linear", experts=False) == select(base.model, "attention", experts=False)


def test_a_list_adapts_exactly_the_named_modules(gptoss_path: Path) -> None:
    model = load_base(ModelSettings(path=str(gptoss_path), device="cpu")).model
    assert select(model, ("1.self_attn.v_proj", "model.layers.2.self_attn.q_proj"), experts=False) == [
        "model.layers.1.self_attn.v_proj",
        "model.layers.2.self_attn.q_proj",
    ]
    assert select(model, ("3.mlp.experts.down_proj",), experts=False) == ["model.layers.3.mlp.experts.down"]
    assert len(select(model, (), experts=True)) == 8
    with pytest.raises(ModelError, match=r"names 'qkv_proj', and no linear layer.*\n.*gate_up_proj, k_proj, o_proj, q_proj"):
        select(model, ("q_proj", "qkv_proj"), experts=False)


@pytest.mark.parametrize("targets", ["attention", "all-linear", ("1.self_attn.v_proj", "q_proj"), ("2.mlp.experts.gate_up_proj",)])
@pytest.mark.parametrize("experts", [False, True])
def test_targets_are_found_again_from_the_modules(gptoss_path: Path, targets: Any, experts: bool) -> None:
    model = load_base(ModelSettings(path=str(gptoss_path), device="cpu")).model
    chosen = select(model, targets, experts=experts)
    found, with_experts = targets_of(model, chosen)
    assert with_experts is experts
    assert select(model, found, experts=with_experts) == chosen
    if isinstance(targets, str):
        assert found == "attention"  # all linear layers of gpt-oss are attention


def test_suffixes_are_as_short_as_they_can_be() -> None:
    known = ["a.0.q", "a.1.q", "b.0.q", "a.0.v", "a.1.v"]
    assert shortest_suffixes(["a.0.v", "a.1.v"], known) == ["v"]
    assert shortest_suffixes(["a.1.q"], known) == ["1.q"]
    assert shortest_suffixes(["a.0.q", "a.1.q"], known) == ["a.0.q", "a.1.q"]
    assert shortest_suffixes([], known) == []


def test_only_the_text_decoder_of_a_nested_checkpoint_is_adapted() -> None:
    text = {**SMALL, "num_key_value_heads": 2, "head_dim": 16}
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    model = empty(Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4))
    assert any("vision" in name and name.endswith("q_proj") for name, _ in model.named_modules())
    for targets in ("attention", "all-linear"):
        chosen = select(model, targets, experts=False)
        assert chosen
        assert not any("vision" in name or "multi_modal" in name for name in chosen)
        peft = fresh_adapter(base_of(empty(model.config)), AdapterSettings(rank=2, alpha=4, experts=False, targets=targets), 0)
        assert adapted_modules(peft) == set(chosen)
    with pytest.raises(ModelError, match="no linear layer of the decoder"):
        select(model, ("patch_embedding",), experts=False)


def test_layers_without_attention_are_named() -> None:
    lfm = empty(Lfm2Config(**SMALL, num_key_value_heads=2, layer_types=["conv", "full_attention", "conv"]))
    found = coverage(lfm, select(lfm, "attention", experts=False))
    assert (found.untouched, found.without_attention) == ((0, 2), {"Lfm2ShortConv": 2})
    assert "nothing in 2 layers: 0, 2; layers without attention: Lfm2ShortConv in 2" in found.line()
    hybrid = empty(NemotronHConfig(num_hidden_layers=4))
    assert "NemotronHMamba2Mixer" in coverage(hybrid, select(hybrid, "attention", experts=False)).without_attention
    every = select(hybrid, "all-linear", experts=False)
    assert any(name.endswith("mixer.in_proj") for name in every)


def test_a_model_without_attention_says_what_to_set_and_that_works() -> None:
    config = FalconMambaConfig(vocab_size=VOCABULARY, hidden_size=32, num_hidden_layers=2, state_size=4)
    settings = AdapterSettings(rank=2, alpha=4, experts=False)
    with pytest.raises(ModelError, match="no linear layers to adapt") as refused:
        fresh_adapter(base_of(empty(config)), settings, 0)
    assert 'adapter.targets = "all-linear"' in refused.value.hint
    model = fresh_adapter(base_of(empty(config)), settings.model_copy(update={"targets": "all-linear"}), 0)
    assert {name.rsplit(".", 1)[-1] for name in adapted_modules(model)} == {"in_proj", "x_proj", "dt_proj"}


def test_attention_that_can_be_adapted_only_in_part_needs_a_list() -> None:
    config = JetMoeConfig(vocab_size=VOCABULARY, hidden_size=64, num_hidden_layers=2, intermediate_size=32, num_local_experts=4)
    settings = AdapterSettings(rank=2, alpha=4, experts=False)
    with pytest.raises(ModelError, match="would be adapted in part") as refused:
        fresh_adapter(base_of(empty(config)), settings, 0)
    named = json.loads(refused.value.hint.partition("adapter.targets = ")[2])
    model = fresh_adapter(base_of(empty(config)), settings.model_copy(update={"targets": tuple(named)}), 0)
    assert {name.rsplit(".", 1)[-1] for name in adapted_modules(model)} == {"kv_proj"}


def test_one_layer_is_one_layer_where_peft_rewrites_names() -> None:
    config = Qwen3MoeConfig(**SMALL, num_key_value_heads=2, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=32)
    settings = AdapterSettings(rank=2, alpha=4, experts=False, targets=("1.self_attn.q_proj",))
    assert adapted_modules(fresh_adapter(base_of(empty(config)), settings, 0)) == {"model.layers.1.self_attn.q_proj"}
    assert not any(item.kind == "attention" and not item.reached for item in adaptable(empty(config)))


@pytest.mark.parametrize("architecture", configs())
@pytest.mark.parametrize("targets", ["attention", "all-linear"])
def test_stock_peft_adapts_exactly_the_same_modules(tmp_path: Path, architecture: str, targets: Any) -> None:
    path = make_dense(tmp_path / "base", configs()[architecture])
    base = load_base(ModelSettings(path=str(path), device="cpu", quantized=False))
    settings = AdapterSettings(rank=2, alpha=4, experts=False, targets=targets)
    ours = randomize(fresh_adapter(base, settings, 0))
    card = AdapterCard(parent=None, base=base.fingerprint, recipe="sft", round=0, seed=0, **shape_of(settings))
    save_adapter(ours, tmp_path / "adapter", card)
    theirs: PeftModel = stock(AutoModelForCausalLM.from_pretrained(path), tmp_path / "adapter")
    assert adapted_modules(theirs) == adapted_modules(ours)
    ids = torch.randint(3, VOCABULARY, (2, 20), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert (theirs(ids).logits - ours(ids).logits).abs().max() <= 1e-5
    again = load_base(ModelSettings(path=str(path), device="cpu", quantized=False))
    assert adapted_modules(load_adapter(again, tmp_path / "adapter", trainable=False)) == adapted_modules(ours)


def test_stock_peft_reads_a_list_of_layers_and_experts(gptoss_path: Path, tmp_path: Path) -> None:
    settings = AdapterSettings(rank=2, alpha=4, experts=False, targets=("1.self_attn.q_proj", "2.mlp.experts.gate_up_proj"))
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    ours = randomize(fresh_adapter(base, settings, 0))
    card = AdapterCard(parent=None, base=base.fingerprint, recipe="sft", round=0, seed=0, **shape_of(settings))
    save_adapter(ours, tmp_path / "adapter", card)
    config = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
    assert (config["target_modules"], config["target_parameters"]) == (["1.self_attn.q_proj"], ["2.mlp.experts.gate_up_proj"])
    ids = torch.randint(3, VOCABULARY, (2, 20), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs = stock(dequantized(gptoss_path), tmp_path / "adapter")(ids).logits
        assert (theirs - ours(ids).logits).abs().max() <= 1e-5


def test_every_adapted_module_gets_a_gradient(tmp_path: Path) -> None:
    """What a model computes around a layer (its weight used elsewhere) would leave its LoRA without effect."""
    for name, config in configs().items():
        path = make_dense(tmp_path / name, config)
        base = load_base(ModelSettings(path=str(path), device="cpu", quantized=False))
        model = randomize(fresh_adapter(base, AdapterSettings(rank=2, alpha=4, experts=False, targets="all-linear"), 0))
        model(torch.randint(3, VOCABULARY, (2, 20), generator=torch.Generator().manual_seed(0))).logits.square().mean().backward()
        assert not [key for key, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())], name


def test_a_transposed_layer_in_four_bits_is_saved_and_merged_as_the_base_has_it(tmp_path: Path) -> None:
    """gpt2 stores its weights as [in, out]; bitsandbytes turns its layers into ordinary linear layers."""
    path = make_dense(tmp_path / "base", configs()["gpt2"])
    base = load_base(ModelSettings(path=str(path), device="cpu"))
    settings = AdapterSettings(rank=2, alpha=4, experts=False, targets="all-linear")
    ours = randomize(fresh_adapter(base, settings, 0))
    card = AdapterCard(parent=None, base=base.fingerprint, recipe="sft", round=0, seed=0, **shape_of(settings))
    save_adapter(ours, tmp_path / "adapter", card)
    assert json.loads((tmp_path / "adapter/adapter_config.json").read_text())["fan_in_fan_out"] is True
    merged = merge_adapter(path, tmp_path / "adapter", tmp_path / "merged", layout="float32")
    ids = torch.randint(3, VOCABULARY, (2, 20), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = stock(AutoModelForCausalLM.from_pretrained(path), tmp_path / "adapter")(ids).logits
        found = AutoModelForCausalLM.from_pretrained(merged.path)(ids).logits
    assert (found - expected).abs().max() <= 1e-4


def test_settings_that_adapt_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing would be adapted"):
        AdapterSettings(targets=(), experts=False)
