"""Losses of pairs, one number per pair, from log-ratios to the reference.

The ones that TRL has carry TRL's names and give its numbers (tests/recipes compare them). What TRL lacks: a margin, and two models of ties,
by Rao & Kupper (1967, https://doi.org/10.2307/2282923) and Davidson (1970, https://doi.org/10.2307/2283595), used for DPO by
Chen et al. (2024, https://arxiv.org/abs/2409.17431).

With d = beta * (log-ratio of the first answer - log-ratio of the second), the difference of their rewards:

    Bradley-Terry   P(first wins) = sigmoid(d), no ties
    Rao-Kupper      P(first wins) = sigmoid(d - a),               P(tie) = (e^2a - 1) sigmoid(d - a) sigmoid(-d - a)
    Davidson        P(first wins) = 1 / (1 + e^-d + v e^(-d/2)),  P(tie) = v e^(-d/2) / (1 + e^-d + v e^(-d/2))

Both are set by one number that a person can think about: the probability t that two equally good answers are judged level.
At d = 0 Rao-Kupper gives P(tie) = (e^a - 1) / (e^a + 1), so a = 2 artanh(t); Davidson gives v / (2 + v), so v = 2t / (1 - t).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own way of naming it
from torch import Tensor


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
    """By how much the chosen answer's reward should be ahead [B]; 0 for none."""
    tie: Tensor
    """bool [B]: judged level."""
    reference: Tensor
    """log ref(chosen) - log ref(rejected) [B]."""

    def __getitem__(self, rows: Tensor) -> Pairs:
        return Pairs(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class Shape:
    """Constants of the losses."""

    beta: float
    smoothing: float = 0.0
    tie_share: float = 1 / 3
    """Probability that two equally good answers are judged level."""
    tau: float = 0.05
    """Of discopop: how sharply it changes from one of its parts to the other."""


def sigmoid(pairs: Pairs, shape: Shape) -> Tensor:
    """Rafailov et al. 2023; with a margin, the offset of Amini et al. 2024 (https://arxiv.org/abs/2402.10571)."""
    return -F.logsigmoid(_lead(pairs, shape))


def hinge(pairs: Pairs, shape: Shape) -> Tensor:
    """Zhao et al. 2023 (https://arxiv.org/abs/2305.10425)."""
    return torch.relu(1 - _lead(pairs, shape))


def robust(pairs: Pairs, shape: Shape) -> Tensor:
    """Chowdhury et al. 2024 (https://arxiv.org/abs/2403.00409): unbiased where a share `smoothing` of the pairs is the wrong way round."""
    lead, flipped = _lead(pairs, shape), shape.smoothing
    return (-(1 - flipped) * F.logsigmoid(lead) + flipped * F.logsigmoid(-lead)) / (1 - 2 * flipped)


def ipo(pairs: Pairs, shape: Shape) -> Tensor:
    """Azar et al. 2023 (https://arxiv.org/abs/2310.12036), per token as TRL computes it."""
    return (_per_token(pairs) - 1 / (2 * shape.beta)) ** 2


def sigmoid_norm(pairs: Pairs, shape: Shape) -> Tensor:
    """Length-normalized DPO (Lambert et al. 2024, https://arxiv.org/abs/2411.15124)."""
    return -F.logsigmoid(shape.beta * _per_token(pairs) - pairs.margin)


def apo_zero(pairs: Pairs, shape: Shape) -> Tensor:
    """D'Oosterlinck et al. 2024 (https://arxiv.org/abs/2408.06266), equation 7."""
    return torch.sigmoid(-shape.beta * pairs.chosen) + torch.sigmoid(shape.beta * pairs.rejected)


def apo_down(pairs: Pairs, shape: Shape) -> Tensor:
    """As above, equation 8."""
    return torch.sigmoid(shape.beta * pairs.chosen) + torch.sigmoid(-shape.beta * (pairs.chosen - pairs.rejected))


def exo_pair(pairs: Pairs, shape: Shape) -> Tensor:
    """Ji et al. 2024 (https://arxiv.org/abs/2402.00856), equation 16; needs smoothing above 0."""
    lead, flipped = shape.beta * (pairs.chosen - pairs.rejected), shape.smoothing
    wins, loses = F.logsigmoid(lead), F.logsigmoid(-lead)
    return wins.exp() * (wins - math.log1p(-flipped)) + loses.exp() * (loses - math.log(flipped))


def nca_pair(pairs: Pairs, shape: Shape) -> Tensor:
    """Chen et al. 2024 (https://arxiv.org/abs/2402.05369)."""
    chosen, rejected = shape.beta * pairs.chosen, shape.beta * pairs.rejected
    return -F.logsigmoid(chosen) - 0.5 * F.logsigmoid(-chosen) - 0.5 * F.logsigmoid(-rejected)


def bco_pair(pairs: Pairs, shape: Shape) -> Tensor:
    """Jung et al. 2024 (https://arxiv.org/abs/2404.04656), without the moving shift, as TRL has it."""
    return -F.logsigmoid(shape.beta * pairs.chosen) - F.logsigmoid(-shape.beta * pairs.rejected)


def sppo_hard(pairs: Pairs, shape: Shape) -> Tensor:
    """Wu et al. 2024 (https://arxiv.org/abs/2405.00675), equation 4.7 with certain wins."""
    half = 0.5 / shape.beta
    return (pairs.chosen - half) ** 2 + (pairs.rejected + half) ** 2


def discopop(pairs: Pairs, shape: Shape) -> Tensor:
    """Lu et al. 2024 (https://arxiv.org/abs/2406.08414), equation 5."""
    lead = shape.beta * (pairs.chosen - pairs.rejected)
    share = torch.sigmoid(lead / shape.tau)
    return -F.logsigmoid(lead) * (1 - share) + torch.exp(-lead) * share


def aot(pairs: Pairs, shape: Shape) -> Tensor:
    """Melnyk et al. 2024 (https://arxiv.org/abs/2406.05882): the leads of all pairs under the policy ahead of those under the reference.

    Element i is of the i-th smallest values, not of pair i.
    """
    policy = pairs.chosen - pairs.rejected + pairs.reference
    return _smoothed(shape.beta * (policy.sort().values - pairs.reference.sort().values), shape)


def aot_unpaired(pairs: Pairs, shape: Shape) -> Tensor:
    """As above: the chosen answers' log-ratios as a whole ahead of the rejected ones'."""
    return _smoothed(shape.beta * (pairs.chosen.sort().values - pairs.rejected.sort().values), shape)


def rao_kupper(pairs: Pairs, shape: Shape) -> Tensor:
    """-log P of what was judged, a win or a tie; see the head of this file."""
    lead, a = _lead(pairs, shape), 2 * math.atanh(shape.tie_share)
    win, loss = F.logsigmoid(lead - a), F.logsigmoid(-lead - a)
    return -torch.where(pairs.tie, math.log(math.expm1(2 * a)) + win + loss, win)


def davidson(pairs: Pairs, shape: Shape) -> Tensor:
    """-log P of what was judged, a win or a tie; see the head of this file."""
    lead = _lead(pairs, shape)
    tie = math.log(2 * shape.tie_share / (1 - shape.tie_share)) - lead / 2
    total = torch.stack([torch.zeros_like(lead), -lead, tie]).logsumexp(dim=0)
    return torch.where(pairs.tie, total - tie, total)


PAIR_LOSSES: dict[str, Callable[[Pairs, Shape], Tensor]] = {
    loss.__name__: loss
    for loss in (
        sigmoid,
        hinge,
        ipo,
        robust,
        sigmoid_norm,
        apo_zero,
        apo_down,
        exo_pair,
        nca_pair,
        bco_pair,
        sppo_hard,
        discopop,
        aot,
        aot_unpaired,
        rao_kupper,
        davidson,
    )
}


def _lead(pairs: Pairs, shape: Shape) -> Tensor:
    """How far the chosen answer's reward is ahead, less the margin [B]. A tie has no margin."""
    return shape.beta * (pairs.chosen - pairs.rejected) - torch.where(pairs.tie, 0.0, pairs.margin)


def _smoothed(lead: Tensor, shape: Shape) -> Tensor:
    return -(1 - shape.smoothing) * F.logsigmoid(lead) - shape.smoothing * F.logsigmoid(-lead)


def _per_token(pairs: Pairs) -> Tensor:
    return pairs.chosen / pairs.chosen_length - pairs.rejected / pairs.rejected_length


def odds_ratio(chosen: Tensor, rejected: Tensor) -> Tensor:
    """log of the odds of the chosen answer over those of the rejected one [B], from mean token log-probabilities [B] (Hong et al. 2024)."""
    return (chosen - rejected) - (_log1mexp(chosen) - _log1mexp(rejected))


def _log1mexp(x: Tensor) -> Tensor:
    """log(1 - e^x) for x <= 0, accurate at both ends (Mächler 2012). x is kept below 0 by what float32 tells from 1."""
    half = math.log(2)
    near, far = x.clamp(-half, -1e-7), x.clamp(max=-half)  # each within its branch, or the other's infinite slope would give NaN
    return torch.where(x > -half, torch.log(-torch.expm1(near)), torch.log1p(-torch.exp(far)))
