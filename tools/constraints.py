"""Writes constraints.txt from the environment that runs this program, or compares the two.

    python tools/constraints.py            write the versions that are installed here
    python tools/constraints.py --check    fail where the file and the environment differ
    python tools/constraints.py --check --lowest    the same for an environment with the lowest versions, and constraints-lowest.txt

Needs no network. A local build such as torch 2.13.0+cpu counts as its public version (PEP 440), which every index offers.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

FILE = Path(__file__).resolve().parents[1] / "constraints.txt"
LOWEST = FILE.with_name("constraints-lowest.txt")
TESTED = (3, 11)
"""The Python whose environment the file is written from. Another may need a few packages less."""

HEADER = f"""\
# Every version that was tested, on Linux x86-64 with Python {TESTED[0]}.{TESTED[1]}.
# Install with: pip install -c constraints.txt -e ".[dev]"
# Written by tools/constraints.py; `make lint` compares it with the environment.
"""
NOT_PINNED = {"pip", "setuptools", "wheel", "prefopt"}
"""What makes an environment, and this package itself."""


def installed() -> dict[str, str]:
    """Public version of every distribution in this environment, by its normalized name."""
    versions = {canonicalize_name(found.metadata["Name"]): Version(found.version).public for found in distributions()}
    return {name: version for name, version in versions.items() if name not in NOT_PINNED}


def pinned(lines: Iterable[str]) -> dict[str, str]:
    """Version of every line `name==version`, by the normalized name.

    Raises:
        ValueError: A line pins nothing, or a package is pinned twice.
    """
    pins: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        match = re.fullmatch(r"([\w.-]+)==([\w.!+-]+)", text)
        if match is None:
            raise ValueError(f"line {number}: {text!r} is not of the form name==version")
        name = canonicalize_name(match[1])
        if name in pins:
            raise ValueError(f"line {number}: {name} is pinned twice")
        pins[name] = match[2]
    return pins


def differences(pins: Mapping[str, str], versions: Mapping[str, str], *, complete: bool = True) -> list[str]:
    """How pins and installed versions differ, one line a package. `complete`: a pin of a package that is not installed counts too."""
    unpinned = [f"{name} {versions[name]} is installed and not pinned" for name in sorted(versions.keys() - pins.keys())]
    other = [
        f"{name} is pinned at {pins[name]} and installed at {versions[name]}"
        for name in sorted(pins.keys() & versions.keys())
        if Version(pins[name]) != Version(versions[name])
    ]
    absent = [f"{name} {pins[name]} is pinned and not installed" for name in sorted(pins.keys() - versions.keys())]
    return unpinned + other + (absent if complete else [])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 where they differ")
    parser.add_argument("--lowest", action="store_true", help="compare with constraints-lowest.txt, which `make lock` writes")
    options = parser.parse_args()
    if options.lowest:
        if not options.check:
            parser.error("--lowest goes with --check: `make lock` writes constraints-lowest.txt")
        _compare(LOWEST, complete=False)  # written for every platform, so it has packages that this one does not need
    elif options.check:
        _compare(FILE, complete=sys.version_info[:2] == TESTED)
    else:
        if sys.version_info[:2] != TESTED:
            sys.exit(f"constraints.txt is written with Python {TESTED[0]}.{TESTED[1]}; this is {sys.version_info[0]}.{sys.version_info[1]}")
        FILE.write_text(HEADER + "".join(f"{name}=={version}\n" for name, version in sorted(installed().items())), encoding="utf-8")


def _compare(file: Path, *, complete: bool) -> None:
    """Exit with the differences where a file of pins and this environment have any."""
    found = differences(pinned(file.read_text(encoding="utf-8").splitlines()), installed(), complete=complete)
    if found:
        install, write = ("rm -r .venv-lowest", "make lock") if file == LOWEST else ("make environment", "python tools/constraints.py")
        sys.exit("\n".join([*found, f"Install again ({install}), or write the file again: {write}"]))
    print(f"{file.name} agrees with the {len(installed())} distributions that are installed")


if __name__ == "__main__":
    main()
