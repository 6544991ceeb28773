"""Fixtures of the unit tests: a random gpt-oss checkpoint that every test may read and none may change."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def gptoss_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random gpt-oss of four layers in the hub's layout."""
    from tests.gptoss import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("gptoss") / "base")
