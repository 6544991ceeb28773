"""Whether training changed an adapter, by the content of the files that it saved."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from prefopt.errors import TrainingError
from prefopt.model.adapter_card import WEIGHTS


def refuse_unlearned(adapter: Path, parent: Path | None, recipe: str) -> None:
    """Check that a recipe of any kind saved an adapter that differs from the one it continued, in finite numbers.

    Args:
        adapter: folder of the new adapter.
        parent: folder of the one before; None where it started from the base, which an adapter with every B = 0 equals.
        recipe: its name, for the message.

    Raises:
        TrainingError: the adapter has no weights, one is not finite, or all are what they were.
    """
    new = _weights(adapter, recipe)
    broken = [name for name, value in new.items() if not bool(torch.isfinite(value).all())]
    if broken:
        raise TrainingError(
            f"recipe {recipe!r} saved values that are not finite: {broken[0]}", hint=f"lower learning_rate under [recipes.{recipe}]"
        )
    if parent is None:
        ends = [value for name, value in new.items() if ".lora_B" in name]
        same = bool(ends) and not any(bool(value.any()) for value in ends)
        what = "every matrix B of the adapter is 0, so the model is the base"
    else:
        old = _weights(parent, recipe)
        same = new.keys() == old.keys() and all(torch.equal(value, old[name]) for name, value in new.items())
        what = "every weight of the adapter is the parent's"
    if same:
        raise TrainingError(
            f"recipe {recipe!r} has learned nothing: {what}",
            hint=f"raise learning_rate under [recipes.{recipe}], or give it more updates: more epochs, or fewer rows in each",
        )


def _weights(folder: Path, recipe: str) -> dict[str, Tensor]:
    try:
        return {name: value.float() for name, value in load_file(folder / WEIGHTS).items()}
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"recipe {recipe!r}: {folder / WEIGHTS} cannot be read: {error}") from None
