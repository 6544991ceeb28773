"""Adapters of stock PEFT as parents: with itself as reference every reward before the first update is 0, and the run changes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prefopt.config import AdapterSettings, ModelSettings
from prefopt.errors import TrainingError
from tests.recipes.recipe_cases import SMALL, MakeJob, judged, pair

EXPERTS = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
KINDS: dict[str, dict[str, Any]] = {
    "lora": {"target_modules": ["q_proj", "v_proj"]},
    "rslora": {"target_modules": "all-linear", "use_rslora": True, "target_parameters": EXPERTS},
    "dora": {"target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"], "use_dora": True},
    "experts": {"target_modules": ["q_proj"], "target_parameters": ["1.mlp.experts.down_proj"]},
    "patterns": {
        "target_modules": "all-linear",
        "target_parameters": EXPERTS,
        "rank_pattern": {"v_proj": 2, "gate_up_proj": 3},
        "alpha_pattern": {"o_proj": 3, "down_proj": 16},
    },
}


def imported(base_path: Path, folder: Path, kind: str) -> tuple[Path, AdapterSettings]:
    """A stock adapter after `import`, and the settings that continue it."""
    from prefopt.model.adapter_card import read_card, shape_of
    from prefopt.model.adapter_import import import_adapter
    from tests.gptoss import dequantized
    from tests.stock_adapters import make_stock_adapter

    source = make_stock_adapter(dequantized(base_path), folder / "stock", r=4, lora_alpha=8, **KINDS[kind])
    done = import_adapter(ModelSettings(path=str(base_path), device="cpu"), source, folder / "imported")
    return done.path, AdapterSettings(**shape_of(read_card(done.path)))


@pytest.mark.parametrize("engine", ["prompt_sharing", "trl"])
@pytest.mark.parametrize("kind", KINDS)
def test_dpo_continues_an_imported_adapter_from_rewards_of_zero(
    base_path: Path, tmp_path: Path, make_job: MakeJob, kind: str, engine: str
) -> None:
    from prefopt.model.adapter_card import adapter_id, read_card
    from prefopt.model.adapters import load_adapter
    from prefopt.model.load import load_base
    from recipes.dpo import recipe

    parent, settings = imported(base_path, tmp_path, kind)
    job = make_job(tmp_path / "dpo", [pair(i) for i in range(4)], parent, adapter=settings)
    done = recipe.train(job, recipe.Config(**SMALL, engine=engine))
    first = json.loads((job.folder / "metrics.jsonl").read_text().splitlines()[0])
    assert first["rewards/chosen"] == first["rewards/rejected"] == 0.0
    before, after = read_card(parent), read_card(done.path)
    assert (after.rank_pattern, after.alpha_pattern, after.targets) == (before.rank_pattern, before.alpha_pattern, before.targets)
    assert after.parent == adapter_id(parent)
    assert after.imported is None
    load_adapter(load_base(job.model), done.path, trainable=False)


def test_kto_continues_an_imported_adapter_from_rewards_of_zero(base_path: Path, tmp_path: Path, make_job: MakeJob) -> None:
    from recipes.kto import recipe

    parent, settings = imported(base_path, tmp_path, "patterns")
    job = make_job(tmp_path / "kto", [judged(i, desirable=i % 2 == 0) for i in range(4)], parent, adapter=settings)
    recipe.train(job, recipe.Config(**SMALL))
    first = json.loads((job.folder / "metrics.jsonl").read_text().splitlines()[0])
    assert first["rewards/chosen"] == first["rewards/rejected"] == 0.0


def test_the_hint_for_another_shape_can_be_followed(base_path: Path, tmp_path: Path, make_job: MakeJob) -> None:
    import tomllib

    from recipes.dpo import recipe

    parent, _ = imported(base_path, tmp_path, "experts")
    pairs = [pair(i) for i in range(4)]
    with pytest.raises(
        TrainingError, match=r"the parent adapter has \{'targets': .*in prefopt.toml has \{'targets': 'attention'"
    ) as refused:
        recipe.train(make_job(tmp_path / "refused", pairs, parent), recipe.Config(**SMALL))
    said = tomllib.loads(refused.value.hint.partition("\n")[2])
    recipe.train(make_job(tmp_path / "dpo", pairs, parent, adapter=AdapterSettings(**said["adapter"])), recipe.Config(**SMALL))
