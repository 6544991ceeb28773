"""Memory and disk: refused before a run where they cannot be enough, told in words where they run out."""

from __future__ import annotations

import errno
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError

from prefopt.errors import TrainingError

_COPIES = 3  # of the adapter in a checkpoint: the weights and Adam's two moments, all float32
_KEPT = 3  # checkpoints on the disk at once: two complete ones while the next is written
_MARGIN = 2**20  # bytes; less than this left over after an error means that the disk was full


def check_disk(folder: Path, parameters: int, steps: int, save_steps: int) -> None:
    """Refuse a run whose checkpoints and adapter do not fit on the disk that holds `folder`.

    Args:
        parameters: trained parameters, 4 bytes each.
        steps: updates of the run.
        save_steps: updates between checkpoints.

    Raises:
        TrainingError: says what is needed and what is there.
    """
    checkpoints = min(_KEPT, math.ceil(steps / save_steps))
    needed = 4 * parameters * (checkpoints * _COPIES + 1)
    held = sum(path.stat().st_size for path in (folder / "checkpoints").rglob("*") if path.is_file())  # of this run, where it goes on
    free = shutil.disk_usage(folder).free + held
    if free < needed:
        raise TrainingError(
            f"the disk of {folder} has {_size(free)} left; {checkpoints} checkpoints and the adapter need {_size(needed)}",
            hint="make room, or train a smaller adapter (rank under [adapter])",
        )


@contextmanager
def limits_in_words(folder: Path) -> Iterator[None]:
    """Around training and saving: a full disk and memory that ran out become TrainingErrors. Libraries report a full disk in three ways."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"the device's memory ran out: {str(error).splitlines()[0]}",
            hint="halve batch_size and double accumulate, or set gradient_checkpointing = true, in prefopt.toml under the recipe's name",
        ) from error
    except (OSError, RuntimeError, SafetensorError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC or shutil.disk_usage(folder).free < _MARGIN:
            raise TrainingError(
                f"the disk of {folder} is full", hint="make room and type the same command again: it goes on from the last checkpoint"
            ) from error
        raise


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
