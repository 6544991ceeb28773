"""prefopt teachers add | reset | remove | list | simulate. Arguments and output only."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefopt.errors import FeedbackError
from prefopt.plugins import Json, finite
from prefopt.protocols import Loop

if TYPE_CHECKING:
    from feedback.accounts import Account

teachers = typer.Typer(help="Manage the teachers of the project, and simulate teachers.", no_args_is_help=True)


@teachers.command()
def add(
    names: Annotated[list[str] | None, typer.Argument(help="User names, e.g. kim lee.")] = None,
    name: Annotated[str, typer.Option("--name", help="Name that the page shows; for one teacher only.")] = "",
    csv: Annotated[Path | None, typer.Option(help="CSV file with the columns user and name, one teacher per line.")] = None,
    reset_password: Annotated[bool, typer.Option("--reset-password", help="Give existing accounts a new password.")] = False,
    as_json: Json = False,
) -> None:
    """Make teachers known: create accounts in Argilla and print their passwords, or list them for the file source."""
    from feedback.accounts import add_teachers
    from feedback.people import read_people

    people = read_people(csv) if csv is not None else {}
    people |= {user: people.get(user, "") for user in names or []}
    if not people:
        raise FeedbackError("no teacher is given", hint="prefopt teachers add kim --name 김선생님, or --csv teachers.csv")
    if name and len(people) > 1:
        raise FeedbackError(f"--name is for one teacher; {len(people)} are given", hint="write the names to a file: --csv teachers.csv")
    shown = {user: name or given for user, given in people.items() if name or given}
    if (listed := _listed()) is not None:
        if reset_password:
            raise FeedbackError("the file source has no passwords", hint="leave --reset-password out")
        _add_to_list(listed, {user: shown.get(user, "") for user in people}, as_json=as_json)
        return
    _print_accounts(*add_teachers(_project(), list(people), shown=shown, reset_password=reset_password), as_json=as_json)


@teachers.command()
def reset(names: Annotated[list[str], typer.Argument(help="User names, e.g. kim lee.")], as_json: Json = False) -> None:
    """Give teachers new passwords and print them."""
    from feedback.accounts import reset_passwords

    _print_accounts(*reset_passwords(_project(), names), as_json=as_json)


@teachers.command()
def remove(names: Annotated[list[str], typer.Argument(help="User names, e.g. kim lee.")], as_json: Json = False) -> None:
    """Lock teachers out. Their answers stay and count; with the file source, their files no longer do."""
    from feedback.accounts import remove_teachers

    if (listed := _listed()) is not None:
        from feedback.teacher_list import FILE, remove

        remove(listed.folder, names, listed.configured)
        if as_json:
            print(json.dumps({"removed": names, "still_signed_in": []}, ensure_ascii=False))
            return
        print(f"{listed.folder / FILE} no longer names {', '.join(names)}; their files stay and do not count")
        return
    still_in = remove_teachers(_project(), names)
    if as_json:
        print(json.dumps({"removed": names, "still_signed_in": list(still_in)}, ensure_ascii=False))
    for name in names if not as_json else ():
        print(f"{name} can no longer sign in; their answers stay. To restore access: prefopt teachers add {name}")
    _warn_of(still_in)


def _warn_of(still_in: Sequence[str]) -> None:
    """Say who can go on with an old session or key, because the server is not the bundled one."""
    if still_in:
        print(
            f"warning: this Argilla does not end sessions: {', '.join(still_in)} can go on for up to a day where they are signed in,"
            " and with their API key until the account is deleted there, which deletes its answers",
            file=sys.stderr,
        )


def _print_accounts(url: str, accounts: list[Account], *, as_json: bool) -> None:
    if as_json:
        rows = [{"name": account.name, "password": account.password or None, "new": account.is_new} for account in accounts]
        print(json.dumps({"url": url, "teachers": rows}, ensure_ascii=False))
    else:
        print("\n".join([f"teachers sign in at {url}", *map(_line, accounts)]))
    _warn_of([account.name for account in accounts if account.is_still_in])


def _line(account: Account) -> str:
    if account.password:
        return f"  {account.name}  password {account.password}" + ("" if account.is_new else "  (new)")
    return f"  {account.name}  already has an account; for a new password: prefopt teachers reset {account.name}"


@teachers.command(name="list")
def list_(as_json: Json = False) -> None:
    """List the teachers of this project."""
    from feedback.accounts import list_teachers

    listed = _listed()
    known = list_teachers(_project()) if listed is None else listed.teachers()
    if as_json:
        print(json.dumps({"teachers": known}, ensure_ascii=False))
        return
    for teacher in known:
        print(f"{teacher['name']}  {teacher['first_name']}")
    if not known:
        print("no teachers yet: prefopt teachers add NAME...")


@teachers.command()
def simulate(
    context: typer.Context,
    truth: Annotated[Path, typer.Option(help="File of any kind with the right labels, under id and label.")],
    count: Annotated[int, typer.Option("--teachers", min=1, max=100, help="Number of simulated teachers.")] = 3,
    error_rate: Annotated[float, typer.Option(callback=finite, min=0, max=1, help="Probability of a wrong judgment.")] = 0.1,
    disagreement: Annotated[
        float, typer.Option(callback=finite, min=0, max=1, help="Probability of an order that other careful teachers would not give.")
    ] = 0.05,
    discard_rate: Annotated[float, typer.Option(callback=finite, min=0, max=1, help="Probability of a discard.")] = 0.0,
    label_error: Annotated[
        float,
        typer.Option(
            callback=finite, min=0, max=1, help="Probability that a label named where none is right is a near one, not the right one."
        ),
    ] = 0.1,
    shared_error: Annotated[
        float, typer.Option(callback=finite, min=0, max=1, help="Share of the slates on which all teachers make the same error.")
    ] = 0.05,
    position_bias: Annotated[
        float, typer.Option(callback=finite, min=0, max=1, help="Probability of the first card where a teacher is unsure.")
    ] = 0.1,
    fatigue: Annotated[
        float, typer.Option(callback=finite, min=0, max=1, help="Growth of the error rate from the first slate to the last.")
    ] = 0.05,
    copycats: Annotated[int, typer.Option(min=0, max=100, help="The last N teachers mostly give the model's own order.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same judgments.")] = 7,
    rnd: Annotated[int | None, typer.Option("--round", help="Round to answer.", show_default="the last one")] = None,
    as_json: Json = False,
) -> None:
    """Let simulated teachers answer a round's slates.

    For trying prefopt without people.
    """
    from feedback.simulated import Simulation, simulate_teachers
    from prefopt.project.truth import read_truth

    loop: Loop = context.obj
    published = loop.published(rnd)
    simulation = Simulation(
        teachers=count,
        error_rate=error_rate,
        disagreement=disagreement,
        discard_rate=discard_rate,
        label_error=label_error,
        position_bias=position_bias,
        shared_error=shared_error,
        fatigue=fatigue,
        copycats=copycats,
        seed=seed,
    )
    counts = simulate_teachers(published, read_truth(truth), simulation)
    loop.note_simulation(published.round, simulation.plain())
    if as_json:
        print(json.dumps({"round": published.round, "simulation": simulation.plain(), "judgments": counts}))
        return
    print(simulation.line())
    for name, kinds in counts.items():
        answers = ", ".join(f"{kinds[kind]} {kind}" for kind in sorted(kinds)) or "nothing left to judge"
        print(f"{name} (simulated): {answers}")


@dataclass(frozen=True)
class _List:
    """Where a project with the file source keeps its teachers."""

    folder: Path
    configured: tuple[str, ...]
    """[feedback.options] teachers."""

    def teachers(self) -> list[dict[str, str]]:
        from feedback.teacher_list import registry

        return [{"name": user, "first_name": shown} for user, shown in registry(self.folder, self.configured).people.items()]


def _listed() -> _List | None:
    """The project's list of teachers; None with a source that has accounts."""
    from feedback.file import FileConfig, FileSource
    from prefopt.plugins import options
    from prefopt.project.project import open_project

    project = open_project()
    if project.config.feedback.source != FileSource.name:
        return None
    config: Any = options(FileConfig, project.config.feedback.options, "[feedback.options]")
    return _List(project.root / config.folder, config.teachers)


def _add_to_list(listed: _List, people: Mapping[str, str], *, as_json: bool) -> None:
    from feedback.teacher_list import FILE, add

    new = add(listed.folder, people, listed.configured)
    if as_json:
        rows = [{"name": user, "new": user in new} for user in people]
        print(json.dumps({"file": str(listed.folder / FILE), "teachers": rows}, ensure_ascii=False))
        return
    for user in people:
        print(f"  {user}  {'added to' if user in new else 'is in'} {listed.folder / FILE}: files named {user}.csv or {user}.xlsx count")


def _project() -> Path:
    from prefopt.project.project import open_project

    return open_project().root
