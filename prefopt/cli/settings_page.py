"""docs/settings.md, made from the settings themselves:  python -m prefopt.cli.settings_page > docs/settings.md"""

from __future__ import annotations

from collections.abc import Iterator

import tomlkit
from pydantic import BaseModel

from prefopt.config import ProjectConfig

HEAD = """\
# Settings

Every key of prefopt.toml with its default. A key that is not here is refused. Options of a recipe: `prefopt recipes show NAME`.
This page is made by `python -m prefopt.cli.settings_page`.
"""


def settings_page() -> str:
    """Markdown of all settings, table by table."""
    return HEAD + "".join(_tables(ProjectConfig))


def _tables(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield f"\n## [{name}]\n\n| key | default | what |\n|---|---|---|\n"
            yield from _rows(kind)
        else:
            yield f"\n## [{name}.…]\n\n{_words(field.description)}\n"


def _rows(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = tomlkit.item(list(default) if isinstance(default, tuple) else default).as_string() or "{}"
        yield f"| {name} | `{shown}` | {_words(field.description)} |\n"


def _words(description: str | None) -> str:
    return " ".join((description or "").split())


if __name__ == "__main__":
    print(settings_page(), end="")
