"""Stage folders: they appear whole or not at all, and stage.json in each says what the stage read and wrote."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from prefopt.errors import ProjectError
from prefopt.frozen import Frozen
from prefopt.io.files import exchange, make_private, sync, sync_tree
from prefopt.io.hashing import Hashes
from prefopt.io.jsonl import first_fault
from prefopt.io.sealed import read_sealed, write_sealed
from prefopt.io.strict import StrictError, json_object

MANIFEST = "stage.json"
SCHEMA = 2
_PACKAGES = ("prefopt", "torch", "transformers", "trl", "peft", "datasets", "argilla", "scikit-learn", "numpy")


class FileRecord(Frozen):
    """One input or output of a stage. Folders are hashed over the names and contents of their files."""

    path: str
    """An input's: relative to the project where it is inside it. An output's: relative to the stage folder."""
    sha256: str
    rows: int | None = None
    """Of a .jsonl file."""


class Manifest(Frozen):
    """stage.json: what a finished stage read and wrote. Its presence means that the stage is done."""

    schema_version: int = SCHEMA
    stage: str
    round: int
    seed: int
    config_hash: str
    """sha256 of the settings that the stage reads, with the round's recipe."""
    inputs: dict[str, FileRecord]
    outputs: dict[str, FileRecord]
    outcome: dict[str, Any]
    """The stage's outcome (a type of its own for each stage) as plain values."""
    versions: dict[str, str]
    machine: str
    started: datetime
    ended: datetime

    @property
    def seconds(self) -> float:
        """How long the stage took; 0 where the clock was set back meanwhile and an earlier version took the difference."""
        return max(0.0, (self.ended - self.started).total_seconds())


def record_of(path: Path, root: Path, hashes: Hashes, *, content: bool = False) -> FileRecord:
    """Hash and row count of a file or folder; its path relative to `root` where it is inside it."""
    rows = None
    if path.suffix == ".jsonl":
        with path.open("rb") as file:
            rows = sum(1 for line in file if line.strip())
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    return FileRecord(path=shown, sha256=hashes.of(path, content=content), rows=rows)


def config_hash(settings: BaseModel | Mapping[str, Any]) -> str:
    """sha256 of the settings, independent of the order of keys."""
    values = settings.model_dump(mode="json") if isinstance(settings, BaseModel) else settings
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Installed versions of the packages that decide the numbers, without importing them."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Operating system, processor architecture and number of cores; not the machine's name."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def partial_folder(folder: Path) -> Path:
    """Where a stage works before it is done: .train.partial for train."""
    return folder.with_name(f".{folder.name}.partial")


def start(folder: Path, keep: Sequence[str] = ()) -> Path:
    """Make the partial folder of a stage, or reuse the one of an interrupted run; only the names in `keep` stay in it."""
    partial = partial_folder(folder)
    partial.mkdir(parents=True, exist_ok=True)
    partial.chmod(0o700)
    for inner in partial.iterdir():
        if inner.name not in keep:
            remove(inner)
    return partial


def finish(folder: Path, manifest: Manifest, *, replace: bool = False) -> None:
    """Turn the partial folder into the finished one: stage.json last, then one rename. Only its owner can read it.

    `replace` puts it in the place of a finished one: by exchanging both, or by two renames where the file system cannot do that. A crash
    between these leaves the old one under another name, and put_back() returns it.

    Raises:
        ProjectError: the folder exists already (another process finished it).
    """
    partial = partial_folder(folder)
    write_sealed(partial / MANIFEST, manifest)
    make_private(partial)
    sync_tree(partial)
    put_back(folder)
    if replace and folder.exists():
        _exchange(partial, folder)
        sync(folder.parent)
        if partial.exists():  # the old one
            shutil.rmtree(partial)
        return
    if folder.exists():
        raise ProjectError(f"{folder} exists already: another process finished this stage", hint="look at it with `prefopt round status`")
    partial.rename(folder)
    sync(folder.parent)


def put_back(folder: Path) -> None:
    """Return the stage folder that a crash left aside while it was being replaced; one that was replaced completely is removed."""
    old = _set_aside(folder)
    if not old.exists():
        return
    if folder.exists():
        shutil.rmtree(old)
    else:
        old.rename(folder)
    sync(folder.parent)


def is_set_aside(folder: Path) -> bool:
    """Whether a stage folder was being replaced when a crash came."""
    return _set_aside(folder).exists()


def _set_aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _exchange(partial: Path, folder: Path) -> None:
    """Put `partial` in the place of `folder`; after it, `partial` is the old folder or does not exist."""
    try:
        exchange(partial, folder)
    except OSError:  # not every file system can
        old = _set_aside(folder)
        folder.rename(old)
        partial.rename(folder)
        sync(folder.parent)
        shutil.rmtree(old)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with everything in it."""
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def read_manifest(folder: Path) -> Manifest:
    """stage.json of a finished stage.

    Raises:
        ProjectError: it is missing, damaged, or in the format of another version.
    """
    path = folder / MANIFEST
    try:
        text = read_sealed(path).decode()
    except FileNotFoundError:
        raise ProjectError(f"{folder} has no {MANIFEST}: prefopt did not make it", hint=f"move {folder} away") from None
    except UnicodeDecodeError as error:
        raise ProjectError(f"{path}: not UTF-8 (byte {error.start})", hint="restore the file") from None
    try:
        refuse_schema(path, json_object(text).get("schema_version"))
        return Manifest.model_validate_json(text)
    except StrictError as error:
        raise ProjectError(f"{path}: {error}", hint="restore the file: it has been changed since it was written") from None
    except ValidationError as error:
        raise ProjectError(f"{path}: {first_fault(error)}", hint="restore the file: it has been changed since it was written") from None


def refuse_schema(path: Path, found: object) -> None:
    """Raise ProjectError where a file of ours has another format number than SCHEMA."""
    if isinstance(found, int) and found < SCHEMA:
        raise ProjectError(f"{path} has format {found} of an earlier version; this version reads format {SCHEMA}", hint="prefopt migrate")
    if isinstance(found, int) and found > SCHEMA:
        raise ProjectError(f"{path} has format {found}; this version reads format {SCHEMA}", hint="pip install --upgrade prefopt")
