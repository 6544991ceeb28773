"""A new project whose round 000 is a published round: it predicts at once, and judges the adapter again on problems of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from prefopt.deploy.hub.lineage import ADAPTER_FILES, TAXONOMY
from prefopt.deploy.hub.pull import KEPT, Pulled, pull
from prefopt.errors import ProjectError
from prefopt.io.files import replacing, write_text
from prefopt.model.adapter_card import shape_of
from prefopt.model.hub import hub_model
from prefopt.project.init import make_project, project_name
from prefopt.project.project import CONFIG, open_project
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
        project_folder = made
        for _ in make_project(project_folder, taxonomy=found.folder / TAXONOMY, language=found.lineage.settings.get("domain", {}).get("language")):
            pass
        shutil.copyfile(found.folder / TAXONOMY, made / TAXONOMY)
        _set(made / CONFIG, {"project.name": project_name(folder), **_settings(found, model)})
        take_published(
            open_project(made),
            adapter={name: found.folder / name for name in ADAPTER_FILES},
            beside={name: found.folder / name for name in KEPT},
            source=found.source,
            base=found.lineage.base.id,
            because=f"taken from {text}, where it was {found.decision.outcome}",
        )
        shutil.rmtree(found.folder)
        shutil.rmtree(made / ".cache", ignore_errors=True)
    return Begun(folder, found.source, found.lineage.round, found.decision.outcome, found.lineage.adapter, len(found.taxonomy))


def _settings(found: Pulled, model: str) -> dict[str, Any]:
    """Dotted key -> value of everything that the published round decides."""
    base = found.lineage.base
    pinned = f"{base.name}@{base.revision}" if base.revision and hub_model(f"{base.name}@{base.revision}") else base.name
    values = {f"{section}.{key}": value for section, keys in found.lineage.settings.items() for key, value in keys.items()}
    shape = {f"adapter.{key}": list(value) if isinstance(value, tuple) else value for key, value in shape_of(found.card).items()}
    return {**values, **shape, "model.path": model or pinned, "train.preset": "tiny" if base.name == "tiny" else ""}


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
