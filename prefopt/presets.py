"""Settings that `[train] preset` names: by the memory of a GPU, and for the tiny model. They apply where prefopt.toml has no value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# By the memory of a GPU: for gpt-oss-20b with rows of 2,048 tokens. Each fits by the memory plan (`prefopt plan gpt-oss-20b --gpu 24`).
# An update has as many rows as by default, divided into other forward passes; the presets differ in which part of the model is adapted.
# gpu80 has the memory to keep activations in place of computing them again, a third of a step, in passes of fewer rows. A base stage and
# the rounds after it need the same preset.

_UPDATE = {"sft": 16, "consensus": 16, "dpo": 16, "orpo": 16, "kto": 32}  # rows per update, as by default


def _settings(adapter: Mapping[str, Any], model: Mapping[str, Any], rows: int, *, checkpointing: bool = True) -> dict[str, dict[str, Any]]:
    """A preset whose forward passes hold `rows` rows."""
    recipes = {
        name: {
            "batch_size": min(rows, update),
            "gradient_accumulation_steps": update // min(rows, update),
            "gradient_checkpointing": checkpointing,
        }
        for name, update in _UPDATE.items()
    }
    return {"adapter": dict(adapter), "model": dict(model), "recipes": recipes}


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "gpu16": _settings({"rank": 16, "alpha": 32, "experts": False}, {"nf4_attention": True}, 1),
    "gpu24": _settings({"rank": 8, "alpha": 16, "experts": True}, {"nf4_attention": True}, 2),
    "gpu48": _settings({"rank": 16, "alpha": 32, "experts": True}, {"nf4_attention": False}, 8),
    "gpu80": _settings({"rank": 32, "alpha": 64, "experts": True}, {"nf4_attention": False}, 2, checkpointing=False),
}
GIB = {"gpu16": 16, "gpu24": 24, "gpu48": 48, "gpu80": 80}

_SMALL = {"gradient_accumulation_steps": 1, "gradient_checkpointing": False}
TINY: dict[str, dict[str, Any]] = {
    "recipes": {
        "sft": {"learning_rate": 6e-3, "num_train_epochs": 10, "batch_size": 16, "reason_share": 0.0, "explain_share": 0.3, **_SMALL},
        **{recipe: {"batch_size": 16, **_SMALL} for recipe in ("consensus", "dpo", "orpo", "kto")},
    }
}
"""The preset tiny: a model of a few million weights needs rates tens of times as high as gpt-oss-20b, and more updates."""
TINY_BYTES = 100 * 2**20
"""Weights on disk up to which a model learns with the preset tiny; those of larger ones would be destroyed by its rates."""
