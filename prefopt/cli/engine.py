"""prefopt engine: launch | check. Arguments and output only; each command imports what it needs."""

from __future__ import annotations

from typing import Annotated

import typer

from prefopt.plugins import Json

engine = typer.Typer(help="Print how to start an inference server, and compare its posteriors.", no_args_is_help=True)

Number = Annotated[int | None, typer.Option("--round", help="Round.", show_default="the one whose adapter is in use")]


@engine.command("launch")
def engine_launch(kind: Annotated[str, typer.Argument(help="vllm, sglang or llamacpp.")], as_json: Json = False) -> None:
    """Print the command that starts a server with every adapter that was promoted, each under its id. Nothing is started."""
    from prefopt.cli import console
    from prefopt.deploy.engines import launch_command
    from prefopt.project.project import open_project

    line = launch_command(open_project(), kind)
    if as_json:
        console.print_json({"kind": kind, "command": line})
        return
    console.out.print(line, markup=False, soft_wrap=True)


@engine.command("check")
def engine_check(
    url: Annotated[str, typer.Argument(help="Of the servers, separated by commas.", show_default="model.server of the project")] = "",
    number: Number = None,
    as_json: Json = False,
) -> None:
    """Compare the posteriors of a server with those of the calibration, on 8 problems of the hold-out."""
    from prefopt.cli import console
    from prefopt.deploy.engine_check import check_engine
    from prefopt.deploy.predictor import Predictor
    from prefopt.project.project import open_project
    from prefopt.rounds.promotion import promoted_round

    project = open_project()
    predictor = Predictor.of(promoted_round(project) if number is None else project.round(number), engine=url)
    with console.stage_bars() as watch:
        done = check_engine(predictor, watch(predictor.round, "engine check"))
    if as_json:
        console.print_json({**done.__dict__, "round": predictor.round.number})
        return
    text = f"{done.server}: adapter {done.adapter}, {done.problems} hold-out problems as in the calibration of round {predictor.round.name}"
    console.out.print(f"{text} (total variation {done.mean:.4f} on average, {done.largest:.4f} at most)", markup=False, soft_wrap=True)
