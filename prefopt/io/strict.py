"""Read JSON and TOML that we rely on: a key that occurs twice, NaN, a number of thousands of digits and endless nesting are refused.

json takes the last of equal keys in silence, and raises ValueError and RecursionError, which name no file, for the others.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from prefopt.errors import DataError
from prefopt.io.jsonl_reader import decode_json
from prefopt.io.row import Fault

_MAX_DEPTH = 50  # levels of settings; those of prefopt have three


class StrictError(ValueError):
    """What is wrong with a document, in words that follow the name of its file."""


def json_value(text: str | bytes, *, is_finite: bool = True) -> Any:
    """The value of a JSON document.

    Args:
        text: the document; bytes are UTF-8.
        is_finite: refuse NaN and Infinity, which configurations of models may hold.

    Raises:
        StrictError: not UTF-8, not JSON, a key twice, not finite, nested too deeply, a number with too many digits.
    """
    found = decode_json(_decoded(text), 1, is_finite=is_finite)
    if isinstance(found, Fault):
        raise StrictError(found.detail)
    return found


def json_object(text: str | bytes, *, is_finite: bool = True) -> dict[str, Any]:
    """As json_value, of a document that is an object."""
    found = json_value(text, is_finite=is_finite)
    if not isinstance(found, dict):
        raise StrictError(f"a {type(found).__name__}, not a JSON object")
    return found


def checked_json(content: bytes) -> bytes:
    """The document itself, once json_value has read it: for pydantic, which takes the last of equal keys. Raises StrictError."""
    json_value(content)
    return content


def toml_values(text: str | bytes) -> dict[str, Any]:
    """The values of a TOML document. Raises StrictError as json_value; TOML itself has no equal keys."""
    document = _decoded(text)
    try:
        found = tomllib.loads(document)
    except tomllib.TOMLDecodeError as error:
        raise StrictError(f"not TOML: {error}") from None
    except RecursionError:
        raise StrictError("not TOML: nested too deeply") from None
    except ValueError:  # Python refuses integers of thousands of digits
        raise StrictError("a number has thousands of digits") from None
    inner: list[Any] = [found]
    for _ in range(_MAX_DEPTH):
        inner = [v for value in inner for v in (value.values() if isinstance(value, dict) else value) if isinstance(v, dict | list)]
    if inner:
        raise StrictError("not TOML: nested too deeply")
    return found


def read_json_object(path: Path, *, hint: str = "") -> dict[str, Any]:
    """The object in a JSON file. Raises DataError with the file's name as json_value, and for a file that is missing."""
    try:
        return json_object(path.read_bytes())
    except FileNotFoundError:
        raise DataError("no such file", path=path, hint=hint) from None
    except StrictError as error:
        raise DataError(str(error), path=path, hint=hint) from None


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StrictError(f"not UTF-8 (byte {error.start})") from None
