"""A digest of every tensor of a checkpoint, whole; independent of shards, their names, their order, the index and metadata.

The files are read in blocks by several threads (hashlib releases Python's lock), once: the digests of a file are kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from prefopt.model.checkpoint import Checkpoint
from prefopt.model.file_facts import Facts, facts_of, keep, recall

_BLOCK = 4 << 20
_THREADS = 8
_KIND = "tensors 1"
"""Increased when the digests change."""


def tensor_digests(checkpoint: Checkpoint) -> Facts:
    """Name -> sha256 over data type, shape and bytes of each tensor. Takes the memory of a few blocks, whatever the checkpoint's size.

    Raises:
        ModelError: a file changed while it was read.
    """
    digests: Facts = {}
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        for shard in checkpoint.shards:
            names = {name for name, file in checkpoint.shard_of.items() if file == shard}
            digests |= facts_of(shard, _KIND, partial(_digests_of, pool=pool), valid=partial(_names, names))
    keep(f"weights/{weights_digest(digests)}", digests)
    return digests


def _names(names: set[str], facts: Facts) -> bool:
    """Whether facts are about the tensors of these names."""
    return facts.keys() == names


def weights_digest(digests: Mapping[str, str]) -> str:
    """sha256 over the names and digests of all tensors, in the order of the names."""
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def changed_tensors(before: str, digests: Mapping[str, str]) -> list[str] | None:
    """Names of the tensors that differ from those of an earlier checkpoint, missing and new ones included.

    Args:
        before: weights_digest of the earlier one.
        digests: tensor_digests of the present one.

    Returns:
        the names in order; None if the earlier tensors are not in the user's cache.
    """
    earlier = recall(f"weights/{before}")
    if earlier is None or weights_digest(earlier) != before:
        return None
    return sorted(name for name in earlier.keys() | digests.keys() if earlier.get(name) != digests.get(name))


def _digests_of(shard: Path, pool: ThreadPoolExecutor) -> Facts:
    with shard.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    found = pool.map(lambda entry: _digest(shard, 8 + length, entry), header.values())
    return dict(zip(header, found, strict=True))


def _digest(shard: Path, data: int, entry: dict[str, Any]) -> str:
    """sha256 of one tensor; `data` is where the file's data begins, `entry` is the tensor's in the header."""
    start, end = entry["data_offsets"]  # checked by safetensors when the checkpoint was opened
    digest = hashlib.sha256(json.dumps([entry["dtype"], entry["shape"]]).encode())
    buffer = memoryview(bytearray(min(_BLOCK, end - start)))
    with shard.open("rb", buffering=0) as file:
        file.seek(data + start)
        while start < end:
            count = file.readinto(buffer[: end - start])
            if not count:
                break  # truncated meanwhile: facts_of compares the file's state afterwards
            digest.update(buffer[:count])
            start += count
    return digest.hexdigest()
