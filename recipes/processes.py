"""The processes of one run, as `accelerate launch` starts them: one of them writes, and all know what it found.

With one process everything here is what it says of one: the first, the only one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import torch

T = TypeVar("T")


def count() -> int:
    """Processes of this run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def number() -> int:
    """Of this process among all, from 0."""
    return int(os.environ.get("RANK", "0"))


def use_own_gpu() -> None:
    """On CUDA each process of a machine has a device of its own, which "cuda" means from then on."""
    if count() > 1 and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))


def wait() -> None:
    """Until all processes are here."""
    if count() > 1:
        torch.distributed.barrier()


def gathered(value: T) -> list[T]:
    """The value of each process, in their order."""
    if count() == 1:
        return [value]
    found: list[Any] = [None] * count()
    torch.distributed.all_gather_object(found, value)
    return found


def from_first(work: Callable[[], T]) -> T:
    """What the first process finds, told to all; what it raises is raised in all."""
    if count() == 1:
        return work()
    told: list[Any] = [None]
    if number() == 0:
        try:
            told = [(work(), None)]
        except Exception as error:  # raised below, in every process
            told = [(None, error)]
    torch.distributed.broadcast_object_list(told)
    value, error = told[0]
    if error is not None:
        raise error
    return value  # type: ignore[no-any-return]  # what the first process sent
