"""Gain of ties, weights and soft votes, by simulation of teachers with known judgments, through the losses that dpo uses.

    python benchmarks/ties.py [--draws 2000] [--json]

Each draw has 12 answers with true strengths from a unit normal, and 24 of their 66 pairs are judged by three teachers, who win, lose or
tie by the model of Davidson (1970). A pair's votes become one preference as in prefopt/rankings/consensus.py: the net share is its
weight, a pair that all tie is a tie, an even split is dropped. Strengths are then fitted to the preferences by gradient descent on a loss
of recipes/losses.py with a normal prior (precision 1), and compared with the true order by Kendall's tau (tau-a: a pair of answers in the
right order counts 1, in the wrong one -1). Intervals are bootstrap over draws, of the difference to plain sigmoid without ties and weights
on the same judgments.

The second table compares the two uses of votes: the net share as the weight of a win, and the likelihood of the votes (soft_sigmoid, with
even splits and ties as 1/2, or without them), with three and five teachers and a prior of precision 1 and of 0.1. DPO has little prior: its
beta sets how far an update may go, and nothing pulls a fitted difference back. Differences are to the net share; the slope of the true
differences on the fitted ones is 1 where those are neither too large nor too small; log loss is that of the true probability of a win
without ties.
"""

from __future__ import annotations

import argparse
import json
from itertools import combinations

import numpy as np
import torch

from recipes.losses import LossParameters, Pairs, davidson, rao_kupper, sigmoid, soft_sigmoid

ANSWERS, JUDGED = 12, 24
METHODS = {  # loss, level pairs, weights
    "sigmoid, ties dropped": (sigmoid, False, False),
    "sigmoid, ties dropped, weights": (sigmoid, False, True),
    "sigmoid, ties as wins of either": (sigmoid, True, False),
    "Davidson, ties": (davidson, True, False),
    "Davidson, ties and weights": (davidson, True, True),
    "Rao-Kupper, ties and weights": (rao_kupper, True, True),
}
BASELINE = "sigmoid, ties dropped"
NET = "sigmoid, ties dropped, weights"
VOTES = {
    NET: METHODS[NET],
    "soft votes": (soft_sigmoid, True, False),
    "soft votes, level pairs dropped": (soft_sigmoid, False, False),
}
SHARES = (0.1, 1 / 3, 0.6)
"""How often two equally good answers are judged level."""


def judge(draws: int, share: float, seed: int, teachers: int = 3) -> dict[str, torch.Tensor]:
    """True strengths [D, N]; judged pairs first, second [D, J]; net share of votes in [-1, 1] and whether all tie them [D, J]."""
    rng = np.random.default_rng(seed)
    pairs = np.array(list(combinations(range(ANSWERS), 2)))
    strengths = rng.normal(size=(draws, ANSWERS))
    chosen = np.argsort(rng.random((draws, len(pairs))), axis=1)[:, :JUDGED]
    first, second = pairs[chosen, 0], pairs[chosen, 1]
    lead = np.take_along_axis(strengths, first, 1) - np.take_along_axis(strengths, second, 1)
    odds = np.stack([np.ones_like(lead), np.exp(-lead), 2 * share / (1 - share) * np.exp(-lead / 2)])
    win, lose, _ = odds / odds.sum(axis=0)
    drawn = rng.random((teachers, draws, JUDGED))
    votes = np.where(drawn < win, 1, np.where(drawn < win + lose, -1, 0))
    arrays = {"strengths": strengths, "first": first, "second": second, "net": votes.mean(axis=0), "tie": (votes == 0).all(axis=0)}
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


def fit(judged: dict[str, torch.Tensor], method: str, share: float, prior: float = 1.0) -> torch.Tensor:
    """Strengths [D, N] fitted to the preferences."""
    loss, ties, weighted = (METHODS | VOTES)[method]
    net, tie = judged["net"], judged["tie"]
    level = (net == 0) if loss is soft_sigmoid else tie  # an even split is half a win of either, and no tie
    used = (net != 0) | (level & ties)
    weight = torch.where(tie, 1.0, net.abs()) * used if weighted else used.double()
    weight = weight / weight.sum(1, keepdim=True).clamp(min=1e-9) * used.sum(1, keepdim=True)  # mean 1, as in training
    ahead = torch.where(net >= 0, judged["first"], judged["second"])
    behind = torch.where(net >= 0, judged["second"], judged["first"])
    fitted = torch.zeros_like(judged["strengths"], requires_grad=True)
    one, none = torch.ones_like(net), torch.zeros_like(net)
    optimizer = torch.optim.Adam([fitted], lr=0.1)
    for _ in range(200 if prior == 1 else 400):
        optimizer.zero_grad()
        given = Pairs(fitted.gather(1, ahead), fitted.gather(1, behind), one, one, none, tie, (1 + net.abs()) / 2)
        terms = loss(given, LossParameters(1.0, tie_share=share))
        ((weight * terms).sum() + prior * fitted.square().sum() / 2).backward()
        optimizer.step()
    return fitted.detach()


def tau(fitted: torch.Tensor, true: torch.Tensor) -> np.ndarray:
    """Kendall's tau-a of each draw [D]."""
    i, j = torch.triu_indices(ANSWERS, ANSWERS, 1)
    return (torch.sign(fitted[:, i] - fitted[:, j]) * torch.sign(true[:, i] - true[:, j])).mean(1).numpy()


def scale(fitted: torch.Tensor, true: torch.Tensor) -> tuple[float, float]:
    """Slope of the true differences of all pairs on the fitted ones, and mean log loss of the fitted probabilities."""
    i, j = torch.triu_indices(ANSWERS, ANSWERS, 1)
    guess, lead = fitted[:, i] - fitted[:, j], true[:, i] - true[:, j]
    loss = torch.nn.functional.binary_cross_entropy_with_logits(guess, lead.sigmoid())
    return float((guess * lead).sum() / guess.square().sum()), float(loss)


def interval(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    means = values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def simulate(draws: int, share: float) -> dict[str, dict[str, float]]:
    """Mean tau of each method, and its difference to the baseline with an interval."""
    judged = judge(draws, share, seed=7)
    taus = {method: tau(fit(judged, method, share), judged["strengths"]) for method in METHODS}
    result = {}
    for method, values in taus.items():
        gain = values - taus[BASELINE]
        low, high = interval(gain, np.random.default_rng(0))
        result[method] = {"tau": float(values.mean()), "gain": float(gain.mean()), "low": low, "high": high}
    return result


def compare_votes(draws: int, share: float, teachers: int, prior: float) -> dict[str, dict[str, float]]:
    """Mean tau of each use of the votes, its difference to the net share with an interval, slope and log loss."""
    judged = judge(draws, share, seed=7, teachers=teachers)
    fitted = {method: fit(judged, method, share, prior) for method in VOTES}
    taus = {method: tau(values, judged["strengths"]) for method, values in fitted.items()}
    result = {}
    for method, values in taus.items():
        gain = values - taus[NET]
        low, high = interval(gain, np.random.default_rng(0))
        slope, loss = scale(fitted[method], judged["strengths"])
        result[method] = {
            "tau": float(values.mean()),
            "gain": float(gain.mean()),
            "low": low,
            "high": high,
            "slope": slope,
            "log_loss": loss,
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    results = {share: simulate(given.draws, share) for share in SHARES}
    cases = [(prior, teachers, share) for prior in (0.1, 1.0) for teachers in (3, 5) for share in SHARES]
    votes = {case: compare_votes(given.draws, case[2], case[1], case[0]) for case in cases}
    if given.json:
        named = {
            f"prior {prior:g}, {teachers} teachers, level {share:.2f}": votes[prior, teachers, share] for prior, teachers, share in cases
        }
        print(json.dumps({"ties": {f"{share:.2f}": methods for share, methods in results.items()}, "votes": named}))
        return
    for share, methods in results.items():
        print(f"equally good answers are judged level with probability {share:.2f}")
        for method, values in methods.items():
            print(f"  {method:32} tau {values['tau']:.3f}   {values['gain']:+.3f} [{values['low']:+.3f}, {values['high']:+.3f}]")
    for (prior, teachers, share), methods in votes.items():
        print(f"prior {prior:g}, {teachers} teachers, equally good answers are judged level with probability {share:.2f}")
        for method, values in methods.items():
            print(
                f"  {method:32} tau {values['tau']:.3f}   {values['gain']:+.3f} [{values['low']:+.3f}, {values['high']:+.3f}]   "
                f"slope {values['slope']:.2f}   log loss {values['log_loss']:.3f}"
            )


if __name__ == "__main__":
    main()
