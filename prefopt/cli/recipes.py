"""prefopt recipes: list | show | copy. Arguments and output only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prefopt import plugins
from prefopt.plugins import Json

recipes = typer.Typer(no_args_is_help=True)

RecipeName = Annotated[str, typer.Argument(help="Name of an installed recipe, e.g. dpo.")]


@recipes.command("list")
def recipes_list(as_json: Json = False) -> None:
    """List the installed recipes."""
    from prefopt.cli import console

    rows = []
    for name in plugins.names(plugins.RECIPES):
        summary = next(
            (line for line in plugins.recipe_source(name).read_text(encoding="utf-8").splitlines() if line.startswith('"""')), ""
        )
        rows.append({"name": name, "file": str(plugins.recipe_source(name)), "what": summary.strip('"')})
    if as_json:
        console.print_json({"recipes": rows})
        return
    for row in rows:
        console.out.print(f"{row['name']:<6} {row['what']}", markup=False)


@recipes.command("show")
def recipes_show(name: RecipeName) -> None:
    """Print the options of a recipe with their defaults."""
    from prefopt.cli import console
    from prefopt.cli.settings_page import options_toml

    console.out.print(options_toml(plugins.find_recipe(name)), markup=False, soft_wrap=True, end="")


@recipes.command("copy")
def recipes_copy(name: RecipeName, target: Annotated[Path, typer.Argument(help="New .py file in your project.")]) -> None:
    """Copy a recipe to a file that you can edit."""
    from prefopt.cli import console
    from prefopt.errors import ConfigError
    from prefopt.io.files import write_text
    from prefopt.io.targets import refuse_taken

    if target.suffix != ".py":
        raise ConfigError(f"{target} does not end in .py", hint="give the path of a new .py file")
    refuse_taken([target])
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, plugins.recipe_source(name).read_text(encoding="utf-8"))
    console.out.print(f'{target}: edit it, then set  [round] recipes = ["{target}"]', markup=False)
