"""A run that changes nothing, or whose numbers are not finite, stops: every recipe, both engines, and recipes of other kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from prefopt.errors import TrainingError
from prefopt.rounds.artifacts import ADAPTER
from prefopt.rounds.machine import run_stage
from recipes import dpo, kto, orpo, sft, training
from tests.recipes.recipe_cases import SMALL, MakeJob, judged, pair, problem, put_round, write_project

RECIPES: dict[str, Any] = {"sft": sft.recipe, "dpo": dpo.recipe, "orpo": orpo.recipe, "kto": kto.recipe}
ENGINES = ("prompt_sharing", "trl")


def data_for(name: str) -> list[Any]:
    if name == "sft":
        return [problem(i, reason=None) for i in range(4)]
    return [judged(i, desirable=i % 2 == 0) if name == "kto" else pair(i) for i in range(4)]


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_changes_no_weight_is_an_error_whose_hint_works(
    name: str, engine: str, tmp_path: Path, make_job: MakeJob, parent: Path
) -> None:
    """A rate that rounds to 0 in float32; then the recipe's own rate, in the same folder."""
    recipe = RECIPES[name]
    config = recipe.Config(**{key: value for key, value in SMALL.items() if key != "learning_rate"}, engine=engine)
    job = make_job(tmp_path / "job", data_for(name), None if name == "sft" else parent)
    with pytest.raises(TrainingError, match=rf"{name} made 1 updates, and every weight .* 1e-50 are lost to rounding") as raised:
        recipe.train(job, config.model_copy(update={"learning_rate": 1e-50}))  # which the options refuse
    assert raised.value.hint == f"raise learning_rate under [recipes.{name}] in prefopt.toml; its default is {config.learning_rate:g}"
    assert not (job.folder / "adapter").exists()
    assert recipe.train(job, config).steps == 1


def test_votes_that_are_level_are_an_error_whose_hint_works(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    """At the parent their likelihood is at its maximum already; that of the chosen answer is not."""
    level = [pair(i).model_copy(update={"share": 0.5}) for i in range(4)]
    job = make_job(tmp_path / "job", level, parent)
    with pytest.raises(TrainingError, match="the gradient was 0 in all of them") as raised:
        dpo.recipe.train(job, dpo.DpoConfig(**SMALL, loss=["sigmoid"], loss_weights=[1.0]))
    assert 'under [recipes.dpo] in prefopt.toml, set loss = ["sigmoid", "sft"] and leave loss_weights out' in raised.value.hint
    assert dpo.recipe.train(job, dpo.DpoConfig(**SMALL, loss=["sigmoid", "sft"])).steps == 1


def test_a_loss_without_gradient_is_an_error(tmp_path: Path, make_job: MakeJob, parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gradients_become(monkeypatch, lambda gradient: gradient * 0)
    job = make_job(tmp_path / "job", data_for("kto"), parent)
    with pytest.raises(TrainingError, match="the gradient was 0 in all of them") as raised:
        kto.recipe.train(job, kto.KtoConfig(**SMALL))
    assert "leave sft_weight out" in raised.value.hint
    assert not (job.folder / "adapter").exists()


def gradients_become(monkeypatch: pytest.MonkeyPatch, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Every gradient of an adapter that is opened from now on is changed before the trainer sees it."""
    opened = training.open_adapter

    def open_adapter(job: Any) -> Any:
        found = opened(job)
        for parameter in found.model.parameters():
            if parameter.requires_grad:
                parameter.register_hook(change)
        return found

    monkeypatch.setattr(training, "open_adapter", open_adapter)


def one_infinite(gradient: torch.Tensor) -> torch.Tensor:
    changed = gradient.clone()
    changed[0, 0] = torch.inf
    return changed


def each_large(gradient: torch.Tensor) -> torch.Tensor:
    """Finite numbers, whose squares are not."""
    return torch.full_like(gradient, 1e30)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("change", "norm"), [(one_infinite, "inf"), (each_large, "inf"), (lambda g: g * torch.nan, "nan")])
def test_a_gradient_is_judged_before_it_is_clipped(
    engine: str, change: Any, norm: str, tmp_path: Path, make_job: MakeJob, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clipping multiplies by limit / norm, so that an infinite norm gives gradients of 0, which are finite."""
    gradients_become(monkeypatch, change)
    job = make_job(tmp_path / "job", data_for("dpo"), parent)
    with pytest.raises(TrainingError, match=f"step 1 of 1: the gradient's norm is {norm}; nothing was learned before it"):
        dpo.recipe.train(job, dpo.DpoConfig(**SMALL, engine=engine))
    assert not (job.folder / "adapter").exists()


def test_a_trainer_that_does_not_show_its_gradient_is_refused(
    tmp_path: Path, make_job: MakeJob, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(training.LocalRun, "_get_grad_norm")
    with pytest.raises(TrainingError, match="not judged before it was clipped"):
        dpo.recipe.train(make_job(tmp_path / "job", data_for("dpo"), parent), dpo.DpoConfig(**SMALL))


OWN_RECIPE = """
import shutil
from pydantic import BaseModel
from safetensors.torch import load_file, save_file
from prefopt.model.adapters import fresh_adapter, save_adapter, AdapterCard
from prefopt.model.load import load_base
from prefopt.protocols import TrainedAdapter

class Mine:
    name, needs = "mine", "{needs}"
    class Config(BaseModel):
        add: float = 0.0

    def extra_inputs(self, config):
        return frozenset()

    def train(self, job, config):
        path = job.folder / "adapter"
        if job.parent is None:
            base = load_base(job.model)
            card = dict(parent=None, base=base.fingerprint, recipe="mine", round=0, seed=1, rank=4, alpha=8, experts=True)
            save_adapter(fresh_adapter(base, job.adapter, 1), path, AdapterCard(**card))
        else:
            shutil.copytree(job.parent, path)
        weights = {{name: value + config.add for name, value in load_file(path / "adapter_model.safetensors").items()}}
        save_file(dict(reversed(weights.items())), path / "adapter_model.safetensors", metadata={{"format": "pt", "by": "another"}})
        (job.folder / "metrics.jsonl").write_text("")
        return TrainedAdapter(path, 3, len(job.data), {{"loss": float("nan")}})

recipe = Mine()
"""


def own_round(folder: Path, base: Path, number: int, add: str, parent: Path) -> Any:
    """A round of a recipe that adds a number to every weight of its parent, or of a fresh adapter, and writes them in another order."""
    project = write_project(folder, base, f'[round]\nsft = "mine.py"\n[recipes.mine]\nadd = {add}\n')
    (project / "mine.py").write_text(OWN_RECIPE.format(needs="pairs" if number else "examples"))
    if number == 0:
        return put_round(project, 0, "mine.py")
    put_round(project, 0, "sft", adapter=parent)
    return put_round(project, 1, "mine.py", rows=[pair(0)])


@pytest.mark.parametrize(("number", "why"), [(0, "every matrix B of the adapter is 0"), (1, "every weight of the adapter is the parent's")])
def test_a_recipe_of_another_kind_that_learned_nothing_is_an_error(
    number: int, why: str, tmp_path: Path, base_path: Path, parent: Path
) -> None:
    with pytest.raises(TrainingError, match=f"recipe 'mine' has learned nothing: {why}"):
        run_stage(own_round(tmp_path / "a", base_path, number, "0.0", parent), "train")
    outcome = run_stage(own_round(tmp_path / "b", base_path, number, "0.5", parent), "train").outcome
    assert (outcome.planned, outcome.metrics) == (None, {"loss": None})
    assert "3 updates, loss ?. Fewer than 10 updates change an adapter little" in outcome.line()


def test_numbers_that_are_not_finite_are_refused_whatever_saved_them(tmp_path: Path, base_path: Path, parent: Path) -> None:
    rnd = own_round(tmp_path / "a", base_path, 1, "1e39", parent)  # in float32 an infinity
    with pytest.raises(TrainingError, match="recipe 'mine' saved values that are not finite: base_model"):
        run_stage(rnd, "train")


def test_a_pilot_round_with_the_defaults_trains_another_adapter(tmp_path: Path, base_path: Path, parent: Path) -> None:
    """Eleven pairs and the labeled problems, in two passes, are six updates of the default size."""
    project = write_project(tmp_path / "a", base_path)
    first = put_round(project, 0, "sft", adapter=parent)
    rnd = put_round(project, 1, "dpo", rows=[pair(i) for i in range(11)])
    outcome = run_stage(rnd, "train").outcome
    assert outcome.line().startswith("dpo: 38 examples, 6 of 6 updates, loss ")
    assert "Fewer than 10 updates change an adapter little" in outcome.line()
    old, new = (load_file(r.stage("train") / ADAPTER.file / "adapter_model.safetensors") for r in (first, rnd))
    assert any(not torch.equal(value, old[name]) for name, value in new.items())


def test_a_zero_weight_of_a_preference_is_refused_where_the_file_says_it(tmp_path: Path, base_path: Path, parent: Path) -> None:
    from prefopt.errors import ConfigError

    project = write_project(tmp_path / "a", base_path, "[recipes.dpo]\nloss_weights = [0.0, 0.0]\n")
    put_round(project, 0, "sft", adapter=parent)
    rnd = put_round(project, 1, "dpo", rows=[pair(0)])
    with pytest.raises(ConfigError, match="prefer nothing; set one above 0"):
        run_stage(rnd, "train")
