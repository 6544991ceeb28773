"""JSON documents of our own that show whether they were changed since they were written: "digest" is the sha256 of all other keys.

It guards against edits by hand and damage, not against somebody who computes the digest again. Documents of versions before it have none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from prefopt.errors import ProjectError
from prefopt.io.files import write_text
from prefopt.io.strict import StrictError, json_value

KEY = "digest"


def digest_of(values: Mapping[str, Any]) -> str:
    """sha256 of plain values, independent of the order of keys, of white space and of how a number is spelled."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def write_sealed(path: Path, document: BaseModel, *, indent: int = 2) -> None:
    """Write a document with its digest, atomically."""
    values = json_value(document.model_dump_json())
    write_text(path, json.dumps({**values, KEY: digest_of(values)}, ensure_ascii=False, indent=indent) + "\n")


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
        raise ProjectError(f"{path} has been changed since it was written: its digest differs", hint="restore the file from a copy")
    return json.dumps(values, ensure_ascii=False).encode()
