"""round.toml as a file: its [frozen] table holds a digest of the settings, and .round.toml beside it a copy that names what was changed.

Only values count: comments, white space, the order of keys and how a number is spelled may change, and so may model.server, which is
never frozen. A file of a version before the digest has neither table nor copy; rounds/frozen.py then compares what its stages recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from prefopt.errors import ProjectError
from prefopt.io.files import write_text
from prefopt.io.sealed import digest_of
from prefopt.io.strict import StrictError, toml_values
from prefopt.io.toml_settings import leaves

TABLE = "frozen"
_KEY = "sha256"
NEVER_FROZEN = "model.server"
"""Where numbers are computed, which does not change what is computed: always that of prefopt.toml (Round.config)."""
OF_NO_ROUND = {"serve", "push"}
"""Sections that no round reads and no round.toml holds: always those of prefopt.toml."""
_SHOWN = 5


def copy_of(path: Path) -> Path:
    """The copy of a round.toml that is compared with it."""
    return path.with_name(f".{path.name}")


def write_frozen(path: Path, document: tomlkit.TOMLDocument) -> None:
    """Write a round.toml with its digest; the copy first, so that an interruption leaves a file that fits its own digest."""
    values = toml_values(tomlkit.dumps(document))
    document.add(TABLE, tomlkit.item({_KEY: _digest(values)}))
    text = tomlkit.dumps(document).rstrip("\n") + "\n"
    write_text(copy_of(path), text)
    write_text(path, text)


def read_frozen(path: Path) -> dict[str, Any]:
    """The values of a round.toml, without its digest.

    Raises:
        ProjectError: it is missing, not TOML, or was changed since it was written; the error names the settings that differ.
    """
    try:
        found = toml_values(path.read_bytes())
    except FileNotFoundError:
        raise ProjectError(f"{path} is missing", hint=_put_back(path)) from None
    except StrictError as error:
        raise ProjectError(f"{path}: {error}", hint=_put_back(path)) from None
    written = _seal_of(found)
    if written is None and not copy_of(path).exists():
        return found
    if written != _digest(found):
        raise ProjectError(f"{path} has been changed since it was written: {_differences(path, found)}", hint=_put_back(path))
    return found


def has_digest(path: Path) -> bool:
    """Whether a round.toml was written by a version that keeps its digest."""
    return copy_of(path).exists() or TABLE in toml_values(path.read_bytes())


def _seal_of(values: dict[str, Any]) -> str | None:
    """Take the digest out of the values of a round.toml."""
    table = values.pop(TABLE, None)
    return str(table.get(_KEY)) if isinstance(table, dict) else None


def _digest(values: Mapping[str, Any]) -> str:
    return digest_of({key: value for key, value in leaves(values) if key != NEVER_FROZEN})


def _intact_copy(path: Path) -> dict[str, Any] | None:
    """The values of the copy, if it fits its own digest."""
    try:
        values = toml_values(copy_of(path).read_bytes())
    except (OSError, ValueError):
        return None
    return values if _seal_of(values) == _digest(values) else None


def _put_back(path: Path) -> str:
    if _intact_copy(path) is None:
        return "restore it from a copy: it is not for editing"
    return f"put it back: cp {copy_of(path)} {path} (settings are changed in prefopt.toml)"


def _differences(path: Path, found: Mapping[str, Any]) -> str:
    before = _intact_copy(path)
    if before is None:
        return "its digest differs"
    was, now = dict(leaves(before)), dict(leaves(found))
    keys = [key for key in sorted(was.keys() | now.keys()) if was.get(key) != now.get(key) and key != NEVER_FROZEN]
    if not keys:
        return "its digest differs"
    shown = [f"{key} is {_shown(now, key)}, was {_shown(was, key)}" for key in keys[:_SHOWN]]
    return "; ".join([*shown, *([f"and {len(keys) - _SHOWN} more"] if len(keys) > _SHOWN else [])])


def _shown(values: Mapping[str, Any], key: str) -> str:
    return repr(values[key])[:80] if key in values else "not set"
