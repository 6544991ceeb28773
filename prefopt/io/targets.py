"""Files that a command is about to write: nothing that is there is replaced unless somebody says so."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from prefopt.errors import ConfigError


def refuse_taken(targets: Sequence[Path], *, sources: Iterable[Path] = (), force: bool = False) -> None:
    """Raise ConfigError where one of the files to write is there already (a dangling link counts), is a folder, or lies under a file; and,
    whatever `force` says, where it is one of the files that are read, or two of them are one.

    Args:
        targets: the files to write.
        sources: the files that are read.
        force: existing files may be replaced.
    """
    read = [source for source in sources if source.exists()]
    for number, target in enumerate(targets):
        if any(_is_same(target, source) for source in read):
            raise ConfigError(f"{target} would replace the source", hint="give the path of a new file")
        if any(target.resolve() == other.resolve() for other in targets[:number]):
            raise ConfigError(f"{target} is given for two files", hint="give the path of a new file")
        if target.is_dir():
            raise ConfigError(f"{target} is a directory", hint="give the path of a new file")
        if os.path.lexists(target) and not force:
            raise ConfigError(f"{target} exists already", hint="give the path of a new file, or add --force to replace it")
        if above := next((folder for folder in target.parents if os.path.lexists(folder) and not folder.is_dir()), None):
            raise ConfigError(f"{above} is not a directory", hint="give the path of a new file")


def _is_same(target: Path, source: Path) -> bool:
    return target.exists() and os.path.samefile(target, source)
