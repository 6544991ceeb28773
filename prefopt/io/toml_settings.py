"""Parsed TOML -> checked settings: a fault names file, line, key and the nearest known key."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from prefopt.errors import ConfigError
from prefopt.io.renamed_settings import new_key, new_value

T = TypeVar("T", bound=BaseModel)


def validate(model: type[T], raw: Mapping[str, Any], path: Path | str, text: str = "") -> T:
    """Build settings from parsed TOML; a fault becomes a ConfigError that names file, line, key and what to write. Infinities and NaN are
    faults whatever the model says of them: those of plug-ins may allow them, and tables of options have no types here.
    """
    try:
        found = model.model_validate(raw)
    except ValidationError as error:
        message, hint = _explain(error, model, path, text)
        raise ConfigError(message, hint=hint) from None
    key, value = next(_unusable(found), ("", 0.0))
    if key:
        line = line_of(text, key)
        what = "a text with a null character" if isinstance(value, str) else "not a finite number"
        raise ConfigError(f"{path}{f':{line}' if line else ''}: {key} = {value!r}: {what}", hint=f"edit {key} in {path}")
    return found


def _unusable(value: Any, key: str = "") -> Iterator[tuple[str, float | str]]:
    """Dotted key and value of every infinity, NaN and text with a null character among the values that were given, however deep."""
    if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, str) and "\0" in value):
        yield key, value
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, BaseModel):
        inner = ((name, getattr(value, name)) for name in value.model_fields_set)
    elif isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = enumerate(value)
    for name, part in inner:
        yield from _unusable(part, f"{key}.{name}" if key else str(name))


def _explain(error: ValidationError, model: type[BaseModel], path: Path | str, text: str) -> tuple[str, str]:
    first = error.errors()[0]
    parts = [str(p) for p in first["loc"]]
    key = ".".join(parts)
    line = line_of(text, key)
    where = f"{path}:{line}" if line else str(path)
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, parts[:-1])
        if (new := new_key(key, known)) is not None:
            return f"{where}: unknown key {key!r}", f"{parts[-1]} is now {new}"
        near = get_close_matches(parts[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys here: {', '.join(sorted(known))}"
        return f"{where}: unknown key {key!r}", hint
    if (value := new_value(key, first["input"])) is not None:
        return f"{where}: {key} = {first['input']!r}: {first['msg']}", f'{key} = "{first["input"]}" is now "{value}"'
    if not key:  # options that do not go together
        return f"{where}: {first['msg'].removeprefix('Value error, ')}", f"edit {path}"
    said = str(first["msg"]).removeprefix("Value error, ")
    return f"{where}: {key} = {first['input']!r}: {said}", f"edit {key} in {path}"


def _known_keys(model: type[BaseModel], parents: list[str]) -> list[str]:
    current: Any = model
    for part in parents:
        entry = current.model_fields.get(part)
        if entry is None or not (isinstance(entry.annotation, type) and issubclass(entry.annotation, BaseModel)):
            return []
        current = entry.annotation
    return list(current.model_fields)


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key and value of every leaf of nested tables."""
    for key, value in tree.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{dotted}.")
        else:
            yield dotted, value


def line_of(text: str, key: str) -> int:
    """1-based line on which a dotted key is set in a TOML text; its table's line, or 0 if it is not set."""
    parts = key.split(".")
    table = ""
    table_line = 0
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[([^\[\]]+)\]", line)
        if header:
            table = header[1].strip()
            if key == table or key.startswith(f"{table}."):
                table_line = number
            continue
        name = re.match(r"\s*([A-Za-z0-9_.\-]+)\s*=", line)
        if name:
            dotted = f"{table}.{name[1]}" if table else name[1]
            if key == dotted or key.startswith(f"{dotted}.") or dotted == ".".join(p for p in parts if not p.isdigit()):
                return number
    return table_line


def put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key in nested tables, making the tables that are missing."""
    *parents, last = key.split(".")
    for part in parents:
        tree = tree.setdefault(part, {})
    tree[last] = value


def drop(tree: dict[str, Any], key: str) -> None:
    """Remove a dotted key from nested tables."""
    *parents, last = key.split(".")
    for part in parents:
        tree = tree[part]
    del tree[last]
