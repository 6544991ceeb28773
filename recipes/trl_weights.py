"""A weight per row, on TRL's own losses.

TRL's losses are means over the rows of a batch: L = mean(l_i), where l_i depends on row i's log-probabilities alone. The gradient of the
weighted objective mean(w_i * l_i) is therefore the gradient of L with the gradient through row i multiplied by w_i. This module multiplies
it, so that the loss itself is TRL's, for each of its loss types that does not sort rows; a weight of 1 changes no bit.

The logged `loss` is TRL's unweighted mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


class _ScaleGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(weights)
        return rows.view_as(rows)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (weights,) = ctx.saved_tensors
        return gradient * weights[:, None].to(gradient.dtype), None


def weigh(log_probs: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The same log-probabilities [N, T]; the gradient through row i is multiplied by weights[i] ([N])."""
    return _ScaleGradient.apply(log_probs, weights.to(log_probs.device))  # type: ignore[no-any-return, no-untyped-call]  # autograd.Function is untyped


def weighing(model: Callable[..., Any], weights: torch.Tensor) -> Callable[..., Any]:
    """A model whose `log_probs` output (TRL's fused head) is weighted row by row."""

    def forward(**inputs: Any) -> Any:
        outputs = model(**inputs)
        outputs.log_probs = weigh(outputs.log_probs, weights)
        return outputs

    return forward


def with_weights(collate: Callable[[list[dict[str, Any]]], dict[str, Any]]) -> Callable[[list[dict[str, Any]]], dict[str, Any]]:
    """A collator that adds the rows' weights, [N] float32, under "weight"."""

    def collate_weighted(rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch = collate(rows)
        batch["weight"] = torch.tensor([row["weight"] for row in rows], dtype=torch.float32)
        return batch

    return collate_weighted
