"""Adapters on four-bit experts compared with stock PEFT on the dequantized model; broken adapters are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import GptOssForCausalLM

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapter_card import AdapterCard, adapter_id, read_card
from prefopt.model.adapters import add_adapter, fresh_adapter, load_adapter, lora_config, save_adapter, weights_of
from prefopt.model.expert_rows import ExpertRows
from prefopt.model.load import Base, load_base
from prefopt.model.merge import merge_adapter
from tests.command_line import CommandLine
from tests.gptoss import VOCABULARY, dequantized, make_checkpoint

IDS = torch.randint(3, VOCABULARY, (2, 60), generator=torch.Generator().manual_seed(0))


def open_base(path: Path) -> Base:
    return load_base(ModelSettings(path=str(path), device="cpu"))


def trained(base: Base, *, experts: bool = True, seed: int = 1) -> PeftModel:
    """An adapter whose B is not zero, as after training."""
    model = fresh_adapter(base, AdapterSettings(rank=4, alpha=8, experts=experts), seed)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            parameter.data.copy_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def card(base: Base, *, experts: bool = True) -> AdapterCard:
    return AdapterCard(parent=None, base=base.fingerprint, recipe="sft", round=0, seed=1, rank=4, alpha=8, experts=experts)


@torch.no_grad()
def logits(model: torch.nn.Module) -> torch.Tensor:
    return model(IDS).logits  # type: ignore[no-any-return]  # modules return Any


@pytest.fixture
def saved(gptoss_path: Path, tmp_path: Path) -> Path:
    base = open_base(gptoss_path)
    save_adapter(trained(base), tmp_path / "adapter", card(base))
    return tmp_path / "adapter"


@pytest.mark.parametrize("experts", [True, False])
def test_stock_peft_on_the_dequantized_base_gives_the_same_logits_and_gradients(gptoss_path: Path, tmp_path: Path, experts: bool) -> None:
    base = open_base(gptoss_path)
    ours = trained(base, experts=experts)
    save_adapter(ours, tmp_path / "adapter", card(base, experts=experts))
    stock = PeftModel.from_pretrained(dequantized(gptoss_path), tmp_path / "adapter", is_trainable=True)
    targets = torch.randn(2, 60, VOCABULARY, generator=torch.Generator().manual_seed(3))
    gradients = []
    for model in (ours, stock):
        values = model(IDS).logits
        (values * targets).mean().backward()
        gradients.append((values.detach(), {k: p.grad for k, p in model.named_parameters() if p.requires_grad}))
    (our_logits, our_gradients), (stock_logits, stock_gradients) = gradients
    assert (our_logits - stock_logits).abs().max() <= 1e-5
    renamed = {k.replace(".gate_up.", ".base_layer.").replace(".experts.down.", ".experts."): g for k, g in our_gradients.items()}
    assert renamed.keys() == stock_gradients.keys()
    assert len(renamed) == (4 * 4 + (2 * 4 if experts else 0)) * 2
    largest = max(g.abs().max() for g in stock_gradients.values())
    for key, gradient in renamed.items():
        assert gradient.abs().max() > 0, key
        assert (gradient - stock_gradients[key]).abs().max() <= 1e-5 * largest, key


def test_stock_peft_merges_saves_and_reloads_the_adapter(gptoss_path: Path, saved: Path, tmp_path: Path) -> None:
    ours = logits(load_adapter(open_base(gptoss_path), saved, trainable=False))
    merged = PeftModel.from_pretrained(dequantized(gptoss_path), saved).merge_and_unload()
    assert (logits(merged) - ours).abs().max() <= 1e-4
    merged.save_pretrained(tmp_path / "merged", save_original_format=False)
    again = GptOssForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32, attn_implementation="eager").eval()
    assert (logits(again) - ours).abs().max() <= 1e-4


def test_a_fresh_adapter_changes_no_logits_and_depends_on_its_seed(gptoss_path: Path) -> None:
    base = open_base(gptoss_path)
    before, state = logits(base.model), torch.random.get_rng_state()
    model = fresh_adapter(base, AdapterSettings(rank=4, alpha=8), seed=5)
    assert torch.equal(logits(model.eval()), before)
    assert torch.equal(torch.random.get_rng_state(), state)
    weights = {k: p.clone() for k, p in model.named_parameters() if ".lora_A." in k}
    assert {p.dtype for p in weights.values()} == {torch.float32}
    for seed, equal in ((5, True), (6, False)):
        again = dict(fresh_adapter(open_base(gptoss_path), AdapterSettings(rank=4, alpha=8), seed).named_parameters())
        assert all(torch.equal(p, again[k]) for k, p in weights.items()) is equal


def test_lora_stays_in_float32_on_a_bfloat16_base(gptoss_path: Path, saved: Path) -> None:
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu", dtype="bfloat16"))
    model = load_adapter(base, saved, trainable=True)
    assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}
    model(IDS).logits.float().sum().backward()


def test_save_load_save_gives_the_same_bytes(gptoss_path: Path, saved: Path, tmp_path: Path) -> None:
    base = open_base(gptoss_path)
    save_adapter(load_adapter(base, saved, trainable=True), tmp_path / "again", read_card(saved))
    for name in ("adapter_model.safetensors", "adapter_config.json", "prefopt.json"):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()
    assert adapter_id(saved) == adapter_id(tmp_path / "again")
    assert len(adapter_id(saved)) == 12
    config = json.loads((saved / "adapter_config.json").read_text())
    assert config["target_parameters"] == ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
    keys = load_file(saved / "adapter_model.safetensors")
    assert {k.split("experts.")[1] for k in keys if "layers.0.mlp" in k} == {
        f"{part}lora_{side}.weight" for part in ("", "base_layer.") for side in "AB"
    }


def test_adapters_of_different_seeds_have_different_ids(gptoss_path: Path, saved: Path, tmp_path: Path) -> None:
    base = open_base(gptoss_path)
    save_adapter(trained(base, seed=2), tmp_path / "other", card(base))
    assert adapter_id(tmp_path / "other") != adapter_id(saved)


def test_parent_and_child_share_one_base(gptoss_path: Path, saved: Path, tmp_path: Path) -> None:
    base = open_base(gptoss_path)
    alone = logits(base.model)
    child = trained(base, seed=2)
    save_adapter(child, tmp_path / "child", card(base))
    before = logits(child)
    add_adapter(child, base, saved, name="parent")
    assert torch.equal(logits(child), before)
    assert not any(p.requires_grad for k, p in child.named_parameters() if ".parent." in k)
    assert all(p.requires_grad for k, p in child.named_parameters() if ".lora_" in k and ".default." in k)
    child.set_adapter("parent")
    assert torch.equal(logits(child), logits(load_adapter(open_base(gptoss_path), saved, trainable=False)))
    with child.disable_adapter():
        assert torch.equal(logits(child), alone)
    child.set_adapter("default")
    child.delete_adapter("parent")
    assert torch.equal(logits(child), before)


def test_two_adapters_at_once_add_up(gptoss_path: Path, saved: Path) -> None:
    base = open_base(gptoss_path)
    model = trained(base, seed=2)
    add_adapter(model, base, saved, name="parent")
    layer = model.base_model.model.model.layers[1].mlp.experts.gate_up
    x, rows = torch.randn(24, layer.in_features, generator=torch.Generator().manual_seed(3)), ExpertRows.of_counts([10, 0, 6, 8])
    updates = []
    for names in (["default"], ["parent"], ["default", "parent"]):
        layer.set_adapter(names)
        layer.zero_grad()
        out = layer(x, rows)
        out.square().sum().backward()
        updates.append((out - layer.base_layer(x, rows)).detach())
    torch.testing.assert_close(updates[2], updates[0] + updates[1])
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in layer.parameters())


def test_parameters_require_gradients_only_if_trainable(gptoss_path: Path, saved: Path) -> None:
    frozen = load_adapter(open_base(gptoss_path), saved, trainable=False)
    assert not any(p.requires_grad for p in frozen.parameters())
    assert not frozen.training
    free = load_adapter(open_base(gptoss_path), saved, trainable=True)
    assert {k for k, p in free.named_parameters() if p.requires_grad} == {k for k, _ in free.named_parameters() if ".lora_" in k}


def test_rslora_scales_by_the_root_of_the_rank_in_memory_in_stock_peft_and_merged(gptoss_path: Path, tmp_path: Path) -> None:
    base = open_base(gptoss_path)
    plain = trained(base)
    settings = AdapterSettings(rank=4, alpha=8, variant="rslora")
    other = open_base(gptoss_path)
    model = fresh_adapter(other, settings, 1)
    model.load_state_dict(plain.state_dict())
    layer = model.get_submodule("base_model.model.model.layers.0.mlp.experts.down")
    assert layer.scaling["default"] == 8 / 4**0.5
    saved = tmp_path / "adapter"
    save_adapter(model.eval(), saved, card(other).model_copy(update={"variant": "rslora"}))
    assert (logits(model) - logits(plain)).abs().max() > 1e-3
    assert torch.equal(logits(load_adapter(open_base(gptoss_path), saved, trainable=False)), logits(model))
    stock = PeftModel.from_pretrained(dequantized(gptoss_path), saved)
    assert (logits(stock) - logits(model)).abs().max() <= 1e-5
    merged = merge_adapter(gptoss_path, saved, tmp_path / "merged", layout="float32")
    again = GptOssForCausalLM.from_pretrained(merged.path, dtype=torch.float32, attn_implementation="eager").eval()
    assert (logits(again) - logits(model)).abs().max() <= 1e-4


@pytest.mark.parametrize("nf4", [False, True])
def test_dora_on_attention_is_equal_in_memory_in_stock_peft_and_merged(gptoss_path: Path, tmp_path: Path, nf4: bool) -> None:
    settings = ModelSettings(path=str(gptoss_path), device="cpu", nf4_attention=nf4)
    base = load_base(settings)
    plain = logits(base.model)
    model = fresh_adapter(base, AdapterSettings(rank=4, alpha=8, experts=False, variant="dora"), 1)
    assert (logits(model) - plain).abs().max() <= 1e-5  # B is zero, and the magnitudes are those of the weights
    generator = torch.Generator().manual_seed(1)
    trained_ones = {name for name, p in model.named_parameters() if p.requires_grad}
    assert len(trained_ones) == 3 * 4 * 4  # A, B and magnitude of four projections in four layers
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            parameter.data.copy_(0.05 * torch.randn(parameter.shape, generator=generator))
        if ".lora_magnitude_vector." in name:
            parameter.data.mul_(1 + 0.1 * torch.randn(parameter.shape, generator=generator))
    saved = tmp_path / "adapter"
    save_adapter(model.eval(), saved, card(base, experts=False).model_copy(update={"variant": "dora"}))
    assert torch.equal(logits(load_adapter(load_base(settings), saved, trainable=False)), logits(model))
    stock = PeftModel.from_pretrained(dequantized(gptoss_path), saved)
    merged = merge_adapter(gptoss_path, saved, tmp_path / "merged", layout="float32")
    again = GptOssForCausalLM.from_pretrained(merged.path, dtype=torch.float32, attn_implementation="eager").eval()
    assert (logits(again) - logits(stock)).abs().max() <= 1e-4
    if not nf4:
        assert (logits(stock) - logits(model)).abs().max() <= 1e-5
        assert (logits(model) - plain).abs().max() > 1e-2


def test_dora_on_experts_is_refused(gptoss_path: Path) -> None:
    with pytest.raises(ModelError, match="DoRA needs whole weights"):
        fresh_adapter(open_base(gptoss_path), AdapterSettings(rank=4, alpha=8, experts=True, variant="dora"), 1)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _other_rank(path: Path) -> None:
    edit(path / "prefopt.json", rank=8)
    edit(path / "adapter_config.json", r=8)


def _no_experts(path: Path) -> None:
    edit(path / "prefopt.json", experts=False)
    edit(path / "adapter_config.json", target_parameters=None)


def _nan(path: Path) -> None:
    tensors = load_file(path / "adapter_model.safetensors")
    next(iter(tensors.values()))[0, 0] = torch.nan
    save_file(tensors, path / "adapter_model.safetensors")


def _cut(path: Path) -> None:
    file = path / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-64])


def _no_weights(path: Path) -> None:
    (path / "adapter_model.safetensors").unlink()


def _pickled(path: Path) -> None:
    (path / "adapter_model.safetensors").rename(path / "adapter_model.bin")


def _head(path: Path) -> None:
    tensors = load_file(path / "adapter_model.safetensors")
    tensors["base_model.model.lm_head.lora_A.weight"] = torch.zeros(4, 64)
    save_file(tensors, path / "adapter_model.safetensors")


def _no_card(path: Path) -> None:
    (path / "prefopt.json").unlink()


def _broken_card(path: Path) -> None:
    (path / "prefopt.json").write_text('{"parent": null}')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_other_rank, "rank 8 on this base requires"),
        (_no_experts, "targets do not match the card: 0 weights are missing .none., 16 are unknown"),
        (_nan, "not finite"),
        (_cut, "truncated"),
        (_no_weights, "adapter_model.safetensors is missing"),
        (_pickled, "reading a pickle .adapter_model.bin. can run code"),
        (_head, r"changes the head or the embeddings .base_model.model.lm_head.lora_A.weight"),
        (_no_card, "prefopt.json is missing"),
        (_broken_card, "not a valid adapter card"),
    ],
)
def test_a_broken_adapter_is_refused(gptoss_path: Path, saved: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(saved)
    with pytest.raises(ModelError, match=message):
        load_adapter(open_base(gptoss_path), saved, trainable=False)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("prefopt.json", {"rank": 8}, "adapter_config.json says r = 4, and the card says 8"),
        ("adapter_config.json", {"lora_alpha": 16}, "lora_alpha = 16, and the card says 8"),
        ("adapter_config.json", {"alpha_pattern": {"q_proj": 2}}, "alpha_pattern = {'q_proj': 2}, and the card says {}"),
        ("adapter_config.json", {"rank_pattern": {"q_proj": 2}}, "rank_pattern"),
        ("adapter_config.json", {"use_rslora": True}, "use_rslora = True, and the card says False"),
        ("adapter_config.json", {"use_dora": True}, "use_dora = True"),
        ("adapter_config.json", {"target_modules": ["q_proj", "k_proj", "v_proj"]}, r"does not select .*o_proj \(4 missing, 0 more\)"),
        ("adapter_config.json", {"target_modules": "all-linear"}, None),
        ("adapter_config.json", {"target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "lm_head"]}, "also selects lm_head"),
        ("adapter_config.json", {"layers_to_transform": [0]}, "does not select model.layers.1"),
        ("adapter_config.json", {"exclude_modules": ["v_proj"]}, "does not select .*v_proj"),
        ("adapter_config.json", {"target_parameters": ["mlp.experts.down_proj"]}, "does not select .*gate_up_proj"),
        ("adapter_config.json", {"modules_to_save": ["lm_head"]}, r"modules_to_save = \['lm_head'\] is not supported: whole copies"),
        ("adapter_config.json", {"bias": "all"}, "bias = 'all' is not supported"),
        ("adapter_config.json", {"from_the_future": 3}, "from_the_future = 3 is a field that the installed PEFT"),
        ("adapter_config.json", {"peft_type": "IA3"}, "peft_type is 'IA3'"),
        ("adapter_config.json", {"target_modules": "(*"}, "targets cannot be read"),
        ("adapter_config.json", {"target_modules": 3}, "targets cannot be read"),
        ("adapter_config.json", {"target_modules": ".*q_proj", "layers_to_transform": [1]}, "PEFT refuses adapter_config.json"),
    ],
)
def test_both_files_of_an_adapter_must_say_the_same(
    gptoss_path: Path, saved: Path, file: str, changes: dict[str, object], message: str | None
) -> None:
    edit(saved / file, **changes)
    if message is None:  # other words for the same modules
        load_adapter(open_base(gptoss_path), saved, trainable=False)
        return
    with pytest.raises(ModelError, match=message):
        load_adapter(open_base(gptoss_path), saved, trainable=False)


def test_the_hint_for_files_that_disagree_can_be_followed(
    gptoss_path: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(saved / "adapter_config.json", lora_alpha=16)
    with pytest.raises(ModelError, match="lora_alpha = 16") as refused:
        load_adapter(open_base(gptoss_path), saved, trainable=False)
    words = refused.value.hint.partition("prefopt ")[2].replace("NEW_FOLDER", "made").split()
    CommandLine(tmp_path, monkeypatch, capsys)(*words)
    loaded = load_adapter(open_base(gptoss_path), tmp_path / "made", trainable=False)
    assert read_card(tmp_path / "made").alpha == 16
    expected = logits(PeftModel.from_pretrained(dequantized(gptoss_path), saved))
    assert (logits(loaded) - expected).abs().max() <= 1e-4


def test_weights_are_not_lent_to_an_adapter_with_another_scale(gptoss_path: Path, saved: Path, tmp_path: Path) -> None:
    base = open_base(gptoss_path)
    other = fresh_adapter(base, AdapterSettings(rank=4, alpha=16), 0)
    with pytest.raises(ModelError, match="is scaled by 2, and in the adapter that takes its weights by 4"), weights_of(other, base, saved):
        pass


def test_an_adapter_without_its_config_is_refused(gptoss_path: Path, saved: Path) -> None:
    (saved / "adapter_config.json").unlink()
    with pytest.raises(ModelError, match=r"adapter_config\.json is missing"):
        load_adapter(open_base(gptoss_path), saved, trainable=False)


def test_an_adapter_of_another_base_is_refused_with_both_fingerprints(saved: Path, tmp_path: Path) -> None:
    other = open_base(make_checkpoint(tmp_path / "other", seed=9))
    with pytest.raises(ModelError, match=f"{read_card(saved).base[:12]}.*{other.fingerprint[:12]}"):
        load_adapter(other, saved, trainable=False)


def test_a_second_adapter_on_the_same_base_object_is_refused(gptoss_path: Path, saved: Path) -> None:
    base = open_base(gptoss_path)
    load_adapter(base, saved, trainable=False)
    with pytest.raises(ModelError, match="already has an adapter"):
        load_adapter(base, saved, trainable=False)


def test_an_adapter_loads_on_a_base_that_was_moved(gptoss_path: Path, saved: Path, tmp_path: Path) -> None:
    load_adapter(open_base(shutil.copytree(gptoss_path, tmp_path / "moved")), saved, trainable=False)


@pytest.mark.parametrize("option", [{"lora_dropout": 0.1}, {"use_dora": True}, {"lora_bias": True}, {"init_lora_weights": "pissa"}])
def test_options_that_do_not_work_on_experts_are_refused(gptoss_path: Path, option: dict[str, object]) -> None:
    base = open_base(gptoss_path)
    config = lora_config(base, AdapterSettings(rank=4, alpha=8))
    config.target_modules = r".*\.mlp\.experts\.(?:gate_up|down)"
    for name, value in option.items():
        setattr(config, name, value)
    with pytest.raises(ModelError, match=next(iter(option))):
        PeftModel(base.model, config)


def test_merging_into_four_bits_is_refused(gptoss_path: Path, saved: Path) -> None:
    with pytest.raises(ModelError, match="MXFP4 experts"):
        load_adapter(open_base(gptoss_path), saved, trainable=False).merge_and_unload()


def test_gradient_checkpointing_gives_the_same_gradients(gptoss_path: Path, saved: Path) -> None:
    gradients = []
    for checkpointing in (False, True):
        model = load_adapter(open_base(gptoss_path), saved, trainable=True)
        if checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        model(IDS).logits.square().mean().backward()
        gradients.append({k: p.grad for k, p in model.named_parameters() if p.requires_grad})
    assert all(torch.equal(gradient, gradients[1][k]) for k, gradient in gradients[0].items())
