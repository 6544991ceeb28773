"""Loading a gpt-oss checkpoint: logits of transformers' dequantized model, bytes by data type, and broken files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.model.experts import Mxfp4Experts, quantize_experts
from prefopt.model.load import Base, load_base, refuse_unquantized
from tests.gptoss import VOCABULARY, dequantized, make_checkpoint, make_model, make_tokenizer

IDS = torch.randint(3, VOCABULARY, (2, 80), generator=torch.Generator().manual_seed(0))  # longer than the sliding window of 32


def load(path: Path, **settings: object) -> Base:
    return load_base(ModelSettings(path=str(path), device="cpu", **settings))


@torch.no_grad()
def logits(model: torch.nn.Module) -> torch.Tensor:
    return model(IDS).logits  # type: ignore[no-any-return]  # modules return Any


def test_logits_are_those_of_the_dequantized_model(gptoss_path: Path) -> None:
    assert (logits(load(gptoss_path).model) - logits(dequantized(gptoss_path))).abs().max() <= 1e-5


def test_several_shards_give_the_same_model(gptoss_path: Path, tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "sharded", max_shard_bytes=60_000)
    assert len(list(path.glob("*.safetensors"))) > 3
    assert torch.equal(logits(load(path).model), logits(load(gptoss_path).model))


def test_experts_quantized_in_memory_equal_those_read_from_disk(gptoss_path: Path) -> None:
    model = make_model().eval()
    for name, parameter in model.named_parameters():
        if not name.endswith(("gate_up_proj", "down_proj")):
            parameter.data = parameter.data.bfloat16().float()
    assert torch.equal(logits(quantize_experts(model)), logits(load(gptoss_path, attention="eager").model))


def test_bytes_by_dtype_are_counted_from_the_sizes_of_the_architecture(gptoss_path: Path) -> None:
    base = load(gptoss_path)
    experts, hidden, inner, layers = 4, 64, 96, 4
    weights = layers * experts * (hidden * 2 * inner + inner * hidden)
    assert base.bytes_by_dtype["mxfp4"] == weights // 2 + weights // 32
    floats = sum(p.numel() for p in base.model.parameters()) + 2 * (16 // 2)  # parameters, and the rotary frequencies held twice
    assert base.bytes_by_dtype["float32"] == 4 * floats
    assert "mxfp4" in base.describe()
    assert not any(p.requires_grad for p in base.model.parameters())
    assert not base.model.training


def test_bfloat16_keeps_experts_in_four_bits(gptoss_path: Path) -> None:
    base = load(gptoss_path, dtype="bfloat16")
    assert set(base.bytes_by_dtype) == {"mxfp4", "bfloat16", "float32"}  # float32: the rotary frequencies
    assert base.bytes_by_dtype["float32"] < 200
    exact, theirs = logits(dequantized(gptoss_path)), logits(dequantized(gptoss_path, torch.bfloat16))
    assert (logits(base.model).float() - exact).abs().mean() <= 1.05 * (theirs.float() - exact).abs().mean()


def test_the_router_loss_is_switched_off(gptoss_path: Path) -> None:
    config = load(gptoss_path).model.config
    assert (config.router_aux_loss_coef, config.output_router_logits) == (0.0, False)


def test_fingerprint_follows_the_weights_not_the_folder(gptoss_path: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(gptoss_path, tmp_path / "moved")
    other = make_checkpoint(tmp_path / "other", seed=1)
    first = load(gptoss_path).fingerprint
    assert load(moved).fingerprint == first
    assert load(other).fingerprint != first


def test_unquantized_experts_are_not_called_qlora(gptoss_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "bf16"
    make_model().to(torch.bfloat16).save_pretrained(path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(gptoss_path / name, path / name)
    with pytest.raises(ModelError, match="not in four bits"):
        load(path)
    plain = load(path, quantized=False)
    assert "mxfp4" not in plain.bytes_by_dtype
    assert not any(isinstance(m, Mxfp4Experts) for m in plain.model.modules())


@pytest.fixture(scope="module")
def llama_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama: another causal LM, without experts."""
    path = tmp_path_factory.mktemp("llama")
    torch.manual_seed(0)
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    LlamaForCausalLM(LlamaConfig(**sizes, num_attention_heads=4, num_key_value_heads=2)).save_pretrained(path)
    make_tokenizer().save_pretrained(path)
    return path


def test_another_causal_lm_is_loaded_as_it_is_stored_or_in_nf4(llama_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert set(load(llama_path).bytes_by_dtype) == {"float32"}
    assert "Loading weights" not in capfd.readouterr().err  # a bar of transformers
    base = load(llama_path, quantized=True)
    linear = 2 * (64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 128)
    assert linear / 2 < base.bytes_by_dtype["nf4"] < 1.2 * linear / 2  # codes and their constants; groups of 64
    plain = load(llama_path, quantized=False)
    assert set(plain.bytes_by_dtype) == {"float32"}
    assert torch.nn.functional.cosine_similarity(logits(base.model), logits(plain.model), dim=-1).mean() > 0.95


def test_a_model_with_unquantized_layers_is_not_called_qlora(llama_path: Path) -> None:
    with pytest.raises(ModelError, match="14 linear layers are not in four bits"):
        refuse_unquantized(load(llama_path, quantized=False).model, llama_path)


def _change(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(path / "model.safetensors")
    change(tensors)
    save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})


EXPERT = "model.layers.2.mlp.experts.down_proj"


def _truncate(path: Path) -> None:
    file = path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def _no_scales(path: Path) -> None:
    _change(path, lambda t: t.pop(f"{EXPERT}_scales"))


def _wrong_shape(path: Path) -> None:
    _change(path, lambda t: t.update({f"{EXPERT}_blocks": t[f"{EXPERT}_blocks"][:, :32].contiguous()}))


def _bf16_posing(path: Path) -> None:
    _change(path, lambda t: t.update({f"{EXPERT}_blocks": t[f"{EXPERT}_blocks"].bfloat16()}))


def _nan_scale(path: Path) -> None:
    _change(path, lambda t: t.update({f"{EXPERT}_scales": torch.full_like(t[f"{EXPERT}_scales"], 255)}))


def _nan_weight(path: Path) -> None:
    _change(path, lambda t: t["model.norm.weight"].fill_(torch.nan))


def _unknown(path: Path) -> None:
    _change(path, lambda t: t.update({"model.vision.weight": torch.zeros(2)}))


def _pickle(path: Path) -> None:
    (path / "model.safetensors").rename(path / "pytorch_model.bin")


def _no_config(path: Path) -> None:
    (path / "config.json").unlink()


def _no_tokenizer(path: Path) -> None:
    (path / "tokenizer.json").unlink()
    (path / "tokenizer_config.json").unlink()


def _no_harmony(path: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        file = path / name
        file.write_text(file.read_text(encoding="utf-8").replace("<|channel|>", "<|kanal|>"), encoding="utf-8")


def _missing_shard(path: Path) -> None:
    index = {"weight_map": {"model.norm.weight": "model-00002-of-00002.safetensors"}}
    (path / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, "truncated, or not a safetensors file"),
        (_no_scales, "1 tensors are missing, first model.layers.2.mlp.experts.down_proj_scales"),
        (_wrong_shape, r"down_proj_blocks has shape .4, 32, 3, 16.; config.json requires .4, 64, 3, 16."),
        (_bf16_posing, "is torch.bfloat16; MXFP4 bytes"),
        (_nan_scale, "NaN scales"),
        (_nan_weight, "not finite"),
        (_unknown, "model.vision.weight has no place"),
        (_pickle, "only pickle files .pytorch_model.bin"),
        (_no_config, "no config.json"),
        (_no_tokenizer, "no tokenizer.json"),
        (_no_harmony, r"no Harmony control token <\|channel\|>"),
        (_missing_shard, "this shard is missing"),
    ],
)
def test_a_broken_checkpoint_is_refused(gptoss_path: Path, tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    path = shutil.copytree(gptoss_path, tmp_path / "broken")
    damage(path)
    with pytest.raises(ModelError, match=message):
        load(path)


def test_a_missing_folder_is_refused() -> None:
    with pytest.raises(ModelError, match="no such model folder"):
        load(Path("/nonexistent/gpt-oss"))


def test_cuda_is_refused_on_a_machine_without_it(gptoss_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(ModelError, match="no CUDA device"):
        load_base(ModelSettings(path=str(gptoss_path), device="cuda"))
