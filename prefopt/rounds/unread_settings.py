"""Settings of prefopt.toml that nothing would read: tables [recipes.NAME] of no recipe or of two, settings that others turn off."""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path

from prefopt import plugins
from prefopt.errors import ConfigError, PluginError
from prefopt.project.project import CONFIG, Project
from prefopt.protocols import Recipe
from prefopt.rounds.advice import is_small, weights_on_disk

NEEDS = {
    "train.processes": ("train.launcher", "accelerate"),
    "train.accelerate_config": ("train.launcher", "accelerate"),
    "feedback.gold_file": ("feedback.gold_share", 0.1),
    "feedback.double_share": ("feedback.overlap", "adaptive"),
    "goals.each": ("goals.min_accuracy", 0.8),
}
"""Setting -> the one without which nothing reads it, with a value with which it is read: that word, or any number but 0."""


def refuse_unread_settings(project: Project) -> None:
    """Raise where something in prefopt.toml would be ignored.

    Raises:
        ConfigError: the preset is not for a model of this size; no recipe of a table's name is installed, named in prefopt.toml or used by
            a round; an installed recipe has no such option, used or not; a setting needs another one.
        PluginError: two recipes would read the same table; a file that prefopt.toml names is not a recipe.
    """
    for key, (needed, value) in NEEDS.items():
        origin = project.resolved.origin(key)
        found = _value(project, needed)
        is_read = found == value if isinstance(value, str) else bool(found)
        if origin != "default" and _value(project, key) and not is_read:
            raise ConfigError(
                f"{project.root / origin}: {key} is not read while {needed} is {found!r}",
                hint=f"set {needed} = {json.dumps(value)}, or remove {key}",
            )
    config = project.config
    missing = "/" not in config.model.path.strip("/.~") and weights_on_disk(config.model) is None  # whoever opens the model says so
    if config.train.preset == "tiny" and not is_small(config.model) and not missing:
        raise ConfigError(
            f"{project.root / project.resolved.origin('train.preset')}: the learning rates of the preset tiny would destroy a model as "
            f"large as {config.model.path}",
            hint='set preset = "" under [train], or for gpt-oss-20b gpu16, gpu24, gpu48 or gpu80',
        )
    _refuse_unread_tables(project)


def _value(project: Project, key: str) -> object:
    section, _, name = key.partition(".")
    return getattr(getattr(project.config, section), name)


def _refuse_unread_tables(project: Project) -> None:
    config = project.config
    installed = plugins.names(plugins.RECIPES)
    own = _own_recipes(project, installed)
    for table, options in config.recipes.items():
        where = f"{project.root / CONFIG} [recipes.{table}]"
        if table in installed:
            plugins.options(plugins.find_recipe(table).Config, options, where)
        elif table not in own and table not in _of_rounds(project):
            near = get_close_matches(table, [*installed, *own], n=1)
            line = project.resolved.origin(f"recipes.{table}.{next(iter(options), '')}")
            place = project.root / line if line.startswith(CONFIG) else project.root / CONFIG
            known = f"did you mean [recipes.{near[0]}]? otherwise " if near else ""
            raise ConfigError(
                f"{place}: [recipes.{table}] is read by no recipe: there are {', '.join([*installed, *own])}",
                hint=f"{known}name the file of that recipe in round.recipes, or remove the table",
            )


def _own_recipes(project: Project, installed: list[str]) -> dict[str, str]:
    """Name -> file of the recipes that prefopt.toml names by path. Raises PluginError where a name is not a recipe's own."""
    config = project.config
    found: dict[str, str] = {}
    for file in dict.fromkeys(name for name in (config.round.sft, *config.round.recipes) if name.endswith(".py")):
        recipe = plugins.find_recipe(file, project.root)
        other = f"the installed recipe {recipe.name}" if recipe.name in installed else found.get(recipe.name)
        if other is not None and _is_written_there(recipe):
            raise PluginError(
                f"{file} has the name {recipe.name!r}, as {other} has: both would read [recipes.{recipe.name}]",
                hint=f'set name = "{free_name(Path(file).stem, [*installed, *found])}" in {file}, and its options under that name',
            )
        found[recipe.name] = file
    return found


def _is_written_there(recipe: Recipe) -> bool:
    """Whether the file defines the recipe; one that only passes on an installed one reads its options."""
    return type(recipe).__module__.startswith(plugins.RECIPE_MODULE)


def free_name(stem: str, taken: list[str]) -> str:
    """A name for a recipe in a file called `stem` that no other recipe has."""
    return stem if stem not in taken else f"my_{stem}"


def _of_rounds(project: Project) -> set[str]:
    """Names of the recipes that rounds used, as far as their files are still there."""
    found = set()
    for rnd in project.rounds():
        try:
            found.add(plugins.find_recipe(rnd.recipe, project.root).name)
        except PluginError:  # finished rounds do without it
            continue
    return found
