"""A repository on the Hub: what is there, and the few changes that a push makes. Errors are in words, without addresses or keys."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, get_token, hf_hub_download, is_offline_mode
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils.tqdm import disable_progress_bars

from prefopt.errors import ConfigError, ModelError, PrefoptError

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")
LOGIN = "log in with `hf auth login`, or set HF_TOKEN in the environment, then type the command again"


@dataclass(frozen=True)
class RemoteFile:
    """A file in a commit."""

    size: int
    blob: str
    """Id that git gives to the content; of a large file, to the pointer to it."""
    sha256: str | None
    """Of a large file."""


@dataclass(frozen=True)
class State:
    """A repository that exists."""

    private: bool
    branches: Mapping[str, str]
    """Name -> commit."""
    tags: Mapping[str, str]


@dataclass
class Remote:
    """A repository of models on the Hub, whether it exists or not.

    Args:
        repo: OWNER/NAME.
    """

    repo: str
    notes: list[str] = field(default_factory=list)
    """What the Hub said besides, e.g. about the metadata."""
    _trees: dict[str, dict[str, RemoteFile]] = field(default_factory=dict)

    @classmethod
    def of(cls, repo: str) -> Remote:
        """The repository of that name. Raises ConfigError where it is no name of one."""
        if not _NAME.fullmatch(repo) or ".." in repo or "--" in repo:
            raise ConfigError(f"{repo!r} is not the name of a repository", hint="give OWNER/NAME: your account or organization, and a name")
        if not sys.stderr.isatty():
            disable_progress_bars()
        return cls(repo)

    @property
    def url(self) -> str:
        """Its page."""
        return f"{constants.ENDPOINT}/{self.repo}"

    def state(self) -> State | None:
        """What is there now; None where there is no such repository, or none that this account may see. Raises ModelError."""
        with self._in_words("read"):
            try:
                info = HfApi().model_info(self.repo)
                refs = HfApi().list_repo_refs(self.repo)
            except RepositoryNotFoundError:
                return None
        branches, tags = ({ref.name: ref.target_commit for ref in found} for found in (refs.branches, refs.tags))
        return State(bool(info.private), branches, tags)

    def resolve(self, revision: str) -> str | None:
        """The commit of a branch, tag or commit; None where there is none. Raises ModelError, also without a repository."""
        with self._in_words("read"):
            try:
                return HfApi().model_info(self.repo, revision=revision).sha
            except RevisionNotFoundError:
                return None

    def tree(self, commit: str) -> dict[str, RemoteFile]:
        """Path -> file of everything in a commit. Raises ModelError."""
        if commit in self._trees:
            return self._trees[commit]
        with self._in_words("read"):
            found: list[Any] = list(HfApi().list_repo_tree(self.repo, revision=commit, recursive=True))
        files = (entry for entry in found if getattr(entry, "size", None) is not None)  # a folder has none
        self._trees[commit] = {f.path: RemoteFile(f.size, f.blob_id, None if f.lfs is None else f.lfs.sha256) for f in files}
        return self._trees[commit]

    def fetch(self, name: str, commit: str) -> Path:
        """A file of a commit, in the cache of huggingface_hub. Raises ModelError."""
        with self._in_words("read"):
            return Path(hf_hub_download(self.repo, name, revision=commit))

    def create(self, *, private: bool) -> None:
        """Make the repository. Raises ModelError: no access; the name is taken by what this account may not see."""
        with self._in_words("create"):
            HfApi().create_repo(self.repo, private=private)

    def branch(self, name: str, at: str) -> None:
        """Make a branch at a commit; one that is there already stays as it is. Raises ModelError."""
        with self._in_words("change"):
            HfApi().create_branch(self.repo, branch=name, revision=at, exist_ok=True)

    def commit(self, branch: str, parent: str, files: Mapping[str, Path], gone: Sequence[str], message: str) -> str:
        """One commit that adds or replaces files and removes others, on a branch that must still be at `parent`. Returns the commit.

        Raises:
            ModelError: no access; the branch was moved by somebody else; the Hub refuses the metadata of README.md.
        """
        operations: list[Any] = [CommitOperationAdd(name, path) for name, path in sorted(files.items())]
        operations += [CommitOperationDelete(name) for name in gone]
        with self._in_words("change"):
            found = HfApi().create_commit(self.repo, operations, commit_message=message, revision=branch, parent_commit=parent)
        return str(found.oid)

    def tag(self, name: str, commit: str, *, move: bool) -> None:
        """Set a tag on a commit. Raises ModelError."""
        with self._in_words("change"):
            if move:
                HfApi().delete_tag(self.repo, tag=name)
            HfApi().create_tag(self.repo, tag=name, revision=commit)

    @contextmanager
    def _in_words(self, doing: str) -> Iterator[None]:
        """Turn whatever goes wrong into words; warnings of the Hub become notes."""
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                yield
            except PrefoptError:
                raise
            except Exception as error:
                raise in_words(error, self.repo, doing) from error
            finally:
                lines = {line.strip("- ") for warning in said for line in str(warning.message).splitlines() if line.startswith("- ")}
                self.notes.extend(f"the Hub on README.md: {line}" for line in sorted(lines))


def refuse_logged_out() -> None:
    """Raise ModelError where nobody is logged in, or the Hub is not to be asked."""
    if is_offline_mode():
        raise ModelError("HF_HUB_OFFLINE is set, so nothing can be sent", hint="type the command again with HF_HUB_OFFLINE=0")
    if not get_token():
        raise ModelError("nobody is logged in to the Hub on this machine", hint=LOGIN)


def in_words(error: Exception, repo: str, doing: str) -> ModelError:
    """What went wrong with a repository. The error's own text is left out: it can hold addresses and headers."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    status = next((c.response.status_code for c in causes if isinstance(c, HfHubHTTPError) and c.response is not None), 0)
    if is_offline_mode():
        return ModelError(f"{repo}: HF_HUB_OFFLINE is set", hint="type the command again with HF_HUB_OFFLINE=0 and a network connection")
    if any(isinstance(c, ValueError) and "metadata in README.md" in str(c) for c in causes):
        return ModelError(f"{repo}: the Hub refuses the metadata of README.md: {_faults(causes)}", hint=_LICENSE)
    known: Mapping[int, Callable[[], ModelError]] = {
        401: lambda: ModelError(f"{repo}: the Hub does not know this account, or its token has expired", hint=LOGIN),
        403: lambda: ModelError(
            f"{repo}: this account may not {doing} it",
            hint=f"ask for write access to {repo.partition('/')[0]}, or use a token with it: {LOGIN}",
        ),
        404: lambda: ModelError(
            f"{repo}: no such repository on the Hub, or no access to it",
            hint=f"correct the name; if it is private, {LOGIN}",
        ),
        409: lambda: ModelError(f"{repo}: the name is taken", hint="choose another name, or ask its owner for access"),
        412: lambda: ModelError(f"{repo}: somebody else changed it meanwhile, so nothing was changed", hint="type the command again"),
        429: lambda: ModelError(f"{repo}: the Hub asks for fewer requests", hint="wait some minutes, then type the command again"),
    }
    if any(isinstance(c, RepositoryNotFoundError) for c in causes) and (status in (401, 404) or not status):
        status = 404
    if status in known:
        return known[status]()
    last, is_network = type(causes[-1]), any(isinstance(c, OSError) or type(c).__module__.startswith("httpx") for c in causes)
    said = f"the Hub answered with status {status}" if status else f"the Hub cannot be reached ({last.__name__})"
    if not status and not is_network:
        said = f"what the Hub answered cannot be read ({last.__name__})"
    return ModelError(
        f"{repo}: {said}",
        hint="check the network connection (and HF_ENDPOINT, if it is set), then type the command again",
    )


_LICENSE = "correct license under [push], or --license: an identifier of https://huggingface.co/docs/hub/repositories-licenses"


def _faults(causes: Sequence[BaseException]) -> str:
    """What the Hub says of the metadata: lines of its own, which name fields."""
    text = next(str(c) for c in causes if isinstance(c, ValueError) and "metadata in README.md" in str(c))
    return "; ".join(line.strip("- ") for line in text.splitlines() if line.startswith("- ")) or "it does not say why"
