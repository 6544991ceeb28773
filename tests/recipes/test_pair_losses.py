"""Losses of pairs by hand: probabilities of wins, losses and ties that add up to 1, margins, weights."""

from __future__ import annotations

import math

import pytest
import torch

from recipes.losses import LossParameters, Pairs, davidson, odds_ratio, rao_kupper, sigmoid


def pairs(chosen: float, rejected: float, *, margin: float = 0.0, tie: bool = False) -> Pairs:
    one = torch.ones(1)
    return Pairs(chosen * one, rejected * one, one, one, margin * one, torch.tensor([tie]))


@pytest.mark.parametrize("share", [0.05, 1 / 3, 0.6])
@pytest.mark.parametrize("lead", [-3.0, 0.0, 1.7])
@pytest.mark.parametrize("loss", [rao_kupper, davidson])
def test_winning_losing_and_a_tie_have_probability_one_together(loss, lead, share):
    parameters = LossParameters(beta=0.5, tie_share=share)
    won, lost = (math.exp(-loss(pairs(a, b), parameters).item()) for a, b in ((lead, 0.0), (0.0, lead)))
    level = math.exp(-loss(pairs(lead, 0.0, tie=True), parameters).item())
    assert won + lost + level == pytest.approx(1, abs=1e-6)
    if lead == 0:
        assert level == pytest.approx(share, abs=1e-6)


def test_rao_kupper_by_hand():
    # Strengths 3 and 1, theta = 2: 3 / (3 + 2) wins, 1 / (1 + 6) loses, 3 * (4 - 1) / ((3 + 2) * (6 + 1)) ties. theta = 2 is share 1/3.
    lead, parameters = math.log(3), LossParameters(beta=1.0, tie_share=1 / 3)
    assert rao_kupper(pairs(lead, 0.0), parameters).item() == pytest.approx(-math.log(3 / 5), abs=1e-6)
    assert rao_kupper(pairs(0.0, lead), parameters).item() == pytest.approx(-math.log(1 / 7), abs=1e-6)
    assert rao_kupper(pairs(lead, 0.0, tie=True), parameters).item() == pytest.approx(-math.log(9 / 35), abs=1e-6)


def test_davidson_by_hand():
    # Strengths 4 and 1, nu = 1: the denominator is 4 + 1 + sqrt(4) = 7. nu = 1 is share 1/3.
    lead, parameters = math.log(4), LossParameters(beta=1.0, tie_share=1 / 3)
    assert davidson(pairs(lead, 0.0), parameters).item() == pytest.approx(-math.log(4 / 7), abs=1e-6)
    assert davidson(pairs(0.0, lead), parameters).item() == pytest.approx(-math.log(1 / 7), abs=1e-6)
    assert davidson(pairs(0.0, lead, tie=True), parameters).item() == pytest.approx(-math.log(2 / 7), abs=1e-6)


@pytest.mark.parametrize("loss", [rao_kupper, davidson])
def test_a_tie_pulls_the_rewards_together_and_a_win_apart(loss):
    for tie, lead, direction in ((True, 2.0, 1), (True, -2.0, -1), (False, 2.0, -1)):
        chosen = torch.tensor([lead], requires_grad=True)
        given = Pairs(chosen, torch.zeros(1), torch.ones(1), torch.ones(1), torch.zeros(1), torch.tensor([tie]))
        loss(given, LossParameters(beta=1.0)).sum().backward()
        assert chosen.grad is not None
        assert math.copysign(1, chosen.grad.item()) == direction


def test_a_margin_moves_the_point_where_the_slope_is_one_half():
    # d loss / d lead = -sigmoid(margin - lead): one half where the lead has reached the margin; a tie has no margin
    chosen = torch.tensor([3.0], requires_grad=True)
    given = Pairs(chosen, torch.zeros(1), torch.ones(1), torch.ones(1), torch.tensor([1.5]), torch.tensor([False]))
    sigmoid(given, LossParameters(beta=0.5)).sum().backward()
    assert chosen.grad is not None
    assert chosen.grad.item() == pytest.approx(-0.5 * 0.5)
    assert rao_kupper(pairs(1, 0, margin=9.0, tie=True), LossParameters(1.0)) == rao_kupper(pairs(1, 0, tie=True), LossParameters(1.0))


def test_odds_ratio_by_hand_and_at_its_ends():
    # P 0.8 against 0.5: odds 4 against 1
    assert odds_ratio(torch.tensor([0.8]).log(), torch.tensor([0.5]).log()).item() == pytest.approx(math.log(4), abs=1e-6)
    ends = torch.tensor([-1e-9, -60.0], requires_grad=True)
    odds_ratio(ends, ends.detach().flip(0)).sum().backward()
    assert bool(torch.isfinite(ends.grad).all())
