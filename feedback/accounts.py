"""Accounts of a project's teachers in Argilla."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from feedback import bundled
from feedback.argilla import ArgillaConfig
from feedback.client import ArgillaClient, find_server, new_password
from feedback.people import name_fault
from feedback.teach import page_for_teachers
from prefopt.errors import FeedbackError
from prefopt.plugins import options
from prefopt.project.project import open_project
from prefopt.texts.same_text import name_key


@dataclass(frozen=True)
class Account:
    """A teacher's account. `password` is set only when it was just generated; otherwise it is empty."""

    name: str
    password: str = field(repr=False)
    is_new: bool
    is_still_in: bool = False
    """Whether the server left old sessions and the API key valid, as an unmodified Argilla does."""


def add_teachers(
    project: Path, names: Sequence[str], *, shown: Mapping[str, str] | None = None, reset_password: bool = False
) -> tuple[str, list[Account]]:
    """Create accounts that can rank this project's slates; generated passwords are stored in <home>/accounts.json (mode 600).

    Args:
        project: the project's folder.
        names: user names.
        shown: user name -> the name that the page shows [default: the user name].
        reset_password: give existing accounts a new password.

    Returns:
        The address at which they sign in, and the accounts in the order of `names`.

    Raises:
        FeedbackError: a name that Argilla would refuse, an account that is not a teacher's, or an error of the server.
    """
    for name in names:
        if (fault := name_fault(name)) is not None:
            message, hint = fault
            raise FeedbackError(message, hint=hint)
    config, home = _settings(project)
    owner = _owner(project, config, home)
    workspace = owner.ensure_workspace(config.workspace)
    accounts = [_add(owner, workspace, home, name, (shown or {}).get(name, ""), reset_password) for name in dict.fromkeys(names)]
    return _sign_in_page(owner, home), accounts


def reset_passwords(project: Path, names: Sequence[str]) -> tuple[str, list[Account]]:
    """Replace the passwords of teachers. Raises FeedbackError if one of them is not a teacher of this project."""
    config, home = _settings(project)
    owner = _owner(project, config, home)
    _refuse_unknown(names, [teacher["name"] for teacher in list_teachers(project)], config.workspace)
    before = owner.api_keys()
    passwords = {}
    for name in dict.fromkeys(names):
        passwords[name] = new_password()
        owner.set_password(name, passwords[name])
        bundled.remember_passwords(home, {name: passwords[name]})
    still_in = _still_in(owner, before, list(passwords))
    accounts = [Account(name, password, is_new=False, is_still_in=name in still_in) for name, password in passwords.items()]
    return _sign_in_page(owner, home), accounts


def remove_teachers(project: Path, names: Sequence[str]) -> list[str]:
    """Lock teachers out: they can no longer sign in or see slates, and their sessions and keys end. Their answers stay, under their names.

    The accounts are kept, because Argilla deletes an account's answers with it.

    Returns:
        Those whose sessions and keys the server left valid, as an unmodified Argilla does.

    Raises:
        FeedbackError: one of them is not a teacher of this project; then nobody is removed.
    """
    config, home = _settings(project)
    owner = _owner(project, config, home)
    _refuse_unknown(names, [teacher["name"] for teacher in list_teachers(project)], config.workspace)
    workspace, before = owner.ensure_workspace(config.workspace), owner.api_keys()
    for name in dict.fromkeys(names):
        owner.set_password(name, new_password())  # known to nobody
        owner.remove_teacher(name, workspace)
        bundled.forget_password(home, name)
    return _still_in(owner, before, names)


def _still_in(owner: ArgillaClient, before: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """Those whose API key is the one that they had before."""
    after = owner.api_keys()
    return [name for name in dict.fromkeys(names) if after.get(name) == before.get(name)]


def _refuse_unknown(names: Sequence[str], known: Sequence[str], workspace: str) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        near = get_close_matches(unknown[0], known, n=3) or list(known)[:10]
        raise FeedbackError(
            f"no teacher {', '.join(map(repr, unknown))} in the workspace {workspace!r}",
            hint=f"did you mean {', '.join(near)}?" if near else "prefopt teachers add NAME",
        )


def list_teachers(project: Path) -> list[dict[str, str]]:
    """User name and shown name ("name", "first_name") of the annotators in this project's workspace, sorted by user name."""
    config, home = _settings(project)
    owner = _owner(project, config, home)
    workspace = owner.workspace_id(config.workspace)
    users = owner.get(f"/workspaces/{workspace}/users")["items"] if workspace else []
    teachers = [{"name": str(user["username"]), "first_name": str(user["first_name"])} for user in users if user["role"] == "annotator"]
    return sorted(teachers, key=lambda teacher: teacher["name"])


def _add(owner: ArgillaClient, workspace: str, home: Path, name: str, shown: str, reset_password: bool) -> Account:
    """Create one account, or add an existing one to the workspace.

    Args:
        owner: the owner's client.
        workspace: id of the workspace.
        home: directory that stores the password.
        name: user name.
        shown: name that the page shows; empty: the user name.
        reset_password: give an existing account a new password.
    """
    members = {str(user["username"]) for user in owner.get(f"/workspaces/{workspace}/users")["items"]}
    roles = {str(user["username"]): str(user["role"]) for user in owner.get("/users")["items"]}
    if roles.get(name, "annotator") != "annotator":
        raise FeedbackError(f"{name!r} has the role {roles[name]} in Argilla, not annotator", hint="choose another name")
    same = next((user for user in sorted(members) if user != name and name_key(user) == name_key(name)), None)
    if same is not None:
        raise FeedbackError(
            f"{name!r} is the name {same!r} in another spelling: one person would count as two", hint=f"prefopt teachers reset {same}"
        )
    password = new_password()
    is_new = owner.add_teacher(name, shown or name, workspace, password)
    if not is_new and shown:
        owner.rename(name, shown)
    is_back = not is_new and name not in members  # removed earlier: nobody knows the password
    if not is_new and not reset_password and not is_back:
        return Account(name, "", is_new=False)
    if not is_new:
        owner.set_password(name, password)
    bundled.remember_passwords(home, {name: password})
    return Account(name, password, is_new=is_new)


def _sign_in_page(owner: ArgillaClient, home: Path) -> str:
    """Where teachers sign in: the page for teachers, or Argilla's own where the server has none."""
    return page_for_teachers(owner, home) or owner.url


def _settings(project: Path) -> tuple[ArgillaConfig, Path]:
    feedback = open_project(project).config.feedback
    if feedback.source != "argilla":
        raise FeedbackError(
            f"this project uses the feedback source {feedback.source!r}, which has no accounts",
            hint="with the file source nobody signs in: prefopt teachers add, list, remove",
        )
    config: Any = options(ArgillaConfig, feedback.options, "[feedback.options]")
    return config, project / config.home


def _owner(project: Path, config: ArgillaConfig, home: Path) -> ArgillaClient:
    url, key = find_server(project, config.url, home)
    owner = ArgillaClient(url, key=key)
    owner.owner_name()
    return owner
