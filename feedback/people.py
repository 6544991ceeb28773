"""User names of teachers, and files that list them."""

from __future__ import annotations

import re
from pathlib import Path

from prefopt.errors import DataError
from prefopt.readers.csv_reader import read_csv
from prefopt.records import SIMULATED

NAME = re.compile(r"[A-Za-z0-9가-힣][A-Za-z0-9가-힣_.@-]{0,79}")


def read_people(path: Path) -> dict[str, str]:
    """User name -> shown name, from a CSV file with the columns `user` (아이디) and, optionally, `name` (이름).

    Raises:
        DataError: with file and line: no such file, not UTF-8, no column of user names, an empty, invalid or duplicate user name.
    """
    table = read_csv(path, hint="write a CSV file with the columns user,name", pad=True)
    columns = {name.lower(): name for name in table.columns}
    user, name = (next((columns[key] for key in keys if key in columns), None) for keys in (("user", "아이디"), ("name", "이름")))
    if user is None:
        raise DataError(f"no column user (or 아이디); columns are {list(columns)}", path=path, line=1, hint="name the first column user")
    people: dict[str, str] = {}
    lines: dict[str, int] = {}
    for row in table.rows:
        who = row.values[user].strip()
        fault = name_fault(who)
        if fault is not None:
            raise DataError(fault[0], path=path, line=row.line, hint=fault[1])
        if who in people:
            raise DataError(f"{who!r} is a duplicate; first on line {lines[who]}", path=path, line=row.line, hint="delete one of the two")
        people[who], lines[who] = row.values[name].strip() if name else "", row.line
    if not people:
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
