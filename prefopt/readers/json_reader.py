"""Read JSON as programs write it: an array, an object id -> row, a list inside an object, or one object a line.

The content decides, not the ending of the file: a Note names what a file with the ending of the other kind was read as.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from prefopt.io.jsonl_reader import STRICT_JSON, decode_json
from prefopt.io.row import Fault, Note, Row
from prefopt.readers.column_names import PROBLEM_COLUMNS, column_key
from prefopt.readers.text_file import text_lines, whole_text

MAX_JSON = 1 << 29  # bytes; a document is read whole, so larger data belongs into .jsonl
_LISTS_OF_A_ROW = {"messages", "conversations", "conversation", "prompt", "chosen", "rejected", "completion", "annotations", "records"}
_LISTS_OF_A_ROW |= {"instruction", "history", "preferred_output", "non_preferred_output"}  # with lists inside, a row all the same
_WRAPPERS = {"row", "row_idx", "truncated_cells"}  # of the dataset server of Hugging Face


def scan_json_lines(path: Path) -> Iterator[Row | Fault]:
    """Stream the rows and faults of a file with one JSON object a line."""
    found: list[Fault] = []
    lines = text_lines(path, found)
    first = next((line for line in _numbered(lines) if line[1].strip()), None)
    if first is not None and _is_document(first[1]) and (rows := _document(path, [])) is not None:
        yield from found
        yield Note(1, "json-kind", "a JSON document, not one object a line: it was read as .json", (".json",))
        yield from rows
        return
    for number, line in chain([first] if first else [], _numbered(lines, first[0] if first else 0)):
        yield from found
        found.clear()
        if line.strip():
            value = decode_json(line.strip(), number)
            if isinstance(value, Fault):
                yield value
            elif isinstance(value, dict):
                yield Row(number, _unwrapped(value))
            else:
                yield Fault(number, "not-object", f"a {type(value).__name__}, not a JSON object", (type(value).__name__,))
    yield from found


def scan_json(path: Path) -> Iterator[Row | Fault]:
    """Rows of a document [row, …], {"id": row, …}, where the key becomes the id of a row without one, or {"data": [row, …]}."""
    if path.stat().st_size > MAX_JSON:
        yield Fault(1, "file-too-long", f"the document has more than {MAX_JSON >> 20} MiB: write it as .jsonl")
        return
    found: list[Fault] = []
    rows = _document(path, found)
    if rows is not None:
        yield from found
        yield from rows
        return
    wrong = [fault for fault in found if not isinstance(fault, Note)]
    if any(fault.kind == "not-json" for fault in wrong) and _has_object_lines(path):
        yield Note(1, "json-kind", "one JSON object a line, not a document: it was read as .jsonl", (".jsonl",))
        yield from scan_json_lines(path)
        return
    yield from found


def _numbered(lines: Iterator[str], before: int = 0) -> Iterator[tuple[int, str]]:
    return enumerate(lines, before + 1)


def _is_document(line: str) -> bool:
    """Whether the first line of a file begins a document of several lines, or is an array."""
    start = line.lstrip()[:1]
    if start != "{":
        return start == "["
    value = decode_json(line.strip(), 1)
    return isinstance(value, Fault) or _list_inside(value) is not None


def _has_object_lines(path: Path) -> bool:
    """Whether the first filled line of a file is an object, and there is another line."""
    filled = (line for line in text_lines(path, []) if line.strip())
    first, second = next(filled, ""), next(filled, "")
    return bool(second) and isinstance(decode_json(first.strip(), 1), dict)


def _document(path: Path, found: list[Fault]) -> Iterator[Row | Fault] | None:
    """The rows of a document; None, with the fault in `found`, where the file is none."""
    if path.stat().st_size > MAX_JSON:
        return None
    text = whole_text(path, found)
    if text is None:
        return None
    if not text.strip():
        return iter(())
    value = decode_json(text, 1)
    if isinstance(value, Fault):
        at = int(value.detail.rsplit(" ", 1)[-1]) if value.detail.rsplit(" ", 1)[-1].isdigit() else 1
        found.append(replace(value, line=text.count("\n", 0, at - 1) + 1))
        return None
    if not isinstance(value, (list, dict)):
        found.append(Fault(1, "not-object", f"a {type(value).__name__}, not a JSON array or object of rows", (type(value).__name__,)))
        return None
    return _rows_of(text, value)


def _rows_of(text: str, value: list[Any] | dict[str, Any]) -> Iterator[Row | Fault]:
    """The rows of a parsed document, wherever in it they lie."""
    way: list[str] = []
    while isinstance(value, dict) and (name := _list_inside(value)) is not None:
        rest = tuple(key for key in value if key != name)
        if rest:
            yield Note(
                1, "json-rest", f"the rows are those under {name!r}; not read: {', '.join(rest)[:100]}", (name, ", ".join(rest)[:100])
            )
        value = value[name]
        way.append(name)
    if isinstance(value, dict) and (_is_row(value) or _is_mixed(value)):
        yield Row(1, value)
        return
    if isinstance(value, dict) and len(lists := _lists_of_rows(value)) > 1:
        shown = ", ".join(lists)[:100]
        what = f"the document has several lists of rows: {shown}; write each into a file of its own"
        yield Fault(1, "not-object", what, (shown, len(lists)))
        return
    yield from _rows_with_lines(text, value, way)


def _list_inside(value: Mapping[str, Any]) -> str | None:
    """The one key of an object under which the rows lie: a list of objects, or an object that has such a list."""
    if _is_row(value) or any(key in _LISTS_OF_A_ROW for key in value):
        return None
    lists = _lists_of_rows(value)
    if lists:
        return lists[0] if len(lists) == 1 else None
    deeper = [key for key, inner in value.items() if isinstance(inner, dict) and _list_inside(inner) is not None]
    return deeper[0] if len(deeper) == 1 else None


def _lists_of_rows(value: Mapping[str, Any]) -> list[str]:
    lists = [key for key, inner in value.items() if isinstance(inner, list) and all(isinstance(row, dict) for row in inner)]
    filled = [key for key in lists if value[key]]  # an empty list may be a value, as the concepts of an answer
    with_texts = [key for key in filled if _is_row(_unwrapped(value[key][0]))]  # others describe them, as the features of a dataset
    return (with_texts if len(with_texts) == 1 else filled) or (lists if len(value) == 1 else [])


def _is_row(value: Mapping[str, Any]) -> bool:
    """Whether an object is itself a problem: it has a text."""
    return any(isinstance(inner, str) and PROBLEM_COLUMNS.get(column_key(key)) == "text" for key, inner in value.items())


def _is_mixed(value: Mapping[str, Any]) -> bool:
    """Whether an object has texts beside objects, so that it is no list of rows by their ids, nor a list inside an object."""
    kinds = {type(inner) for inner in value.values()}
    return {dict, str} <= kinds and list not in kinds


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """A row without the object around it: {"row_idx": 0, "row": {…}}."""
    if "row" in value and isinstance(value["row"], dict) and value.keys() <= _WRAPPERS:
        return dict(value["row"])
    if len(value) == 1:
        (inner,) = value.values()
        if isinstance(inner, dict) and _is_row(inner):
            return inner
    return value


def _inner_rows(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of an element of an array: itself, or those of its list (a passage with its problems), each with what they share."""
    name = _list_inside(value)
    if name is None or not value[name] or not isinstance(value[name], list):
        yield _unwrapped(value)
        return
    shared = {key: inner for key, inner in value.items() if key != name}
    for number, row in enumerate(value[name], 1):
        own = {} if "id" in row or "id" not in shared else {"id": f"{shared['id']}-{number}"}
        yield {**shared, **row, **own}


def _rows_with_lines(text: str, value: list[Any] | dict[str, Any], way: list[str]) -> Iterator[Row | Fault]:
    """The rows of a document with their lines, which takes a second pass over the text: the parser does not report them."""
    position = _start_of(text, way) + 1  # past the opening bracket
    line, counted = 1, 0  # line of the text position up to which line breaks are counted
    for key, row in value.items() if isinstance(value, dict) else enumerate(value):
        position = _after_space(text, position)
        if isinstance(value, dict):
            position = _past_key(text, position)
        line, counted = line + text.count("\n", counted, position), position
        _, position = STRICT_JSON.raw_decode(text, position)
        position = _after_space(text, position) + 1  # past the comma
        if isinstance(row, str) and isinstance(value, dict):
            yield Row(line, {"id": str(key), "text": row})
        elif not isinstance(row, dict):
            yield Fault(line, "not-object", f"a {type(row).__name__}, not a JSON object", (type(row).__name__,))
        elif isinstance(value, list):
            yield from (Row(line, inner) for inner in _inner_rows(row))
        else:
            named = any(PROBLEM_COLUMNS.get(column_key(name)) == "id" for name in row)
            yield Row(line, row if named else {"id": str(key), **row})


def _start_of(text: str, way: list[str]) -> int:
    """Position of the value that lies under the keys of `way`."""
    position = _after_space(text, 0)
    for name in way:
        position = _after_space(text, position + 1)  # past the opening brace
        while True:
            key, after = STRICT_JSON.raw_decode(text, position)
            position = _after_space(text, _after_space(text, after) + 1)  # past the colon
            if key == name:
                break
            _, position = STRICT_JSON.raw_decode(text, position)
            position = _after_space(text, _after_space(text, position) + 1)  # past the comma
    return position


def _past_key(text: str, position: int) -> int:
    """Position of the value after the key that stands at `position`."""
    _, position = STRICT_JSON.raw_decode(text, position)
    return _after_space(text, _after_space(text, position) + 1)


def _after_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position
