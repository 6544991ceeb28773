"""The safetensors files of a checkpoint folder: shards, and names of tensors; weights are read only on request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from prefopt.errors import ModelError
from prefopt.io.strict import json_object

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
VOLATILE = {"_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache", "router_aux_loss_coef", "output_router_logits"}
"""Keys of config.json that do not describe the weights."""
_WINDOWS, _WINDOW_BYTES = 32, 4096


@dataclass(frozen=True)
class Checkpoint:
    """A folder, its shards in order of name, and the shard of each tensor."""

    path: Path
    shards: tuple[Path, ...]
    shard_of: dict[str, Path]

    def has_suffix(self, suffix: str) -> bool:
        """Whether the name of any tensor ends with this."""
        return any(name.endswith(suffix) for name in self.shard_of)

    def tensors(self) -> Iterator[tuple[str, Any]]:
        """Name and value of every tensor, shard by shard; a tensor may be a view of the file.

        Every tensor opens its shard again: the pages of a file that stays open would stay in memory until all of it has been read.
        """
        for name in sorted(self.shard_of, key=lambda name: (self.shard_of[name].name, name)):
            yield name, self.tensor(name)

    def tensor(self, name: str) -> Any:
        """One tensor. Raises ModelError if the checkpoint has none of that name."""
        with safe_open(self._shard(name), framework="pt") as file:
            return file.get_tensor(name)

    def shape(self, name: str) -> tuple[int, ...]:
        """Of one tensor, which is not read. Raises as `tensor`."""
        with safe_open(self._shard(name), framework="pt") as file:
            return tuple(file.get_slice(name).get_shape())

    def _shard(self, name: str) -> Path:
        if name not in self.shard_of:
            raise ModelError(f"{self.path}: tensor {name} is missing", hint="download the folder again")
        return self.shard_of[name]


def open_checkpoint(path: Path) -> Checkpoint:
    """Find and check the shards of a folder.

    Raises:
        ModelError: the folder has no safetensors files, or only pickle files; a shard is missing or truncated; the index does not match
            the shards.
    """
    index, single = path / "model.safetensors.index.json", path / "model.safetensors"
    if (path / "adapter_config.json").is_file():  # transformers would load the base that it names instead
        raise ModelError(
            f"{path}: holds an adapter (adapter_config.json) besides a base or instead of one",
            hint="set model.path to the folder of the base alone",
        )
    if index.is_file():
        wanted = _read_index(index)
        shards = sorted({path / file for file in wanted.values()})
    else:
        wanted = {}
        shards = sorted(path.glob("*.safetensors"))
    if not shards:
        raise _no_shards(path)
    shard_of: dict[str, Path] = {}
    for shard in shards:
        for name in _names(shard):
            if name in shard_of:
                raise ModelError(
                    f"{path}: tensor {name} is in both {shard_of[name].name} and {shard.name}", hint="download the folder again"
                )
            shard_of[name] = shard
    if wanted and single.is_file() and single not in shards:
        raise ModelError(
            f"{path}: both {single.name} and {index.name}, which names other files: it is not clear which of them is the model",
            hint=f"remove {index.name} with its files, or {single.name}",
        )
    absent = sorted(set(wanted) - set(shard_of))
    if absent:
        raise ModelError(f"{index}: {len(absent)} tensors are in none of the shards, first {absent[0]}", hint="download the folder again")
    return Checkpoint(path, tuple(shards), shard_of)


def _no_shards(path: Path) -> ModelError:
    pickles = sorted(file.name for pattern in _PICKLES for file in path.glob(pattern))
    if pickles:
        return ModelError(
            f"{path}: only pickle files ({', '.join(pickles[:3])}); refused, because reading them can run code",
            hint="convert them to safetensors on a machine you trust",
        )
    return ModelError(f"{path}: no *.safetensors files", hint="set model.path to a folder with safetensors weights")


def _read_index(index: Path) -> dict[str, str]:
    try:
        weight_map: dict[str, str] = json_object(index.read_bytes())["weight_map"]
        if not isinstance(weight_map, dict) or not all(isinstance(file, str) for file in weight_map.values()):
            raise ValueError("weight_map is not an object with names of files")
    except (ValueError, KeyError, OSError) as error:
        raise ModelError(f"{index}: not an index of safetensors files: {error}", hint="download the folder again") from error
    for file in set(weight_map.values()):
        if Path(file).name != file:
            raise ModelError(f"{index}: {file!r} is not the name of a file in the same folder", hint="download the folder again")
    return weight_map


def _names(shard: Path) -> list[str]:
    if not shard.is_file():
        raise ModelError(f"{shard}: this shard is missing", hint="copy it into the folder of the others")
    try:
        with safe_open(shard, framework="pt") as file:
            return list(file.keys())
    except (SafetensorError, OSError) as error:
        size = shard.stat().st_size
        raise ModelError(
            f"{shard}: truncated, or not a safetensors file ({size:,} bytes): {error}", hint="copy or download it again"
        ) from error


def sampled_fingerprint(checkpoint: Checkpoint) -> str:
    """What cards of earlier versions name a base by; see prefopt.model.identity for today's.

    sha256 over the keys of config.json and, for each shard, its size, its header and 32 windows of 4 KiB of its data.
    """
    config = json.loads((checkpoint.path / "config.json").read_text(encoding="utf-8"))
    kept = {key: value for key, value in config.items() if key not in VOLATILE}
    digest = hashlib.sha256(json.dumps(kept, sort_keys=True).encode())
    for shard in checkpoint.shards:
        size = shard.stat().st_size
        digest.update(f"{shard.name} {size}".encode())
        with shard.open("rb") as file:
            header = int.from_bytes(file.read(8), "little")
            digest.update(file.read(header))
            for window in range(_WINDOWS):
                file.seek(8 + header + (size - 8 - header) * window // _WINDOWS)
                digest.update(file.read(_WINDOW_BYTES))
    return digest.hexdigest()
