"""Files of our own that show whether they were changed since they were written.

"digest" of a JSON document, or of a line of a log, is the sha256 of all its other keys; that of a file of rows is in its first line,
and is of all rows. It guards against edits by hand and damage, not against somebody who computes the digest again. Files of versions
before it have none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from prefopt.errors import DataError, ProjectError
from prefopt.io.files import write_text
from prefopt.io.jsonl import line_of, validated
from prefopt.io.jsonl_reader import OWN_LINE, read_jsonl
from prefopt.io.row import Row
from prefopt.io.strict import StrictError, json_value

T = TypeVar("T", bound=BaseModel)
KEY = "digest"
_HINT = "restore the file from a copy"
_CHANGED = "has been changed since it was written: its digest differs"


def digest_of(values: Mapping[str, Any]) -> str:
    """sha256 of plain values, independent of the order of keys, of white space and of how a number is spelled."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def write_sealed(path: Path, document: BaseModel, *, indent: int = 2, mode: int | None = None, exclude_defaults: bool = False) -> None:
    """Write a document with its digest, atomically; `mode` as in prefopt.io.files.replacing()."""
    values = json_value(document.model_dump_json(exclude_defaults=exclude_defaults))
    write_text(path, json.dumps({**values, KEY: digest_of(values)}, ensure_ascii=False, indent=indent) + "\n", mode=mode)


def read_sealed(path: Path) -> bytes:
    """The document without its digest, as JSON; what is not a JSON object is returned as it is.

    Raises:
        FileNotFoundError: there is no such file.
        ProjectError: the document was changed since it was written.
    """
    content = path.read_bytes()
    try:
        values = json_value(content)
    except StrictError:  # whoever validates the content says what is wrong with it
        return content
    if not isinstance(values, dict) or KEY not in values:
        return content
    written = values.pop(KEY)
    if written != digest_of(values):
        raise ProjectError(f"{path} {_CHANGED}", hint=_HINT)
    return json.dumps(values, ensure_ascii=False).encode()


def write_sealed_rows(path: Path, rows: Sequence[BaseModel]) -> None:
    """Write records one a line below their digest, atomically. Raises DataError: a record is too long to be read back."""
    lines = [line_of(row, path, number) for number, row in enumerate(rows, 2)]
    write_text(path, json.dumps({KEY: _digest_of_rows([json_value(line) for line in lines])}) + "\n" + "".join(lines))


def read_sealed_rows(path: Path, record: type[T]) -> list[T]:
    """The records of a file of write_sealed_rows, or of an earlier version, which wrote no digest.

    Raises:
        DataError: with file and line: no such file, not JSON, a row that is not such a record.
        ProjectError: the file was changed since it was written.
    """
    found = list(read_jsonl(path, hint=_HINT, longest=OWN_LINE))
    if not found:
        raise ProjectError(f"{path} is empty", hint=_HINT)
    if found[0].values.keys() == {KEY}:
        head = found.pop(0)
        if head.values[KEY] != _digest_of_rows([row.values for row in found]):
            raise ProjectError(f"{path} {_CHANGED}", hint=_HINT)
    return [validated(row, record, path) for row in found]


def _digest_of_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    return digest_of({"rows": rows})


def sealed_line(row: BaseModel, path: Path) -> str:
    """A record as a line of a log, with its digest. Raises as line_of()."""
    values = json_value(line_of(row, path))
    return json.dumps({**values, KEY: digest_of(values)}, ensure_ascii=False, separators=(",", ":")) + "\n"


def read_sealed_lines(path: Path) -> Iterator[Row]:
    """The lines of a log of sealed lines, without their digests. Those of earlier versions have none.

    Raises:
        DataError: with file and line: no such file, not JSON, or a line that was changed since it was written.
    """
    for row in read_jsonl(path, hint=_HINT, longest=OWN_LINE):
        values = dict(row.values)
        written = values.pop(KEY, None)
        if written is not None and written != digest_of(values):
            raise DataError(_CHANGED, path=path, line=row.line, hint=_HINT)
        yield Row(row.line, values)
