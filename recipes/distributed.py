"""The processes of one run, as `accelerate launch` starts them: the main one writes, and all get its results.

With one process everything here refers to that process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import torch

T = TypeVar("T")


def world_size() -> int:
    """Processes of this run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Number of this process among all, from 0; 0 is the main process."""
    return int(os.environ.get("RANK", "0"))


def use_local_gpu() -> None:
    """On CUDA, give each process of a machine a device of its own, which "cuda" means from then on."""
    if world_size() > 1 and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))


def barrier() -> None:
    """Wait until all processes are here."""
    if world_size() > 1:
        torch.distributed.barrier()


def all_gather(value: T) -> list[T]:
    """The value of each process, by rank."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    torch.distributed.all_gather_object(values, value)
    return values


def from_main_process(work: Callable[[], T]) -> T:
    """Run `work` in the main process; its result is returned, and its exception raised, in all of them."""
    if world_size() == 1:
        return work()
    outcome: list[Any] = [None, None]
    if rank() == 0:
        try:
            outcome[0] = work()
        except Exception as error:  # raised below, in every process
            outcome[1] = error
    torch.distributed.broadcast_object_list(outcome)
    result, failure = outcome
    if failure is not None:
        raise failure
    return result  # type: ignore[no-any-return]  # of the main process, through pickle
