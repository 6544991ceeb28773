"""User names of teachers, and files that list them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from prefopt.errors import DataError
from prefopt.readers.csv_reader import read_csv
from prefopt.records import SIMULATED
from prefopt.texts.folded import visible
from prefopt.texts.same_text import name_key

USER, SHOWN = ("user", "아이디", "id"), ("name", "이름", "성명", "성함", "선생님")
"""Names of the columns of such a file."""
NAME = re.compile(r"[A-Za-z0-9가-힣][A-Za-z0-9가-힣_.@-]{0,79}")


def column_of(columns: Iterable[str], names: Collection[str]) -> str | None:
    """The first column that has one of the names in some spelling."""
    return next((column for column in columns if name_key(column) in names), None)


def read_people(path: Path, *, may_be_empty: bool = False) -> dict[str, str]:
    """User name -> shown name, from a CSV file with the columns `user` (아이디) and, optionally, `name` (이름, 성명).

    Raises:
        DataError: with file and line: no such file, not UTF-8, no column of user names, an empty, invalid or duplicate user name.
    """
    table = read_csv(
        path, hint="write a CSV file with the columns user,name", pad=True, is_known=lambda name: name_key(name) in (*USER, *SHOWN)
    )
    user, name = (column_of(table.columns, names) for names in (USER, SHOWN))
    if may_be_empty and not table.columns:
        return {}
    if user is None:
        raise DataError(
            f"no column user (or 아이디); columns are {list(table.columns)}", path=path, line=1, hint="name the first column user"
        )
    people: dict[str, str] = {}
    lines: dict[str, int] = {}
    for row in table.rows:
        who = visible(row.values[user]).strip()
        fault = name_fault(who)
        if fault is not None:
            raise DataError(fault[0], path=path, line=row.line, hint=fault[1])
        if who in people:
            raise DataError(f"{who!r} is a duplicate; first on line {lines[who]}", path=path, line=row.line, hint="delete one of the two")
        people[who], lines[who] = visible(row.values[name]).strip() if name else "", row.line
    if not people and not may_be_empty:
        raise DataError("no teacher in the file", path=path, hint="write one teacher per line, below the column names")
    return people


def name_fault(name: str) -> tuple[str, str] | None:
    """Message and hint for an invalid user name; None for a valid one."""
    if not name:
        return "a user name is empty", "write one, e.g. kim"
    if not NAME.fullmatch(name):
        return f"{name!r} is not a valid user name", "use letters, digits, and _ . @ -"
    if name.startswith(SIMULATED):
        return f"{name!r} is reserved for simulated teachers", "choose another name: answers of people and of programs must not be confused"
    return None
