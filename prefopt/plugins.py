"""Finds recipes, feedback sources and commands: by entry point, recipes and feedback sources also by the path of a .py file."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points, packages_distributions
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefopt.errors import PluginError, PrefoptError
from prefopt.protocols import FeedbackSource, Recipe

if TYPE_CHECKING:
    from pydantic import BaseModel

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, last on stdout.")]
"""The option that all groups of commands share, those of plug-ins too."""


def finite(value: float | None) -> float | None:
    """Callback of a number on the command line: NaN passes the comparison with any limit. Raises typer.BadParameter."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number")
    return value


_OURS = ("prefopt", "recipes", "feedback")
_loaded: dict[str, str] = {}
"""Top-level module of each plug-in of others that was loaded -> what it is."""


@dataclass(frozen=True)
class Blamed:
    """The plug-in whose code an exception passed through, and where in it."""

    what: str
    """E.g. "recipe 'my_dpo.py'"."""
    file: str
    line: int


def blamed(error: BaseException) -> Blamed | None:
    """Where an exception passed through a plug-in that others wrote, innermost first; None where it did not."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        what = _loaded.get(str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0])
        if what is not None:
            found = Blamed(what, trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    return found


def in_use() -> list[str]:
    """The plug-ins of others that were loaded, e.g. "recipe 'my_dpo.py'"."""
    return list(_loaded.values())


RECIPE_MODULE = "prefopt_recipe_"
"""How the module of a recipe begins that was loaded from a file."""
RECIPES, SOURCES, COMMANDS = "prefopt.recipes", "prefopt.feedback", "prefopt.commands"


def names(group: str) -> list[str]:
    """Names registered in a group, sorted."""
    return sorted({entry.name for entry in entry_points(group=group)})


def entry(group: str, name: str) -> EntryPoint:
    """The one entry point of a name. Raises PluginError where there is none, or two distributions claim it."""
    found = {(e.value, e.dist.name if e.dist else ""): e for e in entry_points(group=group) if e.name == name}
    if not found:
        raise PluginError(f"there is no {_kind(group)} {name!r}", hint=f"there are: {', '.join(names(group)) or 'none'}")
    if len(found) > 1:
        claims = ", ".join(sorted(f"{dist} ({value})" for value, dist in found))
        raise PluginError(f"{name!r} of {group} is claimed by several packages: {claims}", hint="uninstall all but one")
    return next(iter(found.values()))


def load(group: str, name: str) -> Any:
    """Import what an entry point names. A failing import is an error, never a reason to take something else."""
    point = entry(group, name)
    if group != COMMANDS:  # the check reads the file list of every installed package, too slow for every `prefopt --help`
        refuse_foreign_packages(point.value.split(":")[0].split(".")[0])
    top = point.value.split(":")[0].split(".")[0]
    if top not in _OURS:
        _loaded[top] = f"{_kind(group)} {name!r}"
    try:
        return point.load()
    except PrefoptError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{name!r} of {group} ({point.value}) cannot be imported: {_where(error)}{error}") from error


def _kind(group: str) -> str:
    return "recipe" if group == RECIPES else "feedback source" if group == SOURCES else "command"


def _where(error: BaseException) -> str:
    """File and line of a syntax error, or of the plug-in's line that raised something else than ImportError; with the exception's type."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: "
    found = blamed(error)
    kind = "" if isinstance(error, ImportError) else f"{type(error).__name__}: "
    return f"{found.file}:{found.line}: {kind}" if found else kind


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Top-level package -> distributions that contain it; reads the file list of every installed package (a fifth of a second)."""
    return packages_distributions()


def refuse_foreign_packages(package: str) -> None:
    """Raise PluginError where another distribution claims one of our top-level packages (`recipes`, `feedback`)."""
    if package not in ("recipes", "feedback"):
        return
    others = sorted({d for d in _distributions().get(package, ()) if d.lower() != "prefopt"})
    if others:
        raise PluginError(
            f"the package {package!r} also belongs to {', '.join(others)}: which of them is imported is chance",
            hint=f"pip uninstall {' '.join(others)}",
        )


def find_recipe(name: str, folder: Path | None = None) -> Recipe:
    """A recipe by name, or by the path of a .py file (relative to `folder`) that holds one object called `recipe`."""
    found = _from_file(_path(name, folder), "recipe") if name.endswith(".py") else load(RECIPES, name)
    missing = [a for a in ("name", "needs", "Config", "train", "extra_inputs") if not hasattr(found, a)]
    if missing or found.needs not in ("examples", "pairs", "judged", "slates"):
        raise PluginError(
            f"{name!r} is not a recipe: {'it lacks ' + ', '.join(missing) if missing else f'needs is {found.needs!r}'}",
            hint="a recipe has name, needs, Config, train and extra_inputs; copy one with `prefopt recipes copy dpo my_dpo.py`",
        )
    recipe: Recipe = found
    return recipe


def _path(name: str, folder: Path | None) -> Path:
    return Path(name) if folder is None else folder / name


FILE_HINTS = {
    "recipe": "copy one with `prefopt recipes copy dpo my_dpo.py`",
    "source": "give the path of a .py file with a feedback source, from the project's folder (docs/plugins.md)",
}
LAST_HINTS = {"recipe": "write `recipe = MyRecipe()` at its end", "source": "write `source = MySource` at its end"}


def _from_file(path: Path, what: str) -> Any:
    """The object called `what` ("recipe", "source") of a Python file."""
    path, kind = path.resolve(), "recipe" if what == "recipe" else "feedback source"
    if not path.is_file():
        raise PluginError(f"{path}: no such {kind} file", hint=FILE_HINTS[what])
    module_name = f"prefopt_{what}_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # pydantic looks annotations up there
    _loaded[module_name] = f"{kind} {path.name!r}"
    try:
        spec.loader.exec_module(module)
    except PrefoptError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{path} cannot be imported: {_where(error)}{error}", hint="correct the plug-in") from error
    if not hasattr(module, what):
        raise PluginError(f"{path} has no object called `{what}`", hint=LAST_HINTS[what])
    return getattr(module, what)


def recipe_source(name: str) -> Path:
    """The .py file of a recipe that is installed."""
    spec = importlib.util.find_spec(entry(RECIPES, name).value.split(":")[0])
    if spec is None or spec.origin is None:
        raise PluginError(f"the source of recipe {name!r} cannot be found")
    return Path(spec.origin)


def find_source(name: str, folder: Path | None = None) -> type[FeedbackSource]:
    """A feedback source by name, or by the path of a .py file (relative to `folder`) that holds one class called `source`."""
    found = _from_file(_path(name, folder), "source") if name.endswith(".py") else load(SOURCES, name)
    missing = [a for a in ("name", "Config", "publish", "collect", "progress") if not hasattr(found, a)]
    if missing or not isinstance(found, type):
        raise PluginError(
            f"{name!r} is not a feedback source: {'it lacks ' + ', '.join(missing) if missing else 'it is not a class'}",
            hint="a feedback source is a class with name, Config, publish, collect and progress (docs/plugins.md)",
        )
    source: type[FeedbackSource] = found
    return source


def options(config: type[BaseModel], raw: dict[str, Any], where: str) -> BaseModel:
    """A plug-in's options, checked: unknown keys are a ConfigError."""
    from prefopt.io.toml_settings import validate  # pydantic, which `prefopt --help` does without

    return validate(config, raw, where)


def commands() -> Iterable[str]:
    """Names of the sub-commands that plug-ins bring."""
    return names(COMMANDS)
