"""Placement of a decoder's layers on devices: all on one, or consecutive layers on each of several GPUs.

Embeddings, the last norm and the head stay on the first device, so inputs and outputs are where they are with a single device, and
scoring, losses and generation work unchanged. accelerate's hooks move hidden states, masks and rotary tables between devices.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from prefopt.errors import ModelError

_LAYER = re.compile(r"(?:^|\.)layers\.(\d+)(?:\.|$)")


@dataclass(frozen=True)
class Placement:
    """Devices of a model's tensors."""

    first: torch.device
    layers: tuple[torch.device, ...] = ()
    """Device of each layer; empty if all are on the first."""

    def of(self, name: str) -> torch.device:
        """Device of a parameter or module, by its name in the model."""
        layer = _LAYER.search(name)
        return self.layers[int(layer[1])] if layer and self.layers else self.first


def spread_layers(model: nn.Module, devices: Sequence[torch.device], free_bytes: Sequence[int]) -> Placement:
    """Consecutive layers on each device, so that every device is filled to the same share of its free memory.

    Args:
        model: a causal LM, on the device "meta".
        devices: at least one; the first also holds everything outside the layers.
        free_bytes: of each device.

    Raises:
        ModelError: the weights do not fit, or there are more devices than layers.
    """
    sizes: dict[int, int] = {}
    rest = 0
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        layer = _LAYER.search(name)
        if layer:
            sizes[int(layer[1])] = sizes.get(int(layer[1]), 0) + tensor.nbytes
        else:
            rest += tensor.nbytes
    layers = [sizes[i] for i in sorted(sizes)]
    free = [free_bytes[0] - rest, *free_bytes[1:]]
    if sum(layers) > sum(free) or free[0] < 0 or len(devices) > len(layers):
        raise ModelError(
            f"{len(layers)} layers of {sum(layers) / 2**30:.1f} GiB and {rest / 2**30:.1f} GiB of other weights do not fit on "
            f"{len(devices)} devices with {', '.join(f'{size / 2**30:.1f}' for size in free_bytes)} GiB free",
            hint='free memory on the devices, use more devices, or set model.device = "cpu"',
        )
    share, placed, taken, device = sum(layers) / sum(free), [], 0, 0
    for size in layers:
        # a layer belongs to the device whose share holds the layer's middle
        while device + 1 < len(devices) and taken + size / 2 > share * sum(free[: device + 1]):
            device += 1
        placed.append(devices[device])
        taken += size
    return Placement(devices[0], tuple(placed))


def connect(model: Any, placement: Placement) -> None:
    """Make a model with placed tensors callable from its first device, and mark it for trainers as spanning several devices."""
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module

    decoder = model.get_decoder()
    for number, layer in enumerate(decoder.layers):
        add_hook_to_module(layer, AlignDevicesHook(execution_device=placement.layers[number], skip_keys=["past_key_values"]))
    add_hook_to_module(decoder.norm, AlignDevicesHook(execution_device=placement.first))
    model.hf_device_map = {"": placement.first, **{f"model.layers.{i}": device for i, device in enumerate(placement.layers)}}


def visible_gpus() -> tuple[list[torch.device], list[int]]:
    """All CUDA devices, and the free bytes of each."""
    count = torch.cuda.device_count()
    return [torch.device("cuda", i) for i in range(count)], [torch.cuda.mem_get_info(i)[0] for i in range(count)]
