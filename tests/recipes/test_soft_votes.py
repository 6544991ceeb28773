"""The likelihood of split votes: by hand, in dpo and orpo by a plain computation, unanimous votes as wins, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from prefopt.records import Pair
from recipes.losses import LossParameters, Pairs, sigmoid, soft_sigmoid
from tests.recipes.recipe_cases import SMALL, MakeJob, pair
from tests.recipes.test_recipe_losses import lines_of, rendered, sum_log_probs


def given(leads: list[float], votes: list[float]) -> Pairs:
    lead, zero = torch.tensor(leads, requires_grad=True), torch.zeros(len(leads))
    return Pairs(lead, zero, zero + 1, zero + 1, zero, zero.bool(), torch.tensor(votes))


def test_soft_votes_by_hand() -> None:
    # d = log 2 is P = 2/3: two votes of three for it cost -(2/3 log 2/3 + 1/3 log 1/3), one of two -(log 2/3 + log 1/3) / 2
    found = soft_sigmoid(given([math.log(2)] * 3, [2 / 3, 0.5, 1.0]), LossParameters(beta=1.0))
    expected = [-(2 * math.log(2 / 3) + math.log(1 / 3)) / 3, -(math.log(2 / 3) + math.log(1 / 3)) / 2, -math.log(2 / 3)]
    assert found.tolist() == pytest.approx(expected)


def test_soft_votes_rest_where_the_probability_is_the_share_of_the_votes_and_a_win_rests_nowhere() -> None:
    shares = [0.5, 2 / 3, 0.8]
    pairs = given([math.log(p / (1 - p)) if p > 0.5 else 0.0 for p in shares], shares)
    (slope,) = torch.autograd.grad(soft_sigmoid(pairs, LossParameters(beta=1.0)).sum(), pairs.chosen)
    assert slope.abs().max() < 1e-6
    far = given([0.0, 5.0, 15.0], [1.0, 1.0, 1.0])
    (slope,) = torch.autograd.grad(sigmoid(far, LossParameters(beta=1.0)).sum(), far.chosen)
    assert bool((slope < 0).all())


def test_unanimous_soft_votes_are_the_sigmoid_loss_and_votes_are_required() -> None:
    pairs = given([-40.0, -1.0, 0.0, 0.3, 60.0], [1.0] * 5)
    torch.testing.assert_close(soft_sigmoid(pairs, LossParameters(beta=0.7)), sigmoid(pairs, LossParameters(beta=0.7)))
    with pytest.raises(ValueError, match="needs the votes"):
        soft_sigmoid(Pairs(*[torch.zeros(1)] * 5, torch.tensor([False])), LossParameters(beta=1.0))


def voted() -> list[Pair]:
    """Slate s0: three of four votes, and an even split; slate s1: all votes. The weights are those of net shares on one scale."""
    first, split, last = pair(0), pair(1), pair(2)
    return [
        first.model_copy(update={"slate_id": "s0", "share": 0.75, "weight": 0.5}),
        split.model_copy(update={"slate_id": "s0", "share": 0.5, "weight": 1.0, "tie": True, "split": True}),
        last.model_copy(update={"slate_id": "s1", "share": 1.0, "weight": 1.0}),
    ]


VOTES, SLATES, NET = [0.75, 0.5, 1.0], [0.75, 0.75, 1.5], [2 / 3, 0.0, 4 / 3]
"""Each slate weighs as much, with mean 1; and the net weights of the two pairs with a preferred answer, with mean 1."""


def binary(lead: float, share: float) -> float:
    return share * math.log1p(math.exp(-lead)) + (1 - share) * math.log1p(math.exp(lead))


@pytest.mark.parametrize("split_into", [{}, {"batch_size": 1, "gradient_accumulation_steps": 4}])
def test_dpo_with_soft_votes_by_hand(split_into: dict[str, int], tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    """The second update's loss, however an update is cut into forward passes."""
    from recipes.dpo import recipe

    options: dict[str, Any] = (
        SMALL | {"lr_scheduler_type": "constant", "beta": 0.1, "loss_weights": [1.0, 0.5], "votes": "soft"} | split_into
    )
    one = recipe.train(make_job(tmp_path / "one", voted(), parent), recipe.Config(**options))
    job = make_job(tmp_path / "two", voted(), parent)
    assert recipe.train(job, recipe.Config(**options | {"num_train_epochs": 2.0})).examples == 3
    rows = rendered(job, voted())
    sides = [[(row[0], row[k]) for row in rows] for k in (1, 2)]
    new, old = ([sum_log_probs(job, adapter, side) for side in sides] for adapter in (one.path, parent))
    leads = [0.1 * ((a - b) - (c - d)) for a, b, c, d in zip(new[0], old[0], new[1], old[1], strict=True)]
    likelihood = sum(v * x for v, x in zip(NET, new[0], strict=True)) / sum(len(rows[i][1]) for i in (0, 2))
    by_hand = sum(w * binary(d, p) for w, d, p in zip(SLATES, leads, VOTES, strict=True)) / 3 - 0.5 * likelihood
    assert lines_of(job.folder)[1]["loss"] == pytest.approx(by_hand, abs=1e-4)


def test_orpo_with_soft_votes_by_hand(tmp_path: Path, make_job: MakeJob, parent: Path) -> None:
    from recipes.orpo import recipe

    job = make_job(tmp_path / "orpo", voted(), parent)
    recipe.train(job, recipe.Config(**SMALL, votes="soft", beta=0.5))
    rows = rendered(job, voted())
    sides = [[(row[0], row[k]) for row in rows] for k in (1, 2)]
    sums = [sum_log_probs(job, parent, side) for side in sides]
    means = [[x / len(row[1]) for x, row in zip(own, side, strict=True)] for own, side in zip(sums, sides, strict=True)]
    odds = [[math.log(math.exp(x) / (1 - math.exp(x))) for x in own] for own in means]
    ratio = sum(w * binary(a - b, p) for w, a, b, p in zip(SLATES, *odds, VOTES, strict=True)) / 3
    likelihood = sum(v * x for v, x in zip(NET, sums[0], strict=True)) / sum(len(rows[i][1]) for i in (0, 2))
    assert lines_of(job.folder)[0]["loss"] == pytest.approx(0.5 * ratio - likelihood, abs=1e-4)


@pytest.mark.parametrize("name", ["dpo", "orpo"])
def test_where_all_vote_alike_soft_votes_and_net_shares_train_the_same_adapter(
    name: str, tmp_path: Path, make_job: MakeJob, parent: Path
) -> None:
    from importlib import import_module

    from safetensors.torch import load_file

    recipe = import_module(f"recipes.{name}").recipe
    slates = ["s0", "s0", "s1"]  # two pairs of one slate: both kinds of weights are 1/2, 1/2, 1
    pairs = [pair(i, weight=1 / slates.count(s)).model_copy(update={"slate_id": s, "share": 1.0}) for i, s in enumerate(slates)]
    soft, net = (
        load_file(recipe.train(make_job(tmp_path / v, pairs, parent), recipe.Config(**SMALL, votes=v)).path / "adapter_model.safetensors")
        for v in ("soft", "net")
    )
    before = load_file(parent / "adapter_model.safetensors")
    assert any(not torch.equal(soft[key], before[key]) for key in before)
    for key, value in net.items():
        torch.testing.assert_close(soft[key], value, atol=1e-5, rtol=1e-4)


def test_rows_of_earlier_versions_get_their_votes_from_the_net_share() -> None:
    assert [pair(0, weight=w).votes for w in (1.0, 1 / 3)] == pytest.approx([1.0, 2 / 3])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"engine": "trl"}, 'TRL has no votes of a pair.*set engine = "prompt_sharing", or votes = "net"'),
        ({"loss": ["hinge", "sft"]}, "hinge has no likelihood of split votes"),
        ({"loss": ["sigmoid", "davidson"]}, "davidson has no likelihood of split votes"),
        ({"margin": 0.5}, "margin and votes"),
    ],
)
def test_soft_votes_are_refused_where_they_mean_nothing(options: dict[str, Any], words: str) -> None:
    from recipes import dpo, orpo

    with pytest.raises(ValidationError, match=words):
        dpo.DpoConfig(votes="soft", **options)
    assert not dpo.DpoConfig(**options).soft, "by default, the net share is used there"
    assert dpo.DpoConfig().soft
    assert not dpo.DpoConfig(weighted=False).soft
    with pytest.raises(ValidationError, match="ORPO has no votes of a pair"):
        orpo.OrpoConfig(votes="soft", engine="trl")
