"""Adapters that stock PEFT made: imported, they compute the same; what prefopt does not compute is refused by name."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM, IA3Config, LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.model import parity
from prefopt.model.adapter_card import adapter_id, read_card, write_card
from prefopt.model.adapter_import import import_adapter
from prefopt.model.adapters import load_adapter
from prefopt.model.export import export_adapter
from prefopt.model.load import load_base
from prefopt.model.plan import Machine
from tests.gptoss import VOCABULARY, dequantized
from tests.stock_adapters import configs, make_dense, make_stock_adapter, stock

IDS = torch.randint(3, VOCABULARY, (2, 40), generator=torch.Generator().manual_seed(0))
EXPERTS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]

GPT_OSS: dict[str, dict[str, Any]] = {
    "lora": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]},
    "one projection, dropout": {"r": 4, "lora_alpha": 8, "target_modules": ["v_proj"], "lora_dropout": 0.1},
    "rslora": {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "use_rslora": True},
    "dora": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "o_proj"], "use_dora": True},
    "dora and rslora": {"r": 3, "lora_alpha": 8, "target_modules": ["q_proj", "o_proj"], "use_dora": True, "use_rslora": True},
    "experts": {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "target_parameters": EXPERTS},
    "experts, rslora": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "target_parameters": EXPERTS, "use_rslora": True},
    "experts alone": {"r": 4, "lora_alpha": 8, "target_modules": [], "target_parameters": EXPERTS},
    "one parameter of the experts": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "target_parameters": EXPERTS[1:]},
    "the other parameter of the experts": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], "target_parameters": EXPERTS[:1]},
    "experts of two layers": {
        "r": 4,
        "lora_alpha": 8,
        "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"],
        "target_parameters": [f"{layer}.{name}" for layer in (1, 3) for name in EXPERTS],
    },
    "patterns": {
        "r": 4,
        "lora_alpha": 8,
        "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"],
        "target_parameters": EXPERTS,
        "rank_pattern": {"q_proj": 2, r"layers\.1\.self_attn\.v_proj": 6, "down_proj": 3},
        "alpha_pattern": {"q_proj": 16, "gate_up_proj": 5},
    },
    "layers_to_transform": {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], "layers_to_transform": [0, 2]},
    "exclude_modules": {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "exclude_modules": ["v_proj"]},
    "a regular expression": {"r": 4, "lora_alpha": 8, "target_modules": r".*\.layers\.[12]\.self_attn\.[qk]_proj"},
}
DENSE: dict[str, dict[str, Any]] = {
    "lora": {"r": 4, "lora_alpha": 8, "target_modules": None},
    "all-linear": {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"},
    "dora": {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "use_dora": True},
    "rslora": {"r": 3, "lora_alpha": 5, "target_modules": "all-linear", "use_rslora": True},
}


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    return model.eval()(IDS).logits  # type: ignore[no-any-return]  # modules return Any


def settings(path: Path, **changes: Any) -> ModelSettings:
    return ModelSettings(path=str(path), device="cpu", **changes)


@pytest.fixture(scope="session")
def dense_paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: make_dense(tmp_path_factory.mktemp("dense") / name, config) for name, config in configs().items()}


@pytest.mark.parametrize("kind", GPT_OSS)
def test_an_adapter_of_the_dequantized_gpt_oss_computes_the_same(gptoss_path: Path, tmp_path: Path, kind: str) -> None:
    source = make_stock_adapter(dequantized(gptoss_path), tmp_path / "stock", **GPT_OSS[kind])
    expected = logits(stock(dequantized(gptoss_path), source))
    done = import_adapter(settings(gptoss_path), source, tmp_path / "imported")
    ours = load_adapter(load_base(settings(gptoss_path)), done.path, trainable=True)
    assert (logits(ours) - expected).abs().max() <= 1e-4
    assert (logits(load_base(settings(gptoss_path)).model) - expected).abs().max() > 1e-2
    card = read_card(done.path)
    assert card.imported is not None
    assert card.parity is not None
    assert (card.imported.weights, card.imported.verified, card.parent) == (adapter_id(source), True, None)
    assert card.parity.max_difference <= 1e-4
    assert any("lora_dropout" in note for note in done.notes) is ("dropout" in kind)
    again = logits(stock(dequantized(gptoss_path), done.path))
    assert (again - expected).abs().max() <= 1e-5, "stock PEFT reads the imported folder"
    out = export_adapter(settings(gptoss_path), done.path, tmp_path / "exported", prompts=IDS.tolist())
    assert out.parity is not None
    assert out.parity.max_difference <= 1e-4
    merged = export_adapter(settings(gptoss_path), done.path, tmp_path / "merged", layout="float32", prompts=IDS.tolist())
    assert merged.parity is not None
    assert merged.parity.max_difference <= 1e-4


@pytest.mark.parametrize("kind", DENSE)
@pytest.mark.parametrize("architecture", configs())
def test_an_adapter_of_a_dense_base_computes_the_same(dense_paths: dict[str, Path], tmp_path: Path, architecture: str, kind: str) -> None:
    path = dense_paths[architecture]
    names = {"llama": ["q_proj", "v_proj"], "phi3": ["qkv_proj"], "gpt2": ["c_attn"], "gpt_neox": ["query_key_value"]}
    options = dict(DENSE[kind])
    if architecture == "deepseek_v3":  # where PEFT takes "all-linear" for the stacked experts, see below
        options["target_modules"] = ["q_a_proj", "q_b_proj", "kv_b_proj", "o_proj"]
    options["target_modules"] = options["target_modules"] or names[architecture]
    source = make_stock_adapter(AutoModelForCausalLM.from_pretrained(path), tmp_path / "stock", **options)
    expected = logits(stock(AutoModelForCausalLM.from_pretrained(path), source))
    base = settings(path, quantized=False)
    done = import_adapter(base, source, tmp_path / "imported")
    assert (logits(load_adapter(load_base(base), done.path, trainable=True)) - expected).abs().max() <= 1e-4
    assert (logits(load_base(base).model) - expected).abs().max() > 1e-3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = AutoPeftModelForCausalLM.from_pretrained(done.path)
    assert (logits(found) - expected).abs().max() <= 1e-4, "the folder names its base"
    merged = export_adapter(base, done.path, tmp_path / "merged", layout="float32", prompts=IDS.tolist())
    assert merged.parity is not None
    assert merged.parity.max_difference <= 1e-4


def test_an_adapter_that_cannot_be_compared_here_is_marked(gptoss_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_stock_adapter(dequantized(gptoss_path), tmp_path / "stock", **GPT_OSS["experts"])
    monkeypatch.setattr(parity, "machine_at_hand", lambda settings: Machine("a small machine", "cpu", 1000))
    with pytest.raises(ModelError, match=r"needs the whole model.*\n.*--no-verify"):
        import_adapter(settings(gptoss_path), source, tmp_path / "imported")
    assert not (tmp_path / "imported").exists()
    done = import_adapter(settings(gptoss_path), source, tmp_path / "imported", verify=False)
    assert done.card.parity is None
    assert done.card.imported is not None
    assert done.card.imported.verified is False
    assert read_card(done.path) == done.card


def test_an_import_that_computes_something_else_is_not_written(gptoss_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_stock_adapter(dequantized(gptoss_path), tmp_path / "stock", **GPT_OSS["lora"])
    monkeypatch.setattr(parity, "LIMIT", 0.0)
    with pytest.raises(ModelError, match="the adapter was not imported"):
        import_adapter(settings(gptoss_path), source, tmp_path / "out" / "imported")
    assert list((tmp_path / "out").iterdir()) == []


def changed(**values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "adapter_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | values))

    return change


def added(name: str, *shape: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "adapter_model.safetensors"
        save_file(load_file(file) | {name: torch.zeros(shape)}, file)

    return change


def pickled(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()
    torch.save({}, folder / "adapter_model.bin")


@pytest.fixture(scope="module")
def plain_adapter(gptoss_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_stock_adapter(dequantized(gptoss_path), tmp_path_factory.mktemp("plain") / "stock", **GPT_OSS["lora"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed(modules_to_save=["lm_head"]), r"modules_to_save = \['lm_head'\] is not supported: whole copies"),
        (changed(modules_to_save=["input_layernorm"]), "modules_to_save"),
        (changed(trainable_token_indices=[3]), "trainable_token_indices = .* rows of the embedding"),
        (changed(bias="lora_only"), "bias = 'lora_only' is not supported"),
        (changed(lora_bias=True), "lora_bias = True is not supported"),
        (changed(layer_replication=[[0, 2], [1, 3]]), "layer_replication = .* repeated layers"),
        (changed(megatron_config={"a": 1}), "megatron_config"),
        (changed(loftq_config={"loftq_bits": 4}), "loftq_config"),
        (changed(init_lora_weights="pissa"), "init_lora_weights = 'pissa' is not supported: it changes the base"),
        (changed(init_lora_weights="loftq"), "init_lora_weights = 'loftq'"),
        (changed(use_qalora=True), "use_qalora"),
        (changed(alora_invocation_tokens=[1, 2]), "alora_invocation_tokens = .* only after certain tokens"),
        (changed(peft_type="VERA"), "peft_type is 'VERA', and prefopt reads LORA only"),
        (changed(task_type="SEQ_CLS"), "task_type is 'SEQ_CLS'"),
        (changed(next_years_option=True), "next_years_option = True is a field that the installed PEFT"),
        (changed(lora_alpha=8.5), "lora_alpha is 8.5; whole numbers"),
        (changed(lora_alpha=0), "lora_alpha is 0"),
        (changed(alpha_pattern={"q_proj": 0.5}), "alpha_pattern of q_proj is 0.5"),
        (changed(target_modules=["nothing_here"]), "stock PEFT cannot build this adapter"),
        (changed(target_modules="(*"), "stock PEFT cannot build this adapter"),
        (changed(target_modules=3), "stock PEFT cannot build this adapter"),
        (changed(target_modules=".*q_proj", layers_to_transform=[1]), "PEFT refuses adapter_config.json"),
        (changed(target_modules=["q_proj", "k_proj", "v_proj"]), "8 are unknown .*o_proj"),
        (changed(r=8), r"has shape \(4, 64\)"),
        (changed(target_modules=["embed_tokens"]), "changes the head or the embeddings"),
        (added("base_model.model.model.norm.weight", 64), r"1 are unknown .base_model\.model\.model\.norm\.weight"),
        (added("base_model.model.lm_head.weight", 640, 64), "changes the head or the embeddings"),
        (added("base_model.model.lm_head.lora_A.weight", 4, 64), "changes the head or the embeddings"),
        (pickled, "reading a pickle"),
        (lambda folder: (folder / "adapter_config.json").unlink(), "adapter_config.json is missing"),
        (lambda folder: (folder / "adapter_config.json").write_text("{"), "not JSON"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(
    gptoss_path: Path, plain_adapter: Path, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    source = shutil.copytree(plain_adapter, tmp_path / "stock")
    change(source)
    with pytest.raises(ModelError, match=message):
        import_adapter(settings(gptoss_path), source, tmp_path / "imported")
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize("option", [{"modules_to_save": ["input_layernorm"]}, {"bias": "all"}, {"lora_bias": True}])
def test_what_peft_itself_saves_with_more_than_lora_is_refused(
    dense_paths: dict[str, Path], tmp_path: Path, option: dict[str, Any]
) -> None:
    model = AutoModelForCausalLM.from_pretrained(dense_paths["llama"])
    source = make_stock_adapter(model, tmp_path / "stock", r=4, target_modules=["q_proj"], **option)
    with pytest.raises(ModelError, match=next(iter(option))):
        import_adapter(settings(dense_paths["llama"], quantized=False), source, tmp_path / "imported")


def test_an_adapter_of_another_method_is_refused(dense_paths: dict[str, Path], tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(dense_paths["llama"])
    config = IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"], task_type="CAUSAL_LM")
    get_peft_model(model, config).save_pretrained(tmp_path / "stock")
    with pytest.raises(ModelError, match="peft_type is 'IA3'"):
        import_adapter(settings(dense_paths["llama"], quantized=False), tmp_path / "stock", tmp_path / "imported")


def test_experts_that_are_not_in_four_bits_are_refused(dense_paths: dict[str, Path], tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(dense_paths["deepseek_v3"])
    options = {"r": 4, "target_modules": ["q_a_proj"], "target_parameters": ["mlp.experts.gate_up_proj"]}
    source = make_stock_adapter(model, tmp_path / "stock", **options)
    with pytest.raises(ModelError, match=r"changes model\.layers\.1\.mlp\.experts\.gate_up_proj, which is neither"):
        import_adapter(settings(dense_paths["deepseek_v3"], quantized=False), source, tmp_path / "imported")


def test_an_adapter_of_stacked_experts_by_the_names_of_an_mlp_is_refused(dense_paths: dict[str, Path], tmp_path: Path) -> None:
    """PEFT reads "all-linear" of such an architecture as the names of separate experts, and adapts their fused parameters."""
    model = AutoModelForCausalLM.from_pretrained(dense_paths["deepseek_v3"])
    source = make_stock_adapter(model, tmp_path / "stock", r=4, target_modules="all-linear")
    with pytest.raises(ModelError, match=r"changes model\.layers\.1\.mlp\.(experts|gate)\S*, which is neither"):
        import_adapter(settings(dense_paths["deepseek_v3"], quantized=False), source, tmp_path / "imported")


def test_an_adapter_with_the_card_of_another_base_is_imported_with_a_note(gptoss_path: Path, plain_adapter: Path, tmp_path: Path) -> None:
    done = import_adapter(settings(gptoss_path), plain_adapter, tmp_path / "imported", verify=False)
    again = import_adapter(settings(gptoss_path), done.path, tmp_path / "again", verify=False)
    assert (again.notes, adapter_id(again.path)) == ((), adapter_id(done.path))
    write_card(done.path / "prefopt.json", done.card.model_copy(update={"base": 64 * "0"}))
    (note,) = import_adapter(settings(gptoss_path), done.path, tmp_path / "third", verify=False).notes
    assert note.startswith("its prefopt.json was written for the base 000000000000, and ")


def test_a_head_that_is_adapted_is_refused(dense_paths: dict[str, Path], tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(dense_paths["llama"])
    source = make_stock_adapter(model, tmp_path / "stock", r=4, target_modules=["q_proj", "lm_head"])
    with pytest.raises(ModelError, match="changes the head or the embeddings"):
        import_adapter(settings(dense_paths["llama"], quantized=False), source, tmp_path / "imported")


def test_the_base_must_fit(gptoss_path: Path, dense_paths: dict[str, Path], plain_adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"(stock PEFT cannot build|has shape|are missing).*\n.*--model"):
        import_adapter(settings(dense_paths["gpt2"], quantized=False), plain_adapter, tmp_path / "imported")
    LoraConfig()  # the import above must not have changed PEFT's defaults
    import_adapter(settings(gptoss_path), plain_adapter, tmp_path / "imported")
