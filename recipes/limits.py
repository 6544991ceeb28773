"""Memory and disk: checked before a run, and explained where they run out."""

from __future__ import annotations

import errno
import logging
import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError

from prefopt.errors import TrainingError
from prefopt.io.files import write_text
from prefopt.model.out_of_memory import free_failed, is_out_of_memory
from recipes import distributed
from recipes.batching import smaller_divisor

T = TypeVar("T")

logger = logging.getLogger("prefopt.recipes")

_COPIES = 3  # of the adapter in a checkpoint: the weights and Adam's two moments, all float32
_KEPT = 3  # checkpoints on the disk at once: two complete ones while the next is written
_MARGIN = 2**20  # bytes; less than this left over after an error means that the disk was full


def check_disk(folder: Path, parameters: int, steps: int, save_steps: int) -> None:
    """Check that a run's checkpoints and adapter fit on the disk that holds `folder`.

    Args:
        folder: of the job.
        parameters: trained parameters, 4 bytes each.
        steps: updates of the run.
        save_steps: updates between checkpoints.

    Raises:
        TrainingError: they do not; names the bytes needed and free.
    """
    checkpoints = min(_KEPT, math.ceil(steps / save_steps))
    needed = 4 * parameters * (checkpoints * _COPIES + 1)
    own = sum(path.stat().st_size for path in (folder / "checkpoints").rglob("*") if path.is_file())  # of this run, if it resumes
    free = shutil.disk_usage(folder).free + own
    if free < needed:
        raise TrainingError(
            f"the disk of {folder} has {_size(free)} left; {checkpoints} checkpoints and the adapter need {_size(needed)}",
            hint="free disk space, or raise save_steps under the recipe's name: fewer checkpoints",
        )


@contextmanager
def limits_explained(folder: Path) -> Iterator[None]:
    """Around training and saving: turn a full disk, which libraries report in three ways, and exhausted memory into TrainingErrors."""
    try:
        yield
    except (OSError, RuntimeError, MemoryError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise TrainingError(
                f"the device's memory ran out: {_first_line(error)}",
                hint="halve batch_size and double gradient_accumulation_steps under the recipe's name, or gradient_checkpointing = true",
            ) from error
        if getattr(error, "errno", None) == errno.ENOSPC or shutil.disk_usage(folder).free < _MARGIN:
            raise TrainingError(
                f"the disk of {folder} is full", hint="free disk space and run the same command again; it resumes from the last checkpoint"
            ) from error
        raise


def with_fitting_passes(attempt: Callable[[int], T], rows: int, model: Any, folder: Path, *, once: bool) -> tuple[T, int]:
    """The result of a run and the rows of its forward passes: about half as many each time the device's memory runs out. The rows of an
    update stay the same, in more passes. The number is saved in `folder`, so that a resumed run starts with it.

    Args:
        attempt: (most rows in a forward pass) -> result; trains `model`.
        rows: of the first attempt.
        model: its trained weights are restored before the next attempt.
        folder: of the checkpoints.
        once: make one attempt only.

    Raises:
        TrainingError: memory does not hold one row.
    """
    note = folder / "rows"
    rows = min(rows, int(note.read_text())) if note.exists() else rows
    once = once or distributed.world_size() > 1
    # in main memory: on the device, the copy would take what the plan gives to rows
    start = {} if once else {name: value.detach().to("cpu", copy=True) for name, value in model.named_parameters() if value.requires_grad}
    while True:
        try:
            return attempt(rows), rows
        except (RuntimeError, MemoryError, OSError) as error:
            if once or not is_out_of_memory(error):
                raise
            fewer = smaller_divisor(rows)
            if fewer is None:
                raise TrainingError(
                    f"the device's memory ran out with one row in a forward pass: {_first_line(error)}",
                    hint="set gradient_checkpointing = true under the recipe's name, or in round 000 a smaller rank under [adapter]",
                ) from error
        logger.warning("forward passes of %d rows need more memory than there is; starting again with %d, in the same updates", rows, fewer)
        rows = fewer  # outside the except block, where its traceback no longer holds the failed attempt's tensors
        folder.mkdir(parents=True, exist_ok=True)
        write_text(note, str(rows))
        model.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, value in model.named_parameters():
                if name in start:
                    value.copy_(start[name])
        free_failed()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
