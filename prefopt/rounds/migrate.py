"""`prefopt migrate`: rewrite a project of format 1 in format 2.

Format 2 has other names for some files, fields and settings, and its stage.json records outcomes in place of free-form facts. Nothing is
computed again but the grounds of each decision, which format 1 stored as sentences; its outcome must come out the same.

Every file is verified against its old stage.json before anything is written. The rounds are rebuilt in rounds.migrating and exchanged by
two renames; the old ones stay in rounds.format-1. A run that is interrupted is repeated by typing the command again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from prefopt.calibration.decision import decide
from prefopt.calibration.result import Calibration
from prefopt.errors import ProjectError
from prefopt.io.files import sync, sync_tree, write_text
from prefopt.io.hashing import Hashes
from prefopt.io.sealed import write_sealed
from prefopt.io.stage_folders import MANIFEST, SCHEMA, FileRecord, Manifest, config_hash, record_of
from prefopt.io.strict import StrictError, toml_values
from prefopt.project.frozen_file import write_frozen
from prefopt.project.project import CONFIG, ROUND, Project, Round, open_project
from prefopt.rounds.artifacts import CALIBRATION, DECISION, SLATES
from prefopt.rounds.format1 import FILES, outcome_of_facts, renamed_events, renamed_lines, renamed_settings
from prefopt.rounds.order import STAGES
from prefopt.rounds.promotion import FILE as PROMOTED

ANSWERS = "answers.jsonl"
_OLD_SLATES = "candidates.jsonl"
_COMPLETE = ".complete"


@dataclass(frozen=True)
class _Places:
    """Where the old, the new and the unfinished rounds are."""

    root: Path

    @property
    def rounds(self) -> Path:
        return self.root / "rounds"

    @property
    def kept(self) -> Path:
        return self.root / "rounds.format-1"

    @property
    def unfinished(self) -> Path:
        """Laid out like a project, so that its rounds are read as those of one."""
        return self.root / "rounds.migrating"

    @property
    def new_rounds(self) -> Path:
        return self.unfinished / "rounds"


def migrate(folder: Path) -> Iterator[str]:
    """Convert the project in a folder, or in the nearest parent that has prefopt.toml. Yields a line for each thing done.

    Raises:
        ProjectError: there is no project, a file is not the one that its stage wrote, or a decision would change. Nothing is changed then.
    """
    root = _root_of(folder)
    places = _Places(root)
    yield from _finish_interrupted(places)
    text = (root / CONFIG).read_text(encoding="utf-8")
    if (new := renamed_settings(text)) != text:
        write_text(root / f"{CONFIG}.format-1", text)
        write_text(root / CONFIG, new)
        yield f"{CONFIG}: settings renamed; the old file is {CONFIG}.format-1"
    old = sorted(path.parent for path in places.rounds.glob("[0-9][0-9][0-9]/round.toml") if _is_old(path))
    if not old:
        yield f"{root}: all rounds have format {SCHEMA}"
        return
    if len(old) != len(list(places.rounds.glob("[0-9][0-9][0-9]/round.toml"))):
        raise ProjectError(f"{places.rounds} mixes rounds of two formats", hint="restore the rounds from a copy of one format")
    for rnd in old:
        _verify(rnd)
    places.new_rounds.mkdir(parents=True)
    project = Project(places.unfinished, open_project(root).resolved)
    for rnd in old:
        _convert_round(rnd, Round(project, int(rnd.name)))
        yield f"round {rnd.name}: converted"
    _convert_promotions(places)
    (places.unfinished / _COMPLETE).touch()
    yield from _finish_interrupted(places)


def _root_of(folder: Path) -> Path:
    for candidate in (folder.resolve(), *folder.resolve().parents):
        if (candidate / CONFIG).exists():
            return candidate
    raise ProjectError(f"no {CONFIG} in {folder.resolve()} or above it", hint="change to the project's directory")


def _finish_interrupted(places: _Places) -> Iterator[str]:
    """Exchange complete new rounds for the old ones; remove incomplete ones."""
    if not places.unfinished.exists():
        return
    if not (places.unfinished / _COMPLETE).exists():
        shutil.rmtree(places.unfinished)
        return
    if places.new_rounds.exists() and places.rounds.exists():
        if places.kept.exists():
            raise ProjectError(f"{places.kept} exists: the project was migrated before", hint=f"move {places.kept} away")
        places.rounds.rename(places.kept)
        sync(places.kept.parent)
    if places.new_rounds.exists():
        sync_tree(places.new_rounds)
        places.new_rounds.rename(places.rounds)
        sync(places.rounds.parent)
    shutil.rmtree(places.unfinished)
    yield f"the rounds of format 1 are in {places.kept.name}; remove it when `prefopt round list` shows what you expect"


def _is_old(toml: Path) -> bool:
    try:
        return "schema_version" not in toml_values(toml.read_bytes()).get("start", {})
    except StrictError as error:
        raise ProjectError(f"{toml}: {error}", hint="restore it from a copy: it is not for editing") from None


def _stages_of(rnd: Path) -> list[Path]:
    """Finished stage folders in the order of the stages, links included."""
    return [rnd / name for name in STAGES if (rnd / name).exists()]


def _old_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProjectError(f"{path} cannot be read: {error}", hint="restore the file from a copy; nothing was changed") from error
    return found


def _verify(rnd: Path) -> None:
    """Raise ProjectError where a file is not the one that its stage wrote."""
    for folder in _stages_of(rnd):
        for name, record in _old_manifest(folder)["outputs"].items():
            try:
                same = Hashes().of(folder / name) == record["sha256"]
            except FileNotFoundError:
                same = False
            if not same:
                raise ProjectError(
                    f"{folder / name} is not the file that stage {folder.name} of round {rnd.name} wrote",
                    hint="restore it from a copy, or move the round away; nothing was changed",
                )


def _convert_round(old: Path, new: Round) -> None:
    new.folder.mkdir(mode=0o700)
    settings = renamed_settings((old / ROUND).read_text(encoding="utf-8"), schema=SCHEMA)
    write_frozen(new.folder / ROUND, tomlkit.parse(settings))
    if (old / ANSWERS).exists():
        write_text(new.folder / ANSWERS, renamed_lines((old / ANSWERS).read_text(encoding="utf-8"), ANSWERS))
    for folder in _stages_of(old):
        if folder.is_symlink():
            new.stage(folder.name).symlink_to(os.readlink(folder), target_is_directory=True)
        else:
            _convert_stage(folder, new)


def _convert_stage(old: Path, rnd: Round) -> None:
    new = rnd.stage(old.name)
    new.mkdir()
    manifest = _old_manifest(old)
    names: list[str] = []
    for name in manifest["outputs"]:
        target = SLATES.file if name == _OLD_SLATES else name
        convert: Callable[[Path, Path], None] | None = FILES.get(target)
        if (old.name, name) == (DECISION.stage, DECISION.file):
            _decide_again(old / name, new, rnd)
        elif convert is not None:
            convert(old / name, new / target)
        else:
            _link(old / name, new / target)
        names.append(target)
    hashes = Hashes()
    converted = Manifest(
        stage=manifest["stage"],
        round=manifest["round"],
        seed=manifest["seed"],
        config_hash=config_hash(rnd.config),
        inputs=dict(_inputs(manifest["inputs"], rnd.project, hashes)),
        outputs={name: record_of(new / name, new, hashes) for name in sorted(names)},
        outcome=_outcome(old.name, manifest["facts"], new, rnd),
        versions=manifest["versions"],
        machine=manifest["machine"],
        started=manifest["started"],
        ended=manifest["ended"],
    )
    write_sealed(new / MANIFEST, converted)


def _decide_again(old: Path, new: Path, rnd: Round) -> None:
    """The decision with its grounds as codes and numbers; its outcome must be the stored one."""
    stored = json.loads(old.read_text(encoding="utf-8"))["verdict"]
    calibration: Calibration = CALIBRATION.load(rnd.stage(CALIBRATION.stage) / CALIBRATION.file)
    decision = decide(calibration, rnd.config.decide, first=rnd.parent is None)
    if decision.outcome != stored:
        raise ProjectError(
            f"round {rnd.name} was {stored}, and its rule gives {decision.outcome} with this version",
            hint="keep the project with the version that made it; nothing was changed",
        )
    DECISION.store(new / DECISION.file, decision)


def _outcome(stage: str, facts: dict[str, Any], new: Path, rnd: Round) -> dict[str, Any]:
    values = outcome_of_facts(stage, facts, rnd.number)
    if stage == DECISION.stage:
        values = {"decision": DECISION.load(new / DECISION.file).model_dump(mode="json")}
    found: dict[str, Any] = STAGES[stage].outcome.model_validate(values).model_dump(mode="json")
    return found


def _inputs(old: dict[str, Any], project: Project, hashes: Hashes) -> Iterator[tuple[str, FileRecord]]:
    """Inputs under their new names; what a stage of a converted round wrote has its new hash."""
    for name, record in old.items():
        path = str(record["path"]).replace(f"/{_OLD_SLATES}", f"/{SLATES.file}")
        inside = path.removeprefix("rounds/")
        if inside in (path, PROMOTED):  # a file of the project, or the pointer as it was then
            yield name, FileRecord.model_validate(record)
            continue
        yield inside, record_of(project.root / path, project.root, hashes)


def _link(old: Path, new: Path) -> None:
    """The same file or folder in another place, without a second copy of the bytes where the file system allows it."""
    if old.is_dir():
        shutil.copytree(old, new, copy_function=_link_file)
    else:
        _link_file(str(old), str(new))


def _link_file(old: str, new: str) -> str:
    try:
        os.link(old, new)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(old, new)
    return new


def _convert_promotions(places: _Places) -> None:
    path = places.rounds / PROMOTED
    if path.exists():
        write_text(places.new_rounds / PROMOTED, renamed_events(path.read_text(encoding="utf-8")))
