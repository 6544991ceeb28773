"""Each recipe trains in bfloat16 on a CUDA device, with attention in NF4 too, and resumes. Skipped without one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.model.adapters import fresh_adapter
from prefopt.model.load import load_base
from recipes import dpo, kto, orpo, prompt_sharing, sft
from tests.gptoss import VOCABULARY, make_checkpoint
from tests.recipes.recipe_cases import SMALL, judged, pair, problem

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
RECIPES: dict[str, Any] = {"sft": sft.recipe, "dpo": dpo.recipe, "orpo": orpo.recipe, "kto": kto.recipe}
STEPS = 3


def data_for(name: str) -> list[Any]:
    """Three updates of four rows."""
    if name == "sft":
        return [problem(i, reason=None) for i in range(4 * STEPS)]
    return [judged(i, desirable=i % 2 == 0) if name == "kto" else pair(i) for i in range(4 * STEPS)]


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", RECIPES)
def test_three_steps_move_the_adapter(name: str, tmp_path: Path, cuda_job: Any, cuda_parent: Path) -> None:
    start = None if name == "sft" else cuda_parent
    done = RECIPES[name].train(cuda_job(tmp_path, data_for(name), start), RECIPES[name].Config(**SMALL))
    assert done.steps == STEPS
    assert len(losses(tmp_path)) == STEPS
    assert all(math.isfinite(loss) for loss in losses(tmp_path))
    weights = load_file(done.path / "adapter_model.safetensors")
    before = load_file(start / "adapter_model.safetensors") if start else {name: torch.zeros_like(w) for name, w in weights.items()}
    assert weights.keys() == before.keys()
    assert all(weight.isfinite().all() for weight in weights.values())
    assert all((weights[key] - before[key]).abs().max() > 1e-4 for key in weights if "lora_B" in key)


def test_dpo_starts_at_its_cached_reference(tmp_path: Path, cuda_job: Any, cuda_parent: Path) -> None:
    """Policy and reference are the same before the first update, so its loss is log 2, up to what bfloat16 varies by."""
    dpo.recipe.train(
        cuda_job(tmp_path, data_for("dpo"), cuda_parent), dpo.recipe.Config(**SMALL | {"loss": ("sigmoid",), "loss_weights": (1.0,)})
    )
    assert losses(tmp_path)[0] == pytest.approx(math.log(2), abs=0.01)


@pytest.mark.parametrize("deterministic", [False, True])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(
    deterministic: bool, tmp_path: Path, cuda_job: Any, cuda_parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = dpo.recipe.Config(**SMALL | {"save_steps": 1, "deterministic": deterministic})
    whole = dpo.recipe.train(cuda_job(tmp_path / "whole", data_for("dpo"), cuda_parent), options)
    real, calls = prompt_sharing.score, []

    def score(model: Any, batch: Any, **more: Any) -> Any:
        calls.append(torch.is_grad_enabled())
        if sum(calls) == STEPS:
            raise KeyboardInterrupt
        return real(model, batch, **more)

    monkeypatch.setattr(prompt_sharing, "score", score)
    cut = cuda_job(tmp_path / "cut", data_for("dpo"), cuda_parent)
    with pytest.raises(KeyboardInterrupt):
        dpo.recipe.train(cut, options)
    monkeypatch.setattr(prompt_sharing, "score", real)
    resumed = dpo.recipe.train(cut, options)
    assert losses(tmp_path / "cut") == pytest.approx(losses(tmp_path / "whole"), abs=0.01)
    first, second = (load_file(found.path / "adapter_model.safetensors") for found in (whole, resumed))
    apart = torch.cat([(first[key] - second[key]).abs().flatten() for key in first])
    assert apart.mean() < 1e-3  # an update is 5e-3; attention's backward pass may add up in any order
    assert not deterministic or apart.max() == 0


def test_attention_in_nf4_computes_nearly_the_same_and_trains(tmp_path: Path) -> None:
    sizes = {"hidden_size": 512, "intermediate_size": 512, "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 64}
    path = make_checkpoint(tmp_path / "base", layers=2, window=128, **sizes)
    ids = torch.randint(3, VOCABULARY, (2, 200), generator=torch.Generator().manual_seed(0)).cuda()
    bases = [load_base(ModelSettings(path=str(path), device="cuda", dtype="bfloat16", nf4_attention=nf4)) for nf4 in (False, True)]
    assert "nf4" in bases[1].bytes_by_dtype
    with torch.no_grad():
        logits = [base.model(ids).logits.float() for base in bases]
    assert torch.nn.functional.cosine_similarity(logits[0].flatten(), logits[1].flatten(), dim=0) > 0.95
    model = fresh_adapter(bases[1], AdapterSettings(rank=4, alpha=8), 0).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    found = []
    for _ in range(STEPS):
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        found.append(float(loss.detach()))
    assert found[-1] < found[0]
