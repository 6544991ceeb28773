"""Exported adapters and merged checkpoints, read by stock libraries, with the measured difference in the card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import ModelError
from prefopt.model import export
from prefopt.model.adapter_card import AdapterCard, read_card
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


def test_an_export_that_computes_something_else_is_not_written(base: ModelSettings, adapter: Path, tmp_path: Path) -> None:
    """Stock PEFT reads lora_alpha from adapter_config.json, prefopt from its card: here the two disagree."""
    tampered = shutil.copytree(adapter, tmp_path / "tampered")
    config = json.loads((tampered / "adapter_config.json").read_text(encoding="utf-8"))
    (tampered / "adapter_config.json").write_text(json.dumps(config | {"lora_alpha": 9}), encoding="utf-8")
    (tmp_path / "exports").mkdir()
    with pytest.raises(ModelError, match="nothing was written"):
        export_adapter(base, tampered, tmp_path / "exports" / "out", prompts=PROMPTS)
    assert list((tmp_path / "exports").iterdir()) == []


def test_bad_targets_and_small_machines_are_refused(
    base: ModelSettings, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unchecked = export_adapter(base, adapter, tmp_path / "out")
    assert unchecked.parity is None
    assert "Not compared" in (unchecked.path / "README.md").read_text(encoding="utf-8")
    with pytest.raises(ModelError, match="already exists"):
        export_adapter(base, adapter, tmp_path / "out")
    with pytest.raises(ModelError, match="'gguf' is not a layout"):
        export_adapter(base, adapter, tmp_path / "other", layout="gguf")  # type: ignore[arg-type]  # refused
    monkeypatch.setattr(export, "machine_at_hand", lambda settings: Machine("a small machine", "cpu", 1000))
    with pytest.raises(ModelError, match=r"the comparison needs the whole model in torch\.float32"):
        export_adapter(base, adapter, tmp_path / "other", prompts=PROMPTS)
    assert not (tmp_path / "other").exists()
