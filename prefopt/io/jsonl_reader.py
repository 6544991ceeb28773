"""Read JSON Lines: any object a line, with the line number of every fault.

`scan_jsonl` continues after a fault, for the checks of data files; `read_jsonl` raises the first one. A blank line is skipped. Files of
prefopt's own records are read by prefopt.io.jsonl.read_rows, which also validates them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefopt.errors import DataError
from prefopt.io.row import Fault, Row, decoded

MAX_LINE = 1_000_000
"""Bytes; a longer line is not a row. No writer of prefopt writes one."""
OWN_LINE = 1 << 28
"""Bytes, for files that only prefopt writes: earlier versions wrote longer lines than MAX_LINE."""


def scan_jsonl(path: Path, *, longest: int = MAX_LINE) -> Iterator[Row | Fault]:
    """Stream the rows and faults of a file with one JSON object a line of at most `longest` bytes."""
    with path.open("rb") as file:
        line = 0
        while raw := file.readline(longest + 1):
            line += 1
            if len(raw) > longest and not raw.endswith(b"\n"):
                while (rest := file.readline(longest)) and not rest.endswith(b"\n"):
                    pass
                yield Fault(line, "line-too-long", f"the line has more than {longest:,} bytes", (longest,))
                continue
            found = _row_of_line(raw, line)
            if found is not None:
                yield found


def read_jsonl(path: Path, *, hint: str, longest: int = MAX_LINE) -> Iterator[Row]:
    """Stream the rows of a file with one JSON object a line.

    Args:
        path: the file.
        hint: what to type where the file is missing.
        longest: bytes of a line.

    Raises:
        DataError: with file and line: no such file, another encoding, not JSON, not an object.
    """
    if not path.is_file():
        raise DataError("no such file", path=path, hint=hint)
    for found in scan_jsonl(path, longest=longest):
        if isinstance(found, Fault):
            raise found.as_error(path)
        yield found


def _row_of_line(raw: bytes, line: int) -> Row | Fault | None:
    text = decoded(raw, line)
    if isinstance(text, Fault):
        return text
    if not text.strip():
        return None
    value = decode_json(text.strip(), line)
    if isinstance(value, Fault):
        return value
    return (
        Row(line, value)
        if isinstance(value, dict)
        else Fault(line, "not-object", f"a {type(value).__name__}, not a JSON object", (type(value).__name__,))
    )


class _RepeatedKeyError(ValueError):
    """A key occurs twice in one JSON object: one of its values would be lost in silence."""


class _NotFiniteError(ValueError):
    """NaN or Infinity, which JSON does not have."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        raise _RepeatedKeyError(next(k for k, _ in pairs if k in seen or seen.add(k)))  # type: ignore[func-returns-value]  # add gives None
    return values


def _constant(name: str) -> Any:
    raise _NotFiniteError(name)


STRICT_JSON = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
_WITH_INFINITY = json.JSONDecoder(object_pairs_hook=_object)


def decode_json(text: str, line: int, *, is_finite: bool = True) -> Any:
    """The value of a JSON text that starts at `line`, or a Fault: not JSON, a repeated key, NaN, nested too deeply, a number too long.

    Args:
        text: the document.
        line: where it starts.
        is_finite: whether NaN and Infinity are faults.
    """
    try:
        return (STRICT_JSON if is_finite else _WITH_INFINITY).decode(text)
    except _RepeatedKeyError as error:
        return Fault(line, "key-repeated", f"the key {str(error)!r} occurs twice in one object", (str(error),))
    except _NotFiniteError as error:
        return Fault(line, "not-finite", f"{error} is not a JSON number", (str(error),))
    except json.JSONDecodeError as error:
        return Fault(line, "not-json", f"not JSON: {error.msg} at character {error.pos + 1}", (error.pos + 1,))
    except RecursionError:
        return Fault(line, "not-json", "unreadable JSON: nested too deeply")
    except ValueError as error:  # Python refuses integers of thousands of digits
        return Fault(line, "not-json", f"unreadable JSON: {error}")
