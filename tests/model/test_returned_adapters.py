"""Adapters that training services return: experts one by one or with other names are stacked, and compute what they computed there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapter_card import adapter_id
from prefopt.model.adapter_import import import_adapter
from prefopt.model.adapter_summary import summary
from prefopt.model.adapter_weights import read_shapes
from prefopt.model.adapters import load_adapter
from prefopt.model.linear_layers import Linear, adaptable
from prefopt.model.load import load_base, model_config
from prefopt.model.peft_config import read_peft_config
from prefopt.model.plan_bytes import empty_base
from prefopt.model.restacking import restacking
from tests.gptoss import VOCABULARY, dequantized, make_checkpoint
from tests.returned_adapters import NAMES, Layout, add_by_hand, make_returned
from tests.stock_adapters import stock

IDS = torch.randint(3, VOCABULARY, (2, 40), generator=torch.Generator().manual_seed(0))
GOLDEN = Path(__file__).parent / "data" / "tinker-adapter"
"""An adapter in Tinker's layout, and what tinker_cookbook.weights.build_lora_adapter made of it: tools/tinker_adapter/make.py."""


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    return model.eval()(IDS).logits  # type: ignore[no-any-return]  # modules return Any


def settings(path: Path) -> ModelSettings:
    return ModelSettings(path=str(path), device="cpu")


@pytest.mark.parametrize("layout", NAMES)
@pytest.mark.parametrize("said", [{}, {"use_rslora": True}], ids=["lora", "rslora"])
def test_stacked_experts_compute_what_each_expert_computed(gptoss_path: Path, tmp_path: Path, layout: Layout, said: dict[str, Any]) -> None:
    source = make_returned(tmp_path / "source", layout, dequantized(gptoss_path), rank=4, **said)
    by_hand = json.loads((source / "adapter_config.json").read_text())
    by_hand["lora_alpha"] = 12 if said else 6  # alpha / sqrt(4) of rsLoRA is twice alpha / 4
    (reference := shutil.copytree(source, tmp_path / "reference") / "adapter_config.json").write_text(json.dumps(by_hand))
    expected = logits(add_by_hand(dequantized(gptoss_path), reference.parent))
    done = import_adapter(settings(gptoss_path), source, tmp_path / "imported")
    ours = logits(load_adapter(load_base(settings(gptoss_path)), done.path, trainable=True))
    assert (ours - expected).abs().max() <= 2e-4
    assert (ours - logits(load_base(settings(gptoss_path)).model)).abs().max() > 0.1
    assert (logits(stock(dequantized(gptoss_path), done.path)) - expected).abs().max() <= 2e-4, "stock PEFT reads what was written"
    assert done.card.imported is not None
    assert done.card.imported.weights == adapter_id(source)
    assert (done.card.rank, done.card.alpha, done.card.experts, done.card.targets) == (4, 6, True, "attention")
    ranks = {done.card.rank_of(f"model.layers.{layer}.mlp.experts.gate_up_proj") for layer in range(4)}
    assert ranks == ({4} if layout == "fused" else {8})
    assert any("gate and up together have rank 8" in note for note in done.notes) is (layout != "fused")


def test_an_adapter_of_tinker_without_experts_is_read(gptoss_path: Path, tmp_path: Path) -> None:
    source = make_returned(tmp_path / "source", "tinker", dequantized(gptoss_path))
    stored(lambda weights: [weights.pop(key) for key in list(weights) if "experts" in key])(source)
    done = import_adapter(settings(gptoss_path), source, tmp_path / "imported", verify=False)
    assert (done.card.experts, done.card.targets, done.card.rank_pattern) == (False, "attention", {})
    assert not any("stacked" in note for note in done.notes)
    ours = logits(load_adapter(load_base(settings(gptoss_path)), done.path, trainable=True))
    assert (ours - logits(add_by_hand(dequantized(gptoss_path), source))).abs().max() <= 1e-4


@pytest.mark.parametrize("kind", ["tinker", "built"])
def test_what_tinkers_cookbook_builds_computes_the_same(tmp_path: Path, kind: str) -> None:
    base = make_checkpoint(tmp_path / "base", layers=2)
    expected = logits(add_by_hand(dequantized(base), GOLDEN / "tinker"))
    done = import_adapter(settings(base), GOLDEN / kind, tmp_path / "imported", verify=False)
    assert (logits(load_adapter(load_base(settings(base)), done.path, trainable=True)) - expected).abs().max() <= 1e-4


@pytest.fixture(scope="module")
def returned(gptoss_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_returned(tmp_path_factory.mktemp("returned") / "source", "one by one", dequantized(gptoss_path))


@pytest.fixture(scope="module")
def parts(gptoss_path: Path) -> tuple[list[Linear], Any]:
    """Layers and configuration of the base."""
    return adaptable(empty_base(settings(gptoss_path)).model), model_config(gptoss_path)


def test_what_a_service_returned_is_shown_without_reading_weights(gptoss_path: Path, returned: Path) -> None:
    facts = summary(settings(gptoss_path), returned)
    assert (facts["rank"], facts["alpha"], facts["experts"], facts["targets"]) == (2, 6, True, "attention")


def edited(**values: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "adapter_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | values))

    return change


def stored(edit: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "adapter_model.safetensors"
        weights = load_file(file)
        edit(weights)
        save_file(weights, file)

    return change


E3 = "base_model.model.model.layers.1.mlp.experts.3"
Q = "base_model.model.model.layers.2.self_attn.q_proj"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (stored(lambda w: [w.pop(f"{E3}.up_proj.lora_{side}.weight") for side in "AB"]), r"1 of 4 experts .* no weights for up .*expert 3"),
        (stored(lambda w: w.pop(f"{E3}.up_proj.lora_A.weight")), "no counterpart: A and B belong together"),
        (stored(lambda w: [w.pop(f"{Q}.lora_{side}.weight") for side in "AB"]), r"1 modules have none .*layers\.2\.self_attn\.q_proj"),
        (
            stored(lambda w: [w.pop(key) for key in list(w) if "layers.0.mlp" in key and "down" in key]),
            r"1 modules have none .*layers\.0\.mlp\.experts\.down",
        ),
        (stored(lambda w: [w.pop(key) for key in list(w) if "down_proj" in key]), r"1 modules have none .the first is down"),
        (stored(lambda w: w.update({f"{E3}.up_proj.lora_A.weight": torch.zeros(2, 65)})), r"has shape \[2, 65\]; .* requires \[2, 64\]"),
        (stored(lambda w: w.update({f"{Q}.lora_A.weight": torch.zeros(3, 64)})), r"has shape \[3, 64\]"),
        (edited(r=4), r"has shape \[2, .*requires \[4"),
        (
            stored(lambda w: [w.update({f"{E3[:-1]}4.up_proj.lora_{s}.weight": w[f"{E3}.up_proj.lora_{s}.weight"].clone()}) for s in "AB"]),
            r"experts\.4\.up_proj\.lora_A\.weight is not a weight of LoRA on this base",
        ),
        (stored(lambda w: w.update({f"{E3}.router.lora_A.weight": torch.zeros(2, 64)})), "no counterpart"),
        (stored(lambda w: w.update({f"base_model.model.x.lora_{s}.weight": torch.zeros(2, 2) for s in "AB"})), r"x\.lora_A\.weight is not"),
        (
            stored(lambda w: w.update({"base_model.model.model.norm.weight": torch.zeros(64)})),
            r"model\.norm\.weight is not a weight of LoRA",
        ),
        (
            stored(lambda w: w.update({f"base_model.model.model.unembed_tokens.lora_{s}.weight": torch.zeros(2, 2) for s in "AB"})),
            "changes the head or the embeddings .*unembed_tokens",
        ),
        (edited(rank_pattern={r"experts\.3\.up_proj": 4}), r"has shape \[2, 64\]; .* requires \[4, 64\]"),
        (edited(alpha_pattern={r"experts\.3\.up_proj": 4}), "have different ranks or alphas for up"),
        (edited(use_dora=True), "use_dora = True cannot be read together with experts"),
        (edited(layers_to_transform=[1]), r"layers_to_transform = \[1\] cannot be read together"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_facts(
    parts: tuple[list[Linear], Any], returned: Path, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    source = shutil.copytree(returned, tmp_path / "source")
    change(source)
    with pytest.raises(ModelError, match=message) as caught:
        restacking(source, read_peft_config(source), read_shapes(source), *parts)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (stored(lambda w: w.update({f"{E3}.up_proj.lora_B.weight": torch.full((96, 2), torch.nan)})), "not finite"),
        (stored(lambda w: w.update({f"{Q}.lora_B.weight": torch.zeros(7, 2)})), r"has shape \(7, 2\)"),
        (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"\x80\x04pickle, not tensors"), "not a safetensors file"),
        (lambda folder: (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin"), "reading a pickle"),
    ],
)
def test_nothing_is_written_of_a_broken_file(
    gptoss_path: Path, returned: Path, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    source = shutil.copytree(returned, tmp_path / "source")
    change(source)
    with pytest.raises(ModelError, match=message):
        import_adapter(settings(gptoss_path), source, tmp_path / "imported", verify=False)
    assert not (tmp_path / "imported").exists()
