"""What a project holds after a command, so that two runs can be compared: hashes of all files, less the times in them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

_IGNORED = (".argilla", ".cache", "cache", "__pycache__")
_TIMES = ("started", "ended", "at", "submitted_at", "machine", "created_at", "first_seen", "seen", "digest", "day", "machine_seconds")


def results(folder: Path) -> dict[str, str]:
    """Path -> hash of every file of a project that a reader would miss; hidden files (locks, leftovers) do not count."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part in _IGNORED or part.startswith(".") for part in parts):
            found["/".join(parts)] = _digest(path, folder)
    return found


def leftovers(folder: Path) -> list[str]:
    """Temporary files that a killed command left and that nobody removes."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*") if path.name.endswith((".tmp", ".partial")))


def difference(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """The paths that are missing, too many, or other."""
    return sorted(path for path in found.keys() | expected.keys() if found.get(path) != expected.get(path))


def _digest(path: Path, folder: Path) -> str:
    plain = _PLAIN.get(path.name)
    content = plain(path) if plain is not None else path.read_bytes()
    return hashlib.sha256(content.replace(str(folder).encode(), b"FOLDER")).hexdigest()


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(inner) for key, inner in value.items() if key not in _TIMES}
    return [_without_times(inner) for inner in value] if isinstance(value, list) else value


def _bytes(value: Any) -> bytes:
    return json.dumps(_without_times(value), sort_keys=True).encode()


def _json(path: Path) -> bytes:
    return _bytes(json.loads(path.read_bytes()))


def _manifest(path: Path) -> bytes:
    """The outputs and the outcome; what was read follows from the hashes of the earlier stages, some of which hold times."""
    manifest = json.loads(path.read_bytes())
    outputs = {name: known["rows"] for name, known in manifest["outputs"].items()}  # their contents are compared themselves
    return _bytes([manifest["stage"], manifest["seed"], manifest["config_hash"], outputs, manifest["outcome"]])


def _report(path: Path) -> bytes:
    numbers = json.loads(path.read_bytes())
    numbers["cost"] = [row["stage"] for row in numbers["cost"]]
    return _bytes(numbers)


def _page(path: Path) -> bytes:
    """Without what says how long the stages took, and without dates."""
    text = re.sub(r'<section class="card" id="cost">.*?</section>', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"<dt>[^\n]*?computer time.*?</dd>", "", text, flags=re.DOTALL)
    return re.sub(r"\d{4}-\d\d-\d\d(T[\d:.+Z]+)?", "DAY", text).encode()


def _promoted(path: Path) -> bytes:
    """The pointer and the decisions."""
    found = json.loads(path.read_bytes())
    return _bytes([found["promoted"], found["events"]])


def _rows(path: Path) -> bytes:
    return b"\n".join(_bytes(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())


_PLAIN: dict[str, Callable[[Path], bytes]] = {
    "stage.json": _manifest,
    "report.json": _report,
    "report.html": _page,
    "promoted.json": _promoted,
    "answers.jsonl": _rows,
    "rankings.jsonl": _rows,
    "looks.json": _json,
}
