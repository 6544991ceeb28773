"""Settings with a new name. `validate` refuses an old name and shows the new one; `with_new_names` converts whole files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from prefopt.errors import ConfigError

_RECIPES = ("sft", "dpo", "orpo", "kto")
_OPTIONS = {
    "epochs": "num_train_epochs",
    "accumulate": "gradient_accumulation_steps",
    "schedule": "lr_scheduler_type",
    "warmup": "warmup_ratio",
}

RENAMED_KEYS: Mapping[str, str] = {
    "model.quantised": "model.quantized",
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


def with_new_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of parsed settings (of prefopt.toml, or of a round) with new names and values in place of old ones.

    Raises:
        ConfigError: a key is set by its old and its new name.
    """
    return {name: _converted(value, name) for name, value in settings.items()}


def _converted(value: Any, path: str) -> Any:
    """A value at a dotted path, tables with their keys renamed."""
    if not isinstance(value, Mapping):
        return RENAMED_VALUES.get((path, value), value) if isinstance(value, str) else value
    table: dict[str, Any] = {}
    for name, inner in value.items():
        new = RENAMED_KEYS.get(f"{path}.{name}", f"{path}.{name}").rpartition(".")[2]
        if new in table or (new != name and new in value):
            raise ConfigError(f"{path}.{name} is now {new}, and both are set", hint=f"delete {name} under [{path}]")
        table[new] = _converted(inner, f"{path}.{new}")
    return table
