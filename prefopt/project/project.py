"""A project on disk and its rounds: where things lie, and what was frozen when a round started."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tomlkit

from prefopt.config import ProjectConfig
from prefopt.errors import ProjectError
from prefopt.io.files import write_text
from prefopt.io.locks import locked as locked_file
from prefopt.io.stage_folders import SCHEMA, now, refuse_schema
from prefopt.io.toml_settings import drop, put, validate
from prefopt.project.loading import ProjectData as ProjectData
from prefopt.project.loading import load_data as load_data
from prefopt.project.resolve import Resolved, load_config

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
        return Project(folder.resolve(), load_config(folder / CONFIG, overrides))
    here = Path.cwd()
    for candidate in (here, *here.parents):
        if (candidate / CONFIG).exists():
            return Project(candidate, load_config(candidate / CONFIG, overrides))
    raise ProjectError(f"no {CONFIG} in {here} or above it", hint="make a project with `prefopt init mathclass`, or go to its folder")


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
        """round.toml as it is: [start], the settings by section, and [[changed]]."""
        path = self.folder / ROUND
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ProjectError(f"{path} is missing", hint="restore it from a copy") from None
        except tomllib.TOMLDecodeError as error:
            raise ProjectError(f"{path}: not TOML: {error}", hint="restore it from a copy: it is not for editing") from None
        refuse_schema(path, found.get("start", {}).get("schema_version", 1))
        return found

    @cached_property
    def config(self) -> ProjectConfig:
        settings = {key: value for key, value in self.frozen.items() if key not in ("start", "changed")}
        return validate(ProjectConfig, settings, self.folder / ROUND)

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


@dataclass(frozen=True)
class ChangedSetting:
    """A setting that a stage took from prefopt.toml because no finished stage of its round had read it."""

    stage: str
    key: str
    """Dotted."""
    was: Any
    """None where it was not set."""
    now: Any
    """None where it is no longer set."""
    origin: str
    """Where the value comes from, e.g. "prefopt.toml:12"."""

    @property
    def what(self) -> str:
        """Key and values, e.g. "recipes.sft.learning_rate 0.001, was 1000000.0"."""
        return f"{self.key} {_shown(self.now)}, was {_shown(self.was)}"

    def __str__(self) -> str:
        return f"{self.stage}: {self.what} ({self.origin.partition(':')[0]})"


def _shown(value: Any) -> str:
    return "the default" if value is None else tomlkit.item(value).as_string()


def settings_today(project: Project) -> dict[str, Any]:
    """The settings of prefopt.toml as a round freezes them."""
    return project.config.model_dump(mode="json")


def freeze_round(project: Project, number: int, start: Mapping[str, Any], kept: Mapping[str, Any] | None = None) -> Round:
    """Write round.toml: the resolved settings, each with its origin.

    Args:
        project: its settings of today are frozen.
        number: of the round.
        start: recipe, parent and branch.
        kept: settings by section that are frozen in place of those of today.
    """
    sections = settings_today(project) | dict(kept or {})
    known = {f"{section}." for section in kept or {}}
    return _write_round(
        project,
        number,
        {"schema_version": SCHEMA, **start},
        sections,
        lambda key: "round branched" if any(key.startswith(section) for section in known) else project.resolved.origin(key),
        [],
    )


def refreeze(rnd: Round, changes: Sequence[ChangedSetting], recipe: str | None = None) -> Round:
    """Write changed settings into round.toml, with a record of what they replace. The caller holds the round's lock.

    Args:
        rnd: the round.
        changes: what to change.
        recipe: in place of the round's.

    Returns:
        the round with its new settings.
    """
    frozen, settings = rnd.frozen, rnd.config.model_dump(mode="json")
    start = dict(frozen["start"])
    document = tomlkit.parse((rnd.folder / ROUND).read_text(encoding="utf-8"))
    origins = dict(_comments(document)) | {change.key: change.origin for change in changes}
    for change in changes:
        put(settings, change.key, change.now) if change.now is not None else drop(settings, change.key)
    told = list(changes)
    if recipe is not None:
        told.append(ChangedSetting("train", "start.recipe", start["recipe"], recipe, ""))
        start["recipe"] = recipe
    at = now().isoformat(timespec="seconds")
    rows = ({"stage": c.stage, "key": c.key, "was": c.was, "now": c.now, "at": at} for c in told)
    record = [*frozen.get("changed", []), *({key: value for key, value in row.items() if value is not None} for row in rows)]
    return _write_round(
        rnd.project,
        rnd.number,
        start,
        settings,
        lambda key: origins.get(key, "default"),
        record,
    )


def _write_round(
    project: Project,
    number: int,
    start: Mapping[str, Any],
    settings: Mapping[str, Any],
    origin: Callable[[str], str],
    changed: Sequence[Mapping[str, Any]],
) -> Round:
    """The only place that writes round.toml: replaced by one rename."""
    document = tomlkit.document()
    again = "prefopt sft --again" if start.get("parent") is None else f"prefopt round branch {number} --at STAGE"
    document.add(tomlkit.comment(f"Settings of round {number:03d}. What a finished stage has read is frozen; to change it: {again}"))
    document.add(
        tomlkit.comment("All else is taken from prefopt.toml when a stage that reads it runs; [[changed]] lists what it replaced.")
    )
    for name, values in (("start", start), *settings.items()):
        document.add(name, _table(name, values, origin))
    if changed:
        document.add("changed", tomlkit.item([dict(row) for row in changed]))
    folder = project.rounds_folder / f"{number:03d}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / ROUND, tomlkit.dumps(document).rstrip("\n") + "\n")
    except OSError as error:
        raise ProjectError(
            f"{folder / ROUND} cannot be written: {error.strerror}",
            hint="free some space or fix the permissions, then type the command again",
        ) from error
    return Round(project, number)


def _table(name: str, values: Mapping[str, Any], origin: Callable[[str], str]) -> Any:
    table = tomlkit.table()
    for key, value in values.items():
        if isinstance(value, Mapping):
            table.add(key, _table(f"{name}.{key}", value, origin))
            continue
        item = tomlkit.item(value)
        if name != "start":
            item.comment(origin(f"{name}.{key}"))
        table.add(key, item)
    return table


def _comments(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted key and comment of every setting of a round.toml."""
    for key, item in table.items():
        if isinstance(item, Mapping):
            yield from _comments(item, f"{prefix}{key}.")
        elif hasattr(item, "trivia"):
            yield f"{prefix}{key}", item.trivia.comment.removeprefix("#").strip()


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
