"""prefopt.toml -> settings, each value with where it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prefopt.config import ProjectConfig
from prefopt.domain import DomainSettings, instructions_of, question_of, whole_words
from prefopt.errors import ConfigError
from prefopt.io.strict import StrictError, toml_values
from prefopt.io.toml_settings import leaves, line_of, put, validate
from prefopt.presets import PRESETS, TINY


@dataclass(frozen=True)
class Resolved:
    """Settings with the origin of each value: dotted key -> "default", "prefopt.toml:12", "--recipe" …"""

    config: ProjectConfig
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, key: str) -> str:
        """Where the value of a dotted key came from."""
        return self.origins.get(key, "default")


def load_config(path: Path, overrides: Mapping[str, tuple[Any, str]] | None = None) -> Resolved:
    """Read prefopt.toml.

    Args:
        path: the file.
        overrides: dotted key -> (value, origin), e.g. {"round.recipes": (["orpo"], "--recipe")}; they win.

    Raises:
        ConfigError: no file, not TOML, unknown key (with the nearest known one), wrong type; with file and line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file", hint="make a project with `prefopt init FOLDER`, or go to its folder") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 (byte {error.start})", hint="save the file as UTF-8") from None
    try:
        raw = toml_values(text)
    except StrictError as error:
        raise ConfigError(f"{path}: {error}") from None
    origins = {key: f"{path.name}:{line_of(text, key)}" for key, _ in leaves(raw)}
    preset = raw.get("train", {}).get("preset", "") if isinstance(raw.get("train", {}), dict) else ""
    for key, value in leaves((PRESETS | {"tiny": TINY}).get(preset, {}) if isinstance(preset, str) else {}):
        if key not in origins:
            put(raw, key, value)
            origins[key] = f"preset {preset}"
    for key, value in _from_words(raw):
        if key not in origins:
            put(raw, key, value)
            origins[key] = f"{path.name} [domain]"
    for key, (value, origin) in (overrides or {}).items():
        put(raw, key, value)
        origins[key] = origin
    return Resolved(validate(ProjectConfig, raw, path, text), origins)


def _from_words(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Dotted key and value of what a table [domain] decides: the words that it lacks, and what the model is asked in them."""
    given = raw.get("domain")
    if not isinstance(given, dict) or not isinstance(raw.get("prompt", {}), dict):
        return
    words = whole_words(given)
    try:
        domain = DomainSettings.model_validate({**words, **given})
    except ValidationError:  # validate() says what is wrong
        return
    yield from ((f"domain.{key}", word) for key, word in words.items())
    if not domain.is_default:
        yield "prompt.instructions", instructions_of(domain)
        yield "prompt.question", question_of(domain)
