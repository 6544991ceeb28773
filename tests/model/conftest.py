"""Fixtures: a random gpt-oss checkpoint, which tests read and do not change."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def gptoss_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random gpt-oss of four layers in the hub's layout."""
    from tests.gptoss import make_checkpoint

    return make_checkpoint(tmp_path_factory.mktemp("gptoss") / "base")
