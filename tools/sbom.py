"""Writes a software bill of materials (CycloneDX 1.6, JSON) of an installed environment, with the hashes of a lock file.

    python tools/sbom.py PYTHON LOCK OUT

PYTHON is the interpreter of the environment; cyclonedx-bom, in the environment that runs this program (tools/supply-chain.in), lists what
is installed there, with licenses and dependencies. The hashes are those of all files of a version that LOCK allows. The result is
checked against the schema of CycloneDX, names no path of this machine, and is the same for the same environment.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HASH = re.compile(r"--hash=(sha256):([0-9a-f]{64})")
PATH = re.compile(r"file:|(?<![\w/:.])/(?:home|root|work|tmp|usr|opt|srv|mnt|var|builds|Users)/")


def hashes_of(lock: str) -> dict[tuple[str, str], list[str]]:
    """(normalized name, version) -> sha256 of each file, of a requirements file with hashes."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in re.sub(r"\\\n", " ", lock).splitlines():
        if hashes := [digest for _, digest in HASH.findall(line)]:
            requirement = Requirement(line.split(" --hash", 1)[0].strip())
            found[canonicalize_name(requirement.name), str(requirement.specifier).removeprefix("==")] = hashes
    return found


def with_hashes(bom: dict[str, Any], hashes: dict[tuple[str, str], list[str]]) -> list[str]:
    """Add the hashes to the components of a bill of materials. Returns those that the lock file does not name."""
    unknown = []
    for component in bom["components"]:
        name, version = canonicalize_name(component["name"]), component.get("version", "").partition("+")[0]  # 2.13.0+cpu is of 2.13.0
        known = hashes.get((name, version))
        if known is None:
            unknown.append(f"{component['name']} {component.get('version', '')}".strip())
            continue
        files = {
            "type": "distribution",
            "url": f"https://pypi.org/simple/{name}/",
            "comment": "files that the lock file allows",
            "hashes": [{"alg": "SHA-256", "content": digest} for digest in known],
        }
        component["externalReferences"] = [*component.get("externalReferences", []), files]
    return unknown


def without_paths(bom: dict[str, Any]) -> None:
    """Remove from where on this machine something was installed, such as this project itself."""
    for component in bom["components"]:
        kept = [each for each in component.pop("externalReferences", []) if not each["url"].startswith("file:")]
        if kept:
            component["externalReferences"] = kept


def fault(text: str) -> str:
    """What is wrong with a bill of materials; empty if it fits the schema and names no path."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    if found := PATH.search(text) or re.search(re.escape(str(Path.cwd())), text):
        return f"it names a path of this machine: {text[found.start() : found.start() + 60]}"
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return "" if error is None else str(error)


def main() -> None:
    """Write one bill of materials. Exits with a message where it would be wrong."""
    parser = argparse.ArgumentParser(description="Write a software bill of materials of an environment.")
    parser.add_argument("python", type=Path)
    parser.add_argument("lock", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    tool = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--spec-version", "1.6"]
    made = subprocess.run([*tool, str(args.python)], capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if made.returncode != 0:
        sys.exit(f"cyclonedx-bom failed:\n{made.stderr}")
    bom = json.loads(made.stdout)
    unknown = with_hashes(bom, hashes_of(args.lock.read_text(encoding="utf-8")))
    without_paths(bom)
    text = json.dumps(bom, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if why := fault(text):
        sys.exit(f"{args.out} was not written: {why}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text, encoding="utf-8")
    without = f"; without hashes, since {args.lock} does not name them: {', '.join(unknown)}" if unknown else ""
    print(f"{args.out}: {len(bom['components'])} components{without}")


if __name__ == "__main__":
    main()
