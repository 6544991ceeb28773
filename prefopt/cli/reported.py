"""What `prefopt report` does. Each part imports what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefopt.errors import ConfigError, ProjectError


def print_comparison_of(project: Any, number: int, other: int, as_json: bool) -> None:
    """Compare two rounds, and record it as a use of the hold-out."""
    from prefopt.cli import console
    from prefopt.rounds.compare import compare_rounds
    from prefopt.rounds.looks import record_comparison

    comparison = compare_rounds(project.round(number), project.round(other))
    record_comparison(project, number, other)
    if as_json:
        console.print_json(comparison.plain())
    else:
        console.print_comparison(comparison)


def print_report(project: Any, number: int | None, queue: Path | None, again: bool, as_json: bool) -> None:
    """Print a report's path and whether the answers are fit for use, or its numbers; or copy the problems to review; or write it again.

    Raises:
        ProjectError: there is no report.
        ConfigError: `queue` does not end in .csv, or goals.each is no group of the taxonomy.
    """
    from prefopt.cli import console
    from prefopt.rounds.artifacts import REPORT, REPORT_NUMBERS, REVIEW
    from prefopt.rounds.machine import put_back_replaced, rewrite_report
    from prefopt.rounds.reading import is_done, locate

    put_back_replaced(project)
    rounds = [project.round(number)] if number is not None else project.rounds()
    reported = [rnd for rnd in rounds if is_done(rnd, REPORT.stage)]
    if not reported:
        raise ProjectError("no report has been written yet", hint="prefopt round" if project.rounds() else "prefopt sft")
    last = reported[-1]
    if again:
        rewrite_report(last, console.silent if as_json else console.print_change)
    if queue is not None:
        console.out.print(_copy_queue(locate(last, REVIEW), queue), markup=False)
    elif as_json:
        console.out.print(locate(last, REPORT_NUMBERS).read_text(encoding="utf-8"), markup=False)
    else:
        console.out.print(str(locate(last, REPORT)), markup=False)
        if because := fit_of(last)["because"]:
            console.err.print(because, markup=False)  # the path alone is the output, for other programs


def fit_of(rnd: Any) -> dict[str, str]:
    """Whether a round's answers are fit for use, and why, as its report says; both empty without a report, or in an earlier version's."""
    from prefopt.io.stage_folders import read_manifest
    from prefopt.rounds.artifacts import REPORT
    from prefopt.rounds.reading import is_done

    outcome = read_manifest(rnd.stage(REPORT.stage)).outcome if is_done(rnd, REPORT.stage) else {}
    return {"fit": outcome.get("fit", ""), "because": outcome.get("because", "")}


def _copy_queue(source: Path, target: Path) -> str:
    from prefopt.io.files import write_bytes
    from prefopt.io.targets import refuse_taken

    if target.suffix != ".csv":
        raise ConfigError(f"{target} does not end in .csv", hint="give the path of a new .csv file")
    refuse_taken([target])
    write_bytes(target, source.read_bytes())
    return f"{target}: hold-out problems on which adapter and expert differ, most confident answers first"
