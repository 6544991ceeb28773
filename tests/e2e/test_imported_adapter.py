"""An adapter that stock PEFT saved, imported into a project, evaluated and continued."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.small import run, simulate, write_small_project

STOCK = """
import sys, warnings
import prefopt.model  # before torch
from prefopt.model.tiny import checkpoint_path
from tests.gptoss import dequantized
from tests.stock_adapters import stock
adapted = stock(dequantized(checkpoint_path()), sys.argv[1])
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    adapted.save_pretrained(sys.argv[2], save_embedding_layers=False)
"""


def saved_by_peft(trained: Path, folder: Path) -> Path:
    """The adapter of a trained project as PEFT itself loads and saves it."""
    script = folder / "stock.py"
    script.write_text(STOCK, encoding="utf-8")
    run(folder, str(trained / "rounds/000/train/adapter"), str(folder / "stock"), module=str(script))
    assert not (folder / "stock/prefopt.json").exists()
    return folder / "stock"


def test_an_imported_adapter_is_evaluated_and_continued(trained_project: Path, tmp_path: Path) -> None:
    small_project = write_small_project(tmp_path / "other")
    source = saved_by_peft(trained_project, tmp_path)
    shown = json.loads(run(small_project, "adapter", "show", str(source), "--json").stdout)
    assert (shown["rank"], shown["alpha"], shown["experts"], shown["targets"]) == (16, 32, True, "attention")
    assert shown["coverage"]["covered"] == shown["coverage"]["present"]
    assert "modules (attention" in run(small_project, "adapter", "show", str(source)).stdout

    settings = small_project / "prefopt.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + "\n[adapter]\nrank = 8\n", encoding="utf-8")
    refused = run(small_project, "adapter", "import", str(source), expect=1).stderr
    assert "rank 16 (set: 8)" in refused
    assert not (small_project / "rounds").exists()
    toml = refused[refused.index("[adapter]\nrank") :] if "[adapter]\nrank" in refused else ""
    assert toml, refused
    settings.write_text(settings.read_text(encoding="utf-8").split("\n[adapter]")[0] + f"\n{toml}", encoding="utf-8")

    printed = run(small_project, "adapter", "import", str(source)).stdout
    assert "logits differ from stock PEFT's by" in printed
    assert "next: prefopt sft" in printed
    manifest = json.loads((small_project / "rounds/000/train/stage.json").read_text(encoding="utf-8"))
    assert manifest["outcome"]["recipe"] == "import"
    assert manifest["inputs"]["imported adapter"]["path"] == str(source)
    card = json.loads((small_project / "rounds/000/train/adapter/prefopt.json").read_text(encoding="utf-8"))
    assert card["imported"]["verified"] is True
    weights = "rounds/000/train/adapter/adapter_model.safetensors"
    assert (small_project / weights).read_bytes() == (trained_project / weights).read_bytes()
    again = run(small_project, "adapter", "import", str(source), expect=1).stderr
    assert "round 000 has been started" in again

    done = json.loads(run(small_project, "sft", "--json").stdout)
    expected = json.loads(run(trained_project, "round", "list", "--json").stdout)["rounds"][0]
    assert set(done["stages"].values()) == {"done"}
    assert done["accuracy"] == expected["accuracy"]
    run(small_project, "round", expect=3)
    simulate(small_project, 1)
    done = json.loads(run(small_project, "round", "--json").stdout)
    assert done["recipe"] == "dpo"
    first = json.loads((small_project / "rounds/001/train/metrics.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first["rewards/chosen"] == first["rewards/rejected"] == 0.0
    assert "changed" not in run(small_project, "round", "status").stdout


def test_an_adapter_is_converted_outside_a_project(trained_project: Path, tmp_path: Path) -> None:
    source = saved_by_peft(trained_project, tmp_path)
    config = source / "adapter_config.json"
    said = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps(said | {"base_model_name_or_path": "someone/else"}), encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    outside = tmp_path / "elsewhere"
    assert "--model PATH" in run(outside, "adapter", "import", str(source), "--out", "made", expect=1).stderr
    printed = run(outside, "adapter", "import", str(source), "--out", "made", "--model", "tiny").stdout
    assert "logits differ from stock PEFT's by" in printed
    assert "the adapter names the base someone/else" in printed
    assert "[adapter]\nrank = 16\n" in printed
    found = json.loads(run(outside, "adapter", "show", "made", "--json").stdout)
    assert found["imported from"].endswith("compared with stock PEFT")
    assert Path(found["base"]).is_dir()
    assert "already exists" in run(outside, "adapter", "import", str(source), "--out", "made", "--model", "tiny", expect=1).stderr
