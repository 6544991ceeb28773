"""Which rows make an update, and how they are cut into forward passes and shared among processes.

What an update is made of never depends on how it is computed: the engine "shared" divides by the counts of the whole update, so that any
cut and any number of processes give the same gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from prefopt.errors import TrainingError

T = TypeVar("T")


class Order(Protocol):
    """Indices of the rows in the order of an epoch; `set_epoch(epoch)` where that order changes."""

    def __iter__(self) -> Iterator[int]: ...
    def __len__(self) -> int: ...


class Updates:
    """Batch sampler over the forward passes of an epoch, update by update.

    Args:
        order: of the rows.
        size: rows that lie together in one batch; the last one may have fewer.
        accumulate: batches of an update.
        cut: most rows in one forward pass; a larger batch is cut into several.
        processes: they take turns; an update's passes are made up to their multiple with empty ones, which compute nothing.

    Raises:
        TrainingError: an update has fewer forward passes than there are processes.
    """

    def __init__(self, order: Order, size: int, *, accumulate: int = 1, cut: int | None = None, processes: int = 1) -> None:
        self._order, self._size, self._together, self._processes = order, size, accumulate, processes
        self.cut = min(size, cut or size)
        passes = accumulate * math.ceil(size / self.cut)
        if passes < processes:
            raise TrainingError(
                f"an update has {passes} forward passes, and {processes} processes are to share them",
                hint=f"set accumulate to {processes} or a multiple of it under the recipe's name, and batch_size lower to match",
            )
        self.passes_of_an_update = passes
        self.accumulate = math.ceil(passes / processes)
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
        batches = pieces(list(self._order), self._size)
        for update in pieces(batches, self._together):
            passes = [rows for batch in update for rows in pieces(batch, self.cut)]
            yield from passes
            yield from ([] for _ in range(-len(passes) % self._processes))


def pieces(values: Sequence[T], size: int) -> list[list[T]]:
    """Values in lists of `size`, the last one shorter where they do not come out even."""
    return [list(values[start : start + size]) for start in range(0, len(values), size)]


def smaller(cut: int) -> int | None:
    """About half as many rows in a forward pass: the largest number up to half that divides it. None where it is one row."""
    return next((rows for rows in range(cut // 2, 0, -1) if cut % rows == 0), None)
