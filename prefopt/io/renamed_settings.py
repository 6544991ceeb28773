"""Settings with a new name: `validate` refuses an old name and shows the new one; `prefopt migrate` converts files."""

from __future__ import annotations

from collections.abc import Collection, Mapping

_RECIPES = ("sft", "dpo", "orpo", "kto")
_OPTIONS = {
    "epochs": "num_train_epochs",
    "accumulate": "gradient_accumulation_steps",
    "schedule": "lr_scheduler_type",
    "warmup": "warmup_ratio",
}

RENAMED_KEYS: Mapping[str, str] = {
    "model.quantised": "model.quantized",
    "data.holdout": "data.holdout_share",
    "data.general": "data.general_texts",
    "decide.min_coverage": "decide.min_label_mass",
    **{f"recipes.{recipe}.{old}": f"recipes.{recipe}.{new}" for recipe in _RECIPES for old, new in _OPTIONS.items()},
    "recipes.kto.likelihood": "recipes.kto.sft_weight",
}
"""Old dotted key of prefopt.toml -> new one. Only the last part changes."""

RENAMED_VALUES: Mapping[tuple[str, str], str] = {(f"recipes.{recipe}.engine", "shared"): "prompt_sharing" for recipe in _RECIPES}
"""(Dotted key, old value) -> new value."""


def new_key(key: str, known: Collection[str]) -> str | None:
    """The new name of a key, if it has one.

    Args:
        key: dotted, or the bare name of a recipe's option.
        known: the keys that are valid in its place; a recipe of your own may have other options.
    """
    for old, new in RENAMED_KEYS.items():
        name = new.rpartition(".")[2]
        if key in (old, _bare(old)) and name in known:
            return name
    return None


def new_value(key: str, value: object) -> str | None:
    """The new spelling of a key's value, if it has one. The key is as in `new_key`."""
    return next((new for (name, old), new in RENAMED_VALUES.items() if key in (name, _bare(name)) and value == old), None)


def _bare(key: str) -> str | None:
    """The name by which a recipe's options are validated."""
    return key.rpartition(".")[2] if key.startswith("recipes.") else None
