"""Compares the pinned versions of both environments with known advisories, by pip-audit.

    python tools/audit.py

Reads requirements.lock (prefopt) and feedback/server/requirements.txt (the bundled Argilla server). Exit code 0: no advisory is known;
1: some are, which an update must settle or docs/supply-chain.md must argue; 3: no base of advisories could be asked about some package, so
nothing is known of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "feedback/server/requirements.txt")
SERVICES = ("pypi", "osv")
FOUND, UNKNOWN = 1, 3


def audit(lock: str, service: str) -> tuple[dict[str, list[str]], list[str]]:
    """Ask one base about one lock file.

    What counts is for which packages there was an answer: pip-audit ends well, with "No known vulnerabilities found", also where the base
    knew none of them, as a mirror of the index does.

    Returns:
        "name version" -> ids of its advisories and the versions that fix them, of the packages that the base knows; what is left without
        an answer (all of the lock file, in the words of pip-audit, where it failed).
    """
    options = ["--requirement", str(ROOT / lock), "--disable-pip", "--require-hashes", "--vulnerability-service", service]
    command = [sys.executable, "-m", "pip_audit", *options, "--format", "json", "--progress-spinner", "off", "--timeout", "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        return {}, [done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"pip-audit ended with {done.returncode}"]
    known = {f"{each['name']} {each['version']}": [_line(found) for found in each["vulns"]] for each in packages if "vulns" in each}
    return known, [str(package["name"]) for package in packages if "vulns" not in package]


def _line(advisory: dict[str, Any]) -> str:
    return f"{advisory['id']} (fixed in {', '.join(advisory['fix_versions']) or 'no version'})"


def main() -> int:
    """Ask about each lock file, the second base where the first knows nothing. Returns the exit code."""
    found = unknown = False
    for lock in LOCKS:
        for service in SERVICES:
            known, unanswered = audit(lock, service)
            if known:
                break
            print(f"{lock}: {service} gave no answer: {', '.join(unanswered)[:300]}", file=sys.stderr)
        listed = {package: advisories for package, advisories in known.items() if advisories}
        for package, advisories in listed.items():
            print(f"{lock}: {package}: {'; '.join(advisories)}")
        rest = (f"; no answer for {', '.join(unanswered)}" if unanswered else "") if known else "; no answer for any"
        print(f"{lock}: {len(known)} packages compared, {len(listed)} of them with advisories{rest}")
        found, unknown = found or bool(listed), unknown or bool(unanswered) or not known
    if unknown:
        print("audit: about some or all packages no base of advisories could be asked, so nothing is known of them", file=sys.stderr)
    return FOUND if found else UNKNOWN if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
