"""The recipe consensus: its loss against an independent computation, where it starts, and the SFT stage's schedule."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from prefopt.errors import TrainingError
from prefopt.records import SlateVotes, Vote
from tests.recipes.recipe_cases import SMALL, MakeJob, answer, problem
from tests.recipes.test_recipe_losses import lines_of, sum_log_probs


def slate(i: int, shares: tuple[float, ...] = (1.0, 0.0, 0.0), ranks: tuple[tuple[int, ...], ...] = ((1, 2, 3),)) -> SlateVotes:
    answers = tuple(answer(i + k) for k in range(len(shares)))
    return SlateVotes(problem=problem(i), slate_id=f"s{i}", answers=answers, shares=shares, votes=tuple(Vote(ranks=r) for r in ranks))


def own(**options: Any) -> Any:
    from recipes.consensus import ConsensusConfig

    return ConsensusConfig(**SMALL | {"batch_size": 16, "start": "parent", "balance_labels": False} | options)


@pytest.mark.parametrize("odds", [0.0, 0.5])
def test_loss_is_the_likelihood_by_shares_and_the_odds_of_the_votes(tmp_path: Path, make_job: MakeJob, parent: Path, odds: float) -> None:
    from prefopt.model.harmony import Renderer
    from prefopt.model.load import load_base
    from recipes.consensus import recipe

    slates = [
        slate(0, (0.5, 0.25, 0.25), ((1, 2, 3), (1, 1, 2))),
        slate(1, (2 / 3, 1 / 3), ((1, 2), (2, 1), (1, 2))),
        slate(2, (0.0, 1.0, 0.0, 0.0), ((2, 1, 2, 0),)),
    ]
    examples = [problem(7), problem(8, reason=None)]
    job = make_job(tmp_path / "run", slates, parent, rehearsal=examples, sft_options={})
    result = recipe.train(job, own(odds_ratio=odds))
    renderer = Renderer(load_base(job.model).tokenizer, job.prompt, job.answer, job.taxonomy)
    rows, weights, places = [], [], []
    for found in slates:
        places.append(len(rows))
        prompt = renderer.prompt(found.problem, with_reason=False)
        rows += [(prompt, renderer.completion(a, with_reason=False)) for a in found.answers]
        weights += found.shares
    for p, hows in ((examples[0], ("answer", "reason", "explain")), (examples[1], ("answer",))):
        from recipes.tokenization import example_row

        made = [example_row(p, how, renderer) for how in hows]
        rows += [(row["prompt_ids"], row["completion_ids"]) for row in made]
        weights += [1.0] * len(made)
    sums = sum_log_probs(job, parent, rows)
    tokens = sum(w * len(completion) for w, (_, completion) in zip(weights, rows, strict=True))
    by_hand = -sum(w * s for w, s in zip(weights, sums, strict=True)) / tokens
    means = [s / len(completion) for s, (_, completion) in zip(sums, rows, strict=True)]
    log_odds = [m - math.log1p(-math.exp(m)) for m in means]

    def missed(slate_number: int, first: int, second: int, share: float) -> float:
        d = log_odds[places[slate_number] + first] - log_odds[places[slate_number] + second]
        return share * math.log1p(math.exp(-d)) + (1 - share) * math.log1p(math.exp(d))

    # votes (1, 2, 3) and (1, 1, 2): 0 before 1 in one and level in the other, before 2 in both; 1 before 2 in both
    contests = [
        (missed(0, 0, 1, 0.75) + missed(0, 0, 2, 1.0) + missed(0, 1, 2, 1.0)) / 3,
        missed(1, 0, 1, 2 / 3),
        (missed(2, 0, 1, 0.0) + missed(2, 0, 2, 0.5) + missed(2, 1, 2, 1.0)) / 3,  # the last answer was not compared
    ]
    line = lines_of(job.folder)[0]
    assert line["loss"] == pytest.approx(by_hand + odds * sum(contests) / 3, abs=2e-5)
    assert result.examples == 7
    assert result.steps == 1
    assert result.metrics["consensus/slates"] == 3
    assert result.metrics["rehearsed/examples"] == 2


def test_one_row_a_slate_gives_the_gradient_however_it_is_cut(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from safetensors.torch import load_file

    from recipes.consensus import recipe

    slates = [slate(i, (0.6, 0.4, 0.0)[: 2 + i % 2], ((1, 2, 3)[: 2 + i % 2],)) for i in range(6)]
    whole = recipe.train(make_job(tmp_path / "whole", slates, parent, rehearsal=[problem(9)]), own(batch_size=9, odds_ratio=0.1))
    cut = recipe.train(
        make_job(tmp_path / "cut", slates, parent, rehearsal=[problem(9)]),
        own(batch_size=3, gradient_accumulation_steps=3, odds_ratio=0.1),
    )
    first, second = (load_file(found.path / "adapter_model.safetensors") for found in (whole, cut))
    assert whole.steps == cut.steps
    for name, weight in first.items():
        assert (weight - second[name]).abs().max() < 1e-4, name


def test_majority_leaves_out_slates_without_one(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:

    slates = [slate(i, shares, ((1, 2),)) for i, shares in enumerate([(0.5, 0.5), (0.6, 0.4), (0.4, 0.2)])]
    job = make_job(tmp_path / "a", slates, parent, rehearsal=[problem(9)])
    from recipes.consensus import consensus_data

    kept, _ = consensus_data(job, own(votes="majority"))
    assert [(s.slate_id, s.shares) for s in kept] == [("s1", (1.0, 0.0))]
    with pytest.raises(TrainingError, match="on none of the 1 slates") as raised:
        consensus_data(make_job(tmp_path / "b", slates[:1], parent, rehearsal=[problem(9)]), own(votes="majority"))
    assert 'votes = "soft"' in raised.value.hint
    kept, _ = consensus_data(make_job(tmp_path / "c", slates[:1], parent, rehearsal=[problem(9)]), own(votes="soft"))
    assert len(kept) == 1


def test_zeros_are_the_sft_stages_rate_and_passes(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from recipes.consensus import ConsensusConfig, recipe
    from recipes.sft_schedule import follow_sft

    plain = ConsensusConfig()
    job = make_job(tmp_path / "a", [slate(0)], parent, rehearsal=[problem(9)])
    assert follow_sft(plain, job).learning_rate == 2e-4
    assert follow_sft(plain, job).num_train_epochs == 2
    job = make_job(tmp_path / "a", [slate(0)], parent, rehearsal=[problem(9)], sft_options={"learning_rate": 3e-3, "num_train_epochs": 6})
    assert follow_sft(plain, job).learning_rate == 3e-3
    assert follow_sft(plain, job).num_train_epochs == 6
    assert recipe.planned(job, plain) == 6
    assert follow_sft(ConsensusConfig(learning_rate=1e-3), job).learning_rate == 1e-3
    with pytest.raises(ValueError, match="at least 1e-8"):
        ConsensusConfig(learning_rate=1e-9)
    with pytest.raises(ValueError, match="at least 1"):
        ConsensusConfig(num_train_epochs=0.5)


@pytest.mark.parametrize("name", ["dpo", "orpo", "kto", "consensus"])
def test_start_is_the_sft_adapter(tmp_path: Path, make_job: MakeJob, parent: Path, name: str) -> None:
    """From the SFT adapter, with the round's parent given too, training gives what it gives with the SFT adapter as parent."""
    import importlib

    from safetensors.torch import load_file

    from recipes.sft import recipe as sft
    from tests.recipes.recipe_cases import judged, pair

    recipe = importlib.import_module(f"recipes.{name}").recipe
    kinds = {
        "pairs": [pair(i) for i in range(4)],
        "judged": [judged(i, desirable=i % 2 == 0) for i in range(4)],
        "slates": [slate(i) for i in range(4)],
    }
    rows = kinds[recipe.needs]
    other = sft.train(make_job(tmp_path / "other", [problem(i) for i in range(4)], parent), sft.Config(**SMALL)).path
    options = SMALL | {"rehearse_examples": 0.0}
    one = recipe.train(make_job(tmp_path / "one", rows, parent), recipe.Config(**options | {"start": "parent"}))
    config = recipe.Config(**options | {"start": "sft"})
    assert "sft_adapter" in recipe.extra_inputs(config)
    two = recipe.train(make_job(tmp_path / "two", rows, other, sft=parent), config)
    first, second = (load_file(found.path / "adapter_model.safetensors") for found in (one, two))
    assert all((first[key] == second[key]).all() for key in first)
    assert json.loads((one.path / "prefopt.json").read_text())["parent"] == json.loads((two.path / "prefopt.json").read_text())["parent"]
    with pytest.raises(TrainingError, match="start is sft, and the job has no adapter"):
        recipe.train(make_job(tmp_path / "three", rows, parent, sft=None), config)
