"""Files on disk: JSON lines, content hashes, and stage folders that appear whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from prefopt.errors import DataError, ProjectError

MANIFEST = "stage.json"
SCHEMA = 1
MAX_LINE = 1_000_000  # bytes; a longer line is no record of ours
_PACKAGES = ("prefopt", "torch", "transformers", "trl", "peft", "datasets", "argilla", "scikit-learn", "numpy")

T = TypeVar("T", bound=BaseModel)


class FileFact(BaseModel):
    """One input or output of a stage. Folders are hashed over their files' names and contents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    """Relative to the project."""
    sha256: str
    rows: int | None = None
    """Of a .jsonl file."""


class Manifest(BaseModel):
    """stage.json: what a finished stage read and wrote. Its presence means that the stage is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA
    stage: str
    round: int
    seed: int
    config_hash: str
    inputs: dict[str, FileFact]
    outputs: dict[str, FileFact]
    facts: dict[str, Any]
    """Small numbers of the stage, for status lines and the report."""
    versions: dict[str, str]
    machine: str
    started: datetime
    ended: datetime


def read_rows(path: Path, record: type[T], check: Callable[[T, int], None] | None = None) -> list[T]:
    """Read a JSONL file of one record type. A byte-order mark and blank lines are accepted.

    Args:
        path: the file.
        record: type of every row.
        check: called with each row and its 1-based line; it raises DataError itself.

    Raises:
        DataError: with file and line: no such file, not UTF-8, not JSON, a row that is no such record.
    """
    rows: list[T] = []
    try:
        with path.open("rb") as file:
            for line, raw in enumerate(file, 1):
                row = _parse(raw, record, path, line)
                if row is not None:
                    if check is not None:
                        check(row, line)
                    rows.append(row)
    except FileNotFoundError:
        raise DataError("no such file", path=path, hint=f"put the rows into {path}, one JSON object a line") from None
    except IsADirectoryError:
        raise DataError("is a folder, not a JSONL file", path=path) from None
    return rows


def _parse(raw: bytes, record: type[T], path: Path, line: int) -> T | None:
    if len(raw) > MAX_LINE:
        raise DataError(
            f"the line has {len(raw):,} bytes; at most {MAX_LINE:,} are read", path=path, line=line, hint="shorten or remove it"
        )
    try:
        text = raw.decode("utf-8-sig" if line == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        raise DataError(f"not UTF-8 (byte {error.start})", path=path, line=line, hint="save the file as UTF-8") from None
    if not text:
        return None
    try:
        value = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"not JSON: {error}", path=path, line=line, hint="one JSON object a line; mend or remove this line") from None
    try:
        return record.model_validate_json(text)
    except ValidationError as error:
        name = value.get("id", "") if isinstance(value, dict) else ""
        about_keys = error.errors()[0]["type"] in ("extra_forbidden", "missing")
        known = ", ".join(getattr(record, "model_fields", ()))
        hint = f"known keys: {known}" if about_keys and known else "mend or remove this line"
        raise DataError(_first_fault(error, name), path=path, line=line, hint=hint) from None


def _first_fault(error: ValidationError, name: object) -> str:
    fault = error.errors()[0]
    key = ".".join(str(p) for p in fault["loc"])
    shown = repr(fault["input"])
    shown = shown if len(shown) <= 60 else f"{shown[:57]}… ({len(shown):,} characters)"
    row = f"row {name!r}: " if name else ""
    if fault["type"] == "extra_forbidden":
        return f"{row}unknown key {key!r}"
    if fault["type"] == "missing":
        return f"{row}key {key!r} is missing"
    return f"{row}{key + ' = ' if key else ''}{shown}: {fault['msg'].removeprefix('Value error, ')}"


def write_rows(path: Path, rows: Iterable[BaseModel]) -> int:
    """Write records one a line, without the keys that hold their default None; returns their count. The file is on disk on return."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(row.model_dump_json(exclude_none=True) + "\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    return count


def write_json(path: Path, value: Any) -> None:
    """Write one JSON document so that the file is there whole or not at all."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    write_text(path, text)


def write_text(path: Path, text: str) -> None:
    """Write a text file so that it is there whole or not at all (temporary file beside it, fsync, rename)."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def hash_path(path: Path) -> str:
    """sha256 of a file's bytes, or of a folder's file names and contents (hidden files left out).

    Raises:
        FileNotFoundError: where there is neither.
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if not path.is_dir():
        raise FileNotFoundError(path)
    digest = hashlib.sha256()
    for inner in sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")):
        digest.update(f"{inner.relative_to(path).as_posix()}\0{hash_path(inner)}\n".encode())
    return digest.hexdigest()


def fact(path: Path, root: Path) -> FileFact:
    """Hash and row count of an input or output."""
    rows = None
    if path.suffix == ".jsonl":
        with path.open("rb") as file:
            rows = sum(1 for line in file if line.strip())
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    return FileFact(path=shown, sha256=hash_path(path), rows=rows)


def config_hash(settings: BaseModel) -> str:
    """sha256 of the settings, independent of the order of keys."""
    return hashlib.sha256(json.dumps(settings.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


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
    """The machine in words; no name of it."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"


def now() -> datetime:
    return datetime.now(UTC)


def partial_folder(folder: Path) -> Path:
    """Where a stage works before it is done: .train.partial beside train."""
    return folder.with_name(f".{folder.name}.partial")


def finish(folder: Path, manifest: Manifest, *, replace: bool = False) -> None:
    """Turn the partial folder into the finished one: stage.json last, then one rename.

    `replace` puts it in the place of a finished one. A crash between the two renames leaves the stage ready to run again.

    Raises:
        ProjectError: the folder exists already (another process finished it).
    """
    partial = partial_folder(folder)
    write_text(partial / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
    _sync_folder(partial)
    old = folder.with_name(f".{folder.name}.old")
    if old.exists():
        shutil.rmtree(old)
    if replace and folder.exists():
        folder.rename(old)
    if folder.exists():
        raise ProjectError(f"{folder} exists already: another process finished this stage", hint="look at it with `prefopt round status`")
    partial.rename(folder)
    _sync_folder(folder.parent)
    if old.exists():
        shutil.rmtree(old)


def start(folder: Path, keep: Sequence[str] = ()) -> Path:
    """Make or reuse the partial folder of a stage. What an interrupted run left is removed, but for the names in `keep`."""
    partial = partial_folder(folder)
    partial.mkdir(parents=True, exist_ok=True)
    for inner in partial.iterdir():
        if inner.name not in keep:
            shutil.rmtree(inner) if inner.is_dir() and not inner.is_symlink() else inner.unlink()
    return partial


def read_manifest(folder: Path) -> Manifest:
    """stage.json of a finished stage. Raises ProjectError where it is missing or not ours."""
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProjectError(f"{folder} holds no {MANIFEST}: it was not made by prefopt", hint=f"move {folder} away") from None
    except ValidationError as error:
        raise ProjectError(
            f"{path}: {_first_fault(error, '')}", hint="restore the file; it was changed by hand or by another version"
        ) from None


def changed(manifest_facts: Mapping[str, FileFact], root: Path) -> list[str]:
    """Names of the files that no longer hold what the manifest says."""
    return [name for name, known in manifest_facts.items() if not _same(root / known.path, known)]


def _same(path: Path, known: FileFact) -> bool:
    try:
        return hash_path(path) == known.sha256
    except FileNotFoundError:
        return False


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
