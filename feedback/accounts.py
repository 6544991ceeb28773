"""Accounts of the teachers of a project in Argilla."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from feedback import bundled
from feedback.argilla import ArgillaConfig
from feedback.client import ArgillaClient, find_server, new_password
from prefopt.errors import DataError, FeedbackError
from prefopt.io.csv_reader import read_csv
from prefopt.plugins import options
from prefopt.project.project import open_project
from prefopt.records import SIMULATED

NAME = re.compile(r"[A-Za-z0-9가-힣][A-Za-z0-9가-힣_.@-]{0,79}")


@dataclass(frozen=True)
class Account:
    """A teacher's account; `password` is empty where it was set earlier, and told only once."""

    name: str
    password: str = field(repr=False)
    is_new: bool


def add_teachers(
    project: Path, names: Sequence[str], *, shown: Mapping[str, str] | None = None, reset_password: bool = False
) -> tuple[str, list[Account]]:
    """Make accounts that may rank this project's slates; generated passwords are kept in <home>/accounts.json (mode 600).

    Args:
        project: the project's folder.
        names: user names.
        shown: user name -> the name that the page shows; the user name where it is missing.
        reset_password: give accounts that are there a new password.

    Returns:
        The address at which they sign in, and the accounts in the order of `names`.

    Raises:
        FeedbackError: a name that Argilla would not take, an account that is no teacher's, or what Argilla says.
    """
    for name in names:
        if (fault := _name_fault(name)) is not None:
            raise FeedbackError(*fault[:1], hint=fault[1])
    config, home = _settings(project)
    owner = _owner(project, config, home)
    workspace = owner.ensure_workspace(config.workspace)
    return owner.url, [_add(owner, workspace, home, name, (shown or {}).get(name, ""), reset_password) for name in dict.fromkeys(names)]


def reset_passwords(project: Path, names: Sequence[str]) -> tuple[str, list[Account]]:
    """Give teachers of this project new passwords; the old ones end. Raises FeedbackError where one is no teacher of this project."""
    config, home = _settings(project)
    owner = _owner(project, config, home)
    _refuse_strangers(names, [teacher["name"] for teacher in list_teachers(project)], config.workspace)
    made = []
    for name in dict.fromkeys(names):
        password = new_password()
        owner.set_password(name, password)
        bundled.remember_passwords(home, {name: password})
        made.append(Account(name, password, is_new=False))
    return owner.url, made


def remove_teachers(project: Path, names: Sequence[str]) -> None:
    """Shut teachers out: they see the slates no more and cannot sign in. What they said stays, under their names.

    The account is kept on purpose: Argilla deletes an account's answers with it.

    Raises:
        FeedbackError: one is no teacher of this project; nobody is removed then.
    """
    config, home = _settings(project)
    owner = _owner(project, config, home)
    _refuse_strangers(names, [teacher["name"] for teacher in list_teachers(project)], config.workspace)
    workspace = owner.ensure_workspace(config.workspace)
    for name in dict.fromkeys(names):
        owner.set_password(name, new_password())  # told to nobody
        owner.remove_teacher(name, workspace)
        bundled.forget_password(home, name)


def read_people(path: Path) -> dict[str, str]:
    """User name -> shown name, from a CSV file with a column `user` (아이디) and, if wanted, `name` (이름).

    Raises:
        DataError: with file and line: no file, not UTF-8, no such column, a user name that is empty, impossible or there twice.
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
        fault = _name_fault(who)
        if fault is not None:
            raise DataError(fault[0], path=path, line=row.line, hint=fault[1])
        if who in people:
            raise DataError(f"{who!r} again; first on line {lines[who]}", path=path, line=row.line, hint="remove one of the two")
        people[who], lines[who] = row.values[name].strip() if name else "", row.line
    if not people:
        raise DataError("no teacher in the file", path=path, hint="one teacher a line, below the names of the columns")
    return people


def _name_fault(name: str) -> tuple[str, str] | None:
    """Why this cannot be a teacher's user name, and what to do; None where it can."""
    if not name:
        return "an empty user name", "write one, e.g. kim"
    if not NAME.fullmatch(name):
        return f"{name!r} cannot be a user name", "use letters, digits, and _ . @ -"
    if name.startswith(SIMULATED):
        return f"{name!r} looks like a simulated teacher", "choose another name: rankings of people and of programs must not mix"
    return None


def _refuse_strangers(names: Sequence[str], known: Sequence[str], workspace: str) -> None:
    strange = [name for name in names if name not in known]
    if strange:
        near = get_close_matches(strange[0], known, n=3) or list(known)[:10]
        raise FeedbackError(
            f"no teacher {', '.join(map(repr, strange))} in the workspace {workspace!r}",
            hint=f"did you mean {', '.join(near)}?" if near else "prefopt teachers add NAME",
        )


def list_teachers(project: Path) -> list[dict[str, str]]:
    """Name and first name of the annotators who may rank this project's slates, sorted by name."""
    config, home = _settings(project)
    owner = _owner(project, config, home)
    workspace = owner.workspace_id(config.workspace)
    users = owner.get(f"/workspaces/{workspace}/users")["items"] if workspace else []
    found = [{"name": str(user["username"]), "first_name": str(user["first_name"])} for user in users if user["role"] == "annotator"]
    return sorted(found, key=lambda user: user["name"])


def _add(owner: ArgillaClient, workspace: str, home: Path, name: str, shown: str, reset_password: bool) -> Account:
    members = {str(user["username"]) for user in owner.get(f"/workspaces/{workspace}/users")["items"]}
    roles = {str(user["username"]): str(user["role"]) for user in owner.get("/users")["items"]}
    if roles.get(name, "annotator") != "annotator":
        raise FeedbackError(f"{name!r} is {roles[name]} in Argilla, not a teacher", hint="choose another name")
    password = new_password()
    made = owner.add_teacher(name, shown or name, workspace, password)
    if not made and shown:
        owner.rename(name, shown)
    back = not made and name not in members  # was removed once, and nobody knows the password
    if not made and not reset_password and not back:
        return Account(name, "", is_new=False)
    if not made:
        owner.set_password(name, password)
    bundled.remember_passwords(home, {name: password})
    return Account(name, password, is_new=made)


def _settings(project: Path) -> tuple[ArgillaConfig, Path]:
    feedback = open_project(project).config.feedback
    if feedback.source != "argilla":
        raise FeedbackError(
            f"this project's teachers speak through the source {feedback.source!r}, which has no accounts",
            hint='for the file source, name them in prefopt.toml: [feedback.options] teachers = ["kim", "lee"]',
        )
    config: Any = options(ArgillaConfig, feedback.options, "[feedback.options]")
    return config, project / config.home


def _owner(project: Path, config: ArgillaConfig, home: Path) -> ArgillaClient:
    url, key = find_server(project, config.url, home)
    owner = ArgillaClient(url, key=key)
    owner.owner_name()
    return owner
