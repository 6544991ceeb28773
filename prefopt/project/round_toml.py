"""round.toml: the settings of a round, frozen when it starts or when a stage takes them. Written here and nowhere else, by one rename."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomlkit

from prefopt.errors import ProjectError
from prefopt.io.stage_folders import SCHEMA, now
from prefopt.io.toml_settings import drop, put
from prefopt.project.frozen_file import OF_NO_ROUND, write_frozen
from prefopt.project.project import ROUND, Project, Round


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
    return project.config.model_dump(mode="json", exclude=OF_NO_ROUND)


def freeze_round(project: Project, number: int, start: Mapping[str, Any], kept: Mapping[str, Any] | None = None) -> Round:
    """Write round.toml: the resolved settings, each with its origin.

    Args:
        project: its settings of today are frozen.
        number: of the round.
        start: recipe, parent, branch and model_commit.
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


def refreeze(rnd: Round, changes: Sequence[ChangedSetting], recipe: str | None = None, pinned: Mapping[str, str] | None = None) -> Round:
    """Write changed settings into round.toml, with a record of what they replace. The caller holds the round's lock.

    Args:
        rnd: the round.
        changes: what to change.
        recipe: in place of the round's.
        pinned: commit of the model on the Hub, in place of the round's; empty for none, None to leave it.

    Returns:
        the round with its new settings.
    """
    frozen, settings = rnd.frozen, rnd.settings.model_dump(mode="json", exclude=OF_NO_ROUND)
    start = dict(frozen["start"])
    if pinned is not None:
        start = {key: value for key, value in start.items() if not key.startswith("model_")} | dict(pinned)
    document = tomlkit.parse((rnd.folder / ROUND).read_text(encoding="utf-8"))
    origins = dict(_comments(document)) | {change.key: change.origin for change in changes}
    for change in changes:
        put(settings, change.key, change.now) if change.now is not None else drop(settings, change.key)
    listed = list(changes)
    if recipe is not None:
        listed.append(ChangedSetting("train", "start.recipe", start["recipe"], recipe, ""))
        start["recipe"] = recipe
    at = now().isoformat(timespec="seconds")
    rows = ({"stage": c.stage, "key": c.key, "was": c.was, "now": c.now, "at": at} for c in listed)
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
        folder.parent.mkdir(exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        write_frozen(folder / ROUND, document)
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
