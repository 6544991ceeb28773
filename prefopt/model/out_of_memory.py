"""Memory that runs out: recognized in one place, and answered with smaller batches.

A batch that does not fit is computed again with half as many rows, so the results are those of a smaller batch size, in the same order.
"""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

from prefopt.errors import ModelError
from prefopt.io.system_faults import is_out_of_memory as is_out_of_memory
from prefopt.model.packed import causal_lm, inputs_device

T = TypeVar("T")

logger = logging.getLogger("prefopt.model")
_FAILURES = (RuntimeError, MemoryError, OSError)
_RESERVE = 0.05  # share of a GPU's memory for libraries, and for gaps between an allocator's blocks
_FITTING: weakref.WeakKeyDictionary[nn.Module, dict[str, int]] = weakref.WeakKeyDictionary()
"""Rows that fitted, of models and kinds of work for which memory has run out: later calls begin with them."""


def free_failed() -> None:
    """Free what a failed attempt held. Call it outside the `except` block, whose traceback still refers to the attempt's tensors."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def free_bytes(model: Any) -> int | None:
    """Bytes that are free beside a loaded model on the fullest of its GPUs, less a reserve; None for a model on the CPU."""
    devices = {parameter.device for parameter in model.parameters()}
    if any(device.type != "cuda" for device in devices):
        return None
    free = []
    for device in devices:
        unused, total = torch.cuda.mem_get_info(device)
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # by torch's allocator, for its next tensors
        free.append(unused + kept - int(_RESERVE * total))
    return max(0, min(free))


@contextmanager
def memory_explained(doing: str, *, hint: str) -> Iterator[None]:
    """Around work that cannot be made smaller: turn exhausted memory into a ModelError.

    Args:
        doing: subject of the message "... needs more memory than there is".
        hint: what to do about it.

    Raises:
        ModelError: memory ran out.
    """
    try:
        yield
    except _FAILURES as error:
        if not is_out_of_memory(error):
            raise
        raise _too_little(doing, hint, error) from None


class FittingRows:
    """How many rows of one kind of work a model has memory for at once: found by halving, and remembered while the model is loaded.

    Args:
        model: a causal LM, with or without an adapter.
        doing: the work, with {} for the number of rows, e.g. "scoring {} problems at once".
        alone: the work with one row, in the error where not even that fits.
        hint: what to do in that case, after "free memory on ..., or ".
    """

    def __init__(self, model: Any, doing: str, *, alone: str, hint: str) -> None:
        self._known = _FITTING.setdefault(causal_lm(model), {})
        self._doing, self._alone = doing, alone
        where = "the GPU (nvidia-smi lists what uses it)" if inputs_device(causal_lm(model)).type == "cuda" else "this machine"
        self._hint = f"free memory on {where}, or {hint}"

    def at_most(self, rows: int) -> int:
        """The number of rows to begin with, where `rows` are wanted."""
        return min(rows, self._known.get(self._doing, rows))

    def run(self, attempt: Callable[[int], T], rows: int) -> tuple[T, int]:
        """The result of an attempt, and its rows: half as many each time memory runs out. Each halving is logged.

        Args:
            attempt: (number of rows) -> result. It must not keep anything of a failed attempt.
            rows: of the first attempt.

        Raises:
            ModelError: memory does not hold one row.
        """
        while True:
            try:
                return attempt(rows), rows
            except _FAILURES as error:
                if not is_out_of_memory(error):
                    raise
                failure = _too_little(self._alone, self._hint, error)
            free_failed()  # here, where the error and its traceback are gone
            if rows == 1:
                raise failure
            fewer = rows // 2
            logger.warning("%s needs more memory than there is; going on with %d", self._doing.format(rows), fewer)
            self._known[self._doing] = rows = fewer


def _too_little(doing: str, hint: str, error: BaseException) -> ModelError:
    """The error for memory that does not hold some work: its subject in words, what to do, and what was raised."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return ModelError(f"{doing} needs more memory than there is: {reason}", hint=hint)
