"""The names of models on the Hub, and what went wrong with one, in words."""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, is_offline_mode
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from prefopt.errors import ModelError

COMMIT = re.compile(r"[0-9a-f]{40}")


class UnreachableHubError(ModelError):
    """The Hub was not asked or did not answer."""


@dataclass(frozen=True)
class HubModel:
    """A model on the Hub."""

    repo: str
    revision: str
    """A branch, a tag, or a commit."""

    @property
    def commit(self) -> str | None:
        """The revision where it is a commit already."""
        return self.revision if COMMIT.fullmatch(self.revision) else None

    def at(self, commit: str) -> HubModel:
        """The same model at a commit."""
        return HubModel(self.repo, commit)

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}"


def no_such_folder(path: str) -> ModelError:
    """The error for a model.path that names neither a folder nor a model on the Hub."""
    folder = Path(path).expanduser()
    if folder.is_file():
        return ModelError(f"{path}: a file, and model.path is a folder", hint=f'set model.path = "{folder.parent}"')
    return ModelError(
        f"{path}: no such model folder",
        hint=f'{_near(folder)}set model.path to a checkpoint folder on this machine, to a model on the Hub such as "openai/gpt-oss-20b", '
        'or to "tiny"',
    )


def _near(folder: Path) -> str:
    """A folder beside a missing one whose name is nearly the same."""
    beside = [inner.name for inner in folder.parent.iterdir() if inner.is_dir()] if folder.parent.is_dir() else []
    near = difflib.get_close_matches(folder.name, beside, n=1)
    return f'did you mean "{folder.parent / near[0]}"? Otherwise ' if near else ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def explained(error: Exception, model: HubModel) -> ModelError:
    """An error of huggingface_hub in words. Its own text is left out: it can hold addresses and headers."""
    causes = list(_causes(error))
    kinds = tuple(type(cause) for cause in causes)
    login = "log in with `hf auth login`, then repeat the command"
    status = next((cause.response.status_code for cause in causes if isinstance(cause, HfHubHTTPError)), 0)
    if is_offline_mode():
        return UnreachableHubError(
            f"{model}: not complete in the cache ({constants.HF_HUB_CACHE}), and HF_HUB_OFFLINE is set",
            hint="repeat the command with HF_HUB_OFFLINE=0 and a network connection; or set model.path to a folder on this machine",
        )
    if any(issubclass(kind, GatedRepoError) for kind in kinds):
        return ModelError(
            f"{model.repo}: access is granted by its owners, and this machine has none",
            hint=f"accept its terms on https://huggingface.co/{model.repo}, {login}",
        )
    if any(issubclass(kind, RevisionNotFoundError) for kind in kinds):
        return ModelError(
            f"{model.repo}: no revision {model.revision!r}", hint=f'set model.path = "{model.repo}" for its newest, or name a commit'
        )
    if any(issubclass(kind, RepositoryNotFoundError) for kind in kinds):
        return ModelError(
            f"{model.repo}: there is no folder {Path(model.repo).absolute()}, and no public model of this name on the Hub",
            hint=f"{_near(Path(model.repo))}correct model.path; for a private model {login}",
        )
    if any(isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT) for cause in causes):
        return ModelError(
            f"{model}: the disk of {constants.HF_HUB_CACHE} is full",
            hint="free some space, or set HF_HOME to a folder on a larger disk, then repeat the command",
        )
    if any(isinstance(cause, PermissionError) for cause in causes):
        return ModelError(f"{constants.HF_HUB_CACHE}: cannot be written", hint="set HF_HOME to a folder that you may write to")
    if status in (401, 403):
        return ModelError(f"{model.repo}: the Hub refused access (status {status})", hint=login)
    answered = f"the Hub answered with status {status}" if status else f"the Hub cannot be reached ({causes[-1].__class__.__name__})"
    return UnreachableHubError(
        f"{model}: not complete in the cache, and {answered}",
        hint="check the network connection (and HF_ENDPOINT, if it is set), then repeat the command: files that were complete are kept",
    )
