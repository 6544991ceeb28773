"""Infinity and NaN are refused wherever a number is read: in settings, in options of recipes and plug-ins, and in what stages write."""

from __future__ import annotations

import ast
import importlib
import math
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from typer.testing import CliRunner

import feedback
import prefopt
import recipes
from prefopt import plugins
from prefopt.cli.app import app
from prefopt.config import ProjectConfig
from prefopt.errors import ConfigError
from prefopt.frozen import Frozen
from prefopt.io.toml_settings import validate
from prefopt.project.project import open_project
from recipes.options import RoundOptions, TrainingOptions

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("prefopt.model", "prefopt.__main__", "feedback.server", "recipes.callbacks", "recipes.distributed", "recipes.invariants")
RECIPES = ("sft", "dpo", "orpo", "kto")


def test_every_model_has_the_one_base():
    """A RootModel cannot forbid extra keys; the models in it are of the base."""
    found: dict[str, set[str]] = {}
    for path in sorted(p for room in ("prefopt", "recipes", "feedback") for p in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases = {ast.unparse(base).split("[")[0].split(".")[-1] for base in node.bases}
                for base in bases & {"BaseModel", "RootModel"}:
                    found.setdefault(base, set()).add(node.name)
    assert found == {"BaseModel": {"Frozen"}, "RootModel": {"PreferenceRow"}}


def subclasses(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for found in model.__subclasses__():
        yield found
        yield from subclasses(found)


def test_no_model_relaxes_the_base():
    """Truth files, requests of OpenAI's clients, and records of which a part is read may have other keys; nothing else is relaxed."""
    others = {"TruthRow", "ChatMessage", "ChatIn", "_Seen", "Served", "Word"}
    for room in (prefopt, recipes, feedback):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if not module.name.startswith(HEAVY):
                importlib.import_module(module.name)
    models = [model for model in subclasses(Frozen) if model.__module__.split(".")[0] in ("prefopt", "recipes", "feedback")]
    assert len(models) > 60
    for model in models:
        config = model.model_config
        assert (config["frozen"], config["allow_inf_nan"]) == (True, False), model
        assert config["extra"] == "forbid" or model.__name__ in others, model


def numbers_of(model: type[BaseModel], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Path of every field with a number in it, with the text of its type."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from numbers_of(field.annotation, (*before, name))
        elif field.annotation is int or ("float" in str(field.annotation) and "Literal" not in str(field.annotation)):
            yield (*before, name), str(field.annotation)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, "inf"])
def test_every_setting_refuses_it_by_its_key(number: Any):
    paths = list(numbers_of(ProjectConfig))
    assert len(paths) >= 28
    for path, _ in paths:
        raw: Any = number
        for part in reversed(path):
            raw = {part: raw}
        with pytest.raises(ConfigError, match=rf"^prefopt\.toml: {'.'.join(path)} = ") as raised:
            validate(ProjectConfig, raw, "prefopt.toml")
        assert raised.value.hint == f"edit {'.'.join(path)} in prefopt.toml"


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("name", RECIPES)
def test_every_option_of_a_recipe_refuses_it_by_its_key(name: str, number: float):
    recipe = plugins.find_recipe(name)
    options = list(numbers_of(recipe.Config))
    assert {"learning_rate", "num_train_epochs", "max_grad_norm"} <= {path[0] for path, _ in options}
    for (key,), kind in options:
        with pytest.raises(ConfigError, match=rf"\[recipes\.{name}\]: {key}(\.0)? = "):
            plugins.options(recipe.Config, {key: [number] if "tuple" in kind else number}, f"prefopt.toml [recipes.{name}]")


@pytest.mark.parametrize("line", ["num_train_epochs = inf", "beta = nan", "learning_rate = inf", "loss_weights = [1.0, -inf]"])
def test_a_settings_file_with_it_is_refused_with_its_line(line: str, tmp_path: Path):
    (tmp_path / "prefopt.toml").write_text(f"[project]\nseed = 3\n[recipes.dpo]\n{line}\n", encoding="utf-8")
    key = line.split(" ")[0]
    with pytest.raises(ConfigError, match=rf"prefopt\.toml:4: recipes\.dpo\.{key}(\.1)? = -?(inf|nan): not a finite number"):
        open_project(tmp_path)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    "words",
    [
        ["tune", "--subset"],
        ["plan", "tiny", "--gpu"],
        ["data", "check", "--hourly"],
        ["teachers", "simulate", "--truth", "t.jsonl", "--error-rate"],
    ],
)
def test_the_command_line_refuses_it(words: list[str], number: str):
    result = CliRunner().invoke(app, [*words, number])
    assert result.exit_code == 2
    assert f"Invalid value for '{words[-1]}'" in result.output  # by its limits, or because it is not finite


def test_every_number_of_the_command_line_is_checked():
    for path in (*(ROOT / "prefopt" / "cli").glob("*.py"), *(ROOT / "feedback").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = ast.unparse(node) if isinstance(node, ast.Subscript) else ""
            if text.startswith(("Annotated[float, typer", "Annotated[float | None, typer")):
                assert "callback=finite" in text, f"{path.name}: {text}"


class OfAnother(BaseModel):
    """Options of a plug-in that says nothing of infinity."""

    rate: float = math.inf
    """A default is the plug-in's own business."""
    nested: dict[str, list[float]] = {}


@pytest.mark.parametrize("raw", [{"rate": math.inf}, {"rate": "nan"}, {"nested": {"a": [0.0, -math.inf]}}])
def test_options_of_another_plugin_refuse_it(raw: dict[str, Any]):
    with pytest.raises(ConfigError, match=r"x: (rate|nested\.a\.1) = .*not a finite number"):
        plugins.options(OfAnother, raw, "x")
    assert plugins.options(OfAnother, {}, "x") == OfAnother()


BAD = {
    "learning_rate": (0.0, -1e-5, 1e6),
    "num_train_epochs": (0.5, 1e9),
    "batch_size": (0, 10**30),
    "gradient_accumulation_steps": (0, 10**30),
    "max_grad_norm": (0.0, -1.0, 1e30),
    "warmup_ratio": (-0.1, 1.0),
    "beta": (0.0, -0.1, 1e-30, 1e30),
    "tie_share": (0.0, 1.0, 5e-324),
    "discopop_tau": (0.0, 1e-30),
    "margin": (-1.0, 1e30),
    "sft_weight": (-1.0, 1e30),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_number_that_makes_no_sense_is_refused(name: str):
    config = plugins.find_recipe(name).Config
    assert issubclass(config, TrainingOptions)
    for key, values in BAD.items():
        for value in values if key in config.model_fields else ():
            if key == "learning_rate" and value == 0 and issubclass(config, RoundOptions):
                continue  # that of [recipes.sft]
            with pytest.raises(ValidationError, match=key):
                config.model_validate({key: value})


@pytest.mark.parametrize("seed", [-1, 4_000_001])
def test_a_seed_that_a_library_would_refuse_is_refused(seed: int):
    with pytest.raises(ConfigError, match=r"project\.seed"):
        validate(ProjectConfig, {"project": {"seed": seed}}, "prefopt.toml")
