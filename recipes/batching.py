"""Which rows make an update, and how they are cut into forward passes and shared among processes.

What an update is made of never depends on how it is computed: the engine "prompt_sharing" divides by the counts of the whole update, so
that any number of rows in a forward pass and any number of processes give the same gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from prefopt.errors import TrainingError

T = TypeVar("T")


class RowOrder(Protocol):
    """Indices of the rows in the order of an epoch; `set_epoch(epoch)` where that order changes."""

    def __iter__(self) -> Iterator[int]: ...
    def __len__(self) -> int: ...


class UpdateBatches:
    """Batch sampler over the forward passes of an epoch, update by update.

    Args:
        order: of the rows.
        batch_size: rows of a batch; the last one may have fewer.
        gradient_accumulation_steps: batches of an update.
        max_rows: most rows in one forward pass; a larger batch is cut into several. None: the batch size.
        processes: they take turns; an update's passes are padded to a multiple of them with empty ones, which compute nothing.

    Raises:
        TrainingError: an update has fewer forward passes than there are processes.
    """

    def __init__(
        self,
        order: RowOrder,
        batch_size: int,
        *,
        gradient_accumulation_steps: int = 1,
        max_rows: int | None = None,
        processes: int = 1,
    ) -> None:
        self._order, self._batch_size, self._batches_per_update = order, batch_size, gradient_accumulation_steps
        self._processes = processes
        self._max_rows = min(batch_size, max_rows or batch_size)
        passes = gradient_accumulation_steps * math.ceil(batch_size / self._max_rows)
        if passes < processes:
            raise TrainingError(
                f"an update has {passes} forward passes, and {processes} processes are to share them",
                hint=f"set gradient_accumulation_steps to {processes} or a multiple of it under the recipe's name, "
                "and batch_size lower to match",
            )
        self.passes_per_update = passes
        """Forward passes of all processes for one update."""
        self.passes_per_process = math.ceil(passes / processes)
        """Forward passes of each process for one update."""

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        if hasattr(self._order, "set_epoch"):
            self._order.set_epoch(epoch)

    def passes(self) -> list[list[int]]:
        """The forward passes of all processes in this epoch: each row once."""
        return [rows for rows in self if rows]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[list[int]]:
        batches = batched(list(self._order), self._batch_size)
        for update in batched(batches, self._batches_per_update):
            passes = [rows for batch in update for rows in batched(batch, self._max_rows)]
            yield from passes
            yield from ([] for _ in range(-len(passes) % self._processes))


def batched(values: Sequence[T], size: int) -> list[list[T]]:
    """Values in lists of `size`, the last one shorter where they do not divide evenly (itertools.batched, which Python 3.11 lacks)."""
    return [list(values[start : start + size]) for start in range(0, len(values), size)]


def smaller_divisor(rows: int) -> int | None:
    """About half as many rows: the largest number up to half that divides it. None for one row."""
    return next((smaller for smaller in range(rows // 2, 0, -1) if rows % smaller == 0), None)
