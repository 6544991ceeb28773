"""Which device holds which layer of a decoder: one for all, or a run of layers on each GPU.

Embeddings, the last norm and the head stay on the first device, so that what goes in and what comes out is where it is with one device:
scores, losses and generation need not know. Between devices go hidden states, masks and rotary tables, by accelerate's hooks.
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
    """Of each layer; empty: all on the first."""

    def of(self, name: str) -> torch.device:
        """Device of a parameter or module by its name in the model."""
        found = _LAYER.search(name)
        return self.layers[int(found[1])] if found and self.layers else self.first


def spread_layers(model: nn.Module, devices: Sequence[torch.device], room: Sequence[int]) -> Placement:
    """Layers in runs over devices, so that each is filled in proportion to its room.

    Args:
        model: a causal LM, on the device "meta".
        devices: at least one; the first holds what is not in a layer.
        room: free bytes of each.

    Raises:
        ModelError: the weights do not fit into the room, or there are more devices than layers.
    """
    sizes: dict[int, int] = {}
    rest = 0
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        found = _LAYER.search(name)
        if found:
            sizes[int(found[1])] = sizes.get(int(found[1]), 0) + tensor.nbytes
        else:
            rest += tensor.nbytes
    layers = [sizes[i] for i in sorted(sizes)]
    free = [room[0] - rest, *room[1:]]
    if sum(layers) > sum(free) or free[0] < 0 or len(devices) > len(layers):
        raise ModelError(
            f"{len(layers)} layers of {sum(layers) / 2**30:.1f} GiB and {rest / 2**30:.1f} GiB beside them do not go onto {len(devices)} "
            f"devices with {', '.join(f'{free / 2**30:.1f}' for free in room)} GiB free",
            hint='free the devices, take more of them, or set model.device = "cpu"',
        )
    share, placed, taken, device = sum(layers) / sum(free), [], 0, 0
    for size in layers:
        # on to the next device where this one has its share, counted at the layer's middle
        while device + 1 < len(devices) and taken + size / 2 > share * sum(free[: device + 1]):
            device += 1
        placed.append(devices[device])
        taken += size
    return Placement(devices[0], tuple(placed))


def connect(model: Any, placement: Placement) -> None:
    """Let a model whose tensors lie as the placement says run from its first device, and tell trainers that it spans several."""
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module

    decoder = model.get_decoder()
    for number, layer in enumerate(decoder.layers):
        add_hook_to_module(layer, AlignDevicesHook(execution_device=placement.layers[number], skip_keys=["past_key_values"]))
    add_hook_to_module(decoder.norm, AlignDevicesHook(execution_device=placement.first))
    model.hf_device_map = {"": placement.first, **{f"model.layers.{i}": device for i, device in enumerate(placement.layers)}}


def visible_gpus() -> tuple[list[torch.device], list[int]]:
    """The GPUs that torch sees, and the free bytes of each."""
    count = torch.cuda.device_count()
    return [torch.device("cuda", i) for i in range(count)], [torch.cuda.mem_get_info(i)[0] for i in range(count)]
