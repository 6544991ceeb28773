"""The files with versions agree: pyproject.toml's bounds, constraints.txt, constraints-lowest.txt and requirements.lock."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = [
    requirement
    for text in [*PROJECT["dependencies"], *(text for extra in PROJECT["optional-dependencies"].values() for text in extra)]
    if (requirement := Requirement(text)).name != "prefopt"
]


def versions(name: str) -> dict[str, Version]:
    """Pinned version of each package in a file of pins, by its normalized name."""
    found = re.findall(r"^([\w.-]+)==([^\s;\\]+)", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {canonicalize_name(package): Version(version) for package, version in found}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_the_lowest_versions_are_the_lower_bounds(requirement: Requirement) -> None:
    pinned = versions("constraints-lowest.txt")[canonicalize_name(requirement.name)]
    (bound,) = [Version(part.version) for part in requirement.specifier if part.operator in (">=", "==")]
    assert requirement.specifier.contains(pinned)
    assert pinned.release[: len(bound.release)] == bound.release, f"{requirement}: the lowest version that resolves is {pinned}"


def test_the_lock_has_the_versions_of_the_constraints_with_hashes() -> None:
    locked = versions("requirements.lock")
    pinned = versions("constraints.txt")
    assert {name: locked.get(name) for name in pinned} == pinned
    entries = (ROOT / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    without_hash = [entry for entry in entries if "==" in entry and "--hash=sha256:" not in entry]
    assert without_hash == []
