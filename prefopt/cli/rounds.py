"""prefopt round: next | status | list | show | decide | branch. Arguments and output only; the loop is imported when a command runs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from prefopt.plugins import Json

WAITING = 3  # exit code: people are needed

rounds = typer.Typer(help="Go on with the round; start the next one where the last is finished.", invoke_without_command=True)

Recipe = Annotated[str | None, typer.Option(help="Recipe of a round that is started now: a name or a path to a .py file.")]
CollectNow = Annotated[bool, typer.Option("--collect-now", help="Take the rankings that are there, though not all slates are complete.")]


@rounds.callback(invoke_without_command=True)
def round_default(context: typer.Context, recipe: Recipe = None, collect_now: CollectNow = False, as_json: Json = False) -> None:
    """Go on until people are needed (exit code 3) or the round is finished; start the next round where the last is finished."""
    if context.invoked_subcommand is None:
        round_next(recipe, collect_now, as_json)


@rounds.command("next")
def round_next(recipe: Recipe = None, collect_now: CollectNow = False, as_json: Json = False) -> None:
    """The same as `prefopt round`."""
    from prefopt.errors import ConfigError
    from prefopt.project.project import open_project
    from prefopt.rounds.machine import is_finished, start_next

    overrides = {"round.recipes": ([recipe], "--recipe")} if recipe else {}
    project = open_project(overrides=overrides)
    rounds = project.rounds()
    if rounds and not is_finished(rounds[-1]):
        if recipe and recipe != rounds[-1].recipe:
            raise ConfigError(
                f"round {rounds[-1].name} was started with recipe {rounds[-1].recipe!r}; its settings are frozen",
                hint=f"prefopt round, or prefopt round branch {rounds[-1].number} --at train --recipe {recipe}",
            )
        advance_shown(rounds[-1], as_json, collect_now)
    else:
        advance_shown(start_next(project), as_json, collect_now)


@rounds.command("status")
def round_status_(number: Annotated[int | None, typer.Argument(help="Default: the last.")] = None, as_json: Json = False) -> None:
    """State of each stage of a round, and how far the teachers are."""
    from prefopt.cli import console
    from prefopt.project.project import changed_settings
    from prefopt.rounds.machine import State, round_status

    rnd = pick_round(number)
    stages = round_status(rnd)
    progress, pace = (None, None)
    if any(s.name == "collect" and s.state is State.WAITING for s in stages):
        from prefopt.rankings.pace import round_pace

        progress, pace = round_pace(rnd)
    if as_json:
        rows = [{"stage": s.name, "state": s.state.value, "detail": s.detail, "seconds": s.seconds} for s in stages]
        told = {"progress": progress.model_dump() if progress else None, "pace": pace.plain() if pace else None}
        console.print_json({"round": rnd.number, "stages": rows, **told})
        return
    console.out.print(console.status_table(rnd, stages))
    if progress:
        console.out.print(f"teachers: {progress.complete} of {progress.published} slates complete", markup=False)
        console.print_pace(pace)
    if changed := changed_settings(rnd):
        console.out.print(
            f"changed in prefopt.toml since the round started (used from the next round on): {', '.join(changed)}", markup=False
        )


@rounds.command("list")
def round_list(as_json: Json = False) -> None:
    """All rounds: accuracy, Brier score, debiased ECE, decision."""
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
def round_show(number: Annotated[int | None, typer.Argument(help="Default: the last.")] = None, as_json: Json = False) -> None:
    """Settings of a round with their origins, what its stages read and wrote, and the decision."""
    from prefopt.cli import console
    from prefopt.project.promotion import promotions
    from prefopt.report.wording.grounds import decision_sentences
    from prefopt.rounds.machine import round_status

    rnd = pick_round(number)
    manifests = {s.name: s.manifest.model_dump(mode="json") for s in round_status(rnd) if s.manifest}
    decision = rnd.decision
    moves = [move for move in promotions(rnd.project).moves if move.round == rnd.number]
    if as_json:
        settings = rnd.config.model_dump(mode="json")
        outcome = decision.model_dump(mode="json") if decision else None
        said = [move.model_dump(mode="json") for move in moves]
        console.print_json({"round": rnd.number, "settings": settings, "stages": manifests, "decision": outcome, "moves": said})
        return
    console.out.print((rnd.folder / "round.toml").read_text(encoding="utf-8"), markup=False)
    for name, manifest in manifests.items():
        console.out.print(f"{name}: {console.describe(name, manifest['facts'])}", markup=False)
        for key, known in manifest["outputs"].items():
            console.out.print(f"  {key}  {known['sha256'][:12]}  {known['rows'] if known['rows'] is not None else ''}", markup=False)
    if decision:
        sentences = [sentence.en for sentence in decision_sentences(decision)]
        console.out.print("\n".join([f"decision: {decision.outcome} ({decision.rule})", *sentences]), markup=False)
    for move in moves:
        if move.by == "person":
            console.out.print(f"{move.outcome} by a person on {move.at:%Y-%m-%d}: {move.because}", markup=False)


@rounds.command("decide")
def round_decide(
    number: Annotated[int, typer.Argument(help="Round to decide on.")],
    because: Annotated[str, typer.Option(help="Why; kept in the record and shown in the report.")],
    promote: Annotated[bool, typer.Option("--promote", help="Use its adapter from now on; for an earlier round this rolls back.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Do not use it yet.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Do not use it.")] = False,
    as_json: Json = False,
) -> None:
    """Decide on a round yourself, also against the rule. The next round starts from what is promoted."""
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
        console.out.print(f"written anew: {path}", markup=False)


@rounds.command("branch")
def round_branch(
    number: Annotated[int, typer.Argument(help="Round to branch.")],
    at: Annotated[str, typer.Option(help="First stage that is done anew; the ones before it are linked.")],
    recipe: Recipe = None,
) -> None:
    """A new round that shares the earlier stages of another one: for another recipe, or other settings from there on."""
    from prefopt.cli import console
    from prefopt.project.project import open_project
    from prefopt.rounds.machine import branch

    fresh = branch(open_project(), number, at, recipe)
    console.out.print(
        f"round {fresh.name} started from round {number:03d} at {at}, recipe {fresh.recipe}; next: prefopt round", markup=False
    )


def pick_round(number: int | None) -> Any:
    """The round of that number, or the last one. Raises ProjectError where none has been started."""
    from prefopt.errors import ProjectError
    from prefopt.project.project import open_project

    project = open_project()
    rounds = project.rounds()
    if not rounds:
        raise ProjectError(f"no round has been started in {project.root}", hint="prefopt sft")
    return rounds[-1] if number is None else project.round(number)


def advance_shown(rnd: Any, as_json: bool, collect_now: bool) -> None:
    """Run what is left of a round and say what was done; ends the program with WAITING where people are needed."""
    from prefopt.cli import console
    from prefopt.rounds.machine import advance, round_status

    with console.stage_bars() as watch:
        outcome = advance(rnd, watch=watch, on_done=(lambda _: None) if as_json else console.print_stage, collect_now=collect_now)
    if as_json:
        (row,) = console.rounds_rows([rnd])
        states = {s.name: s.state.value for s in round_status(rnd)}
        console.print_json({**row, "stages": states, "waiting": outcome.waiting, "report": str(rnd.stage("report") / "report.html")})
    elif outcome.waiting is not None:
        url = next((s.manifest.facts["url"] for s in round_status(rnd) if s.name == "publish" and s.manifest), "")
        console.out.print(f"waiting for the teachers: {outcome.waiting}\n  {url}\n  then type `prefopt round` again", markup=False)
    if outcome.waiting is not None:
        raise typer.Exit(WAITING)
