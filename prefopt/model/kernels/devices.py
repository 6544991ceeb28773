"""Launches on the device of a kernel's tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import torch

T = TypeVar("T")


def on_its_device(launch: Callable[..., T]) -> Callable[..., T]:
    """A function that launches a kernel, on the device of its first argument. Triton launches on the current device, which with a model
    placed over several GPUs need not be the one that holds a layer.
    """

    @functools.wraps(launch)
    def launch_there(first: torch.Tensor, *arguments: Any, **named: Any) -> T:
        with torch.cuda.device_of(first):
            return launch(first, *arguments, **named)

    return launch_there
