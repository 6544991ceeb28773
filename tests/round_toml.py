"""A round.toml as other hands leave it: of a version before its digest, or rewritten with a digest that fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import tomlkit

from prefopt.project.frozen_file import TABLE, copy_of, write_frozen


def without_digest(path: Path, edit: Callable[[str], str] = str) -> None:
    """Make a round.toml as versions before the digest wrote it, with an edit of its text."""
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    document.pop(TABLE)
    path.write_text(edit(tomlkit.dumps(document)), encoding="utf-8")
    copy_of(path).unlink()


def frozen_again(path: Path, edit: Callable[[str], str]) -> None:
    """Edit a round.toml and compute its digest again."""
    without_digest(path, edit)
    write_frozen(path, tomlkit.parse(path.read_text(encoding="utf-8")))
