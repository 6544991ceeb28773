"""Old names of settings are refused with the new name, and converted on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from prefopt.errors import ConfigError
from prefopt.io.renamed_settings import RENAMED_KEYS, RENAMED_VALUES, with_new_names
from prefopt.io.toml_settings import put
from prefopt.plugins import find_recipe, options
from prefopt.project.resolve import load_config


def read(key: str, value: object, folder: Path) -> None:
    """Read a project that sets one key, as a run does."""
    table, name = key.rsplit(".", 1)
    if table.startswith("recipes."):
        options(find_recipe(table.removeprefix("recipes.")).Config, {name: value}, f"prefopt.toml [{table}]")
    else:
        (folder / "prefopt.toml").write_text(f"[{table}]\n{name} = 1\n")
        load_config(folder / "prefopt.toml")


@pytest.mark.parametrize("old", RENAMED_KEYS)
def test_an_old_name_is_refused_with_the_new_one(old: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown key") as raised:
        read(old, 1, tmp_path)
    assert f"{old.rpartition('.')[2]} is now {RENAMED_KEYS[old].rpartition('.')[2]}" in str(raised.value)


@pytest.mark.parametrize(("key", "value"), RENAMED_VALUES)
def test_an_old_value_is_refused_with_the_new_one(key: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        read(key, value, tmp_path)
    assert f'"{value}" is now "{RENAMED_VALUES[key, value]}"' in str(raised.value)


def test_an_old_name_that_the_recipe_does_not_know_under_its_new_one_is_just_unknown() -> None:
    with pytest.raises(ConfigError) as raised:
        options(find_recipe("dpo").Config, {"likelihood": 1.0}, "prefopt.toml [recipes.dpo]")
    assert "is now" not in str(raised.value)


def test_all_old_names_are_converted_to_settings_that_are_accepted() -> None:
    old: dict[str, Any] = {"project": {"name": "a"}, "recipes": {"mine": {"epochs": 2}}}
    values: dict[str, Any] = {"epochs": 2.0, "accumulate": 3, "schedule": "linear", "warmup": 0.5, "likelihood": 1.0}
    for key in RENAMED_KEYS:
        put(old, key, values.get(key.rpartition(".")[2], True))
    for key, value in RENAMED_VALUES:
        put(old, key, value)
    new = with_new_names(old)
    assert new["recipes"].pop("mine") == {"epochs": 2}, "another recipe's options are its own"
    assert new["recipes"]["kto"] == {
        "num_train_epochs": 2.0,
        "gradient_accumulation_steps": 3,
        "lr_scheduler_type": "linear",
        "warmup_ratio": 0.5,
        "sft_weight": 1.0,
        "engine": "prompt_sharing",
    }
    for name, given in new["recipes"].items():
        options(find_recipe(name).Config, given, name)
    assert (new["model"], new["decide"], new["project"]) == ({"quantized": True}, {"min_label_mass": True}, {"name": "a"})
    assert with_new_names(new) == new


def test_a_key_under_both_names_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"recipes\.sft\.epochs is now num_train_epochs, and both are set"):
        with_new_names({"recipes": {"sft": {"num_train_epochs": 1.0, "epochs": 2.0}}})
