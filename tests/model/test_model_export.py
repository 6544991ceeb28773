"""Exported adapters and merged checkpoints, read by stock libraries, with the measured difference in the card."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import pytest
import torch
from peft import AutoPeftModelForCausalLM
from transformers import Mxfp4Config

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import ModelError
from prefopt.model import parity
from prefopt.model.adapter_card import AdapterCard, read_card, shape_of
from prefopt.model.adapters import fresh_adapter, load_adapter, save_adapter
from prefopt.model.export import export_adapter
from prefopt.model.load import load_base
from prefopt.model.plan import Machine
from tests.gptoss import VOCABULARY, make_checkpoint

PROMPTS = torch.randint(3, VOCABULARY, (3, 90), generator=torch.Generator().manual_seed(0)).tolist()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ModelSettings:
    return ModelSettings(path=str(make_checkpoint(tmp_path_factory.mktemp("gptoss") / "base")), device="cpu")


@pytest.fixture(scope="module")
def adapter(base: ModelSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter with random B, as after training."""
    loaded, path = load_base(base), tmp_path_factory.mktemp("adapter")
    model = fresh_adapter(loaded, AdapterSettings(rank=4, alpha=8), 0)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            parameter.data.normal_(std=0.05, generator=torch.Generator().manual_seed(1))
    card = AdapterCard(parent=None, base=loaded.fingerprint, recipe="sft", round=0, seed=0, rank=4, alpha=8, experts=True)
    save_adapter(model, path, card)
    return path


def test_an_adapter_computes_the_same_in_stock_peft_and_its_card_records_it(base: ModelSettings, adapter: Path, tmp_path: Path) -> None:
    done = export_adapter(base, adapter, tmp_path / "out", prompts=PROMPTS)
    assert done.parity is not None
    assert done.parity.max_difference <= 1e-4
    assert (done.parity.prompts, done.parity.positions, done.parity.same_top) == (3, 3 * 64, 1.0)
    assert read_card(done.path).parity == done.parity
    assert read_card(done.path).model_copy(update={"parity": None}) == read_card(adapter)
    load_adapter(load_base(base), done.path, trainable=True)  # an exported adapter can be trained further
    assert f"{done.parity.max_difference:.2g}" in (done.path / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("layout", "limit"), [("float32", 1e-4), ("bfloat16", 2.0), ("mxfp4", 5.0)])
def test_merged_checkpoints_record_their_difference(base: ModelSettings, adapter: Path, tmp_path: Path, layout: str, limit: float) -> None:
    done = export_adapter(base, adapter, tmp_path / "out", layout=layout, prompts=PROMPTS)
    assert done.parity is not None
    assert 0 < done.parity.max_difference <= limit
    assert (done.parity.max_difference > 1e-4) is (layout != "float32")
    card = json.loads((done.path / "prefopt.json").read_text(encoding="utf-8"))
    assert (card["layout"], card["lost"], card["parity"]["kl"]) == (layout, done.lost, done.parity.kl)
    assert (done.lost is None) is (layout != "mxfp4")


def test_an_export_that_computes_something_else_is_not_written(
    base: ModelSettings, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two implementations never agree to the last bit: with a limit of 0 the same files count as something else."""
    monkeypatch.setattr(parity, "LIMIT", 0.0)
    (tmp_path / "exports").mkdir()
    with pytest.raises(ModelError, match="nothing was written"):
        export_adapter(base, adapter, tmp_path / "exports" / "out", prompts=PROMPTS)
    assert list((tmp_path / "exports").iterdir()) == []


def test_an_adapter_whose_files_disagree_is_not_exported(base: ModelSettings, adapter: Path, tmp_path: Path) -> None:
    tampered = shutil.copytree(adapter, tmp_path / "tampered")
    config = json.loads((tampered / "adapter_config.json").read_text(encoding="utf-8"))
    (tampered / "adapter_config.json").write_text(json.dumps(config | {"lora_alpha": 9}), encoding="utf-8")
    for layout in ("peft", "bfloat16"):
        with pytest.raises(ModelError, match="lora_alpha = 9, and the card says 8"):
            export_adapter(base, tampered, tmp_path / "out", layout=layout)


@pytest.mark.parametrize(("rank", "alpha", "folded"), [(4, 8, 16), (3, 5, 9)])
def test_an_exported_rslora_has_the_factor_that_every_reader_computes(
    base: ModelSettings, tmp_path: Path, rank: int, alpha: int, folded: int
) -> None:
    settings = AdapterSettings(rank=rank, alpha=alpha, experts=True, variant="rslora")
    loaded = load_base(base)
    model = fresh_adapter(loaded, settings, 0)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            parameter.data.normal_(std=0.05, generator=torch.Generator().manual_seed(1))
    card = AdapterCard(parent=None, base=loaded.fingerprint, recipe="sft", round=0, seed=0, **shape_of(settings))
    save_adapter(model, tmp_path / "adapter", card)
    done = export_adapter(base, tmp_path / "adapter", tmp_path / "out", prompts=PROMPTS)
    config = json.loads((done.path / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["use_rslora"], config["lora_alpha"], config["alpha_pattern"]) == (False, folded, {})
    assert done.parity is not None
    assert done.parity.max_difference <= 1e-4
    model.eval()
    ids = torch.tensor(PROMPTS)
    with torch.no_grad():
        again = load_adapter(load_base(base), done.path, trainable=False)
        assert (again(ids).logits - model(ids).logits).abs().max() <= 1e-5


def test_an_exported_adapter_names_its_base_so_that_peft_finds_it(base: ModelSettings, adapter: Path, tmp_path: Path) -> None:
    done = export_adapter(base, adapter, tmp_path / "out")
    for folder in (adapter, done.path):
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        assert config["base_model_name_or_path"] == str(Path(base.path).resolve())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stock = AutoPeftModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager", quantization_config=Mxfp4Config(dequantize=True)
            ).float()
        ours = load_adapter(load_base(base), folder, trainable=False)
        with torch.no_grad():
            difference = stock.eval()(torch.tensor(PROMPTS)).logits - ours(torch.tensor(PROMPTS)).logits
        assert difference.abs().max() <= 1e-4


def test_bad_targets_and_small_machines_are_refused(
    base: ModelSettings, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unchecked = export_adapter(base, adapter, tmp_path / "out")
    assert unchecked.parity is None
    assert "Not compared" in (unchecked.path / "README.md").read_text(encoding="utf-8")
    with pytest.raises(ModelError, match="already exists"):
        export_adapter(base, adapter, tmp_path / "out")
    with pytest.raises(ModelError, match="'onnx' is not a layout"):
        export_adapter(base, adapter, tmp_path / "other", layout="onnx")  # type: ignore[arg-type]  # refused
    monkeypatch.setattr(parity, "machine_at_hand", lambda settings: Machine("a small machine", "cpu", 1000))
    with pytest.raises(ModelError, match=r"the comparison needs the whole model in torch\.float32"):
        export_adapter(base, adapter, tmp_path / "other", prompts=PROMPTS)
    assert not (tmp_path / "other").exists()
