"""Projects to work on: one in which nothing has run, one with its base adapter, and one that asks its teachers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.small import run, write_small_project


@pytest.fixture
def small_project(tmp_path: Path) -> Path:
    """A project in which nothing has run."""
    return write_small_project(tmp_path / "small")


@pytest.fixture(scope="session")
def _trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_small_project(tmp_path_factory.mktemp("trained") / "small")
    run(folder, "sft")
    return folder


@pytest.fixture(scope="session")
def _asked(_trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(_trained, tmp_path_factory.mktemp("asked") / "small", symlinks=True))
    run(folder, "round", expect=3)
    return folder


@pytest.fixture
def asked_project(_asked: Path, tmp_path: Path) -> Path:
    """A copy of a project whose round 001 waits for its teachers."""
    return Path(shutil.copytree(_asked, tmp_path / "small", symlinks=True))


@pytest.fixture
def trained_project(_trained: Path, tmp_path: Path) -> Path:
    """A copy of a project whose round 000 is finished."""
    return Path(shutil.copytree(_trained, tmp_path / "small", symlinks=True))
