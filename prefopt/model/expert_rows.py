"""Which expert each row of a product belongs to, for rows that are sorted by expert."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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
