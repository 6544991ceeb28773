"""What a recipe imports: public names alone, so that a copy of it keeps working, and no torch before it trains."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import recipes

NAMES = ("sft", "consensus", "dpo", "orpo", "kto")
SERVICES = ("openai", "openai_sft", "together", "together_sft")
"""Recipes whose training runs elsewhere; they import prefopt.jobs besides, whose service.py docs/jobs.md names."""
PUBLIC = {"prefopt.errors", "prefopt.model.harmony", "prefopt.protocols", "prefopt.records"}
"""What a recipe may import of prefopt; docs/recipes.md lists it."""
ROOT = Path(recipes.__file__).parents[1]


def imports(name: str) -> list[tuple[str, str]]:
    """(module, name) of everything that a recipe imports from prefopt and recipes, anywhere in the file."""
    tree = ast.parse((ROOT / "recipes" / f"{name}.py").read_text(encoding="utf-8"))
    plain = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert not [module for module in plain if module.split(".")[0] in ("prefopt", "recipes")], "by `from` alone"
    return [
        (node.module or "", alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("prefopt", "recipes")
        for alias in node.names
    ]


@pytest.mark.parametrize("recipe", [*NAMES, *SERVICES])
def test_a_recipe_imports_public_names_only(recipe: str) -> None:
    found = imports(recipe)
    assert len(found) > (3 if recipe in SERVICES else 10)
    for module, name in found:
        package, _, inner = module.partition(".")
        of_jobs = recipe in SERVICES and (module.startswith("prefopt.jobs.") or module in ("recipes.openai", "recipes.together"))
        assert module in PUBLIC or (package == "recipes" and inner in recipes.__all__) or of_jobs, f"{module} is not public"
        assert not name.startswith("_"), f"{name} of {module} is private"
        assert hasattr(import_module(module), name)


def test_every_module_but_the_recipes_is_public_and_documented() -> None:
    modules = {path.stem for path in (ROOT / "recipes").glob("*.py")} - {"__init__", *NAMES, *SERVICES}
    assert set(recipes.__all__) == modules
    page = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
    for name in modules:
        assert f"\n    {name} " in (recipes.__doc__ or ""), name
        assert f"`{name}`" in page, name
    for name in PUBLIC:
        assert f"`{name}`" in page, name


def test_reading_the_options_of_recipes_does_not_import_torch() -> None:
    code = (
        "import sys, recipes.sft, recipes.dpo, recipes.orpo, recipes.kto; print([m for m in ('torch', 'trl', 'peft') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert printed.stdout.strip() == "[]"
