"""Names of format 1, and how each kind of file is written in format 2 (for `prefopt migrate`)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prefopt.io.files import replacing, write_text
from prefopt.io.renamed_settings import RENAMED_KEYS, RENAMED_VALUES

_ROW_KEYS: Mapping[str, Mapping[str, str]] = {
    "slates.jsonl": {"asked": "purpose", "margin": "top2_gap"},
    "rankings.jsonl": {"verdict": "kind"},
    "answers.jsonl": {"verdict": "kind"},  # of the answer in each row
}


_ADDED_LATER: Mapping[str, dict[str, Any]] = {
    "sample": {"gold": 0, "repeats": 0, "rewritten": 0, "without_reason": 0},
    "collect": {"deleted_teachers": (), "withdrawn": 0},
}
"""Facts that the first rounds of format 1 do not have."""


def renamed_settings(text: str, *, schema: int | None = None) -> str:
    """prefopt.toml or round.toml with new names and values; comments and order stay.

    Args:
        text: the file.
        schema: number to write into [start], for round.toml.
    """
    table, lines = "", []
    for line in text.splitlines(keepends=True):
        header = re.match(r"\s*\[([^\[\]]+)\]", line)
        if header:
            table = header[1].strip()
            lines.append(line)
            if table == "start" and schema is not None:
                lines.append(f"schema_version = {schema}\n")
            continue
        lines.append(_renamed_setting(line, table))
    return "".join(lines)


def _renamed_setting(line: str, table: str) -> str:
    found = re.match(r"(\s*)([A-Za-z0-9_.\-]+)(\s*=\s*)(.*)", line, flags=re.DOTALL)
    if not found:
        return line
    space, name, equals, rest = found.groups()
    key = f"{table}.{name}" if table else name
    for (setting, old), new in RENAMED_VALUES.items():
        if key == setting:
            rest = re.sub(rf'^(["\']){re.escape(old)}\1', f'"{new}"', rest)
    renamed = RENAMED_KEYS.get(key, key)
    return f"{space}{renamed.removeprefix(f'{table}.') if table else renamed}{equals}{rest}"


def renamed_lines(text: str, file: str) -> str:
    """JSON lines with the keys of format 2."""
    keys = _ROW_KEYS[file]
    lines = []
    for line in text.split("\n"):  # splitlines() would also split at U+2028 and others within a comment
        if not line.strip():
            continue
        row = json.loads(line)
        if file == "answers.jsonl":
            row["answer"] = _with_keys(row["answer"], keys)
        else:
            row = _with_keys(row, keys)
        lines.append(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    return "".join(lines)


def renamed_events(text: str) -> str:
    """promoted.json: moves are events, a verdict is an outcome."""
    found = json.loads(text)
    events = [_with_keys(move, {"verdict": "outcome"}) for move in found["moves"]]
    return json.dumps({"promoted": found["promoted"], "events": events}, ensure_ascii=False, indent=2) + "\n"


def outcome_of_facts(stage: str, facts: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The facts of a stage.json of format 1 as the values of the stage's outcome; those of `decide` come from its decision."""
    if stage == "report":
        return {"path": f"rounds/{number:03d}/report/report.html"}
    return {**_ADDED_LATER.get(stage, {}), **facts}


def _with_keys(row: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    return {keys.get(name, name): value for name, value in row.items()}


def _rows(old: Path, new: Path) -> None:
    write_text(new, renamed_lines(old.read_text(encoding="utf-8"), new.name))


def _calibration(old: Path, new: Path) -> None:
    found = _flags(json.loads(old.read_text(encoding="utf-8")))
    found = _with_keys(found, {"coverage": "label_mass"})
    found["risk_coverage"] = [_with_keys(point, {"coverage": "accepted_share"}) for point in found["risk_coverage"]]
    if found.get("conformal"):
        found["conformal"]["groups"] = [_with_keys(group, {"coverage": "set_coverage"}) for group in found["conformal"]["groups"]]
    write_text(new, json.dumps(found, ensure_ascii=False, indent=2) + "\n")


def _flags(value: Any) -> Any:
    """Every verdict on a cell or a bin is a flag."""
    if isinstance(value, dict):
        return {"flag" if name == "verdict" else name: _flags(inner) for name, inner in value.items()}
    return [_flags(inner) for inner in value] if isinstance(value, list) else value


def _posteriors(old: Path, new: Path) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(old)
    names = ["label_mass" if name == "coverage" else name for name in table.column_names]
    with replacing(new) as temporary:
        pq.write_table(table.rename_columns(names).replace_schema_metadata(table.schema.metadata), temporary, compression="zstd")


FILES: Mapping[str, Callable[[Path, Path], None]] = {
    "slates.jsonl": _rows,
    "rankings.jsonl": _rows,
    "calibration.json": _calibration,
    "posteriors.parquet": _posteriors,
}
"""Name of a file in format 2 -> what writes it from that of format 1. A file that is not here is the same in both."""
