"""Which expert each row of a product belongs to, for rows that are sorted by expert, and the sum of each token's rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class ExpertRows:
    """The expert of each row, and what the ways of computing products need of it, each made when it is first asked for."""

    of_row: Tensor
    """[rows], sorted."""
    experts: int

    @classmethod
    def of_counts(cls, counts: list[int]) -> ExpertRows:
        """Rows in the order of their experts, `counts[e]` of expert e."""
        return cls(torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts)), len(counts))

    @cached_property
    def counts(self) -> list[int]:
        """Rows of each expert; on a CUDA device the host waits for them. Without data (in the memory plan) rows are split evenly, which a
        trained router does on average."""
        total = len(self.of_row)
        if self.of_row.device.type == "meta":
            return [(expert + 1) * total // self.experts - expert * total // self.experts for expert in range(self.experts)]
        counts: list[int] = torch.bincount(self.of_row, minlength=self.experts).tolist()
        return counts

    @cached_property
    def ends(self) -> Tensor:
        """int32 [E]: one past the last row of each expert, on the device of the rows; the host waits for nothing."""
        ids = torch.arange(self.experts, device=self.of_row.device, dtype=self.of_row.dtype)
        return torch.searchsorted(self.of_row, ids, right=True).int()


@dataclass(frozen=True)
class TokenRows:
    """The K rows of each token among rows that are sorted by expert."""

    rows: ExpertRows
    token: Tensor
    """[T * K]: the token of each row."""
    back: Tensor
    """[T, K]: where the rows of a token are."""
    expert: Tensor
    """[T, K]: the experts of a token."""

    @classmethod
    def of_choices(cls, expert: Tensor, experts: int) -> TokenRows:
        """Rows for the experts [T, K] that each token chose."""
        of_row, order = torch.sort(expert.reshape(-1), stable=True)
        rows, back = ExpertRows(of_row, experts), torch.empty_like(order)
        if order.is_cuda:
            from prefopt.model.kernels.rows import order_rows  # triton comes with torch's builds for CUDA

            token, back, rows.__dict__["ends"] = order_rows(of_row, order, expert.shape[1], experts)  # the property's value
        elif order.device.type == "meta":  # in the memory plan: one launch, as on a CUDA device
            token, rows.__dict__["ends"] = torch.zeros_like(order), order.new_empty(experts, dtype=torch.int32)
        else:
            token = order // expert.shape[1]
            back[order] = torch.arange(len(order), device=order.device)
        return cls(rows, token, back.view(expert.shape), expert.contiguous())

    def spread(self, hidden: Tensor) -> Tensor:
        """hidden [T, H] -> its row for each expert of each token [T * K, H]."""
        result: Tensor = _Spread.apply(hidden, self.token, self.back)  # type: ignore[no-untyped-call]  # torch declares apply untyped
        return result

    def summed(self, out: Tensor, bias: Tensor, weights: Tensor) -> Tensor:
        """The sum of each token's rows [T, H], in a fixed order.

        Args:
            out: [T * K, H], sorted by expert.
            bias: [E, H], frozen; added to the rows of its expert.
            weights: [T, K] of the rows with their bias.
        """
        result: Tensor = _Summed.apply(out.contiguous(), bias, weights.contiguous(), self.back, self.expert)  # type: ignore[no-untyped-call]  # as above
        return result


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, token: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return hidden.index_select(0, token)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (back,), grad = ctx.saved_tensors, grads[0].contiguous()
        if grad.is_cuda:
            from prefopt.model.kernels.rows import sum_rows  # as above

            return sum_rows(grad, back), None, None
        if grad.device.type == "meta":
            return grad.new_zeros(len(back), grad.shape[1]), None, None
        return grad[back].sum(dim=1, dtype=_wide(grad)).to(grad.dtype), None, None


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, out: Tensor, bias: Tensor, weights: Tensor, back: Tensor, expert: Tensor) -> Tensor:
        ctx.save_for_backward(out, bias, weights, back, expert)
        if out.is_cuda:
            from prefopt.model.kernels.rows import sum_rows  # as above

            return sum_rows(out, back, (bias, weights, expert))
        if out.device.type == "meta":
            return out.new_zeros(len(back), out.shape[1])
        wide = _wide(out)
        return ((out[back].to(wide) + bias[expert]) * weights.unsqueeze(-1)).sum(dim=1).to(out.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        out, bias, weights, back, expert = ctx.saved_tensors
        grad = grads[0].contiguous()
        if out.is_cuda:
            from prefopt.model.kernels.rows import sum_rows_backward  # as above

            by_out, by_weights = sum_rows_backward(grad, out, back, bias, weights, expert)
        elif out.device.type == "meta":
            by_out, by_weights = torch.zeros_like(out), torch.empty_like(weights)
        else:
            above, by_out = grad.to(_wide(out))[:, None], torch.empty_like(out)
            by_out[back] = (above * weights.unsqueeze(-1)).to(out.dtype)
            by_weights = (above * (out[back] + bias[expert])).sum(-1).to(weights.dtype)
        return by_out, None, by_weights, None, None


def _wide(x: Tensor) -> torch.dtype:
    """The dtype that a CPU computes in: at least float32."""
    return torch.promote_types(x.dtype, torch.float32)
