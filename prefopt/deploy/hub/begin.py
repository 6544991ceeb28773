"""A new project whose round 000 is a published round: it predicts at once, and judges the adapter again on problems of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from prefopt.deploy.hub.lineage import ADAPTER_FILES, TAXONOMY
from prefopt.deploy.hub.pull import KEPT, NOT_OURS, Pulled, pull
from prefopt.errors import ConfigError, ModelError, ProjectError
from prefopt.io.files import replacing, write_text
from prefopt.model.adapter_card import shape_of
from prefopt.project.init import make_project, project_name
from prefopt.project.project import CONFIG, Project, open_project
from prefopt.rounds.importing import take_published


@dataclass(frozen=True)
class Begun:
    """A project that was made from a published round."""

    folder: Path
    source: str
    """hub:OWNER/NAME@COMMIT."""
    round: int
    """Its number where it was published."""
    outcome: str
    """Of the decision there."""
    adapter: str
    base: str
    labels: int


def begin(text: str, folder: Path, *, model: str = "") -> Begun:
    """Make a project from a published round. The folder appears complete or not at all.

    Args:
        text: hub:OWNER/NAME[@REVISION].
        folder: of the project; new or empty.
        model: where this machine has the base; empty: as it was published.

    Raises:
        ProjectError: the folder is not empty.
        ConfigError, ModelError: see pull.
    """
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ProjectError(f"{folder} is not empty, and --from makes a new project", hint="choose another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with replacing(folder) as made:
        found = pull(text, made / ".pulled")
        for _ in make_project(made, taxonomy=found.folder / TAXONOMY, language="en"):  # its words follow
            pass
        shutil.copyfile(found.folder / TAXONOMY, made / TAXONOMY)
        _set(made / CONFIG, {"project.name": project_name(folder), **_settings(found, model)})
        _take(_opened(made, found), found, f"taken from {text}, where it was {found.decision.outcome}")
        shutil.rmtree(found.folder)
        shutil.rmtree(made / ".cache", ignore_errors=True)
    return Begun(
        folder,
        found.source,
        found.lineage.round,
        found.decision.outcome,
        found.lineage.adapter,
        found.lineage.base.name,
        len(found.taxonomy),
    )


def _take(project: Project, found: Pulled, because: str) -> None:
    try:
        take_published(
            project,
            adapter={name: found.folder / name for name in ADAPTER_FILES},
            beside={name: found.folder / name for name in KEPT},
            source=found.source,
            base=found.lineage.base.id,
            because=because,
        )
    except ModelError as error:  # the base cannot be found where it is said to be
        error.hint = "name the folder of the base on this machine: --model FOLDER; or log in with `hf auth login`, if it is private"
        raise


def _opened(folder: Path, found: Pulled) -> Project:
    try:
        return open_project(folder)
    except ConfigError as error:
        said = error.message.replace(f"{folder}/", "")
        raise ModelError(f"{found.source}: its settings cannot be used: {said}", hint=NOT_OURS) from None


def _settings(found: Pulled, model: str) -> dict[str, Any]:
    """Dotted key -> value of everything that the published round decides."""
    pinned = f"{base.name}@{base.revision}" if (base := found.lineage.base).revision else base.name
    values = {f"{section}.{key}": value for section, keys in found.lineage.settings.items() for key, value in keys.items()}
    values |= {f"adapter.{key}": value for key, value in shape_of(found.card).items()}
    values |= {
        "model.path": str(Path(model).absolute()) if Path(model).is_dir() and model else model or pinned,
        "train.preset": "tiny" if base.name == "tiny" else "",
    }
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def _set(path: Path, values: Mapping[str, Any]) -> None:
    """Set keys in a prefopt.toml, keeping its comments."""
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    for key, value in values.items():
        section, _, name = key.partition(".")
        if section not in document:
            document.add(section, tomlkit.table())
        table: Any = document[section]
        table[name] = value
    write_text(path, tomlkit.dumps(document))
