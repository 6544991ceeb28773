"""The weights file of an adapter: safetensors in the stock PEFT layout."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from prefopt.errors import ModelError
from prefopt.io.files import write_bytes
from prefopt.model.adapter_card import WEIGHTS


def read_weights(path: Path) -> dict[str, Tensor]:
    """All tensors of an adapter's folder. Raises ModelError where the file is missing, a pickle, truncated, or holds NaN or infinity."""
    try:
        weights: dict[str, Tensor] = load_file(path / WEIGHTS)
    except FileNotFoundError:
        raise _no_weights(path) from None
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path / WEIGHTS}: truncated, or not a safetensors file: {error}", hint="copy the file again") from error
    for key, tensor in weights.items():
        _refuse_broken(key, tensor, path)
    return weights


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Key -> shape of every tensor in an adapter's folder, from the header of its file. Raises ModelError as read_weights."""
    try:
        with safe_open(path / WEIGHTS, framework="pt") as stored:
            return {key: tuple(stored.get_slice(key).get_shape()) for key in stored.keys()}  # noqa: SIM118  # not a dictionary
    except FileNotFoundError:
        raise _no_weights(path) from None
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path / WEIGHTS}: truncated, or not a safetensors file: {error}", hint="copy the file again") from error


def write_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write the tensors of an adapter; equal ones give equal bytes. Raises ModelError where one is not finite."""
    for key, tensor in weights.items():
        _refuse_broken(key, tensor, path)
    path.mkdir(parents=True, exist_ok=True)
    write_bytes(path / WEIGHTS, save(dict(sorted(weights.items())), metadata={"format": "pt"}))


def refuse_tables(path: Path, extra: Collection[str]) -> None:
    """Refuse adapters of the output head or the embeddings, with a message of their own: scoring reads the head's own weight."""
    tables = [key for key in sorted(extra) if re.search(r"\.(?:lm_head|embed_tokens|wte|embed_out)\.", key)]
    if tables:
        raise tables_refused(path, tables[0])


def tables_refused(path: Path, name: str) -> ModelError:
    """The error for an adapter that changes the output head or the embeddings."""
    return ModelError(
        f"{path}: this adapter changes the head or the embeddings ({name}); log-probabilities are computed from the head's own weight, so "
        "the change would be ignored",
        hint="train an adapter of the decoder's layers only",
    )


def _no_weights(path: Path) -> ModelError:
    pickled = path / "adapter_model.bin"
    if pickled.exists():
        text = f"{path}: refused, because reading a pickle ({pickled.name}) can run code"
        return ModelError(text, hint="save it as safetensors on a machine you trust")
    return ModelError(f"{path}: {WEIGHTS} is missing")


def _refuse_broken(key: str, tensor: Tensor, path: Path) -> None:
    if not bool(torch.isfinite(tensor).all()):
        raise ModelError(f"{path}: {key} holds values that are not finite", hint="train it again with a lower learning_rate")
