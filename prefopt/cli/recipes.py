"""prefopt recipes: list | show | copy. Arguments and output only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from prefopt import plugins
from prefopt.plugins import Json

recipes = typer.Typer(no_args_is_help=True)

RecipeName = Annotated[str, typer.Argument(help="Name of an installed recipe, e.g. dpo.")]
RecipeFile = Annotated[str, typer.Argument(help="Name of an installed recipe, e.g. dpo, or the path of a .py file.")]


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
def recipes_show(name: RecipeFile, as_json: Json = False) -> None:
    """Print the options of a recipe with their defaults."""
    from prefopt.cli import console
    from prefopt.cli.settings_page import options_rows, options_toml

    recipe = plugins.find_recipe(name)
    if as_json:
        console.print_json({"name": recipe.name, "needs": recipe.needs, "options": options_rows(recipe)})
        return
    console.out.print(options_toml(recipe), markup=False, soft_wrap=True, end="")


@recipes.command("copy")
def recipes_copy(
    name: RecipeName, target: Annotated[Path, typer.Argument(help="New .py file in your project.")], as_json: Json = False
) -> None:
    """Copy a recipe to a file that you can edit. The copy is called as its file is, and has a table of options of its own."""
    from prefopt.cli import console
    from prefopt.errors import ConfigError
    from prefopt.io.files import write_text
    from prefopt.io.targets import refuse_taken

    own = target.stem
    if target.suffix != ".py" or not re.fullmatch(r"[A-Za-z0-9_-]+", own):
        raise ConfigError(
            f"{target} is not a name of ASCII letters, digits, - and _ that ends in .py", hint="give the path of a new .py file"
        )
    if own in plugins.names(plugins.RECIPES):
        raise ConfigError(
            f"there is an installed recipe {own!r}, and a copy needs another name", hint=f"give the file another name: my_{own}.py"
        )
    refuse_taken([target])
    target.parent.mkdir(parents=True, exist_ok=True)
    source = plugins.recipe_source(name).read_text(encoding="utf-8")
    write_text(target, re.sub(rf'^(    name = )"{re.escape(name)}"', rf'\1"{own}"', source, count=1, flags=re.MULTILINE))
    found = plugins.find_recipe(str(target))
    if found.name != own:
        target.unlink()
        raise ConfigError(
            f"the source of the recipe {name!r} does not set its name in one line", hint="copy its file, and change its name in it"
        )
    if as_json:
        console.print_json({"recipe": own, "file": str(target)})
        return
    console.out.print(f'{target}: edit it, then set  [round] recipes = ["{target}"]; its options are in [recipes.{own}]', markup=False)
