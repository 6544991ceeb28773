"""The card of an adapter: prefopt.json in its folder, with the base it belongs to and how it was made."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from prefopt.errors import ModelError
from prefopt.io.files import write_text
from prefopt.records import Record

WEIGHTS, CONFIG, CARD = "adapter_model.safetensors", "adapter_config.json", "prefopt.json"


class Parity(Record):
    """Difference between two models that should be equal: logits at the same positions of the same prompts."""

    against: str
    """The model that was compared with prefopt's own, e.g. "stock PEFT on the dequantized base"."""
    prompts: Annotated[int, Field(ge=1)]
    positions: Annotated[int, Field(ge=1)]
    dtype: str
    max_difference: Annotated[float, Field(ge=0)]
    """Largest difference of two logits."""
    kl: float
    """Mean Kullback-Leibler divergence of the next-token distributions, in nats; rounding can make it slightly negative."""
    same_top: Annotated[float, Field(ge=0, le=1)]
    """Share of positions at which both models rank the same token first."""


class AdapterCard(Record):
    """Origin of an adapter and the base it belongs to; prefopt.json in its folder."""

    parent: str | None
    """adapter_id of the parent; None for the base SFT stage."""
    base: str
    """Fingerprint of the base model."""
    recipe: str
    round: Annotated[int, Field(ge=0)]
    seed: int
    rank: Annotated[int, Field(ge=1)]
    alpha: Annotated[int, Field(ge=1)]
    experts: bool
    variant: Literal["lora", "rslora", "dora"] = "lora"
    parity: Parity | None = None
    """Measured when the adapter was exported."""

    @property
    def scaling(self) -> float:
        """Factor of B times A."""
        return self.alpha / (math.sqrt(self.rank) if self.variant == "rslora" else self.rank)


def adapter_id(path: Path) -> str:
    """First 12 hex digits of the sha256 of the weights file. Raises ModelError if there is none."""
    file = path / WEIGHTS
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:12]
    except OSError:
        raise ModelError(f"{path}: not an adapter folder ({WEIGHTS} is missing)") from None


def write_card(file: Path, card: AdapterCard) -> None:
    """Write a card for `read_card`, without `parity` if it was not measured."""
    write_json(file, card.model_dump(exclude={"parity"} if card.parity is None else None))


def read_card(path: Path) -> AdapterCard:
    """The card in an adapter's folder. Raises ModelError if it is missing or invalid."""
    file = path / CARD
    try:
        return AdapterCard.model_validate_json(file.read_bytes())
    except OSError:
        raise ModelError(f"{path}: {CARD} is missing, so base and parent are unknown", hint="use an adapter that prefopt saved") from None
    except ValidationError as error:
        raise ModelError(f"{file}: not a valid adapter card: {error.errors()[0]['msg']} at {error.errors()[0]['loc']}") from None


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a file of an adapter's folder; equal content gives equal bytes."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True, default=str) + "\n")
