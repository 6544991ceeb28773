"""prefopt serve, and prefopt serve collect | accept. Arguments and output only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prefopt.cli.data_options import Force
from prefopt.io.targets import refuse_taken
from prefopt.plugins import Json

if TYPE_CHECKING:
    from prefopt.deploy.predictor import Predictor

HOST, PORT = "127.0.0.1", 8400
serve = typer.Typer(help="Answer problems over HTTP with the adapter in use.", invoke_without_command=True)


@serve.callback(invoke_without_command=True)
def serve_(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine's own need PREFOPT_SERVE_KEY.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 for any that is free.")] = PORT,
    engine: Annotated[
        str, typer.Option(help="URL of the inference server that scores; several, separated by commas.", show_default="serve.engine")
    ] = "",
    engine_adapter: Annotated[
        str, typer.Option(help="Name of the adapter in use at the engine.", show_default="serve.engine_adapter, else its id")
    ] = "",
    as_json: Json = False,
) -> None:
    """Answer problems over HTTP with the adapter in use, until Ctrl-C. A promotion takes over while it runs.

    With --json it prints its address once it listens.
    """
    from prefopt.errors import ConfigError

    if context.invoked_subcommand is not None:
        if (host, port, engine, engine_adapter) != (HOST, PORT, "", ""):
            what = "--host, --port, --engine and --engine-adapter"
            raise ConfigError(f"{what} are not for `prefopt serve {context.invoked_subcommand}`", hint="leave them out")
        return
    from prefopt.cli import console
    from prefopt.project.project import open_project

    try:
        from prefopt.serve.server import serve as run
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed", hint="pip install 'prefopt[serve]'") from None

    def listens(url: str, predictor: Predictor) -> None:
        if as_json:
            about = {"url": url, "pid": os.getpid(), "round": predictor.round.number}
            console.print_json({**about, "engine": predictor.server} if predictor.server else about)
        else:
            console.out.print(f"{url}: loading the adapter of round {predictor.round.name}; Ctrl-C ends it", markup=False)

    engines = {"engine": engine, "engine_adapter": engine_adapter}
    run(open_project(), host, port, **engines, on_listen=listens, say=lambda text: console.err.print(text, markup=False))


@serve.command("collect")
def collect_(
    since: Annotated[str, typer.Option(help="First day whose answers are taken, e.g. 2026-11-01.", show_default="all")] = "",
    as_json: Json = False,
) -> None:
    """Add what teachers said in use to the problem files, for the next round.

    Labels given after the model's answer was seen train and never judge; answers to review that nobody judged go into the pool.
    """
    from dataclasses import asdict

    from prefopt.cli import console
    from prefopt.project.project import open_project
    from prefopt.serve.collect import LEFT_OUT, collect

    project = open_project()
    found = collect(project, _day(since))
    if as_json:
        console.print_json(asdict(found))
        return
    files = project.config.data
    lines = [
        f"{found.answers} answers read",
        f"{files.gold}: labeled problems added: {found.labeled}, judged blind: {found.blind}; with another label now: {found.relabeled}",
        f"{files.pool}: problems added: {found.pool}, teachers disagree on: {found.disagreed}",
    ]
    lines += [
        f"left out: {count} {LEFT_OUT.get(why, f'with damaged text or personal data ({why})')}" for why, count in found.left_out.items()
    ]
    console.out.print("\n".join(lines), markup=False)


@serve.command()
def accept(
    because: Annotated[str, typer.Option(help="The reason; it is kept in the record.")],
    as_json: Json = False,
) -> None:
    """Accept confident answers again after an alarm of the audit. The audit starts again from here."""
    from prefopt.cli import console
    from prefopt.project.project import open_project
    from prefopt.serve.lifting import lift

    adapters = lift(open_project(), because)
    if as_json:
        console.print_json({"adapters": adapters, "because": because})
        return
    console.out.print(f"confident answers of adapter {' and '.join(adapters)} are accepted again", markup=False)


@serve.command()
def report(
    out: Annotated[Path | None, typer.Option(help="The .html file to write.", show_default="serve/report.html")] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write a page on the adapter in use: its answers by day, teachers' words, the audit, and what differs from the hold-out."""
    from prefopt.cli import console
    from prefopt.io.files import PRIVATE, write_text
    from prefopt.project.project import open_project
    from prefopt.serve.figures import in_use
    from prefopt.serve.report import render

    refuse_taken([out] if out else [], force=force)
    project = open_project()
    found, path = in_use(project), out or project.root / "serve" / "report.html"
    write_text(path, render(found, project.config.project.language), mode=PRIVATE)
    if as_json:
        console.print_json({"out": str(path), **found.model_dump(mode="json")})
        return
    console.out.print(str(path), markup=False)


def _day(text: str) -> str:
    """A day as YYYYMMDD. Raises ConfigError."""
    from datetime import date

    from prefopt.errors import ConfigError

    try:
        return f"{date.fromisoformat(text):%Y%m%d}" if text else ""
    except ValueError:
        raise ConfigError(f"--since {text} is not a day", hint="write it as 2026-11-01") from None
