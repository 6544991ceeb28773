"""Settings by the memory of a GPU, for gpt-oss-20b with rows of 2,048 tokens: `[train] preset` fills in what prefopt.toml does not say.

Each fits by the memory plan (`prefopt check --model gpt-oss-20b --gpu 24`). Updates have the same rows as by default, in other passes; what
differs between the classes is how much of the model is adapted. A base stage and the rounds after it need the same preset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Preset = Literal["", "gpu16", "gpu24", "gpu48", "gpu80"]

_UPDATE = {"sft": 16, "dpo": 16, "orpo": 16, "kto": 32}  # rows of an update, as by default


def _settings(adapter: Mapping[str, Any], model: Mapping[str, Any], rows: int) -> dict[str, dict[str, Any]]:
    recipes = {
        name: {"batch_size": min(rows, update), "accumulate": update // min(rows, update), "gradient_checkpointing": True}
        for name, update in _UPDATE.items()
    }
    return {"adapter": dict(adapter), "model": dict(model), "recipes": recipes}


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "gpu16": _settings({"rank": 16, "alpha": 32, "experts": False}, {"nf4_attention": True}, 1),
    "gpu24": _settings({"rank": 8, "alpha": 16, "experts": True}, {"nf4_attention": True}, 2),
    "gpu48": _settings({"rank": 16, "alpha": 32, "experts": True}, {"nf4_attention": False}, 8),
    "gpu80": _settings({"rank": 32, "alpha": 64, "experts": True}, {"nf4_attention": False}, 16),
}
GIB = {"gpu16": 16, "gpu24": 24, "gpu48": 48, "gpu80": 80}
