"""The command line: arguments and output only. Imports neither torch, trl nor argilla; each command imports what it needs when it runs."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from prefopt import __version__
from prefopt.cli.advancing import advance_shown
from prefopt.cli.boundary import run
from prefopt.cli.engine_words import LAYOUTS
from prefopt.cli.former import CheckCommand
from prefopt.cli.lazy import LazyCommand, lazy_group
from prefopt.cli.loop import CommandLoop
from prefopt.cli.reading import print_notes, reads_files
from prefopt.cli.rounds import DryRun, RecipeOption, pick_round, round_in_use
from prefopt.controls import guard_output
from prefopt.errors import ConfigError, ProjectError
from prefopt.plugins import Json, finite
from prefopt.readers.options import AS_IT_IS, ReadOptions

HELP = "Improve a classifier with teacher rankings: collect, train (DPO/ORPO/KTO), calibrate, decide, repeat."

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},  # sub-commands inherit them
    cls=lazy_group(
        round=LazyCommand("prefopt.cli.rounds:rounds", "Continue the current round, or start the next one."),
        recipes=LazyCommand("prefopt.cli.recipes:recipes", "List, show and copy training recipes."),
        data=LazyCommand("prefopt.cli.data:data", "Validate, convert, split and generate datasets."),
        adapter=LazyCommand("prefopt.cli.adapter:adapter", "Import an adapter of stock PEFT, or show one."),
        engine=LazyCommand("prefopt.cli.engine:engine", "Print how to start an inference server, and compare its posteriors."),
        audit=LazyCommand("prefopt.cli.audit:audit", "Show the sealed problems, or open them once for the adapter in use."),
        serve=LazyCommand("prefopt.cli.serve:serve", "Answer problems over HTTP with the adapter in use."),
        ab=LazyCommand("prefopt.cli.ab:ab", "Compare two adapters in use."),
        rankings=LazyCommand("prefopt.cli.rankings:rankings", "Report, compare and export the teachers' answers."),
    ),
)


def _print_version(is_given: bool) -> None:
    if is_given:
        print(f"prefopt {__version__}")
        raise typer.Exit


@app.callback(help=HELP)
def options(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Option("-C", help="Project directory.", show_default="this directory or its parents")] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the stack of an error; may stand anywhere in the line.")] = False,
) -> None:
    """Change into the project directory; --version is handled before any command is looked up, and --debug in cli/boundary.py."""
    if folder is not None:
        if not folder.is_dir():
            raise typer.BadParameter(f"{folder} is not a directory", param_hint="-C")
        os.chdir(folder)
    context.obj = CommandLoop()


@app.command()
@reads_files
def init(
    folder: Annotated[Path, typer.Argument(help="Directory to create.")],
    example: Annotated[bool, typer.Option("--example", help="Add generated problems, for trying prefopt out.")] = False,
    taxonomy: Annotated[Path | None, typer.Option(help="Your own file of labels, or a built-in one.", show_default="ko_math_2022")] = None,
    subject: Annotated[str, typer.Option(help="What the labels are of, e.g. history, for the words of [domain].")] = "",
    label: Annotated[str, typer.Option(help="What a label is called, e.g. topic, for the words of [domain].")] = "",
    language: Annotated[
        str | None, typer.Option(help="ko or en: of these words and the report.", show_default="that of the labels' names")
    ] = None,
    source: Annotated[str, typer.Option("--from", help="A published round: hub:OWNER/NAME or hub:OWNER/NAME@round-003.")] = "",
    model: Annotated[str, typer.Option(help="With --from: where this machine has the base model.", show_default="as published")] = "",
    reading: ReadOptions = AS_IT_IS,
    as_json: Json = False,
) -> None:
    """Create a project: prefopt.toml, taxonomy.csv and data/. With --from, its round 000 is a published one."""
    if source:
        if example or taxonomy or subject or label or language or reading != AS_IT_IS:
            raise ConfigError("labels and words come with --from", hint="--from and --model alone; change prefopt.toml afterwards")
        from prefopt.cli.push import begin_project

        begin_project(source, folder, model, as_json)
        return
    if model:
        raise ConfigError("--model is read with --from alone", hint="set model.path in prefopt.toml")
    from prefopt.cli import console
    from prefopt.project.init import make_project

    files: dict[str, str] = {}
    made = make_project(folder, example=example, taxonomy=taxonomy, reading=reading, subject=subject, label=label, language=language)
    for path, what in made:
        files[str(path)] = what
        if not as_json:
            console.out.print(f"{path}  {what}", markup=False)
    if as_json:
        console.print_json({"project": str(folder), "files": files})
        return
    console.out.print(f"next: cd {shlex.quote(str(folder))} && prefopt check", markup=False)


@app.command(cls=CheckCommand)
def check(
    load_model: Annotated[bool, typer.Option("--load-model", help="Also load the model and print its bytes by type.")] = False,
    as_json: Json = False,
) -> None:
    """Check settings, taxonomy, problems, recipes and feedback source."""
    from prefopt.cli import console
    from prefopt.project.project import open_project
    from prefopt.rounds.checks import check_project

    rows = check_project(open_project(), load_model=load_model)
    if as_json:
        console.print_json(rows)
        return
    for name, value in rows.items():
        shown = ", ".join(f"{key} {size}" for key, size in value.items()) if isinstance(value, dict) else value
        console.out.print(f"{name:<22} {shown}", markup=False)


@app.command()
def plan(
    model: Annotated[str, typer.Argument(help="A checkpoint directory, a model on the Hub (org/name), tiny, gpt-oss-20b or gpt-oss-120b.")],
    recipe: Annotated[str, typer.Option(help="sft, consensus, dpo, orpo or kto.")] = "sft",
    tokens: Annotated[int | None, typer.Option(min=16, help="Tokens in a row.", show_default="prompt.max_tokens")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Rows (or pairs) in a batch.")] = 1,
    gpu: Annotated[
        float | None, typer.Option(callback=finite, min=1, help="Memory of the GPU to plan for, in GiB.", show_default="this machine")
    ] = None,
    as_json: Json = False,
) -> None:
    """Plan the memory of a training run; nothing is loaded. Exit code 1 if the run does not fit."""
    from prefopt.cli import console
    from prefopt.config import ProjectConfig
    from prefopt.model.plan import plan_training, refuse_too_large, table
    from prefopt.project.project import open_project

    try:
        config = open_project().config
    except ProjectError:  # outside a project, the default settings apply
        config = ProjectConfig()
    planned = plan_training(config, model, recipe=recipe, tokens=tokens, batch=batch, gpu_gib=gpu)
    console.print_json(table(planned)) if as_json else console.print_plan(table(planned))
    refuse_too_large(planned)


@app.command()
def sft(
    again: Annotated[
        bool,
        typer.Option("--again", help="Replace round 000, if no later round was started; the old one is kept in rounds/.replaced."),
    ] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Run round 000: train and evaluate the first adapter.

    It is trained on the labeled problems, and the report is written.
    """
    from prefopt.cli import console
    from prefopt.project.project import open_project
    from prefopt.rounds.starting import replace_base, start_base
    from prefopt.rounds.states import is_finished

    project = open_project()
    rnd, old = replace_base(project) if again else (start_base(project, console.silent if as_json else console.print_change), None)
    finished = is_finished(rnd)
    if old is not None and not as_json:
        console.out.print(f"the earlier round 000 is now {old}", markup=False)
    advance_shown(rnd, as_json, collect_now=False, more={"replaced": str(old)} if old else {}, dry_run=dry_run)
    if finished and not as_json and not dry_run:
        console.print_finished_base(rnd)


@app.command()
def report(
    number: Annotated[int | None, typer.Argument(help="Round.", show_default="the last one with a report")] = None,
    compare: Annotated[tuple[int, int] | None, typer.Option(help="Two rounds: compare the second with the first.")] = None,
    queue: Annotated[Path | None, typer.Option(help="New .csv file for the problems to review first.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Write the report again, by the goals that prefopt.toml has today.")] = False,
    as_json: Json = False,
) -> None:
    """Print the path of a round's report and whether its answers are fit for use, or with --json all numbers.

    --compare prints two rounds on the same problems side by side, and is recorded as a use of the hold-out.
    """
    from prefopt.cli import reported
    from prefopt.project.project import open_project

    project = open_project()
    if compare is not None:
        reported.print_comparison_of(project, compare[1], compare[0], as_json)
    else:
        reported.print_report(project, number, queue, again, as_json)


@app.command()
@reads_files
def predict(
    problems: Annotated[Path, typer.Argument(help="File of problems of any kind: .jsonl, .csv, .xlsx …")],
    out: Annotated[Path | None, typer.Option(help="New .jsonl, .csv or .xlsx file.", show_default="PROBLEMS.predictions.jsonl")] = None,
    number: Annotated[int | None, typer.Option("--round", help="Round.", show_default="the one whose adapter is in use")] = None,
    reading: ReadOptions = AS_IT_IS,
    as_json: Json = False,
) -> None:
    """Classify problems with the adapter in use.

    Each problem gets a label, its probability, a label set, and whether to accept or review it.
    Resumable: run the same command again after an interruption.
    """
    rnd = round_in_use(number)
    from prefopt.cli import console, deployed  # after a refusal that needs none of what these import
    from prefopt.deploy.predict_file import predict_file
    from prefopt.deploy.predictor import Predictor

    predictor = Predictor.of(rnd)
    with console.stage_bars() as watch:
        target = out or problems.with_suffix(".predictions.jsonl")
        done = predict_file(predictor, problems, target, watch(predictor.round, "predict"), reading)
    if as_json:
        console.print_json(deployed.predicted_json(predictor, done))
        return
    deployed.print_predictions(predictor, done)


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="Directory to create.")],
    layout: Annotated[
        Literal["peft", "bfloat16", "float32", "mxfp4", "gguf", "gguf-base", "gguf-lora"], typer.Option(help=LAYOUTS)
    ] = "peft",
    number: Annotated[int | None, typer.Option("--round", help="Round.", show_default="the one whose adapter is in use")] = None,
    check_: Annotated[bool, typer.Option("--check/--no-check", help="Load the export as other programs do and compare its logits.")] = True,
    as_json: Json = False,
) -> None:
    """Export the adapter in use for other programs, with a model card that states the measured difference in logits."""
    rnd = round_in_use(number)
    from prefopt.cli import console, deployed  # after a refusal that needs none of what these import
    from prefopt.deploy.export import export_round

    with console.stage_bars() as watch:
        done = export_round(rnd, out, layout=layout, check=check_, on_step=watch(rnd, "export"))
    if as_json:
        console.print_json(deployed.exported_json(done, rnd))
        return
    deployed.print_export(done, rnd)


@app.command()
def push(
    repo: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Repository on the Hugging Face Hub; made if it does not exist.")],
    number: Annotated[int | None, typer.Option("--round", help="Round.", show_default="the one whose adapter is in use")] = None,
    private: Annotated[bool, typer.Option("--private/--public", help="Who may see it.")] = True,
    license_: Annotated[str, typer.Option("--license", help="Its identifier, e.g. apache-2.0.", show_default="push.license")] = "",
    with_report: Annotated[bool, typer.Option("--with-report", help="Also the report, which shows names and texts.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List every file and what would happen; send nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Publish a round on the Hugging Face Hub: one commit with a tag, after the rounds that it was trained from.

    `main` moves to promoted rounds only. The key is the one of `hf auth login`, or HF_TOKEN.
    """
    from prefopt.cli.push import push_round

    options = {"private": private, "license_": license_, "with_report": with_report, "dry_run": dry_run, "as_json": as_json}
    push_round(repo, number, **options)  # type: ignore[arg-type]  # all of them are options of that name


@app.command()
def tune(
    number: Annotated[int | None, typer.Argument(help="Round whose data is used.", show_default="the last one")] = None,
    recipe: RecipeOption = None,
    trials: Annotated[int, typer.Option(min=1, help="Number of settings to try, beginning with the current ones.")] = 12,
    subset: Annotated[float, typer.Option(callback=finite, min=0.0, max=1.0, help="Share of the problems to use.")] = 0.5,
    as_json: Json = False,
) -> None:
    """Search learning rate and beta on part of a round's data.

    For round 000, rank takes the place of beta. The hold-out is not used.
    """
    from prefopt.cli import console
    from prefopt.rounds.frozen import way_to_train
    from prefopt.rounds.jobs import round_job
    from prefopt.training.tune import tunable_options
    from prefopt.training.tune import tune as search

    rnd = pick_round(number)
    chosen, options = tunable_options(rnd, recipe)
    _, _, job = round_job(rnd, rnd.project.cache / "tune" / rnd.name, recipe=(chosen, options))
    if rnd.parent is None:  # what is found is for a new round 000, which takes the settings of today
        job = replace(job, adapter=rnd.project.config.adapter)
    with console.stage_bars() as watch:
        result = search(chosen, options, job, trials=trials, subset=subset, on_step=watch(rnd, "tune"))
    if as_json:
        console.print_json(
            {"recipe": result.recipe, "measure": result.measure, "rows": result.rows, "trials": [vars(t) for t in result.trials]}
        )
        return
    console.out.print(console.tuned_table(result))
    console.out.print(f"\nFor prefopt.toml:\n\n{result.toml}\nthen: {way_to_train(rnd, recipe)}", markup=False)


@app.command("migrate")
def migrate_(as_json: Json = False) -> None:
    """Convert a project of an earlier version. The old rounds are kept in rounds.format-1."""
    from prefopt.cli import console
    from prefopt.rounds.migrate import migrate

    done = list(migrate(Path.cwd()))
    console.print_json({"done": done}) if as_json else console.out.print("\n".join(done), markup=False)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Directory to create.")] = Path("demo"),
    as_json: Json = False,
) -> None:
    """Run the whole loop on generated problems.

    SFT, then DPO, ORPO and KTO rounds with simulated teachers on a real Argilla.
    """
    from prefopt.cli.demo import run_demo

    run_demo(folder, as_json=as_json)


@app.command("feedback", hidden=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def refuse_feedback(ctx: typer.Context) -> NoReturn:
    """The former name of `prefopt rankings`."""
    raise ConfigError("`prefopt feedback` is now `prefopt rankings`", hint=" ".join(["prefopt rankings", *ctx.args]))


def main() -> NoReturn:
    """Entry point of the console script."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # spinning threads cost 5-10x on few cores; read when torch is imported
    guard_output()
    print_notes()
    sys.exit(run(app, sys.argv[1:]))
