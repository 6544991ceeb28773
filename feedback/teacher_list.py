"""The teachers of a project with the file source: [feedback.options] teachers, and feedback/teachers.csv, which people may edit.

A round keeps its settings, so a teacher who comes later is listed in the file, which is read whenever answers are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from feedback.people import SHOWN, USER, column_of, name_fault, read_people
from feedback.teacher_names import Registry
from prefopt.errors import FeedbackError
from prefopt.io.files import PRIVATE, replacing
from prefopt.io.spreadsheet import write_cells
from prefopt.readers.csv_reader import CsvTable, read_csv
from prefopt.texts.folded import visible

FILE = "teachers.csv"


def registry(folder: Path, configured: Sequence[str]) -> Registry:
    """The teachers of a project.

    Args:
        folder: the folder of the file source, below the project.
        configured: [feedback.options] teachers.

    Raises:
        DataError: FILE is malformed; with file and line.
        ConfigError: two names that differ in spelling alone.
    """
    path = folder / FILE
    people = read_people(path, may_be_empty=True) if path.exists() else {}
    return Registry(dict.fromkeys(configured, "") | people)


def add(folder: Path, people: Mapping[str, str], configured: Sequence[str]) -> list[str]:
    """Write teachers to FILE; a known one gets the shown name that is given. What else the file has stays.

    Returns:
        The user names that are new, as they were given.

    Raises:
        FeedbackError: a name that cannot be a user name.
        DataError, ConfigError: see `registry`.
    """
    for user in people:
        if (fault := name_fault(user)) is not None:
            raise FeedbackError(fault[0], hint=fault[1])
    known = registry(folder, configured)
    new = [user for user in people if user not in known.people]
    Registry({**known.people, **people})
    columns, rows = _table(folder / FILE)
    user_column, name_column = _names(columns)
    listed = {visible(row[user_column]).strip(): row for row in rows}
    for user, shown in people.items():
        if user not in listed:
            listed[user] = dict.fromkeys(columns, "") | {user_column: user}
            rows.append(listed[user])
        if shown:
            listed[user][name_column] = shown
    _write(folder / FILE, columns, rows)
    return new


def remove(folder: Path, names: Sequence[str], configured: Sequence[str]) -> None:
    """Delete teachers from FILE. Their files stay, and no longer count.

    Raises:
        FeedbackError: one of them is not in the file; then nobody is removed.
        DataError, ConfigError: see `registry`.
    """
    known = registry(folder, configured).people
    for user in names:
        if user not in known:
            raise FeedbackError(f"no teacher {user!r}", hint=f"known are: {', '.join(known) or 'none'}")
        if user in configured:
            raise FeedbackError(
                f"{user!r} is named in prefopt.toml and in the rounds that were started with it",
                hint="delete the name from teachers in [feedback.options]; rounds in progress keep it",
            )
    columns, rows = _table(folder / FILE)
    user_column, _ = _names(columns)
    left = [row for row in rows if visible(row[user_column]).strip() not in names]
    if left:
        _write(folder / FILE, columns, left)
    else:
        (folder / FILE).unlink()


def _table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows of the file, with a column for shown names; an empty table where it is missing."""
    table = read_csv(path, hint="prefopt teachers add NAME", pad=True) if path.exists() else CsvTable(("user", "name"), ())
    columns = [*table.columns]
    if column_of(columns, SHOWN) is None:
        columns.append("name")
    return columns, [dict.fromkeys(columns, "") | row.values for row in table.rows]


def _names(columns: Sequence[str]) -> tuple[str, str]:
    """The columns of user names and shown names, which are there: `registry` has read the file, and `_table` has added the second."""
    return column_of(columns, USER) or "user", column_of(columns, SHOWN) or "name"


def _write(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            replacing(path, mode=None if path.exists() else PRIVATE) as temporary,
            temporary.open("w", encoding="utf-8-sig", newline="") as file,
        ):
            write_cells(file, [columns, *([row.get(name, "") for name in columns] for row in rows)], line_end="\r\n")
    except OSError as error:
        raise FeedbackError(f"cannot write {path}: {error.strerror or error}") from None
