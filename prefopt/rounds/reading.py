"""Verified reading: every file of a round is compared with the stage.json of the stage that wrote it before anyone uses it.

Comparing means hashing the content; files over 4 MiB are hashed again only when the file system reports a change, unless `content=True`
(before a decision, a publication or an export).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from prefopt.errors import ProjectError
from prefopt.io.hashing import Hashes
from prefopt.io.stage_folders import MANIFEST, FileRecord, Manifest, read_manifest, record_of
from prefopt.project.project import Project, Round
from prefopt.protocols import OnStep, Recipe, ignore_steps
from prefopt.rounds.artifacts import Artifact

T = TypeVar("T")


def hashes_of(project: Project) -> Hashes:
    """The project's content hashes, kept in .cache/hashes.json between commands."""
    return Hashes(project.root / ".cache" / "hashes.json")


def is_done(rnd: Round, stage: str) -> bool:
    """Whether a stage of a round is finished."""
    return (rnd.stage(stage) / MANIFEST).exists()


def has(rnd: Round, artifact: Artifact[Any]) -> bool:
    """Whether a finished stage of the round wrote the artifact (an optional one may be missing)."""
    return is_done(rnd, artifact.stage) and artifact.file in read_manifest(rnd.stage(artifact.stage)).outputs


def read(rnd: Round, artifact: Artifact[T], *, content: bool = False) -> T:
    """The verified content of an artifact.

    Args:
        rnd: the round, linked stages included.
        artifact: one of rounds/artifacts.py.
        content: hash the content of large files too, whatever the file system reports.

    Raises:
        ProjectError: the stage is not done, or the file is missing or not the one that the stage wrote.
    """
    return artifact.load(locate(rnd, artifact, content=content))


def locate(rnd: Round, artifact: Artifact[Any], *, content: bool = False) -> Path:
    """The path of an artifact, after verifying it. Raises as read()."""
    return Reader(rnd, content=content).locate(rnd, artifact)


def hash_of(rnd: Round, artifact: Artifact[Any]) -> str:
    """sha256 of an artifact, as the stage that wrote it recorded it."""
    return read_manifest(rnd.stage(artifact.stage)).outputs[artifact.file].sha256


def altered(rnd: Round, stage: str, *, content: bool = False) -> list[str]:
    """Names of the files in a finished stage folder that are not what the stage wrote: changed or missing."""
    folder = rnd.stage(stage)
    manifest = read_manifest(folder)
    hashes = hashes_of(rnd.project)
    return [name for name, record in manifest.outputs.items() if not _same(folder / name, record, hashes, content)]


def changed_inputs(rnd: Round, manifest: Manifest) -> list[str]:
    """Names of the inputs of a stage that are no longer what the stage read."""
    hashes = hashes_of(rnd.project)
    return [name for name, record in manifest.inputs.items() if not _same(rnd.project.root / record.path, record, hashes, False)]


def _same(path: Path, record: FileRecord, hashes: Hashes, content: bool) -> bool:
    try:
        return hashes.of(path, content=content) == record.sha256
    except FileNotFoundError:
        return False


class Reader:
    """Reads for one stage of one round, and keeps a record of everything that was read.

    Args:
        rnd: the round that reads.
        content: hash the content of large files too, whatever the file system reports.
        recipe: in place of the round's own, with its options (`prefopt tune`).
        on_step: progress of services that a read opens.
    """

    def __init__(
        self, rnd: Round, *, content: bool = False, recipe: tuple[Recipe, Any] | None = None, on_step: OnStep = ignore_steps
    ) -> None:
        self.round = rnd
        self.recipe = recipe
        self.on_step = on_step
        self.inputs: dict[str, FileRecord] = {}
        """By name: what goes into the stage's stage.json."""
        self.allowed: list[Path] = []
        """What the stage may open besides its inputs, e.g. a log that it adds to."""
        self._content = content
        self._hashes = hashes_of(rnd.project)

    def artifact(self, rnd: Round, artifact: Artifact[T]) -> T:
        """The verified content of an artifact of this or of another round. Raises as read()."""
        return artifact.load(self.locate(rnd, artifact))

    def locate(self, rnd: Round, artifact: Artifact[Any]) -> Path:
        """The path of an artifact, after verifying it. Raises as read()."""
        manifest = self.manifest(rnd, artifact.stage)
        path = rnd.stage(artifact.stage) / artifact.file
        record = manifest.outputs.get(artifact.file)
        if record is None:
            raise ProjectError(f"stage {artifact.stage} of round {rnd.name} wrote no {artifact.file}", hint=redo(rnd, artifact.stage))
        if not _same(path, record, self._hashes, self._content):
            what = "has changed since" if path.exists() else "is missing:"
            raise ProjectError(
                f"{path} {what} stage {artifact.stage} of round {rnd.name} wrote it",
                hint=f"restore it from a copy; or {redo(rnd, artifact.stage)}",
            )
        self.inputs[f"{rnd.name}/{artifact}"] = FileRecord(path=self._shown(path), sha256=record.sha256, rows=record.rows)
        return path

    def manifest(self, rnd: Round, stage: str) -> Manifest:
        """stage.json of a finished stage. Raises ProjectError where the stage is not done, or the folder belongs to another stage."""
        folder = rnd.stage(stage)
        if not folder.exists():
            raise ProjectError(f"stage {stage} of round {rnd.name} is not done", hint="prefopt round" if rnd.number else "prefopt sft")
        manifest = read_manifest(folder)
        if manifest.stage != stage:
            raise ProjectError(f"{folder} holds stage {manifest.stage} of round {manifest.round:03d}", hint="move it back to its place")
        return manifest

    def project_file(self, name: str, path: Path) -> Path:
        """A file of the project that no stage wrote: it is recorded as an input, so that a later change is noticed.

        Raises:
            ProjectError: the file does not exist.
        """
        try:
            self.inputs[name] = record_of(path, self.round.project.root, self._hashes, content=self._content)
        except FileNotFoundError:
            raise ProjectError(f"{path}: no such file", hint="restore it, or name another file in prefopt.toml") from None
        return path

    def stage_files(self, rnd: Round, stages: tuple[str, ...]) -> Iterator[Manifest]:
        """stage.json of the given stages, each recorded as an input."""
        for stage in stages:
            manifest = self.manifest(rnd, stage)
            path = rnd.stage(stage) / MANIFEST
            self.inputs[f"{rnd.name}/{stage}/{MANIFEST}"] = FileRecord(path=self._shown(path), sha256=self._hashes.of(path))
            yield manifest

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.round.project.root).as_posix()


ELSEWHERE = "copy prefopt.toml, the taxonomy and the data to a new directory, and type `prefopt sft` there"


def redo(rnd: Round, stage: str) -> str:
    """What to type to have a stage of a round done once more."""
    if rnd.parent is None:
        return "train round 000 again: prefopt sft --again" if len(rnd.project.rounds()) < 2 else ELSEWHERE
    return f"redo the stage in a new round: prefopt round branch {rnd.number} --at {stage}"
