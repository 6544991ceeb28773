"""Accounts of the teachers of a project in Argilla."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from feedback import bundled
from feedback.argilla import ArgillaConfig
from feedback.client import ArgillaClient, find_server, new_password
from prefopt.errors import FeedbackError
from prefopt.plugins import options
from prefopt.project import open_project

NAME = re.compile(r"[A-Za-z0-9가-힣][A-Za-z0-9가-힣_.@-]{0,79}")


@dataclass(frozen=True)
class Account:
    """A teacher's account; `password` is empty where it was set earlier, and told only once."""

    name: str
    password: str = field(repr=False)
    is_new: bool


def add_teachers(project: Path, names: Sequence[str], *, reset_password: bool = False) -> tuple[str, list[Account]]:
    """Make accounts that may rank this project's slates; generated passwords are kept in <home>/accounts.json (mode 600).

    Returns:
        The address at which they sign in, and the accounts in the order of `names`.

    Raises:
        FeedbackError: a name that Argilla would not take, an account that is no teacher's, or what Argilla says.
    """
    for name in names:
        if not NAME.fullmatch(name):
            raise FeedbackError(f"{name!r} cannot be a user name", hint="use letters, digits, and _ . @ -")
        if name.startswith("simulated-"):
            raise FeedbackError(
                f"{name!r} looks like a simulated teacher", hint="choose another name: rankings of people and of programs must not mix"
            )
    config, home = _settings(project)
    owner = _owner(project, config, home)
    workspace = owner.ensure_workspace(config.workspace)
    return owner.url, [_add(owner, workspace, home, name, reset_password) for name in dict.fromkeys(names)]


def list_teachers(project: Path) -> list[dict[str, str]]:
    """Name and first name of the annotators who may rank this project's slates, sorted by name."""
    config, home = _settings(project)
    owner = _owner(project, config, home)
    workspace = owner.workspace_id(config.workspace)
    users = owner.get(f"/workspaces/{workspace}/users")["items"] if workspace else []
    found = [{"name": str(user["username"]), "first_name": str(user["first_name"])} for user in users if user["role"] == "annotator"]
    return sorted(found, key=lambda user: user["name"])


def _add(owner: ArgillaClient, workspace: str, home: Path, name: str, reset_password: bool) -> Account:
    roles = {str(user["username"]): str(user["role"]) for user in owner.get("/users")["items"]}
    if roles.get(name, "annotator") != "annotator":
        raise FeedbackError(f"{name!r} is {roles[name]} in Argilla, not a teacher", hint="choose another name")
    password = new_password()
    made = owner.add_teacher(name, name, workspace, password)
    if not made and not reset_password:
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
