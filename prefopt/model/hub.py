"""Models on the Hugging Face Hub: model.path may be "org/name" or "org/name@revision".

A revision is resolved to a commit, and the commit's files are used from huggingface_hub's own cache; only what is missing is downloaded.
A commit that is complete in the cache needs no network. HF_HOME, HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE act as everywhere.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, get_cached_repo_tree, is_offline_mode, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import CachedRepoTreeNotFoundError, LocalEntryNotFoundError, RevisionResolutionError
from tqdm import tqdm

from prefopt.errors import ModelError
from prefopt.io.strict import json_object
from prefopt.model.hub_errors import COMMIT, HubModel, UnreachableHubError, explained
from prefopt.model.tiny import checkpoint_path
from prefopt.protocols import OnStep, ignore_steps

_NAME = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@(?P<revision>[A-Za-z0-9][\w./+-]*))?", flags=re.ASCII)
_INDEX = "model.safetensors.index.json"
_WEIGHTS = "model*.safetensors"  # the names that transformers loads; not a second copy for another program (consolidated.safetensors)
_SMALL = (
    *("config.json", "generation_config.json", _INDEX, "tokenizer*.json", "special_tokens_map.json", "added_tokens.json"),
    *("tokenizer.model*", "spiece.model", "sentencepiece*.model", "vocab.json", "vocab.txt", "merges.txt"),
    *("chat_template.jinja", "chat_template.json", "additional_chat_templates/*.jinja"),
)
_IGNORED = ("model*/*", "tokenizer*/*", "sentencepiece*/*")  # a star of a pattern matches a slash, too
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


@dataclass(frozen=True)
class Resolved:
    """A model at a commit."""

    model: HubModel
    note: str = ""
    """Why the commit may not be the newest of its branch."""


def hub_model(path: str) -> HubModel | None:
    """The model on the Hub that model.path names; None where it names a folder of this machine. A folder of that name wins."""
    found = _NAME.fullmatch(path)
    if found is None or ".." in found["repo"] or "--" in found["repo"] or Path(path).is_dir():
        return None
    return HubModel(found["repo"], found["revision"] or constants.DEFAULT_REVISION)


def base_name(path: str) -> tuple[str, str | None]:
    """How others find a base: its name on the Hub and its commit (or branch, where that was never resolved), or its absolute folder."""
    model = hub_model(path)
    if model is None:
        return str(checkpoint_path() if path == "tiny" else Path(path).expanduser().absolute()), None
    return model.repo, model.commit or _known_commit(model) or model.revision


def resolve(model: HubModel) -> Resolved:
    """The commit of a model's revision. Asks the Hub unless the revision is a commit; without the Hub, the cache's own record counts.

    Raises:
        ModelError: there is no such model or revision, or no access to it; UnreachableHubError: and the cache has no record.
    """
    if model.commit:
        return Resolved(model)
    try:
        HfApi().model_info(model.repo, revision=model.revision, timeout=constants.DEFAULT_ETAG_TIMEOUT)
        found: Any = HfApi().resolve_revision(model.repo, revision=model.revision)  # writes the cache's record as well
        return Resolved(model.at(found.resolved))
    except Exception as error:
        fault = explained(error, model)
        known = _known_commit(model)
        if known is None or not isinstance(fault, UnreachableHubError):
            raise fault from error
    why = "HF_HUB_OFFLINE is set" if is_offline_mode() else "the Hub cannot be reached"
    return Resolved(model.at(known), f"{model}: commit {known[:12]} as last seen; {why}")


def snapshot(model: HubModel, on_step: OnStep = ignore_steps) -> Path:
    """Folder of a model in the cache, downloaded if it is not complete there.

    A connection that breaks is taken up where it broke; after an interruption, files that were complete are not downloaded again.

    Args:
        model: whose weights, configuration, tokenizer and template are wanted; nothing else of the repository is downloaded.
        on_step: progress of the download, in MB; without one, huggingface_hub shows its own bars in a terminal.

    Raises:
        ModelError: as resolve; the repository has no safetensors weights; the disk is full; the download was interrupted.
    """
    resolved = resolve(model)
    folder = cached(resolved.model)
    if folder is None:
        if resolved.note:
            on_step(0, 1, resolved.note)
        folder = _download(resolved.model, (*_SMALL, _WEIGHTS), on_step)
        _refuse_incomplete(folder, resolved.model)
    return folder


def cached(model: HubModel) -> Path | None:
    """Folder of a model at a commit where the cache holds all of its wanted files; None otherwise. Uses no network."""
    try:
        options: dict[str, Any] = {"allow_patterns": [*_SMALL, _WEIGHTS], "ignore_patterns": list(_IGNORED)}
        folder = Path(snapshot_download(model.repo, revision=model.revision, local_files_only=True, **options))
    except LocalEntryNotFoundError:
        return None
    return folder if _missing(folder) is None else None


def small_files(model: HubModel) -> Path:
    """Folder with at least configuration and tokenizer of a model; its weights are not downloaded. Raises ModelError as snapshot."""
    at = resolve(model).model
    folder = cached(at) or _download(at, _SMALL, lambda *_: None)
    if not (folder / "config.json").is_file():
        raise ModelError(f"{at}: has no config.json, so it is not a model that transformers reads", hint="name another model in model.path")
    return folder


def tensor_names(model: HubModel) -> set[str]:
    """Names of the tensors of a model, from its index or from the header of its file. Raises ModelError as snapshot."""
    at = resolve(model).model
    index = small_files(at) / _INDEX
    if index.is_file():
        try:
            return set(json_object(index.read_bytes())["weight_map"])
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{index}: not an index of safetensors files: {error}", hint="name another model in model.path") from None
    try:
        return set(HfApi().parse_safetensors_file_metadata(at.repo, "model.safetensors", revision=at.revision).tensors)
    except Exception as error:
        raise explained(error, at) from error


def in_words(model: HubModel) -> str:
    """Whether a model is in the cache, or how much would be downloaded. Raises ModelError where there is no such model."""
    try:
        resolved = resolve(model)
        at, note = resolved.model, f" ({resolved.note})" if resolved.note else ""
        if cached(at):
            return f"{at}, in the cache{note}"
        if is_offline_mode():
            return f"{at}, not complete in the cache, and HF_HUB_OFFLINE is set{note}"
        files = list(_wanted_files(at))
    except UnreachableHubError as error:
        return error.message
    missing = sum(size for name, size in files if not isinstance(try_to_load_from_cache(at.repo, name, revision=at.revision), str))
    return f"{at}, {_size(missing)} of {_size(sum(size for _, size in files))} to download{note}"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def _known_commit(model: HubModel) -> str | None:
    """The commit that the cache has recorded for a revision."""
    try:
        found: Any = HfApi().resolve_revision(model.repo, revision=model.revision, local_files_only=True)
    except RevisionResolutionError:
        return None
    return found.resolved if COMMIT.fullmatch(found.resolved) else None


def _download(model: HubModel, patterns: tuple[str, ...], on_step: OnStep) -> Path:
    options: dict[str, Any] = {"allow_patterns": list(patterns), "ignore_patterns": list(_IGNORED)}
    try:
        return Path(
            snapshot_download(
                model.repo, revision=model.revision, tqdm_class=None if on_step is ignore_steps else _bar(model, on_step), **options
            )
        )
    except Exception as error:
        raise explained(error, model) from error


def _missing(folder: Path) -> str | None:
    """What a snapshot lacks to be loaded; None where it is complete. A link to a missing file counts as missing."""
    index = folder / _INDEX
    weights = ["model.safetensors"]
    if index.is_file() and not (folder / weights[0]).is_file():
        try:
            weights = sorted(set(json_object(index.read_bytes())["weight_map"].values()))
        except (ValueError, KeyError, AttributeError, TypeError):
            return _INDEX
    missing = [name for name in ("config.json", *weights) if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")):
        missing.append("tokenizer.json")
    return missing[0] if missing else None


def _refuse_incomplete(folder: Path, model: HubModel) -> None:
    missing = _missing(folder)
    if missing is None:
        return
    try:
        names = [file.path for file in get_cached_repo_tree(model.repo, revision=model.revision)]
    except CachedRepoTreeNotFoundError:  # the Hub did not answer, and so a part of the cache was returned
        raise explained(LocalEntryNotFoundError(missing), model) from None
    pickles = sorted(name for name in names if any(fnmatchcase(name, pattern) for pattern in _PICKLES))
    if missing == "model.safetensors" and pickles:
        raise ModelError(
            f"{model}: only pickle files ({', '.join(pickles[:3])}); not downloaded, because reading them can run code",
            hint="name a model with safetensors weights in model.path",
        )
    raise ModelError(f"{model}: the repository has no {missing}", hint="name another model or revision in model.path")


def _wanted_files(model: HubModel) -> Iterator[tuple[str, int]]:
    """Name and bytes of each file that is wanted."""
    try:
        found = list(HfApi().list_repo_tree(model.repo, revision=model.revision, recursive=True))
    except Exception as error:
        raise explained(error, model) from error
    for file in found:
        size = getattr(file, "size", None)  # a folder has none
        wanted = any(fnmatchcase(file.path, pattern) for pattern in (*_SMALL, _WEIGHTS))
        if size is not None and wanted and not any(fnmatchcase(file.path, pattern) for pattern in _IGNORED):
            yield file.path, size


def _bar(model: HubModel, on_step: OnStep) -> type[tqdm[Any]]:
    """A progress bar for huggingface_hub that shows nothing itself and reports the bytes on disk."""

    class Bar(tqdm):  # type: ignore[misc]  # tqdm has no types
        def __init__(self, *args: Any, **options: Any) -> None:
            self._reports = str(options.get("desc", "")).startswith("Reconstructing")
            super().__init__(*args, **options | {"file": io.StringIO()})

        def update(self, n: float | None = 1) -> Any:
            shown = super().update(n)
            if self._reports and self.total:
                on_step(min(int(self.n), int(self.total)) // 10**6, max(1, int(self.total) // 10**6), f"MB of {model.repo}")
            return shown

    return Bar
