"""Losses of pairs, one number per pair, from log-ratios to the reference.

Those that TRL has carry TRL's names and give its numbers (tests/recipes compare them). TRL lacks a margin, and the two models of ties
by Rao & Kupper (1967, https://doi.org/10.2307/2282923) and Davidson (1970, https://doi.org/10.2307/2283595), used for DPO by
Chen et al. (2024, https://arxiv.org/abs/2409.17431).

With d = beta * (log-ratio of the first answer - log-ratio of the second), the difference of their rewards:

    Bradley-Terry   P(first wins) = sigmoid(d), no ties
    Rao-Kupper      P(first wins) = sigmoid(d - a),               P(tie) = (e^2a - 1) sigmoid(d - a) sigmoid(-d - a)
    Davidson        P(first wins) = 1 / (1 + e^-d + v e^(-d/2)),  P(tie) = v e^(-d/2) / (1 + e^-d + v e^(-d/2))

Both are set by one number that has a meaning outside the formulas: the probability t that two equally good answers are judged level.
At d = 0 Rao-Kupper gives P(tie) = (e^a - 1) / (e^a + 1), so a = 2 artanh(t); Davidson gives v / (2 + v), so v = 2t / (1 - t).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name that PyTorch's documentation uses
from torch import Tensor

from recipes.logprobs import Scores


@dataclass(frozen=True)
class Pairs:
    """B pairs. The first answer of a tie is whichever came first."""

    chosen: Tensor
    """log pi(chosen) - log ref(chosen) [B]."""
    rejected: Tensor
    """log pi(rejected) - log ref(rejected) [B]."""
    chosen_length: Tensor
    """Tokens [B]."""
    rejected_length: Tensor
    """Tokens [B]."""
    margin: Tensor
    """By how much the chosen answer's reward should be higher [B]; 0 for none."""
    tie: Tensor
    """bool [B]: judged level."""
    votes: Tensor | None = None
    """Share of the votes for the chosen answer [B], 1/2 where the two are level; None where the losses do not use it."""

    def __getitem__(self, rows: Tensor) -> Pairs:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        picked: dict[str, Any] = {name: value[rows] for name, value in given.items() if value is not None}
        return Pairs(**picked)


@dataclass(frozen=True)
class LossParameters:
    """Constants of the losses."""

    beta: float
    smoothing: float = 0.0
    tie_share: float = 1 / 3
    """Probability that two equally good answers are judged level."""


def sigmoid(pairs: Pairs, parameters: LossParameters) -> Tensor:
    """Rafailov et al. 2023; with a margin, the offset of Amini et al. 2024 (https://arxiv.org/abs/2402.10571)."""
    return -F.logsigmoid(_lead(pairs, parameters))


def soft_sigmoid(pairs: Pairs, parameters: LossParameters) -> Tensor:
    """-log likelihood of the votes, -(p log sigmoid(d) + (1 - p) log sigmoid(-d)) with p their share for the chosen answer. It is smallest
    at d = log(p / (1 - p)), where `sigmoid` has no minimum, and equals `sigmoid` at p = 1.
    """
    if pairs.votes is None:
        raise ValueError("soft_sigmoid needs the votes of the pairs")
    return F.binary_cross_entropy_with_logits(_lead(pairs, parameters), pairs.votes, reduction="none")


def hinge(pairs: Pairs, parameters: LossParameters) -> Tensor:
    """Zhao et al. 2023 (https://arxiv.org/abs/2305.10425)."""
    return torch.relu(1 - _lead(pairs, parameters))


def robust(pairs: Pairs, parameters: LossParameters) -> Tensor:
    """Chowdhury et al. 2024 (https://arxiv.org/abs/2403.00409): unbiased where a share `smoothing` of the pairs is the wrong way round."""
    lead, flipped = _lead(pairs, parameters), parameters.smoothing
    return (-(1 - flipped) * F.logsigmoid(lead) + flipped * F.logsigmoid(-lead)) / (1 - 2 * flipped)


def sigmoid_norm(pairs: Pairs, parameters: LossParameters) -> Tensor:
    """Length-normalized DPO (Lambert et al. 2024, https://arxiv.org/abs/2411.15124)."""
    return -F.logsigmoid(parameters.beta * _per_token(pairs) - pairs.margin)


def rao_kupper(pairs: Pairs, parameters: LossParameters) -> Tensor:
    """-log P of the judgment, a win or a tie; see the top of this file."""
    lead, a = _lead(pairs, parameters), 2 * math.atanh(parameters.tie_share)
    win, loss = F.logsigmoid(lead - a), F.logsigmoid(-lead - a)
    return -torch.where(pairs.tie, math.log(math.expm1(2 * a)) + win + loss, win)


def davidson(pairs: Pairs, parameters: LossParameters) -> Tensor:
    """-log P of the judgment, a win or a tie; see the top of this file."""
    lead = _lead(pairs, parameters)
    tie = math.log(2 * parameters.tie_share / (1 - parameters.tie_share)) - lead / 2
    total = torch.stack([torch.zeros_like(lead), -lead, tie]).logsumexp(dim=0)
    return torch.where(pairs.tie, total - tie, total)


PAIR_LOSSES: dict[str, Callable[[Pairs, LossParameters], Tensor]] = {
    loss.__name__: loss for loss in (sigmoid, hinge, robust, sigmoid_norm, rao_kupper, davidson)
}


def mean_over(total: Tensor, count: float) -> Tensor:
    """A sum divided by what it is summed over; 0 where the update has none of it, whose sum is 0 already."""
    return total / count if count else total


def rehearsal_term(scores: Scores, example: Tensor, weight: Tensor | float = 1.0) -> tuple[Tensor, dict[str, float]]:
    """Sum of the examples' log-probabilities by weight [N] (of completions [N], those that `example` [N] marks), and their loss per token
    without weights.
    """
    total = (scores.log_probs.detach() * example).sum()
    tokens = scores.lengths[example].sum().item()
    return (weight * scores.log_probs * example).sum(), {"rehearsal/nll": -total.item() / tokens} if tokens else {}


def _lead(pairs: Pairs, parameters: LossParameters) -> Tensor:
    """Reward of the chosen answer minus that of the rejected one, minus the margin [B]. A tie has no margin."""
    return parameters.beta * (pairs.chosen - pairs.rejected) - torch.where(pairs.tie, 0.0, pairs.margin)


def _per_token(pairs: Pairs) -> Tensor:
    return pairs.chosen / pairs.chosen_length - pairs.rejected / pairs.rejected_length


def odds_ratio(chosen: Tensor, rejected: Tensor) -> Tensor:
    """log of the odds of the chosen answer over those of the rejected one [B], from mean token log-probabilities [B] (Hong et al. 2024)."""
    return (chosen - rejected) - (_log1mexp(chosen) - _log1mexp(rejected))


def _log1mexp(x: Tensor) -> Tensor:
    """log(1 - e^x) for x <= 0, accurate at both ends (Mächler 2012). x is kept below -1e-7, where float32's e^x is still below 1."""
    half = math.log(2)
    near, far = x.clamp(-half, -1e-7), x.clamp(max=-half)  # each within its branch, or the other's infinite slope would give NaN
    return torch.where(x > -half, torch.log(-torch.expm1(near)), torch.log1p(-torch.exp(far)))
