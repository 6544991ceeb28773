"""prefopt round: next | status | cancel | list | show | decide | branch. Arguments and output only; each command imports what it needs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from prefopt.cli.advancing import advance_shown
from prefopt.cli.round_words import RoundGroup
from prefopt.plugins import Json

rounds = typer.Typer(help="Continue the current round, or start the next one.", invoke_without_command=True, cls=RoundGroup)

RecipeOption = Annotated[
    str | None, typer.Option("--recipe", help="Recipe of the round, as long as it is not trained: a name, or the path of a .py file.")
]
RoundArgument = Annotated[int | None, typer.Argument(help="Round.", show_default="the last one")]
FromAnswers = Annotated[
    bool,
    typer.Option(
        "--from-answers",
        help="Collect what was last read of the feedback source (the round's answers.jsonl), without asking it: where the server is gone.",
    ),
]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Start a round although the adapter of round 000 is no better than one label for all problems.")
]
CollectNow = Annotated[bool, typer.Option("--collect-now", help="Collect the rankings received so far, even if slates are incomplete.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Stop before training, and show what would be sent to a training service, with its price."),
]


@rounds.callback(invoke_without_command=True)
def round_default(
    context: typer.Context,
    recipe: RecipeOption = None,
    collect_now: CollectNow = False,
    from_answers: FromAnswers = False,
    anyway: Anyway = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Continue until people or a training service are needed (exit code 3) or the round is finished.

    Start the next round if the last one is finished.

    `prefopt round 4` continues round 4 where a later one was started.
    """
    if context.invoked_subcommand is None:
        round_next(None, recipe, collect_now, from_answers, anyway, dry_run, as_json)


@rounds.command("next")
def round_next(
    number: Annotated[int | None, typer.Argument(help="Round to continue.", show_default="the last one")] = None,
    recipe: RecipeOption = None,
    collect_now: CollectNow = False,
    from_answers: FromAnswers = False,
    anyway: Anyway = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """The same as `prefopt round`."""
    from prefopt.cli import console
    from prefopt.errors import ProjectError
    from prefopt.project.project import open_project
    from prefopt.rounds.starting import open_rounds, start_next
    from prefopt.rounds.states import is_finished

    overrides = {"round.recipes": ([recipe], "--recipe")} if recipe else {}
    project = open_project(overrides=overrides)
    rounds = project.rounds()
    asked = rounds[-1] if number is None and rounds else None if number is None else project.round(number)
    if asked is not None and (number is not None or not is_finished(asked)):
        if number is not None and is_finished(asked):
            raise ProjectError(f"round {asked.name} is finished", hint=f"to see it: prefopt round show {number}")
        current = _to_continue(project, asked, recipe, console.silent if as_json else console.print_change)
        advance_shown(current, as_json, collect_now, from_answers, dry_run=dry_run)
    elif from_answers:
        raise ProjectError("no round waits for answers", hint="prefopt round, without --from-answers, starts the next one")
    else:
        if not as_json:
            for rnd in open_rounds(project):
                console.out.print(f"round {rnd.name} was left open: prefopt round {rnd.number} goes on with it", markup=False)
        advance_shown(start_next(project, anyway=anyway), as_json, collect_now, dry_run=dry_run)


def _to_continue(project: Any, rnd: Any, recipe: str | None, said: Any) -> Any:
    """An open round, with another recipe where one is given and it is not trained yet."""
    from prefopt.errors import ConfigError
    from prefopt.project.project import locked
    from prefopt.rounds.frozen import retrain, use_recipe
    from prefopt.rounds.reading import is_done
    from prefopt.rounds.starting import start_base

    current = rnd if rnd.number else start_base(project, said)
    if not recipe or recipe == current.recipe:
        return current
    if current.parent is None:
        raise ConfigError("the recipe of round 000 is round.sft", hint=f'set sft = "{recipe}" under [round], then prefopt sft')
    if is_done(current, "train"):
        raise ConfigError(
            f"round {current.name} was trained with recipe {current.recipe!r}", hint=f"prefopt round, or {retrain(current, recipe)}"
        )
    with locked(current):
        return use_recipe(current, recipe, "--recipe", said)


@rounds.command("status")
def round_status_(number: RoundArgument = None, as_json: Json = False) -> None:
    """Show the stages of a round, the teachers' progress, and the job of a training service with its log and cost."""
    from prefopt.cli import console
    from prefopt.cli.jobs import print_job
    from prefopt.rounds.frozen import pending
    from prefopt.rounds.managed import job_now
    from prefopt.rounds.states import State, round_status
    from prefopt.rounds.teachers import collected_uncounted, published

    rnd = pick_round(number)
    stages = round_status(rnd)
    waiting = any(s.state is State.WAITING and s.name == "collect" for s in stages)
    if not as_json:
        console.out.print(console.status_table(rnd, stages))
    teaching = published(rnd) if waiting else None
    progress, reading = teaching.progress() if teaching else (None, None)
    pace = teaching.pace(reading) if teaching and reading else None
    uncounted = reading.uncounted if reading else collected_uncounted(rnd)
    job = job_now(rnd)
    if as_json:
        rows = [{"stage": s.name, "state": s.state.value, "detail": s.detail, "seconds": s.seconds} for s in stages]
        teachers = {
            "progress": progress.model_dump() if progress else None,
            "pace": pace.plain() if pace else None,
            "absences": reading.absences.plain() if reading else None,
        }
        changed = [
            {"key": p.change.key, "was": p.change.was, "now": p.change.now, "stage": p.stage, "later": p.later, "again": p.again}
            for p in pending(rnd)
        ]
        shown = [row.model_dump(mode="json") for row in uncounted]
        found = {"stages": rows, "left_out": console.left_out(stages), **teachers, "uncounted": shown, "changed_settings": changed}
        found["job"] = job.plain() if job else None
        console.print_json({"round": rnd.number, **found})
        return
    if progress:
        again = teaching.asked_again(reading) if teaching else 0
        more = f"; {again} want another teacher" if again else ""
        console.out.print(f"teachers: {progress.complete} of {progress.published} slates complete{more}", markup=False)
        console.print_pace(pace)
    console.print_uncounted(uncounted, rnd)
    if job:
        print_job(job)
    console.print_pending(pending(rnd))


@rounds.command("cancel")
def round_cancel(number: RoundArgument = None, as_json: Json = False) -> None:
    """Cancel a round's job at a training service, or give up one that has ended. The round stays open."""
    from prefopt.cli.jobs import print_cancelled

    print_cancelled(pick_round(number), as_json)


@rounds.command("list")
def round_list(as_json: Json = False) -> None:
    """List all rounds: accuracy, Brier score, confidence minus accuracy, smooth ECE, decision, whether fit for use."""
    from prefopt.cli import console
    from prefopt.project.project import open_project

    rows = console.rounds_rows(open_project().rounds())
    if as_json:
        console.print_json({"rounds": rows})
    else:
        console.out.print(console.rounds_table(rows))
        used = [f"in use: the adapter of round {row['round']:03d}" for row in rows if row["in_use"]]
        notes = used + (["* decided by a person: prefopt round show N"] if any(row["overruled"] for row in rows) else [])
        console.out.print("; ".join(notes), markup=False)


@rounds.command("show")
def round_show(
    number: RoundArgument = None,
    graph: Annotated[bool, typer.Option("--graph", help="Only what each stage reads and writes, with content hashes.")] = False,
    as_json: Json = False,
) -> None:
    """Show a round's settings, outputs and decision."""
    from prefopt.cli import console
    from prefopt.rounds.graph import graph_lines, graph_rows

    rnd = pick_round(number)
    if graph and as_json:
        console.print_json({"round": rnd.number, "graph": graph_rows(rnd)})
    elif graph:
        console.out.print("\n".join(graph_lines(rnd)), markup=False)
    elif as_json:
        console.print_json(_round_values(rnd))
    else:
        _print_round(rnd)


def _round_values(rnd: Any) -> dict[str, Any]:
    from prefopt.rounds.artifacts import DECISION
    from prefopt.rounds.promotion import promotions
    from prefopt.rounds.reading import is_done, read
    from prefopt.rounds.states import round_status

    return {
        "round": rnd.number,
        "settings": rnd.config.model_dump(mode="json"),
        "stages": {s.name: s.manifest.model_dump(mode="json") for s in round_status(rnd) if s.manifest},
        "decision": read(rnd, DECISION).model_dump(mode="json") if is_done(rnd, DECISION.stage) else None,
        "events": [event.model_dump(mode="json") for event in promotions(rnd.project).events if event.round == rnd.number],
    }


def _print_round(rnd: Any) -> None:
    from prefopt.cli import console
    from prefopt.report.wording.grounds import compared_sentence, decision_sentences
    from prefopt.rounds.artifacts import DECISION
    from prefopt.rounds.frozen import refuse_edited
    from prefopt.rounds.promotion import promotions
    from prefopt.rounds.reading import is_done, read
    from prefopt.rounds.states import round_status

    refuse_edited(rnd)
    console.out.print((rnd.folder / "round.toml").read_text(encoding="utf-8"), markup=False)
    for status in round_status(rnd):
        if status.manifest and status.outcome:
            console.out.print(f"{status.name}: {status.outcome.line()}", markup=False)
            for name, record in status.manifest.outputs.items():
                console.out.print(f"  {name}  {record.sha256[:12]}  {'' if record.rows is None else record.rows}", markup=False)
    if is_done(rnd, DECISION.stage):
        decision = read(rnd, DECISION)
        sentences = [sentence.en for sentence in decision_sentences(decision)]
        console.out.print("\n".join([f"decision: {decision.outcome} ({decision.rule})", *sentences]), markup=False)
    for event in promotions(rnd.project).events:
        if event.round == rnd.number and event.by == "person":
            console.out.print(f"{event.outcome} by a person on {event.at:%Y-%m-%d}: {event.because}", markup=False)
            if event.ground is not None:
                console.out.print(f"  on comparison {event.ground.comparison}: {compared_sentence(event.ground).en}", markup=False)


@rounds.command("decide")
def round_decide(
    number: Annotated[int, typer.Argument(help="Round to decide on.")],
    because: Annotated[str, typer.Option(help="The reason; it is kept in the record and shown in the report.")],
    promote: Annotated[bool, typer.Option("--promote", help="Use its adapter from now on. For an earlier round: roll back to it.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Do not use it yet.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Do not use it.")] = False,
    as_json: Json = False,
) -> None:
    """Decide on a round yourself, also against the rule. The next round starts from the promoted adapter."""
    from prefopt.cli import console
    from prefopt.errors import ConfigError
    from prefopt.records import Outcome
    from prefopt.rounds.machine import decide_by_hand

    outcomes: dict[Outcome, bool] = {"promoted": promote, "held": hold, "rejected": reject}
    asked = [outcome for outcome, given in outcomes.items() if given]
    if len(asked) != 1:
        raise ConfigError(
            f"{len(asked)} decisions were given, one is needed",
            hint=f'prefopt round decide {number} --promote --because "…" (or --hold, --reject)',
        )
    found, reports = decide_by_hand(pick_round(number), asked[0], because)
    if as_json:
        console.print_json({"round": number, "outcome": asked[0], "in_use": found.promoted, "reports": [str(path) for path in reports]})
        return
    used = "no adapter is in use" if found.promoted is None else f"in use: the adapter of round {found.promoted:03d}"
    console.out.print(f"round {number:03d} {asked[0]} by a person; {used}", markup=False)
    for path in reports:
        console.out.print(f"rewritten: {path}", markup=False)


@rounds.command("branch")
def round_branch(
    number: Annotated[int, typer.Argument(help="Round to branch.")],
    at: Annotated[str, typer.Option(help="First stage to run again; the ones before it are linked.")],
    recipe: RecipeOption = None,
    leave_open: Annotated[
        bool, typer.Option("--leave-open", help="Also where another round is not finished; `prefopt round N` goes on with that.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Start a round from the earlier stages of another one.

    The stages before --at are linked; the others run with the current settings, and with another recipe where one is given.
    """
    from prefopt.cli import console
    from prefopt.project.project import open_project
    from prefopt.rounds.starting import branch, open_rounds

    project = open_project()
    left = open_rounds(project)
    started = branch(project, number, at, recipe, leave_open=leave_open)
    if as_json:
        found = {"round": started.number, "branch_of": number, "branch_at": at, "recipe": started.recipe}
        console.print_json({**found, "left_open": [rnd.number for rnd in left]})
        return
    console.out.print(
        f"round {started.name} started from round {number:03d} at {at}, recipe {started.recipe}; next: prefopt round", markup=False
    )
    for rnd in left:
        console.out.print(f"round {rnd.name} stays open: prefopt round {rnd.number} goes on with it", markup=False)


def pick_round(number: int | None) -> Any:
    """The round of that number, or the last one. Raises ProjectError where none has been started."""
    from prefopt.errors import ProjectError
    from prefopt.project.project import open_project

    project = open_project()
    rounds = project.rounds()
    if not rounds:
        raise ProjectError(f"no round has been started in {project.root}", hint="prefopt sft")
    return rounds[-1] if number is None else project.round(number)


def round_in_use(number: int | None) -> Any:
    """A round, or the one whose adapter is in use."""
    from prefopt.project.project import open_project
    from prefopt.rounds.promotion import promoted_round

    project = open_project()
    return promoted_round(project) if number is None else project.round(number)
