"""prefopt teachers add | reset | remove | list | simulate. Arguments and output only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prefopt.errors import FeedbackError
from prefopt.plugins import Json

if TYPE_CHECKING:
    from feedback.accounts import Account

teachers = typer.Typer(help="Accounts of teachers; simulated teachers for trying things out.", no_args_is_help=True)


@teachers.command()
def add(
    names: Annotated[list[str] | None, typer.Argument(help="User names, e.g. kim lee")] = None,
    name: Annotated[str, typer.Option("--name", help="Name that the page shows, for one teacher.")] = "",
    csv: Annotated[Path | None, typer.Option(help="A CSV file with the columns user and name, one teacher a line.")] = None,
    reset_password: Annotated[bool, typer.Option("--reset-password", help="Give teachers who have an account a new password.")] = False,
) -> None:
    """Make accounts for teachers and print their passwords once."""
    from feedback.accounts import add_teachers, read_people

    people = read_people(csv) if csv is not None else {}
    people |= {user: people.get(user, "") for user in names or []}
    if not people:
        raise FeedbackError("no teacher was named", hint="prefopt teachers add kim --name 김선생님, or --csv teachers.csv")
    if name and len(people) > 1:
        raise FeedbackError(f"--name is for one teacher; {len(people)} were given", hint="put the names into a file: --csv teachers.csv")
    shown = {user: name or given for user, given in people.items() if name or given}
    url, made = add_teachers(_project(), list(people), shown=shown, reset_password=reset_password)
    _print_accounts(url, made)


@teachers.command()
def reset(names: Annotated[list[str], typer.Argument(help="User names, e.g. kim lee")]) -> None:
    """Give teachers new passwords and print them once."""
    from feedback.accounts import reset_passwords

    _print_accounts(*reset_passwords(_project(), names))


@teachers.command()
def remove(names: Annotated[list[str], typer.Argument(help="User names, e.g. kim lee")]) -> None:
    """Shut teachers out. What they said stays and counts."""
    from feedback.accounts import remove_teachers

    remove_teachers(_project(), names)
    for name in names:
        print(f"{name} can no longer sign in; their answers stay. To let them back in: prefopt teachers add {name}")


def _print_accounts(url: str, made: list[Account]) -> None:
    print(f"teachers sign in at {url}")
    for account in made:
        print(_line(account))


def _line(account: Account) -> str:
    if account.password:
        return f"  {account.name}  password {account.password}" + ("" if account.is_new else "  (new)")
    return f"  {account.name}  has an account already; a new password: prefopt teachers reset {account.name}"


@teachers.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the teachers of this project's workspace."""
    from feedback.accounts import list_teachers

    found = list_teachers(_project())
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    for teacher in found:
        print(f"{teacher['name']}  {teacher['first_name']}")
    if not found:
        print("no teachers yet: prefopt teachers add NAME...")


@teachers.command()
def simulate(
    truth: Annotated[Path, typer.Option(help='JSONL with the right labels: {"id": problem id, "label": label}')],
    count: Annotated[int, typer.Option("--teachers", min=1, max=100, help="How many simulated teachers there are.")] = 3,
    error_rate: Annotated[float, typer.Option(min=0, max=1, help="Probability of a wrong judgment.")] = 0.1,
    disagreement: Annotated[float, typer.Option(min=0, max=1, help="Probability of an order that others would not give.")] = 0.05,
    discard_rate: Annotated[float, typer.Option(min=0, max=1, help="Probability of passing.")] = 0.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same judgments.")] = 7,
    rnd: Annotated[int | None, typer.Option("--round", help="Round to answer.", show_default="the last one")] = None,
    as_json: Json = False,
) -> None:
    """Let simulated teachers answer a round's slates. They stand in for people: never count them as such."""
    from feedback.simulated import read_truth, simulate_teachers

    project = _project()
    number = rnd if rnd is not None else _last_round(project)
    counts = simulate_teachers(
        project,
        number,
        read_truth(truth),
        teachers=count,
        error_rate=error_rate,
        disagreement=disagreement,
        discard_rate=discard_rate,
        seed=seed,
    )
    if as_json:
        print(json.dumps({"round": number, "judgments": counts}))
        return
    for name, kinds in counts.items():
        told = ", ".join(f"{kinds[kind]} {kind}" for kind in sorted(kinds)) or "nothing left to judge"
        print(f"{name} (simulated): {told}")


def _project() -> Path:
    from prefopt.project.project import open_project

    return open_project().root


def _last_round(project: Path) -> int:
    from prefopt.project.project import open_project

    rounds = open_project(project).rounds()
    if not rounds:
        raise FeedbackError("no round was started yet", hint="type `prefopt round` first")
    return rounds[-1].number
