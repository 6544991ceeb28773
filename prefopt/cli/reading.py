"""The options of every command that reads people's files, and how what the readers noticed is printed."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

Columns = Annotated[str, typer.Option(help="Keys of columns with other names, e.g. text=question,label=class.")]
Join = Annotated[str, typer.Option(help="Columns that make one text, e.g. Body+Question; | in place of + is a line break.")]
Ignore = Annotated[str, typer.Option(help="Columns to skip, e.g. answer,equation.")]
Sheet = Annotated[str, typer.Option(help="Sheet of an Excel workbook, or all [default: the first]")]
OPTIONS: dict[str, Any] = {"columns": Columns, "join": Join, "ignore": Ignore, "sheet": Sheet}


def reads_files(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options --columns, --join, --ignore and --sheet; it takes them together, as its parameter `reading`."""
    signature = inspect.signature(command)
    hints = get_type_hints(command, include_extras=True)

    @wraps(command)
    def run(**given: Any) -> None:
        from prefopt.readers.options import read_options

        command(reading=read_options(*(given.pop(name) for name in OPTIONS)), **given)

    own = [p.replace(annotation=hints[p.name]) for p in signature.parameters.values() if p.name != "reading"]
    added = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default="", annotation=kind) for name, kind in OPTIONS.items()]
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *added)]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # how typer learns of the options
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


class PrintNotes(logging.Handler):
    """Prints what the readers noticed on stderr, once for each kind and file, in the language of the project that is here."""

    def __init__(self) -> None:
        super().__init__()
        self._printed: set[tuple[str, str]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a Note."""
        from prefopt.cli import console
        from prefopt.data.checks.finding_details import detail_of_fault

        note, path = getattr(record, "note", None), str(getattr(record, "path", ""))
        if note is None or (path, note.kind) in self._printed:
            return
        self._printed.add((path, note.kind))
        language = _language_here()
        here = Path.cwd()
        shown = Path(path).relative_to(here) if Path(path).is_relative_to(here) else path
        where = f"{shown}:{note.line}{f' ({note.sheet})' if note.sheet else ''}"
        console.err.print(f"! {where}: {getattr(detail_of_fault(note), language, note.detail)}", markup=False)


def _language_here() -> str:
    """project.language of the prefopt.toml here or above; "en" without one. No round is opened: a stage may be running."""
    from prefopt.config import ProjectSettings
    from prefopt.io.strict import toml_values

    here = Path.cwd()
    for path in (folder / "prefopt.toml" for folder in (here, *here.parents)):
        if path.is_file():
            try:
                stated = toml_values(path.read_bytes()).get("project", {})
                return ProjectSettings.model_validate(stated).language
            except (OSError, ValueError):  # whoever opens the project says what is wrong with it
                return "en"
    return "en"


def print_notes() -> None:
    """Print Notes of the readers from now on."""
    logger = logging.getLogger("prefopt.readers")
    for handler in [handler for handler in logger.handlers if isinstance(handler, PrintNotes)]:
        logger.removeHandler(handler)
    logger.addHandler(PrintNotes())
    logger.propagate = False
