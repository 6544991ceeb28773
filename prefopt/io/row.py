"""One row of a file, one fault of it, and the bytes of a text as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One row as it stands in the file: column or key -> value."""

    line: int
    values: dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """A row, or what should be one, that cannot be read. `kind` is a key of prefopt.data.checks.finding_kinds."""

    line: int
    kind: str
    detail: str


def decoded(raw: bytes, line: int) -> str | Fault:
    """Text of UTF-8 bytes without a byte-order mark at their start."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Fault(line, "not-utf8", "the file is UTF-16, not UTF-8")
    try:
        return raw.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        guess = " (it reads as CP949, the Korean encoding of Windows)" if _is_cp949(raw) else ""
        return Fault(line + raw.count(b"\n", 0, error.start), "not-utf8", f"not UTF-8 at byte {error.start}{guess}")


def _is_cp949(raw: bytes) -> bool:
    try:
        text = raw.decode("cp949")
    except UnicodeDecodeError:
        return False
    return any("가" <= c <= "힣" for c in text)
