"""A project on disk and its rounds: where things lie, and what was frozen when a round started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from prefopt.config import ProjectConfig
from prefopt.errors import ProjectError
from prefopt.io.locks import locked as locked_file
from prefopt.io.stage_folders import refuse_schema
from prefopt.io.toml_settings import validate
from prefopt.project.frozen_file import read_frozen
from prefopt.project.loading import ProjectData as ProjectData
from prefopt.project.loading import load_data as load_data
from prefopt.project.resolve import Resolved, load_config
from prefopt.project.spelling import keep_spelling, with_spelling

CONFIG = "prefopt.toml"
ROUND = "round.toml"
REPLACED = ".replaced"
"""Folder in rounds/ of the rounds 000 that `prefopt sft --again` replaced."""


@dataclass(frozen=True)
class Project:
    """A folder with prefopt.toml."""

    root: Path
    resolved: Resolved

    @property
    def config(self) -> ProjectConfig:
        return self.resolved.config

    @property
    def rounds_folder(self) -> Path:
        return self.root / "rounds"

    @property
    def cache(self) -> Path:
        """For what can be computed again."""
        return self.root / ".cache"

    def rounds(self) -> list[Round]:
        """All rounds that were started, oldest first."""
        found = sorted(int(p.parent.name) for p in self.rounds_folder.glob(f"[0-9][0-9][0-9]/{ROUND}"))
        return [Round(self, number) for number in found]

    def round(self, number: int) -> Round:
        """One round; ProjectError where it was not started."""
        found = Round(self, number)
        if not (found.folder / ROUND).exists():
            known = ", ".join(str(r.number) for r in self.rounds()) or "none"
            raise ProjectError(f"there is no round {number} in {self.root}; rounds started: {known}", hint="see `prefopt round list`")
        return found


def open_project(folder: Path | None = None, overrides: Mapping[str, tuple[Any, str]] | None = None) -> Project:
    """Open the project in a folder, or in the nearest parent of the working directory that has prefopt.toml.

    Raises:
        ConfigError, ProjectError: there is none, or prefopt.toml has a fault.
    """
    if folder is not None:
        return _project(folder.resolve(), overrides)
    here = Path.cwd()
    for candidate in (here, *here.parents):
        if (candidate / CONFIG).exists():
            return _project(candidate, overrides)
    raise ProjectError(f"no {CONFIG} in {here} or above it", hint="make a project with `prefopt init mathclass`, or go to its folder")


def _project(root: Path, overrides: Mapping[str, tuple[Any, str]] | None) -> Project:
    found = Project(root, load_config(root / CONFIG, overrides))
    return replace(found, resolved=keep_spelling(found.resolved, found.rounds_folder))


@dataclass(frozen=True)
class RoundKey:
    """Which round this is. Nothing here leads to a file."""

    number: int
    name: str
    """Three digits, e.g. "003"."""
    recipe: str
    parent: int | None
    """Number of the parent round; None for the base SFT stage."""
    seed: int
    project: str
    """The project's name."""


@dataclass(frozen=True)
class Round:
    """One round; round 0 is the base SFT stage. Its settings are those of round.toml (rounds/frozen.py says when they change)."""

    project: Project
    number: int

    @property
    def name(self) -> str:
        return f"{self.number:03d}"

    @property
    def folder(self) -> Path:
        return self.project.rounds_folder / self.name

    def stage(self, name: str) -> Path:
        """Folder of a finished stage."""
        return self.folder / name

    @cached_property
    def frozen(self) -> dict[str, Any]:
        """round.toml, compared with its digest: [start], the settings by section, and [[changed]]."""
        path = self.folder / ROUND
        found = read_frozen(path)
        refuse_schema(path, found.get("start", {}).get("schema_version", 1))
        return found

    @cached_property
    def config(self) -> ProjectConfig:
        """The round's settings; a model on the Hub is named with the commit that the round was started with, and model.server is that of
        prefopt.toml: where numbers are computed is never frozen.
        """
        found = self.settings
        change = {"server": self.project.config.model.server}
        if self.model_commit is not None:
            change["path"] = f"{found.model.path.partition('@')[0]}@{self.model_commit}"
        return found.model_copy(update={"model": found.model.model_copy(update=change)})

    @property
    def model_commit(self) -> str | None:
        """The commit of a model on the Hub; None for a folder, and where model.path itself names the commit."""
        found = self.frozen["start"].get("model_commit")
        return None if found is None else str(found)

    @cached_property
    def settings(self) -> ProjectConfig:
        """The settings as they were in prefopt.toml when the round started."""
        settings = {key: value for key, value in with_spelling(self.frozen).items() if key not in ("start", "changed")}
        return validate(ProjectConfig, settings, self.folder / ROUND)

    @property
    def start(self) -> Mapping[str, Any]:
        """How the round was started: recipe, parent, branch, and what its recipe was given."""
        found: dict[str, Any] = self.frozen["start"]
        return found

    @property
    def recipe(self) -> str:
        return str(self.frozen["start"]["recipe"])

    @property
    def parent(self) -> Round | None:
        """The round whose adapter this one started from; None for round 0."""
        number = self.frozen["start"].get("parent")
        return None if number is None else Round(self.project, int(number))

    @property
    def seed(self) -> int:
        """The project's seed moved by the round, so that no two rounds draw alike."""
        return self.config.project.seed * 1000 + self.number

    @property
    def key(self) -> RoundKey:
        """The round's identity, without its files."""
        parent = self.parent
        number = None if parent is None else parent.number
        return RoundKey(self.number, self.name, self.recipe, number, self.seed, self.config.project.name)

    def data_file(self, key: str) -> Path:
        """Path of data.gold, data.pool, data.taxonomy, data.holdout_file or data.audit."""
        return self.project.root / str(getattr(self.config.data, key))

    @property
    def data_files(self) -> dict[str, Path]:
        """The files that decide training part and hold-out, as inputs of a stage."""
        files = {"taxonomy": self.data_file("taxonomy"), "gold": self.data_file("gold")}
        files |= {"holdout": self.data_file("holdout_file")} if self.config.data.holdout_file else {}
        return files | ({"audit": self.data_file("audit")} if self.config.data.audit else {})

    @property
    def gold_questions_file(self) -> Path:
        """File of the problems with a known label that teachers are asked about."""
        return self.project.root / (self.config.feedback.gold_file or self.config.data.gold)

    def load(self, *, with_pool: bool = False) -> ProjectData:
        """Read and check taxonomy, gold and, where asked, pool. Raises DataError with file and line."""
        return load_data(self.project.root, self.config, with_pool=with_pool)


@contextmanager
def locked(rnd: Round) -> Iterator[None]:
    """Hold the round's lock: one writer at a time. The lock ends with the process that holds it, however it ends.

    Raises:
        ProjectError: another process holds it; the message names host and pid.
    """

    def busy(owner: str) -> ProjectError:
        return ProjectError(
            f"another process is working on round {rnd.name}: {owner}",
            hint="wait for it to end; `prefopt round status` shows how far it is",
        )

    with locked_file(rnd.folder / ".lock", busy):
        yield
