"""Rehearsal, and the SFT stage's adapter as reference: losses by hand, checks, and the inputs that the train stage records."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from prefopt.errors import DataError, TrainingError
from prefopt.io.stage_folders import read_manifest
from prefopt.project.project import open_project
from prefopt.rounds.artifacts import DROPPED, PREFERENCES
from prefopt.rounds.machine import run_stage
from recipes import dpo, kto, orpo
from recipes.rehearsal import draw_rehearsal
from tests.recipes.recipe_cases import SMALL, MakeJob, answer, judged, pair, problem, put_round, write_project
from tests.stages import finish_stage

RECIPES = {"dpo": dpo.recipe, "orpo": orpo.recipe, "kto": kto.recipe}


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def data_for(name: str, start: int = 0) -> list[Any]:
    return (
        [judged(i, desirable=i % 2 == 0) for i in range(start, start + 4)] if name == "kto" else [pair(i) for i in range(start, start + 4)]
    )


def log_probs(job: Any, adapter: Path, problems: list[Any]) -> list[tuple[float, int]]:
    """(log-probability, tokens) of each problem's right answer, one plain forward a row."""
    import torch

    from prefopt.model.adapters import load_adapter
    from prefopt.model.harmony import Renderer
    from prefopt.model.load import load_base

    base = load_base(job.model)
    renderer, model = Renderer(base.tokenizer, job.prompt, job.answer, job.taxonomy), load_adapter(base, adapter, trainable=False)
    found = []
    for p in problems:
        right = answer(0, label=p.label, difficulty=p.difficulty)
        prompt, completion = renderer.prompt(p, with_reason=False), renderer.completion(right, with_reason=False)
        with torch.no_grad():
            logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1].double()
        found.append((logits.log_softmax(-1).gather(1, torch.tensor(completion)[:, None]).sum().item(), len(completion)))
    return found


@pytest.mark.parametrize("name", ["dpo", "kto"])
def test_rehearsed_examples_join_the_likelihood_term(name: str, tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    """Before the first update: ln 2 or 0.5 of the preferences, and the mean over all tokens of the likelihood term."""
    examples = [problem(i) for i in range(20, 26)]
    job = make_job(tmp_path / "job", data_for(name), parent, rehearsal=examples)
    recipe = RECIPES[name]
    options = {"batch_size": 20, "rehearse_examples": 0.5, "balance_labels": False} | ({"sft_weight": 0.0} if name == "kto" else {})
    result = recipe.train(job, recipe.Config(**SMALL | options))
    drawn = draw_rehearsal(job, recipe.Config(rehearse_examples=0.5)).examples
    assert len({p.id for p, _ in drawn}) == 3
    likely = log_probs(job, parent, [p for p, _ in drawn])
    if name == "dpo":
        likely += log_probs(job, parent, [problem(i).model_copy(update={"difficulty": 1}) for i in range(4)])
    by_hand = (0.1 * math.log(2) if name == "dpo" else 0.5) - sum(p for p, _ in likely) / sum(n for _, n in likely)
    (line,) = lines_of(job.folder)
    assert line["loss"] == pytest.approx(by_hand, abs=1e-5)
    assert line["rehearsal/nll"] == pytest.approx(-sum(p for p, _ in likely[:3]) / sum(n for _, n in likely[:3]), abs=1e-5)
    assert (result.examples, result.metrics["rehearsed/examples"]) == (7, 3.0)


def test_a_rehearsed_example_has_no_part_in_the_preferences(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    """The same first rewards and logged pair metrics with and without; an update of examples alone is possible."""
    seen = []
    for share in (0.0, 1.0):
        job = make_job(tmp_path / f"{share}", data_for("orpo"), parent, rehearsal=[problem(i) for i in range(20, 25)])
        options = SMALL | {"rehearse_examples": share, "batch_size": 20, "lr_scheduler_type": "constant"}
        orpo.recipe.train(job, orpo.recipe.Config(**options))
        seen.append(lines_of(job.folder)[0])
    for key in ("log_odds_ratio", "log_odds_chosen", "rewards/margins", "nll_loss", "entropy"):
        assert seen[0][key] == pytest.approx(seen[1][key], abs=1e-6)
    assert "rehearsal/nll" not in seen[0]
    job = make_job(tmp_path / "alone", data_for("dpo")[:1], parent, rehearsal=[problem(i) for i in range(20, 25)])
    result = dpo.recipe.train(job, dpo.recipe.Config(**SMALL | {"rehearse_examples": 1.0, "batch_size": 1}))
    assert result.steps == len(lines_of(job.folder)) == 6
    assert sum("rewards/chosen" in line for line in lines_of(job.folder)) == 1
    assert all(math.isfinite(line["loss"]) for line in lines_of(job.folder))


def test_what_cannot_be_rehearsed_is_refused(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    with pytest.raises(TrainingError, match="the job has no labeled problems"):
        dpo.recipe.train(make_job(tmp_path / "a", data_for("dpo"), parent), dpo.recipe.Config(rehearse_examples=0.1))
    with pytest.raises(TrainingError, match="rehearse_preferences is set"):
        kto.recipe.train(make_job(tmp_path / "b", data_for("kto"), parent, round=2), kto.recipe.Config(rehearse_preferences=0.1))
    assert not draw_rehearsal(make_job(tmp_path / "c", data_for("kto"), parent, round=2), kto.recipe.Config()).preferences
    with pytest.raises(ValueError, match="loses what earlier rounds taught"):
        kto.recipe.Config(rehearse_preferences=0)
    for name, option in (("dpo", {"rehearse_examples": 0.1}), ("kto", {"reference": "sft"}), ("orpo", {"rehearse_examples": 0.1})):
        with pytest.raises(ValueError, match="TRL"):
            RECIPES[name].Config(engine="trl", **option)


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory, make_job: MakeJob, parent: Path) -> Path:
    """An adapter that moved away from its parent, as that of round 1."""
    job = make_job(tmp_path_factory.mktemp("child"), [pair(i) for i in range(4)], parent)
    return dpo.recipe.train(job, dpo.recipe.Config(**SMALL | {"num_train_epochs": 3.0, "lr_scheduler_type": "constant"})).path


@pytest.mark.parametrize(("name", "batch"), [("dpo", 4), ("kto", 2)])
def test_rewards_against_the_sft_stage(
    name: str, batch: int, tmp_path: Path, make_job: MakeJob, parent: Path, child: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first rewards are beta times (child - parent), which is not 0; a policy that does not begin as the child is noticed."""
    recipe, given = RECIPES[name], data_for(name)
    options = SMALL | {"start": "parent", "reference": "sft", "beta": 0.1, "batch_size": batch, "gradient_accumulation_steps": 4 // batch}
    job = make_job(tmp_path / "job", given, child, sft=parent)
    recipe.train(job, recipe.Config(**options))
    line = lines_of(job.folder)[0]
    right = [problem(i).model_copy(update={"difficulty": 1}) for i in (range(4) if name == "dpo" else (0, 2))]
    now, then = log_probs(job, child, right), log_probs(job, parent, right)
    by_hand = 0.1 * sum(a - b for (a, _), (b, _) in zip(now, then, strict=True)) / len(right)
    assert abs(by_hand) > 0.01
    assert line["rewards/chosen"] == pytest.approx(by_hand, abs=1e-4)
    from recipes import reference

    real = reference.log_probs_of

    def moved(*arguments: Any) -> Any:
        return [[value + 0.5 for value in values] for values in real(*arguments)]

    monkeypatch.setattr(reference, "log_probs_of", moved)
    with pytest.raises(TrainingError, match="before the first update the rewards are not 0"):
        recipe.train(make_job(tmp_path / "wrong", given, child, sft=parent), recipe.Config(**options))


def test_in_the_first_round_both_references_give_the_same_bits(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    saved = []
    for name in ("parent", "sft"):
        job = make_job(tmp_path / name, data_for("dpo"), parent, sft=parent)
        saved.append(
            (
                dpo.recipe.train(job, dpo.recipe.Config(**SMALL | {"start": "parent", "reference": name})).path
                / "adapter_model.safetensors"
            ).read_bytes()
        )
    assert saved[0] == saved[1]
    with pytest.raises(TrainingError, match="no adapter of an SFT stage"):
        dpo.recipe.train(
            make_job(tmp_path / "none", data_for("dpo"), parent, sft=None),
            dpo.recipe.Config(**SMALL | {"start": "parent", "reference": "sft"}),
        )


def test_the_train_stage_passes_and_records_its_extra_inputs(tmp_path: Path, base_path: Path, parent: Path, child: Path) -> None:
    """Round 2, after a round 1 and a branch of it that shares its preferences: each file once, by hash, and none of the hold-out."""
    options = (
        'start = "parent"\nbatch_size = 4\nlearning_rate = 5e-3\nreference = "sft"\nrehearse_examples = 0.5\nrehearse_preferences = 0.5\n'
    )
    shares = "reason_share = 0\nexplain_share = 0\n"
    write_project(tmp_path / "a", base_path, f"[recipes.dpo]\n{options}[recipes.sft]\n{shares}")
    put_round(tmp_path / "a", 0, "sft", adapter=parent)
    put_round(tmp_path / "a", 1, "dpo", adapter=child, rows=[*data_for("dpo", 4), *data_for("kto", 4)])
    branched = put_round(tmp_path / "a", 2, "dpo")
    put_round(tmp_path / "a", 3, "dpo", parent=1, rows=data_for("dpo", 12))
    branched.stage("pair").symlink_to(Path("..") / "001" / "pair", target_is_directory=True)
    project = open_project(tmp_path / "a")
    outcome = run_stage(project.round(3), "train").outcome
    examples = round(len(project.round(3).load().train) / 2)
    assert outcome.examples == 4 + 2 + examples
    assert (outcome.metrics["rehearsed/examples"], outcome.metrics["rehearsed/preferences"]) == (examples, 2)
    inputs = read_manifest(project.round(3).stage("train")).inputs
    files = ["000/train/adapter", "001/pair/preferences.jsonl", "001/train/adapter", "003/pair/preferences.jsonl"]
    assert sorted(inputs) == [*files, "gold", "held out", "taxonomy"]
    assert inputs["000/train/adapter"].sha256 != inputs["001/train/adapter"].sha256
    held = project.round(3).load().holdout
    shutil.rmtree(project.round(1).stage("pair"))
    finish_stage(project.round(1), {PREFERENCES: [pair(int(held[0].id.removeprefix("p")))], DROPPED: []})
    with pytest.raises(DataError, match=r"of the preferences of earlier rounds \(slate s\d+\) is of one group with .* of the hold-out"):
        run_stage(project.round(3), "train", replace=True)
