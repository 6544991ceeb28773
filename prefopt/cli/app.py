"""The command line: arguments and output only. Imports neither torch nor trl nor argilla; the loop is imported when a command runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from prefopt import __version__, plugins
from prefopt.cli.data import data as data_app
from prefopt.cli.rankings import feedback as feedback_app
from prefopt.cli.recipes import recipes
from prefopt.cli.rounds import Recipe, advance_shown, pick_round, rounds
from prefopt.errors import PrefoptError
from prefopt.plugins import Json

app = typer.Typer(
    help="Rounds of teacher preferences, preference training and calibration for one classifier.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(rounds, name="round")
app.add_typer(recipes, name="recipes")
app.add_typer(data_app, name="data")
app.add_typer(feedback_app, name="feedback")


@app.callback()
def options(
    folder: Annotated[Path | None, typer.Option("-C", help="The project's folder; default: here or above.")] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.", is_eager=True)] = False,
) -> None:
    """Rounds of teacher preferences, preference training and calibration for one classifier."""
    if version:
        print(f"prefopt {__version__}")
        raise typer.Exit
    if folder is not None:
        if not folder.is_dir():
            raise typer.BadParameter(f"{folder} is no folder", param_hint="-C")
        os.chdir(folder)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    example: Annotated[bool, typer.Option("--example", help="Fill it with generated problems, to try everything out.")] = False,
    taxonomy: Annotated[
        Path | None, typer.Option(help="Your own taxonomy.csv; default: the 2022 mathematics curriculum, grades 1 to 9.")
    ] = None,
) -> None:
    """Make a project: prefopt.toml, taxonomy.csv and data/."""
    from prefopt.cli import console
    from prefopt.project.init import make_project

    for path, what in make_project(folder, example=example, taxonomy=taxonomy):
        console.out.print(f"{path}  {what}", markup=False)
    console.out.print(f"next: cd {folder} && prefopt check", markup=False)


@app.command()
def check(
    load_model: Annotated[bool, typer.Option("--load-model", help="Load the model too, and print its bytes by type.")] = False,
    model: Annotated[
        str | None, typer.Option(help="Plan memory instead: a checkpoint folder, tiny, gpt-oss-20b or gpt-oss-120b; nothing is loaded.")
    ] = None,
    seq: Annotated[int | None, typer.Option(min=16, help="With --model: tokens of a row; default: prompt.max_tokens.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="With --model: rows of a batch.")] = 1,
    recipe: Annotated[str, typer.Option(help="With --model: sft, dpo, orpo or kto.")] = "sft",
    gpu: Annotated[float | None, typer.Option(min=1, help="With --model: for a GPU of so many GiB, not for this machine.")] = None,
    as_json: Json = False,
) -> None:
    """Check settings, taxonomy, problems, recipes and feedback source before anything costs time; with --model, plan a run's memory."""
    from prefopt.cli import console

    if model is not None:
        from prefopt.rounds.checks import check_memory

        shown, refuse = check_memory(model, tokens=seq, batch=batch, recipe=recipe, gpu_gib=gpu)
        console.print_json(shown) if as_json else console.print_plan(shown)
        refuse()
        return
    from prefopt.project.project import open_project
    from prefopt.rounds.checks import check_project

    rows = check_project(open_project(), load_model=load_model)
    if as_json:
        console.print_json(rows)
        return
    for name, value in rows.items():
        console.out.print(f"{name:<22} {value}", markup=False)


@app.command()
def sft(as_json: Json = False) -> None:
    """Round 000: train the first adapter on the labeled problems, judge it, report."""
    from prefopt.project.project import open_project
    from prefopt.rounds.machine import start_base

    advance_shown(start_base(open_project()), as_json, collect_now=False)


@app.command()
def report(
    number: Annotated[int | None, typer.Argument(help="Default: the last one with a report.")] = None,
    compare: Annotated[tuple[int, int] | None, typer.Option(help="Two rounds: the second against the first.")] = None,
    queue: Annotated[Path | None, typer.Option(help="A new .csv file: the problems to look at first.")] = None,
    as_json: Json = False,
) -> None:
    """Path of a round's report; --json prints every number in it. --compare: two rounds on the same problems. --queue: what to look at."""
    from prefopt.cli import console
    from prefopt.errors import ProjectError
    from prefopt.project.project import open_project

    project = open_project()
    if compare is not None:
        from prefopt.rounds.compare import compare_rounds

        found = compare_rounds(project.round(compare[1]), project.round(compare[0]))
        if as_json:
            console.print_json(found.plain())
        else:
            console.print_comparison(found)
        return
    rounds = [project.round(number)] if number is not None else project.rounds()
    written = [r for r in rounds if (r.stage("report") / "report.html").exists()]
    if not written:
        raise ProjectError("no report has been written yet", hint="prefopt round" if project.rounds() else "prefopt sft")
    folder = written[-1].stage("report")
    if queue is not None:
        console.out.print(_copy_queue(folder / "review.csv", queue), markup=False)
        return
    console.out.print((folder / "report.json").read_text(encoding="utf-8") if as_json else str(folder / "report.html"), markup=False)


@app.command()
def predict(
    problems: Annotated[Path, typer.Argument(help="JSONL, one problem a line: id and text.")],
    out: Annotated[Path | None, typer.Option(help="A new .jsonl or .csv file; default: problems.predictions.jsonl.")] = None,
    number: Annotated[int | None, typer.Option("--round", help="Default: the round whose adapter is in use.")] = None,
    as_json: Json = False,
) -> None:
    """Classify problems with the adapter in use: label, probability, label set, accept or review. Killed, it goes on when typed again."""
    from prefopt.cli import console
    from prefopt.deploy.predict_file import predict_file
    from prefopt.deploy.predictor import Predictor
    from prefopt.project.project import open_project
    from prefopt.project.promotion import promoted_round

    project = open_project()
    predictor = Predictor.of(promoted_round(project) if number is None else project.round(number))
    with console.stage_bars() as watch:
        done = predict_file(predictor, problems, out or problems.with_suffix(".predictions.jsonl"), watch(predictor.round, "predict"))
    if as_json:
        facts = {"out": str(done.path), "problems": done.problems, "accepted": done.accepted, "resumed": done.resumed}
        console.print_json({**facts, "round": predictor.round.number})
        return
    console.print_predictions(predictor, done)


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    layout: Annotated[
        str,
        typer.Option(help="peft: the adapter, for PEFT, vLLM and others. bfloat16, float32, mxfp4: merged into its base."),
    ] = "peft",
    number: Annotated[int | None, typer.Option("--round", help="Default: the round whose adapter is in use.")] = None,
    check_: Annotated[bool, typer.Option("--check/--no-check", help="Read it back as others do, and compare logits.")] = True,
    as_json: Json = False,
) -> None:
    """Write the adapter in use for other programs, with the measured difference of its logits there in its card."""
    from prefopt.cli import console
    from prefopt.deploy.export import export_round
    from prefopt.project.project import open_project
    from prefopt.project.promotion import promoted_round

    project = open_project()
    rnd = promoted_round(project) if number is None else project.round(number)
    with console.stage_bars() as watch:
        done = export_round(rnd, out, layout=layout, check=check_, on_step=watch(rnd, "export"))  # type: ignore[arg-type]  # export_adapter refuses other words
    if as_json:
        parity = done.parity.model_dump() if done.parity else None
        facts = {"out": str(done.path), "layout": done.layout, "bytes": done.bytes, "lost": done.lost}
        console.print_json({**facts, "round": rnd.number, "parity": parity})
        return
    console.print_export(done, rnd)


@app.command()
def tune(
    number: Annotated[int | None, typer.Argument(help="Round whose data is used; default: the last.")] = None,
    recipe: Recipe = None,
    trials: Annotated[int, typer.Option(min=1, help="How many settings to try, today's first.")] = 12,
    subset: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the problems that is used.")] = 0.5,
    as_json: Json = False,
) -> None:
    """Search learning rate, beta (or rank, for round 000) on part of a round's data. The hold-out is not touched."""
    from prefopt.cli import console
    from prefopt.training.tune import tune as search

    rnd = pick_round(number)
    with console.stage_bars() as watch:
        found = search(rnd, recipe=recipe, trials=trials, subset=subset, on_step=watch(rnd, "tune"))
    if as_json:
        console.print_json({"recipe": found.recipe, "measure": found.measure, "rows": found.rows, "trials": [vars(t) for t in found.tried]})
        return
    console.out.print(console.tuned_table(found))
    console.out.print(f"\nInto prefopt.toml:\n\n{found.toml}", markup=False)


def _copy_queue(source: Path, target: Path) -> str:
    from prefopt.errors import ConfigError, ProjectError
    from prefopt.io.files import write_bytes

    if target.exists() or target.suffix != ".csv":
        raise ConfigError(f"{target} {'exists' if target.exists() else 'does not end in .csv'}", hint="give the path of a new .csv file")
    if not source.exists():
        raise ProjectError(f"{source} is missing: the report was written by an earlier version", hint="see docs/reading-the-report.md")
    write_bytes(target, source.read_bytes())
    return f"{target}: hold-out problems on which adapter and expert differ, the adapter's most confident answers first"


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = Path("demo"),
    as_json: Json = False,
) -> None:
    """The whole loop on generated problems: SFT, then DPO, ORPO and KTO rounds with simulated teachers on a real Argilla."""
    from prefopt.cli.demo import run_demo

    run_demo(folder, as_json=as_json)


def build() -> typer.Typer:
    """The app with the sub-commands of the plug-ins."""
    for name in plugins.commands():
        app.add_typer(plugins.load(plugins.COMMANDS, name), name=name)
    return app


def main() -> None:
    """Entry point of the console script. Only a PrefoptError is printed short; anything else shows its traceback."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads cost 5-10x on few cores; read when torch is imported
    try:
        build()()
    except PrefoptError as error:
        from prefopt.cli import console

        console.print_error(error)
        sys.exit(1)
