"""Refuse configurations and weights that no model has, in words: transformers raises any exception for them, or builds for days."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefopt.errors import ModelError, PrefoptError
from prefopt.model.out_of_memory import is_out_of_memory

_LARGEST = {
    "num_hidden_layers": 2_000, "hidden_size": 1 << 20, "intermediate_size": 1 << 22, "vocab_size": 1 << 24, "num_attention_heads": 1 << 16,
    "num_local_experts": 1 << 16, "head_dim": 1 << 16,
}  # fmt: skip


@contextmanager
def in_words(what: str) -> Iterator[None]:
    """Raise what the body raises as a ModelError that begins with `what`; our own errors and exhausted memory stay what they are."""
    try:
        yield
    except PrefoptError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        said = " ".join(str(error).split())[:500]
        told = said if isinstance(error, (ValueError, OSError, RuntimeError)) and said else f"{type(error).__name__}: {said}"
        raise ModelError(f"{what}: {told}") from error


def refuse_absurd_sizes(path: Path, config: Any) -> None:
    """Raise ModelError for sizes that no model has: building its modules would take days or all memory before any weight is read."""
    for name, most in _LARGEST.items():
        found = getattr(config, name, None)
        if isinstance(found, (int, float)) and not 0 <= found <= most:
            raise ModelError(f"{path / 'config.json'}: {name} = {found:.4g} is outside 0 to {most:,}", hint="copy or download it again")
