"""The card of an adapter: prefopt.json in its folder, with the base it belongs to and how it was made."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from prefopt.config import AdapterSettings, Targets
from prefopt.errors import ModelError, TrainingError
from prefopt.io.files import write_text
from prefopt.io.jsonl import first_fault
from prefopt.io.strict import StrictError, checked_json
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


class Imported(Record):
    """Where an adapter came from that prefopt did not train."""

    weights: str
    """First 12 hex digits of the sha256 of the weights file that was imported."""
    verified: bool
    """Whether its logits were compared with those of stock PEFT (`parity`)."""


class Managed(Record):
    """Which model of a training service an adapter is, so that a later job can continue it."""

    service: str
    """Name of the service (prefopt.jobs.service.JobService.name)."""
    base: str
    """Name of the base model there."""
    model: str
    """Id of the trained model there; empty where the service names it by the job alone."""
    job: str
    """Id of the job that trained it."""


class AdapterCard(Record):
    """Origin of an adapter and the base it belongs to; prefopt.json in its folder."""

    parent: str | None
    """adapter_id of the parent; None for the base SFT stage."""
    base: str
    """Id of the base model (prefopt.model.identity.BaseIdentity)."""
    base_parts: Mapping[str, str] = Field(default_factory=dict)
    """Digest of each part of the base, so that a refusal can name the changed file; empty on cards of earlier versions."""
    recipe: str
    round: Annotated[int, Field(ge=0)]
    seed: int
    rank: Annotated[int, Field(ge=1)]
    alpha: Annotated[int, Field(ge=1)]
    experts: bool
    variant: Literal["lora", "rslora", "dora"] = "lora"
    targets: Targets = "attention"
    """As in the settings: the linear layers that are adapted, besides the experts."""
    rank_pattern: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """Rank of the modules that have another one; the keys are paths in transformers' own model."""
    alpha_pattern: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """Alpha of the modules that have another one."""
    parity: Parity | None = None
    """Measured when the adapter was exported or imported."""
    imported: Imported | None = None
    """Of an adapter that prefopt did not train."""
    managed: Managed | None = None
    """Of an adapter that a service trained in a round."""

    def rank_of(self, module: str) -> int:
        """Rank of a module, by its path in transformers' own model."""
        return self.rank_pattern.get(module, self.rank)

    def alpha_of(self, module: str) -> int:
        """Alpha of a module."""
        return self.alpha_pattern.get(module, self.alpha)

    def scaling_of(self, module: str) -> float:
        """Factor of B times A of a module."""
        rank = self.rank_of(module)
        return self.alpha_of(module) / (math.sqrt(rank) if self.variant == "rslora" else rank)

    @property
    def patterns(self) -> dict[str, Any]:
        """What no setting can say: a child of this adapter has the same."""
        return {"rank_pattern": self.rank_pattern, "alpha_pattern": self.alpha_pattern}


def shape_of(source: AdapterSettings | AdapterCard, *, experts: bool = False) -> dict[str, Any]:
    """The values that [adapter] of the settings and a card must agree on; names of modules sorted.

    Args:
        source: settings or a card.
        experts: what experts = "auto" of the settings stands for.
    """
    targets = source.targets if isinstance(source.targets, str) else tuple(sorted(set(source.targets)))
    adapted = experts if source.experts == "auto" else source.experts
    return {"rank": source.rank, "alpha": source.alpha, "experts": adapted, "variant": source.variant, "targets": targets}


def where_adapted(targets: str | Sequence[str], experts: bool) -> str:
    """The adapted layers in words, e.g. "attention and experts"."""
    words = {"attention": "attention", "all-linear": "all linear layers"}
    parts = [words[targets]] if isinstance(targets, str) else [", ".join(targets)] if targets else []
    return " and ".join([*parts, *(["experts"] if experts else [])])


def adapter_toml(source: AdapterCard) -> str:
    """The shape of an adapter as the table [adapter] of prefopt.toml."""
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in shape_of(source).items()}
    return "[adapter]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in values.items())


def refuse_other_shape(settings: AdapterSettings, card: AdapterCard, source: Path | str, then: str = "then import again") -> None:
    """Raise TrainingError where later rounds could not continue an adapter of this shape with these settings."""
    wanted, found = shape_of(settings, experts=card.experts), shape_of(card)
    if wanted != found:
        different = ", ".join(f"{key} {found[key]!r} (set: {wanted[key]!r})" for key in wanted if wanted[key] != found[key])
        raise TrainingError(
            f"{source}: the adapter has another shape than [adapter] in prefopt.toml, so no round could continue it: {different}",
            hint=f"write into prefopt.toml, {then}:\n{adapter_toml(card)}",
        )


def adapter_id(path: Path) -> str:
    """First 12 hex digits of the sha256 of the weights file. Raises ModelError if there is none."""
    file = path / WEIGHTS
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:12]
    except OSError:
        raise ModelError(f"{path}: not an adapter folder ({WEIGHTS} is missing)") from None


def write_card(file: Path, card: AdapterCard) -> None:
    """Write a card for `read_card`, without what it does not state."""
    optional = ("parity", "imported", "managed", "rank_pattern", "alpha_pattern")
    write_json(file, card.model_dump(exclude={key for key in optional if not getattr(card, key)}))


def read_card(path: Path) -> AdapterCard:
    """The card in an adapter's folder. Raises ModelError if it is missing or invalid."""
    file = path / CARD
    try:
        return AdapterCard.model_validate_json(checked_json(file.read_bytes()))
    except OSError:
        raise ModelError(
            f"{path}: {CARD} is missing, so base and parent are unknown", hint=f"import it: prefopt adapter import {path}"
        ) from None
    except (ValidationError, StrictError) as error:
        raise ModelError(f"{file}: not a valid adapter card: {first_fault(error)}") from None


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a file of an adapter's folder; equal content gives equal bytes."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True, default=str) + "\n")
