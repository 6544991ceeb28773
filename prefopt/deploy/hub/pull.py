"""Read a published round back. Nothing in a repository is trusted: names, sizes, digests and contents are checked before use."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import ValidationError

from prefopt.calibration.result import Calibration
from prefopt.deploy.hub.lineage import (
    ADAPTER_FILES,
    BESIDE,
    CALIBRATION_FILE,
    DECISION_FILE,
    FILES,
    LINEAGE,
    MAIN,
    REQUIRED,
    SETTINGS,
    TAXONOMY,
    Lineage,
    PublishedDecision,
    limit_of,
)
from prefopt.deploy.hub.remote import Remote, RemoteFile
from prefopt.errors import ConfigError, ModelError, PrefoptError
from prefopt.frozen import Frozen
from prefopt.io.hashing import hash_path
from prefopt.io.jsonl import first_fault
from prefopt.io.strict import StrictError, checked_json
from prefopt.model.adapter_card import CARD, CONFIG, WEIGHTS, AdapterCard
from prefopt.model.adapter_weights import read_weights
from prefopt.model.peft_config import agreed_card, read_peft_config
from prefopt.taxonomy import Taxonomy, read_taxonomy

R = TypeVar("R", bound=Frozen)
_SOURCE = re.compile(r"hub:(?P<repo>[^@\s]+)(?:@(?P<revision>[A-Za-z0-9][\w.-]*))?", flags=re.ASCII)
_TENSOR = re.compile(r"base_model\.model\.[\w.]+\.lora_(?:[AB]\.weight|magnitude_vector)", flags=re.ASCII)
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz")


@dataclass(frozen=True)
class Pulled:
    """A published round in a folder, checked."""

    folder: Path
    source: str
    """hub:OWNER/NAME@COMMIT."""
    lineage: Lineage
    decision: PublishedDecision
    calibration: Calibration
    taxonomy: Taxonomy
    card: AdapterCard


def source_of(text: str) -> tuple[str, str]:
    """Repository and revision of hub:OWNER/NAME[@REVISION]. Raises ConfigError."""
    found = _SOURCE.fullmatch(text)
    if found is None:
        raise ConfigError(f"--from {text!r} names no round on the Hub", hint="--from hub:OWNER/NAME, or hub:OWNER/NAME@round-003")
    return Remote.of(found["repo"]).repo, found["revision"] or MAIN


def pull(text: str, into: Path) -> Pulled:
    """Download a published round into a new folder, and check all of it.

    Args:
        text: hub:OWNER/NAME[@REVISION]; without a revision, the newest promoted round.
        into: the folder to make.

    Raises:
        ConfigError: the text names no repository.
        ModelError: there is no such round, or no access to it; it is not one that `prefopt push` wrote; a file is not the one that was
            published; it holds what it must not.
    """
    repo, revision = source_of(text)
    try:
        return _pulled(Remote.of(repo), revision, into)
    except PrefoptError as error:  # of a reader, it names the new folder
        said = error.message.replace(f"{into}/", "").replace(f"{into}: ", "")
        if said == error.message and said.startswith(repo):
            raise
        raise ModelError(f"{repo}: {said}", hint=NOT_OURS) from None


def _pulled(remote: Remote, revision: str, into: Path) -> Pulled:
    repo = remote.repo
    commit = remote.resolve(revision)
    if commit is None:
        raise ModelError(f"{repo} has no {revision}", hint=f"published there: {_rounds_of(remote)}")
    there = remote.tree(commit)
    _refuse_foreign(repo, there)
    _refuse_incomplete(remote, revision, there)
    into.mkdir(parents=True)
    lineage = _record(_fetched(remote, LINEAGE, commit, there, into), Lineage)
    _refuse_others_than_listed(repo, lineage, there)
    free = shutil.disk_usage(into).free
    if (needed := sum(file.size for file in lineage.files.values())) > free:
        raise ModelError(f"{repo}: {needed / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free in {into.parent}", hint="free some space")
    for name, file in lineage.files.items():
        path = _fetched(remote, name, commit, there, into)
        if path.stat().st_size != file.size or hash_path(path) != file.sha256:
            raise ModelError(f"{repo}: {name} is not the file that was published: its digest differs from {LINEAGE}", hint=_AT_TAG)
    return _checked(into, f"hub:{repo}@{commit}", lineage)


_AT_TAG = "take the round by its tag, e.g. hub:OWNER/NAME@round-003, which holds what was pushed; or ask for another push"
NOT_OURS = "start from a repository that `prefopt push` wrote"


def _rounds_of(remote: Remote) -> str:
    state = remote.state()
    return ", ".join(sorted(state.tags if state else {})) or "nothing"


def _refuse_foreign(repo: str, there: Mapping[str, RemoteFile]) -> None:
    """Raise ModelError for names that no published round has, and for files that are too large. Nothing was downloaded yet."""
    for name, file in sorted(there.items()):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or not name.isprintable():
            raise ModelError(f"{repo} holds {name!r}, a path that leads out of its folder: not downloaded", hint=NOT_OURS)
        if path.suffix.lower() in _PICKLES:
            raise ModelError(f"{repo} holds {name}: not downloaded, because reading such a file can run code", hint=NOT_OURS)
        if name not in (*FILES, *BESIDE):
            raise ModelError(f"{repo} holds {name!r}, which no published round has: not downloaded", hint=NOT_OURS)
        if name in FILES and not 0 <= file.size <= limit_of(name):
            raise ModelError(
                f"{repo}: {name} has {file.size / 2**20:,.0f} MiB, and {limit_of(name) / 2**20:,.0f} MiB are the most: not downloaded",
                hint=NOT_OURS,
            )


def _refuse_incomplete(remote: Remote, revision: str, there: Mapping[str, RemoteFile]) -> None:
    missing = [name for name in REQUIRED if name not in there]
    if not missing:
        return
    if len(missing) == len(REQUIRED) and revision == MAIN:
        raise ModelError(
            f"{remote.repo}: main holds no promoted round",
            hint=f"name one of its rounds, e.g. hub:{remote.repo}@round-000; published there: {_rounds_of(remote)}",
        )
    raise ModelError(f"{remote.repo}: {revision} is not a published round: {missing[0]} is missing", hint=NOT_OURS)


def _refuse_others_than_listed(repo: str, lineage: Lineage, there: Mapping[str, RemoteFile]) -> None:
    found = {name for name in there if name in FILES and name != LINEAGE}
    if found != lineage.files.keys():
        name = sorted(found ^ lineage.files.keys())[0]
        what = f"{name!r} is not listed in {LINEAGE}" if name in found else f"{LINEAGE} lists {name!r}, which is not there"
        raise ModelError(f"{repo}: {what}", hint=_AT_TAG)
    for name, file in lineage.files.items():
        if there[name].size != file.size:
            raise ModelError(f"{repo}: {name} has {there[name].size} bytes, and {file.size} were published", hint=_AT_TAG)


def _fetched(remote: Remote, name: str, commit: str, there: Mapping[str, RemoteFile], into: Path) -> Path:
    """A file of a commit in the new folder; its size is the one that was listed."""
    cached = remote.fetch(name, commit)
    if cached.stat().st_size != there[name].size:
        raise ModelError(f"{remote.repo}: {name} has {cached.stat().st_size} bytes, and the Hub lists {there[name].size}", hint=_AT_TAG)
    return Path(shutil.copyfile(cached, into / name))


def _record(path: Path, record: type[R]) -> R:
    try:
        return record.model_validate_json(checked_json(path.read_bytes()))
    except (ValidationError, StrictError) as error:
        raise ModelError(f"{path.name} is not one that `prefopt push` of this version wrote: {first_fault(error)}", hint=NOT_OURS) from None


def _checked(folder: Path, source: str, lineage: Lineage) -> Pulled:
    """Everything that is read from the files, and whether it fits together."""
    _refuse_other_settings(lineage)
    card, calibration = agreed_card(folder), _record(folder / CALIBRATION_FILE, Calibration)
    taxonomy = read_taxonomy(folder / TAXONOMY)
    strange = sorted(key for key in read_weights(folder) if not _TENSOR.fullmatch(key))
    if strange:
        raise ModelError(f"{WEIGHTS} holds {strange[0]!r}, which is no part of a LoRA adapter", hint=NOT_OURS)
    said = read_peft_config(folder)
    facts = (
        (f"the base of {CARD}", card.base, lineage.base.id),
        (f"the base of {CONFIG}", said["base_model_name_or_path"], lineage.base.name),
        (f"the round of {CARD}", card.round, lineage.round),
        (f"the number of labels in {CALIBRATION_FILE}", calibration.labels, len(taxonomy)),
    )
    for what, found, expected in facts:
        if found != expected:
            raise ModelError(f"{what} is {found!r}, and {expected!r} elsewhere", hint=NOT_OURS)
    return Pulled(folder, source, lineage, _record(folder / DECISION_FILE, PublishedDecision), calibration, taxonomy, card)


def _refuse_other_settings(lineage: Lineage) -> None:
    for section, values in lineage.settings.items():
        for key in values:
            if key not in SETTINGS.get(section, ()):
                raise ModelError(f"{LINEAGE} sets {section}.{key}, which no published round does", hint=NOT_OURS)


KEPT = tuple(name for name in REQUIRED if name not in ADAPTER_FILES)
"""What a project keeps beside the adapter: all but a page that somebody else wrote."""
