"""What tests need of the machine. Where it is missing, a test is skipped on a laptop and fails where CI is set."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where CI is set: CI has everything, so that there a skip would hide a test."""
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(what)
    pytest.skip(what)


def program(*names: str, package: str) -> str:
    """Path of the first of the programs that is installed; see missing()."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    return found or missing(f"no {names[0]} on this machine: apt-get install {package}")


def chromium() -> str:
    """Path of a Chromium; see missing()."""
    return program("chromium", "chromium-browser", "google-chrome", package="chromium")
