"""Every hint in the source, read from the syntax tree, and what in it can be checked: commands and settings."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
import typer
from pydantic import BaseModel, ValidationError
from typer.core import TyperGroup

from prefopt.cli.round_words import RoundGroup
from prefopt.config import ProjectConfig
from recipes.dpo import DpoConfig
from recipes.kto import KtoConfig
from recipes.openai import OpenAiConfig
from recipes.openai_sft import OpenAiSftConfig
from recipes.orpo import OrpoConfig
from recipes.sft import SftConfig
from recipes.together import TogetherConfig
from recipes.together_sft import TogetherSftConfig

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("prefopt", "recipes", "feedback")
RECIPES: dict[str, type[BaseModel]] = {
    "sft": SftConfig,
    "dpo": DpoConfig,
    "orpo": OrpoConfig,
    "kto": KtoConfig,
    "openai": OpenAiConfig,
    "openai-sft": OpenAiSftConfig,
    "together": TogetherConfig,
    "together-sft": TogetherSftConfig,
}
_NAMED = re.compile(r"^_?((?:FILE_|LAST_)?HINTS?|OTHER|SHOWN|ELSEWHERE)$|^_?hint$|_hint$")
"""Names that hold hints before they are raised."""
_MAKERS = ("redo", "retrain", "way_to_train")
"""Functions that return what to type."""
GAP = "…"
"""Stands for what is filled in."""


@dataclass(frozen=True)
class Hint:
    """One text of a hint; a choice of two texts gives two."""

    path: str
    line: int
    text: str


def hints() -> list[Hint]:
    """All hints of the three packages."""
    found: list[Hint] = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            name = path.relative_to(ROOT).as_posix()
            found += [Hint(name, node.lineno, text) for node in _values(tree) for text in sorted(set(texts(node))) if text.strip(GAP)]
    return found


def _values(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "hint":
            yield node.value
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and _NAMED.search(t.id) for t in targets) and not isinstance(node.value, ast.Call):
                yield node.value
        elif isinstance(node, ast.FunctionDef) and node.name in _MAKERS:
            yield from (inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return) and inner.value is not None)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "data_of":
            yield node.args[2]


def texts(node: ast.expr) -> list[str]:
    """The texts that an expression can give, with GAP for what is filled in; none where it is a name alone."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            found = [""]
            for part in parts:
                found = [head + tail for head in found for tail in (texts(part) or [GAP])]
            return found
        case ast.FormattedValue(value=inner):
            return texts(inner) or [GAP]
        case ast.IfExp(body=body, orelse=other):
            return [*(texts(body) or [GAP]), *(texts(other) or [GAP])]
        case ast.BinOp(left=left, right=right):
            return [head + tail for head in (texts(left) or [GAP]) for tail in (texts(right) or [GAP])]
        case ast.Dict(values=values):
            return [text for value in values for text in texts(value)]
        case ast.Tuple(elts=values) | ast.List(elts=values):
            return [text for value in values for text in texts(value)]
        case _:
            return []


COMMAND = re.compile(r"(?:`(prefopt [^`]+)`)|(?:^|(?<=[\s(:]))(prefopt (?:(?! or | to |, or )[^;,()`])+)")


def commands(text: str) -> list[str]:
    """Command lines of prefopt in a hint: between backticks, or up to the end of the clause."""
    return [(quoted or plain).strip().rstrip(".") for quoted, plain in COMMAND.findall(text)]


def _words(line: str) -> list[str]:
    """Words after `prefopt`; what is filled in at the end of a word may be empty, e.g. an option."""
    return [re.sub(rf"(?<=[a-z]){GAP}+$", "", word) for word in shlex.split(line)[1:]]


def refuse_command(app: typer.Typer, line: str) -> str:
    """Why a command line cannot be typed; empty where it can. What is filled in counts as "1"."""
    words = [re.sub(r"^([A-Z_]+(/train)?(\.jsonl)?|" + GAP + r"+)$", "1", word).replace(GAP, "1") for word in _words(line)]
    command: Any = typer.main.get_command(app)
    while isinstance(command, TyperGroup):
        context = command.make_context(command.name, [], resilient_parsing=True)
        if not words or words[0].startswith("-"):
            break
        if isinstance(command, RoundGroup) and words[0].isdecimal():
            words = ["next", *words]
        inner = command.get_command(context, words[0])
        if inner is None:
            return f"there is no command {words[0]!r} in {line!r}"
        command, words = inner, words[1:]
    if isinstance(command, TyperGroup) and not words:
        return ""  # it shows its commands, or does what it does without one
    try:
        command.make_context(command.name, list(words))
    except Exception as error:
        return f"{line!r}: {error}"
    return ""


SETTING = re.compile(
    r"(?:(?P<key>[a-z_]+)(?: = (?P<value>\[[^\]]*\]|\"[^\"]*\"|[\w.+-]+))? (?:under|in) \[(?P<table>[a-z.]+)\])"
    r"|(?:(?<![\w/.])(?P<dotted>[a-z]+(?:\.[a-z_]+)+)(?: = (?P<given>\"[^\"]*\"|[\w.+-]+))?)"
    r"|(?:\[(?P<section>[a-z]+(?:\.[a-z]+)?)\])"
)


def settings(text: str) -> list[tuple[str, str]]:
    """(dotted key or section, value as TOML or "") of the settings of prefopt.toml in a hint."""
    found = []
    for match in SETTING.finditer(text):
        key = f"{match['table']}.{match['key']}" if match["table"] else match["dotted"] or match["section"]
        if key.partition(".")[0] in ProjectConfig.model_fields:
            found.append((key, match["value"] or match["given"] or ""))
    return found


def refuse_setting(key: str, value: str) -> str:
    """Why a setting cannot be written into prefopt.toml; empty where it can."""
    model: type[BaseModel] = ProjectConfig
    *tables, last = key.split(".")
    if tables[:1] == ["recipes"] or key.startswith("recipes."):
        recipe = key.split(".")[1]
        if recipe not in RECIPES:
            return f"there is no recipe {recipe!r}"
        if key.count(".") == 1:
            return ""
        return refuse_option({recipe: RECIPES[recipe]}, last, value)
    for part in tables:
        model = model.model_fields[part].annotation  # type: ignore[assignment]  # a section
    if not hasattr(model, "model_fields"):
        return ""  # options of a feedback source
    if last not in model.model_fields:
        return f"there is no setting {key!r}"
    if not value or value == GAP:
        return ""
    raw: Any = {last: tomlkit.value(value).unwrap() if hasattr(tomlkit.value(value), "unwrap") else tomlkit.value(value)}
    try:
        model.model_validate(raw)
    except ValidationError as error:
        return f"{key} = {value}: {error.errors()[0]['msg']}"
    return ""


_OPTION = re.compile(r"(?<![\w\"])(?:([a-z_]+) = (\"[^\"]*\"|[\w.]+|…)|([a-z]+(?:_[a-z]+)+)(?!\w))")


def options(text: str) -> list[tuple[str, str]]:
    """(name, value as TOML or "") of the recipe's options in a hint: `key = value under the recipe's name`."""
    clauses = [clause for clause in re.split(r"[;,] ", text) if "under the recipe's name" in clause]
    return [(key or bare, value) for clause in clauses for key, value, bare in _OPTION.findall(clause)]


def refuse_option(recipes: dict[str, type[BaseModel]], name: str, value: str) -> str:
    """Why no recipe has an option with such a value; empty where one has."""
    having = [config for config in recipes.values() if name in config.model_fields]
    if not having:
        return f"no recipe has an option {name!r}"
    if not value or value == GAP:
        return ""
    parsed = tomlkit.value(value)
    raw = {name: parsed.unwrap() if hasattr(parsed, "unwrap") else parsed}
    faults = []
    for config in having:
        try:
            config.model_validate(raw)
        except ValidationError as error:
            faults.append(error.errors()[0]["msg"])
    return "" if len(faults) < len(having) else f"{name} = {value}: {faults[0]}"
