"""Run a round's stages from the command line, and print what was done. Everything is imported when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import typer

WAITING = 3  # exit code: people or a training service are needed


def advance_shown(
    rnd: Any,
    as_json: bool,
    collect_now: bool,
    from_answers: bool = False,
    more: Mapping[str, Any] = MappingProxyType({}),
    *,
    dry_run: bool = False,
) -> None:
    """Run the remaining stages of a round and print what was done, with `more` in --json. Exits with WAITING where people or a training
    service are needed. With `dry_run`, stop before training and print what would be sent to a service.
    """
    from prefopt.cli import console
    from prefopt.cli.jobs import print_leaving
    from prefopt.cli.reported import fit_of
    from prefopt.rounds.advice import base_advice
    from prefopt.rounds.artifacts import REPORT
    from prefopt.rounds.machine import advance
    from prefopt.rounds.states import round_status
    from prefopt.rounds.teachers import found_uncounted

    with console.stage_bars() as watch:
        result = advance(
            rnd,
            watch=watch,
            on_done=console.silent if as_json else console.print_stage,
            on_change=console.silent if as_json else console.print_change,
            collect_now=collect_now,
            from_answers=from_answers,
            until="train" if dry_run else None,
        )
    if dry_run and result.waiting is None:
        print_leaving(result.round, as_json)
        return
    if as_json:
        (row,), stages = console.rounds_rows([rnd]), round_status(rnd)
        found = {
            "stages": {s.name: s.state.value for s in stages},
            "left_out": console.left_out(stages),
            "waiting": result.waiting,
            **fit_of(rnd),
            "report": str(rnd.stage(REPORT.stage) / REPORT.file) if row["finished"] else None,
            "uncounted": [row.model_dump(mode="json") for row in found_uncounted(rnd, from_answers)],
            **({"advice": base_advice(rnd)} if not rnd.number else {}),
        }
        console.print_json({**row, **found, **more})
    elif result.job:
        again = "prefopt round" if rnd.number else "prefopt sft"
        console.out.print(f"waiting for {result.waiting}\n  then type `{again}` again", markup=False)
    elif result.waiting is not None:
        url = next((s.manifest.outcome["url"] for s in round_status(rnd) if s.name == "publish" and s.manifest), "")
        console.out.print(f"waiting for the teachers: {result.waiting}\n  {url}\n  then type `prefopt round` again", markup=False)
        console.print_uncounted(found_uncounted(rnd, from_answers), rnd)
    elif advice := base_advice(rnd):
        console.out.print("\n".join(advice), markup=False)
    if result.waiting is not None:
        raise typer.Exit(WAITING)
