"""Old names of settings are refused with the new name."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefopt.errors import ConfigError
from prefopt.io.renamed_settings import RENAMED_KEYS, RENAMED_VALUES
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
