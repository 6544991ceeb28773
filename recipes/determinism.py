"""Training by kernels that give the same bits on every run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from prefopt.errors import TrainingError


@contextmanager
def same_bits(wanted: bool) -> Iterator[None]:
    """Inside, where wanted, torch computes only by operators that add up in a fixed order: of the backward pass of attention on a CUDA
    device it takes the slower way that does. The other kernels of a run, and all on a CPU, give the same bits without.

    Raises:
        TrainingError: an operator has no such way.
    """
    if not wanted:
        yield
        return
    enabled, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    switches: Any = torch.utils.deterministic
    fills = switches.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    switches.fill_uninitialized_memory = False  # nothing is read before it is written, and filling takes launches
    try:
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        raise TrainingError(
            f"deterministic is set, and this model needs an operator that is not: {str(error).splitlines()[0]}",
            hint="set deterministic = false under the recipe's name in prefopt.toml",
        ) from error
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warns)
        switches.fill_uninitialized_memory = fills
