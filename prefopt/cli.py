"""The command line: arguments and output only. Imports neither torch nor trl nor argilla; the loop is imported when a command runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from prefopt import __version__, plugins
from prefopt.data.commands import data as data_app
from prefopt.errors import PrefoptError
from prefopt.teachers.commands import feedback as feedback_app

WAITING = 3  # exit code: people are needed

app = typer.Typer(
    help="Rounds of teacher preferences, preference training and calibration for one classifier.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
rounds_app = typer.Typer(help="Go on with the round; start the next one where the last is finished.", invoke_without_command=True)
recipes_app = typer.Typer(help="The ways to train.", no_args_is_help=True)
app.add_typer(rounds_app, name="round")
app.add_typer(recipes_app, name="recipes")
app.add_typer(data_app, name="data")
app.add_typer(feedback_app, name="feedback")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, last on stdout.")]
Recipe = Annotated[str | None, typer.Option(help="Recipe of a round that is started now: a name or a path to a .py file.")]
CollectNow = Annotated[bool, typer.Option("--collect-now", help="Take the rankings that are there, though not all slates are complete.")]


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
    from prefopt import console
    from prefopt.starter import make_project

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
    from prefopt import console

    if model is not None:
        from prefopt.checks import check_memory

        shown, refuse = check_memory(model, tokens=seq, batch=batch, recipe=recipe, gpu_gib=gpu)
        console.print_json(shown) if as_json else console.print_plan(shown)
        refuse()
        return
    from prefopt.checks import check_project
    from prefopt.project import open_project

    rows = check_project(open_project(), load_model=load_model)
    if as_json:
        console.print_json(rows)
        return
    for name, value in rows.items():
        console.out.print(f"{name:<22} {value}", markup=False)


@app.command()
def sft(as_json: Json = False) -> None:
    """Round 000: train the first adapter on the labelled problems, judge it, report."""
    from prefopt.project import open_project
    from prefopt.rounds import start_base

    _advance(start_base(open_project()), as_json, collect_now=False)


@rounds_app.callback(invoke_without_command=True)
def round_default(context: typer.Context, recipe: Recipe = None, collect_now: CollectNow = False, as_json: Json = False) -> None:
    """Go on until people are needed (exit code 3) or the round is finished; start the next round where the last is finished."""
    if context.invoked_subcommand is None:
        round_next(recipe, collect_now, as_json)


@rounds_app.command("next")
def round_next(recipe: Recipe = None, collect_now: CollectNow = False, as_json: Json = False) -> None:
    """The same as `prefopt round`."""
    from prefopt.errors import ConfigError
    from prefopt.project import open_project
    from prefopt.rounds import is_finished, start_next

    overrides = {"round.recipes": ([recipe], "--recipe")} if recipe else {}
    project = open_project(overrides=overrides)
    rounds = project.rounds()
    if rounds and not is_finished(rounds[-1]):
        if recipe and recipe != rounds[-1].recipe:
            raise ConfigError(
                f"round {rounds[-1].name} was started with recipe {rounds[-1].recipe!r}; its settings are frozen",
                hint=f"prefopt round, or prefopt round branch {rounds[-1].number} --at train --recipe {recipe}",
            )
        _advance(rounds[-1], as_json, collect_now)
    else:
        _advance(start_next(project), as_json, collect_now)


@rounds_app.command("status")
def round_status_(number: Annotated[int | None, typer.Argument(help="Default: the last.")] = None, as_json: Json = False) -> None:
    """State of each stage of a round, and how far the teachers are."""
    from prefopt import console
    from prefopt.project import changed_settings
    from prefopt.rounds import State, round_status

    round_ = _pick(number)
    stages = round_status(round_)
    progress, pace = (None, None)
    if any(s.name == "collect" and s.state is State.WAITING for s in stages):
        from prefopt.teachers.pace import round_pace

        progress, pace = round_pace(round_)
    if as_json:
        rows = [{"stage": s.name, "state": s.state.value, "detail": s.detail, "seconds": s.seconds} for s in stages]
        told = {"progress": progress.model_dump() if progress else None, "pace": pace.plain() if pace else None}
        console.print_json({"round": round_.number, "stages": rows, **told})
        return
    console.out.print(console.status_table(round_, stages))
    if progress:
        console.out.print(f"teachers: {progress.complete} of {progress.published} slates complete", markup=False)
        console.print_pace(pace)
    if changed := changed_settings(round_):
        console.out.print(
            f"changed in prefopt.toml since the round started (used from the next round on): {', '.join(changed)}", markup=False
        )


@rounds_app.command("list")
def round_list(as_json: Json = False) -> None:
    """All rounds: accuracy, Brier score, debiased ECE, decision."""
    from prefopt import console
    from prefopt.project import open_project

    rows = console.rounds_rows(open_project().rounds())
    if as_json:
        console.print_json({"rounds": rows})
    else:
        console.out.print(console.rounds_table(rows))
        used = [f"in use: the adapter of round {row['round']:03d}" for row in rows if row["in_use"]]
        notes = used + (["* decided by a person: prefopt round show N"] if any(row["overruled"] for row in rows) else [])
        console.out.print("; ".join(notes), markup=False)


@rounds_app.command("show")
def round_show(number: Annotated[int | None, typer.Argument(help="Default: the last.")] = None, as_json: Json = False) -> None:
    """Settings of a round with their origins, what its stages read and wrote, and the decision."""
    from prefopt import console
    from prefopt.promotion import promotions
    from prefopt.rounds import round_status

    round_ = _pick(number)
    manifests = {s.name: s.manifest.model_dump(mode="json") for s in round_status(round_) if s.manifest}
    decision = round_.decision
    moves = [move for move in promotions(round_.project).moves if move.round == round_.number]
    if as_json:
        settings = round_.config.model_dump(mode="json")
        verdict = decision.model_dump(mode="json") if decision else None
        said = [move.model_dump(mode="json") for move in moves]
        console.print_json({"round": round_.number, "settings": settings, "stages": manifests, "decision": verdict, "moves": said})
        return
    console.out.print((round_.folder / "round.toml").read_text(encoding="utf-8"), markup=False)
    for name, manifest in manifests.items():
        console.out.print(f"{name}: {console.describe(name, manifest['facts'])}", markup=False)
        for key, known in manifest["outputs"].items():
            console.out.print(f"  {key}  {known['sha256'][:12]}  {known['rows'] if known['rows'] is not None else ''}", markup=False)
    if decision:
        console.out.print("\n".join([f"decision: {decision.verdict} ({decision.rule})", *decision.reasons]), markup=False)
    for move in moves:
        if move.by == "person":
            console.out.print(f"{move.verdict} by a person on {move.at:%Y-%m-%d}: {move.because}", markup=False)


@rounds_app.command("decide")
def round_decide(
    number: Annotated[int, typer.Argument(help="Round to decide on.")],
    because: Annotated[str, typer.Option(help="Why; kept in the record and shown in the report.")],
    promote: Annotated[bool, typer.Option("--promote", help="Use its adapter from now on; for an earlier round this rolls back.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Do not use it yet.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Do not use it.")] = False,
    as_json: Json = False,
) -> None:
    """Decide on a round yourself, also against the rule. The next round starts from what is promoted."""
    from prefopt import console
    from prefopt.errors import ConfigError
    from prefopt.promotion import Verdict
    from prefopt.rounds import decide_by_hand

    verdicts: dict[Verdict, bool] = {"promoted": promote, "held": hold, "rejected": reject}
    asked = [verdict for verdict, given in verdicts.items() if given]
    if len(asked) != 1:
        raise ConfigError(
            f"{len(asked)} decisions were given, one is needed",
            hint=f'prefopt round decide {number} --promote --because "…" (or --hold, --reject)',
        )
    found, reports = decide_by_hand(_pick(number), asked[0], because)
    if as_json:
        console.print_json({"round": number, "verdict": asked[0], "in_use": found.promoted, "reports": [str(path) for path in reports]})
        return
    used = "no adapter is in use" if found.promoted is None else f"in use: the adapter of round {found.promoted:03d}"
    console.out.print(f"round {number:03d} {asked[0]} by a person; {used}", markup=False)
    for path in reports:
        console.out.print(f"written anew: {path}", markup=False)


@rounds_app.command("branch")
def round_branch(
    number: Annotated[int, typer.Argument(help="Round to branch.")],
    at: Annotated[str, typer.Option(help="First stage that is done anew; the ones before it are linked.")],
    recipe: Recipe = None,
) -> None:
    """A new round that shares the earlier stages of another one: for another recipe, or other settings from there on."""
    from prefopt import console
    from prefopt.project import open_project
    from prefopt.rounds import branch

    fresh = branch(open_project(), number, at, recipe)
    console.out.print(
        f"round {fresh.name} started from round {number:03d} at {at}, recipe {fresh.recipe}; next: prefopt round", markup=False
    )


@app.command()
def report(
    number: Annotated[int | None, typer.Argument(help="Default: the last one with a report.")] = None,
    compare: Annotated[tuple[int, int] | None, typer.Option(help="Two rounds: the second against the first.")] = None,
    queue: Annotated[Path | None, typer.Option(help="A new .csv file: the problems to look at first.")] = None,
    as_json: Json = False,
) -> None:
    """Path of a round's report; --json prints every number in it. --compare: two rounds on the same problems. --queue: what to look at."""
    from prefopt import console
    from prefopt.errors import ProjectError
    from prefopt.project import open_project

    project = open_project()
    if compare is not None:
        from prefopt.compare_rounds import compare_rounds

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
    from prefopt import console
    from prefopt.predict_file import predict_file
    from prefopt.prediction import Predictor
    from prefopt.project import open_project
    from prefopt.promotion import promoted_round

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
    from prefopt import console
    from prefopt.export import export_round
    from prefopt.project import open_project
    from prefopt.promotion import promoted_round

    project = open_project()
    round_ = promoted_round(project) if number is None else project.round(number)
    with console.stage_bars() as watch:
        done = export_round(round_, out, layout=layout, check=check_, on_step=watch(round_, "export"))  # type: ignore[arg-type]  # export_adapter refuses other words
    if as_json:
        parity = done.parity.model_dump() if done.parity else None
        facts = {"out": str(done.path), "layout": done.layout, "bytes": done.bytes, "lost": done.lost}
        console.print_json({**facts, "round": round_.number, "parity": parity})
        return
    console.print_export(done, round_)


@app.command()
def tune(
    number: Annotated[int | None, typer.Argument(help="Round whose data is used; default: the last.")] = None,
    recipe: Recipe = None,
    trials: Annotated[int, typer.Option(min=1, help="How many settings to try, today's first.")] = 12,
    subset: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the problems that is used.")] = 0.5,
    as_json: Json = False,
) -> None:
    """Search learning rate, beta (or rank, for round 000) on part of a round's data. The hold-out is not touched."""
    from prefopt import console
    from prefopt.tune import tune as search

    round_ = _pick(number)
    with console.stage_bars() as watch:
        found = search(round_, recipe=recipe, trials=trials, subset=subset, on_step=watch(round_, "tune"))
    if as_json:
        console.print_json({"recipe": found.recipe, "measure": found.measure, "rows": found.rows, "trials": [vars(t) for t in found.tried]})
        return
    console.out.print(console.tuned_table(found))
    console.out.print(f"\nInto prefopt.toml:\n\n{found.toml}", markup=False)


def _copy_queue(source: Path, target: Path) -> str:
    from prefopt.errors import ConfigError, ProjectError

    if target.exists() or target.suffix != ".csv":
        raise ConfigError(f"{target} {'exists' if target.exists() else 'does not end in .csv'}", hint="give the path of a new .csv file")
    if not source.exists():
        raise ProjectError(f"{source} is missing: the report was written by an earlier version", hint="see docs/reading-the-report.md")
    target.write_bytes(source.read_bytes())
    return f"{target}: hold-out problems on which adapter and expert differ, the adapter's most confident answers first"


@recipes_app.command("list")
def recipes_list(as_json: Json = False) -> None:
    """Recipes that are installed."""
    from prefopt import console

    rows = []
    for name in plugins.names(plugins.RECIPES):
        first = next((line for line in plugins.recipe_source(name).read_text(encoding="utf-8").splitlines() if line.startswith('"""')), "")
        rows.append({"name": name, "file": str(plugins.recipe_source(name)), "what": first.strip('"')})
    if as_json:
        console.print_json({"recipes": rows})
        return
    for row in rows:
        console.out.print(f"{row['name']:<6} {row['what']}", markup=False)


@recipes_app.command("show")
def recipes_show(name: str) -> None:
    """Options of a recipe with their defaults."""
    from prefopt import console

    console.out.print(plugins.recipe_source(name).with_suffix(".toml").read_text(encoding="utf-8"), markup=False)


@recipes_app.command("copy")
def recipes_copy(name: str, target: Annotated[Path, typer.Argument(help="A .py file in your project.")]) -> None:
    """Copy a recipe to a file of your own; name that file in round.recipes."""
    from prefopt import console
    from prefopt.errors import ConfigError

    if target.exists() or target.suffix != ".py":
        raise ConfigError(f"{target} {'exists' if target.exists() else 'does not end in .py'}", hint="give the path of a new .py file")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(plugins.recipe_source(name).read_text(encoding="utf-8"), encoding="utf-8")
    console.out.print(f'{target}: edit it, then set  [round] recipes = ["{target}"]', markup=False)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = Path("demo"),
    as_json: Json = False,
) -> None:
    """The whole loop on generated problems: SFT, then DPO, ORPO and KTO rounds with simulated teachers on a real Argilla."""
    from prefopt.demo import run_demo

    run_demo(folder, as_json=as_json)


def _pick(number: int | None) -> Any:
    from prefopt.errors import ProjectError
    from prefopt.project import open_project

    project = open_project()
    rounds = project.rounds()
    if not rounds:
        raise ProjectError(f"no round has been started in {project.root}", hint="prefopt sft")
    return rounds[-1] if number is None else project.round(number)


def _advance(round_: Any, as_json: bool, collect_now: bool) -> None:
    from prefopt import console
    from prefopt.rounds import advance, round_status

    with console.stage_bars() as watch:
        outcome = advance(round_, watch=watch, on_done=(lambda _: None) if as_json else console.print_stage, collect_now=collect_now)
    if as_json:
        (row,) = console.rounds_rows([round_])
        states = {s.name: s.state.value for s in round_status(round_)}
        console.print_json({**row, "stages": states, "waiting": outcome.waiting, "report": str(round_.stage("report") / "report.html")})
    elif outcome.waiting is not None:
        url = next((s.manifest.facts["url"] for s in round_status(round_) if s.name == "publish" and s.manifest), "")
        console.out.print(f"waiting for the teachers: {outcome.waiting}\n  {url}\n  then type `prefopt round` again", markup=False)
    if outcome.waiting is not None:
        raise typer.Exit(WAITING)


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
        from prefopt import console

        console.print_error(error)
        sys.exit(1)
