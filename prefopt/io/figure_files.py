"""Read the image files beside problems: PNG, JPEG or SVG, small, and nothing that a page would run or fetch."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

from prefopt.errors import DataError
from prefopt.records import Figure, Problem

MOST_BYTES = 512 << 10
"""Of one file: a page for teachers fetches twenty slates at a time."""
_MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_SVG = "{http://www.w3.org/2000/svg}"
_ACTIVE = frozenset({"script", "foreignObject", "iframe", "object", "embed", "audio", "video", "handler", "listener"})
"""Elements of SVG that run or hold something else than a drawing."""
_INNER = re.compile(r"\s*(?:#|data:image/(?:png|jpeg);)", re.I)
_OUTSIDE = re.compile(r"(?:url\s*\(\s*[\"']?\s*(?![\"'#\s])|@import|javascript:|expression\s*\()", re.I)


class FigureError(DataError):
    """An image that cannot be shown; `why` is place, file, size or kind."""

    why = "kind"


def _fault(why: str, message: str, path: Path, hint: str) -> FigureError:
    error = FigureError(message, path=path, hint=hint)
    error.why = why
    return error


def _path(problem: Problem, file: Path, root: Path | None) -> Path | None:
    if problem.figure is None:
        return None
    name = PurePosixPath(problem.figure.replace("\\", "/"))
    is_elsewhere = name.is_absolute() or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", problem.figure)
    path = file.parent / name
    if is_elsewhere or (root is not None and not path.resolve().is_relative_to(root.resolve())):
        raise _fault(
            "place",
            f"figure = {problem.figure!r} of problem {problem.id!r} is not a file of the project, relative to {file.parent}",
            file,
            hint="copy the image beside the data file, and write its name, e.g. figures/q1.png",
        )
    return path


def read_figure(problem: Problem, file: Path, root: Path | None = None) -> Figure | None:
    """The image of a problem; None where it has none.

    Args:
        problem: of the file.
        file: the data file, whose folder the name of the image is relative to.
        root: folder that the image must be in; None for any.

    Raises:
        DataError: no such file, or one that is too large, of another kind, damaged, or an SVG with scripts or addresses.
    """
    path = _path(problem, file, root)
    if path is None:
        return None
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        what = f"the figure of problem {problem.id!r} cannot be read: {error.strerror or error}"
        raise _fault("file", what, path, hint=f"put the image there, or correct figure in {file}") from None
    if size > MOST_BYTES:
        raise _fault(
            "size",
            f"the figure of problem {problem.id!r} has {size / 1024:,.0f} KiB; at most {MOST_BYTES >> 10} are shown",
            path,
            hint="save it smaller, e.g. 1,200 pixels wide, or as JPEG",
        )
    kind = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), "")
    if not kind and (fault := _svg_fault(content)):
        raise _fault(
            "kind", f"the figure of problem {problem.id!r} {fault}", path, hint="save it as .png, .jpg, or a plain .svg without scripts"
        )
    return Figure.model_validate(
        {"type": kind or "image/svg+xml", "data": base64.b64encode(content).decode("ascii"), "alt": (problem.figure_alt or "").strip()}
    )


def _svg_fault(content: bytes) -> str:
    """What is wrong with a file that is neither PNG nor JPEG; empty for a drawing in SVG."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "is not a PNG, JPEG or SVG image"
    if "<svg" not in text:
        return "is not a PNG, JPEG or SVG image"
    if re.search(r"<!(?:ENTITY|DOCTYPE)[^>]*[\[]|<!ENTITY|<\?xml-stylesheet", text, re.I):
        return "is an SVG with entities or a style sheet of its own"
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - entities were refused above
    except ElementTree.ParseError as error:
        return f"is not a readable SVG: {error}"
    if root.tag not in (f"{_SVG}svg", "svg"):
        return "is not an SVG image"
    return next(filter(None, map(_active, root.iter())), "")


def _active(element: ElementTree.Element) -> str:
    """What an element of an SVG would run or fetch; empty where it only draws."""
    name = str(element.tag).rpartition("}")[2]
    if name in _ACTIVE:
        return f"is an SVG with <{name}>"
    for key, value in element.attrib.items():
        attribute = key.rpartition("}")[2]
        if attribute.lower().startswith("on"):
            return f"is an SVG with the script {attribute}"
        if (attribute in ("href", "src") and not _INNER.match(value)) or _OUTSIDE.search(value):
            return f"is an SVG that refers to something outside of it: {value[:60]!r}"
    return "is an SVG with a style sheet that refers to something outside of it" if _OUTSIDE.search(element.text or "") else ""


def with_moved_figure(values: Mapping[str, Any], source: Path, target: Path) -> dict[str, Any]:
    """The values of a row, at every depth, with the names of images that are relative to one folder relative to another."""
    if source.resolve() == target.resolve():
        return dict(values)
    return {key: _moved(key, value, source, target) for key, value in values.items()}


def _moved(key: str, value: Any, source: Path, target: Path) -> Any:
    if isinstance(value, Mapping):
        return with_moved_figure(value, source, target)
    if key != "figure" or not isinstance(value, str):
        return value
    return Path(os.path.relpath((source / value).resolve(), target.resolve())).as_posix()
