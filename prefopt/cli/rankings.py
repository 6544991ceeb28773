"""prefopt feedback report | changes | export. Arguments and output only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prefopt.plugins import Json

if TYPE_CHECKING:
    from prefopt.project.project import Round
    from prefopt.rankings.summary import TeachersSummary

feedback = typer.Typer(help="What the teachers said: agreement, later changes, all of it as a table.", no_args_is_help=True)

Number = Annotated[int | None, typer.Argument(help="Round [default: the last one that was shown to teachers]", show_default=False)]


@feedback.command()
def report(number: Number = None, as_json: Json = False) -> None:
    """Agreement of the teachers, each one's reliability, known labels found, time, and the slates to talk about."""
    from prefopt.cli import console
    from prefopt.cli.rankings_words import summary_lines

    rnd, collected, found = _summary(number)
    if as_json:
        console.print_json({"round": rnd, "collected": collected, **found.plain()})
        return
    console.out.print("\n".join(summary_lines(rnd, collected, found)), markup=False)


@feedback.command()
def changes(number: Number = None, as_json: Json = False) -> None:
    """What teachers changed after the round took their answers. Exits with 1 where there is anything."""
    from prefopt.cli import console
    from prefopt.errors import ProjectError
    from prefopt.rankings.reading import changes_since_collected

    rnd = _published(number)
    if not (rnd.stage("collect") / "rankings.jsonl").exists():
        raise ProjectError(f"round {rnd.name} has not taken the teachers' answers yet", hint="prefopt round status")
    found = changes_since_collected(rnd)
    parts = {"new": found.new, "changed": found.changed, "withdrawn": found.withdrawn, "account deleted": found.removed}
    if as_json:
        console.print_json({"round": rnd.number, **{what: [list(key) for key in keys] for what, keys in parts.items()}})
    else:
        for what, keys in parts.items():
            for slate_id, teacher in keys:
                console.out.print(f"{what}: {teacher} on {slate_id}", markup=False)
        taken = f"; to take it: prefopt round branch {rnd.number} --at collect" if found else ""
        console.out.print(f"{found.count} answers of round {rnd.name} differ from what was collected{taken}", markup=False)
    raise typer.Exit(1 if found else 0)


@feedback.command()
def export(
    target: Annotated[Path, typer.Argument(help="A new folder (datasets.load_from_disk), or a new .csv, .jsonl or .parquet file.")],
    rounds: Annotated[list[int] | None, typer.Option("--round", help="Only this round; may be given again [default: all]")] = None,
    names: Annotated[bool, typer.Option("--names/--no-names", help="Teachers' user names, or teacher-1, teacher-2 …")] = True,
) -> None:
    """All collected answers as one table: one row for every answer to every slate."""
    from prefopt.cli import console
    from prefopt.project.project import open_project
    from prefopt.rankings.export import export_feedback

    count = export_feedback(open_project(), target, rounds, names=names)
    console.out.print(f"{target}: {count} answers", markup=False)


def _published(number: int | None) -> Round:
    from prefopt.errors import ProjectError
    from prefopt.project.project import open_project

    project = open_project()
    found = [project.round(number)] if number is not None else project.rounds()
    shown = [r for r in found if (r.stage("publish") / "receipts.jsonl").exists()]
    if not shown:
        which = "no round" if number is None else f"round {number}"
        raise ProjectError(f"{which} has {'' if number is None else 'not '}been shown to teachers", hint="prefopt round")
    return shown[-1]


def _summary(number: int | None) -> tuple[int, bool, TeachersSummary]:
    """Round, whether its answers were taken already, and the numbers: of what was collected, or of what the source says now."""
    from prefopt.io.stage_folders import read_rows
    from prefopt.rankings.reading import read_answers, read_slates
    from prefopt.rankings.summary import summarize
    from prefopt.records import Ranking

    rnd = _published(number)
    taken = rnd.stage("collect") / "rankings.jsonl"
    answers = read_rows(taken, Ranking) if taken.exists() else read_answers(rnd)[0]
    return rnd.number, taken.exists(), summarize(read_slates(rnd), answers, rnd.load().taxonomy, seed=rnd.seed)
