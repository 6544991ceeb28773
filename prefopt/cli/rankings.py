"""prefopt rankings report | changes | export. Arguments and output only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prefopt.plugins import Json

if TYPE_CHECKING:
    from prefopt.project.project import Round
    from prefopt.rankings.summary import TeachersSummary

rankings = typer.Typer(no_args_is_help=True)

RoundNumber = Annotated[int | None, typer.Argument(help="Round.", show_default="the last published one")]


@rankings.command()
def report(number: RoundNumber = None, as_json: Json = False) -> None:
    """Print how far the teachers of a round agree.

    Agreement, reliability, known labels found, working time and disputed slates.
    """
    from prefopt.cli import console
    from prefopt.cli.rankings_words import summary_lines

    rnd, is_collected, summary = _summarize(number)
    if as_json:
        console.print_json({"round": rnd, "collected": is_collected, **summary.plain()})
        return
    console.out.print("\n".join(summary_lines(rnd, is_collected, summary)), markup=False)


@rankings.command()
def changes(number: RoundNumber = None, as_json: Json = False) -> None:
    """List answers that changed after the round collected them. Exit code 1 if there are any."""
    from prefopt.cli import console
    from prefopt.errors import ProjectError
    from prefopt.rounds.artifacts import RANKINGS
    from prefopt.rounds.reading import has
    from prefopt.rounds.teachers import read_since_collected

    rnd = _published_round(number)
    if not has(rnd, RANKINGS):
        raise ProjectError(f"round {rnd.name} has not collected the teachers' answers yet", hint="prefopt round status")
    later, reading = read_since_collected(rnd)
    by_kind = {"new": later.new, "changed": later.changed, "withdrawn": later.withdrawn, "account deleted": later.removed}
    if as_json:
        found = {"absences": reading.absences.plain(), "uncounted": [row.model_dump(mode="json") for row in reading.uncounted]}
        console.print_json({"round": rnd.number, **{kind: [list(key) for key in keys] for kind, keys in by_kind.items()}, **found})
    else:
        for kind, keys in by_kind.items():
            for slate_id, teacher in keys:
                console.out.print(f"{kind}: {teacher} on {slate_id}", markup=False)
        hint = f"; to use them: prefopt round branch {rnd.number} --at collect" if later else ""
        console.out.print(f"{later.count} answers of round {rnd.name} differ from what was collected{hint}", markup=False)
        console.print_uncounted(reading.uncounted, rnd)
    raise typer.Exit(1 if later else 0)


@rankings.command()
def export(
    target: Annotated[Path, typer.Argument(help="New folder (for datasets.load_from_disk), or new .csv, .jsonl or .parquet file.")],
    rounds: Annotated[list[int] | None, typer.Option("--round", help="Export this round only; repeatable.", show_default="all")] = None,
    names: Annotated[bool, typer.Option("--names/--no-names", help="Write user names, or teacher-1, teacher-2 …")] = True,
    as_json: Json = False,
) -> None:
    """Export all collected answers as one table.

    It has one row for every answer to every slate.
    """
    from prefopt.cli import console
    from prefopt.project.project import open_project
    from prefopt.rankings.feedback_table import export_feedback
    from prefopt.rounds.teachers import collected_rounds

    count = export_feedback(collected_rounds(open_project(), rounds), target, names=names)
    if as_json:
        console.print_json({"out": str(target), "answers": count})
    else:
        console.out.print(f"{target}: {count} answers", markup=False)


def _published_round(number: int | None) -> Round:
    from prefopt.project.project import open_project
    from prefopt.rounds.teachers import last_published

    return last_published(open_project(), number)


def _summarize(number: int | None) -> tuple[int, bool, TeachersSummary]:
    """Round number, whether its answers are collected, and the summary: of the collected answers, otherwise of those in the source now."""
    from prefopt.rankings.summary import summarize
    from prefopt.rounds.artifacts import RANKINGS, SLATES
    from prefopt.rounds.reading import has, read
    from prefopt.rounds.teachers import overlap_of, published

    rnd = _published_round(number)
    collected = has(rnd, RANKINGS)
    answers = read(rnd, RANKINGS) if collected else published(rnd).read().answers
    slates = read(rnd, SLATES)
    return rnd.number, collected, summarize(slates, answers, rnd.load().taxonomy, overlap=overlap_of(rnd, slates), seed=rnd.seed)
