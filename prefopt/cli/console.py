"""Terminal output: progress bars, one line per finished stage, tables, and short errors."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from prefopt.cli.progress_lines import progress_lines
from prefopt.cli.shown_console import ShownConsole
from prefopt.errors import PrefoptError
from prefopt.protocols import OnStep

if TYPE_CHECKING:  # the loop is imported when a command needs it
    from prefopt.project.project import Round
    from prefopt.project.round_toml import ChangedSetting
    from prefopt.rankings.pace import Pace
    from prefopt.records import Uncounted
    from prefopt.rounds.compare import RoundsCompared
    from prefopt.rounds.frozen import Pending
    from prefopt.rounds.machine import StageDone
    from prefopt.rounds.states import StageStatus
    from prefopt.training.tune import TuneResult


out = ShownConsole(highlight=False, soft_wrap=True)
err = ShownConsole(stderr=True, highlight=False, soft_wrap=True)
_printed_json = False


def print_json(value: Any) -> None:
    """Print one JSON object on stdout."""
    global _printed_json
    print(json.dumps(value, ensure_ascii=False, indent=2))
    _printed_json = True


def has_printed_json() -> bool:
    """Whether the command has printed its JSON object already; asking forgets it."""
    global _printed_json
    printed, _printed_json = _printed_json, False
    return printed


def print_error(error: PrefoptError) -> None:
    """Print what failed, the facts, and what to type next."""
    err.print(f"[bold red]✗[/] {escape(error.message)}")
    if error.hint:
        err.print(f"  [bold]→[/] {escape(error.hint)}")


def duration(seconds: float) -> str:
    """3725 -> "1 h 02 m"."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    return f"{whole // 60} m {whole % 60:02d} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02d} m"


def stage_line(done: StageDone) -> str:
    """One line for a finished stage."""
    return f"{done.round.name} {done.stage:<9} {duration(done.seconds):>9}  {done.outcome.line()}"


def print_stage(done: StageDone) -> None:
    """Print the line of a finished stage."""
    out.print(escape(stage_line(done)))
    if done.stage == "collect":
        from prefopt.rounds.teachers import collected_uncounted  # when the loop has run anyway

        print_uncounted(collected_uncounted(done.round), done.round)


def silent(_: object) -> None:
    """Print nothing: with --json."""


def print_change(change: ChangedSetting) -> None:
    """Print a setting that a stage took from prefopt.toml."""
    out.print(str(change), markup=False)


def print_pending(found: list[Pending]) -> None:
    """Print the settings that were changed in prefopt.toml since a round took them, and when they will be used."""
    if found:
        out.print("changed in prefopt.toml since the round took its settings:", markup=False)
    for p in found:
        ways = [f"when {p.stage} runs"] if p.stage else ["from the next round on"] * p.later + [f"by {p.again}"] * bool(p.again)
        used = "used " + ", or ".join(ways) if ways else "not used by any round to come"
        out.print(f"  {p.change.what}: {used}", markup=False)


def print_finished_base(rnd: Round) -> None:
    """Print that round 000 is finished, and what `prefopt sft --again` would change."""
    from prefopt.rounds.artifacts import REPORT
    from prefopt.rounds.frozen import pending

    out.print(f"round 000 is finished: {rnd.stage(REPORT.stage) / REPORT.file}", markup=False)
    changed = [p for p in pending(rnd) if p.again]
    if not changed:
        out.print("next: prefopt round", markup=False)
        return
    out.print("it was made with other settings than those of prefopt.toml:", markup=False)
    for p in changed:
        out.print(f"  {p.change.what}", markup=False)
    out.print("to train round 000 again with these: prefopt sft --again; to keep it: prefopt round", markup=False)


@contextmanager
def stage_bars() -> Iterator[Any]:
    """Progress for `advance`: gives the function that a stage's progress is watched by. Bars on a terminal, lines in a log file."""
    if not err.is_terminal:
        yield lambda rnd, stage: progress_lines(f"{rnd.name} {stage}", lambda text: err.print(text, markup=False, highlight=False))
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
    with Progress(TextColumn("{task.description}"), *columns, console=err, transient=True) as progress:

        def watch(rnd: Round, stage: str) -> OnStep:
            for task in progress.task_ids:
                progress.remove_task(task)
            task = progress.add_task(f"{rnd.name} {stage}", total=None, note="")
            return lambda done, total, note: progress.update(task, completed=done, total=total, note=note)

        yield watch


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """One progress bar: yields the function to call with how many are done, of how many. Nothing is drawn without a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def print_comparison(found: RoundsCompared) -> None:
    """Print two rounds side by side, overall and by group."""
    from prefopt.rounds.confidence_line import gap_in_line, smooth_in_line

    o = found.overall
    out.print(f"round {found.number:03d} against round {found.other:03d}, on the {found.problems} problems that both were judged on")
    rows = [
        ("accuracy", found.accuracy, o.parent_accuracy, o.accuracy),
        ("Brier score", found.brier, o.parent_brier, o.brier),
        ("log loss", o.parent_log_loss + o.log_loss.value, o.parent_log_loss, o.log_loss),
    ]
    for name, ours, theirs, change in rows:
        between = f"[{change.low:+.3f}, {change.high:+.3f}]"
        out.print(f"  {name:<13} {ours:7.3f} {theirs:7.3f}  {change.value:+.3f}  {between}", markup=False)
    for number, side in zip((found.number, found.other), found.confidence, strict=True):
        smooth = smooth_in_line(side.smooth.value, side.smooth.floor_95)
        said = f"confidence - accuracy {gap_in_line(side.gap, side.known)}, smooth ECE {smooth}"
        out.print(f"  round {number:03d}: {said}", markup=False)
    test = o.mcnemar
    out.print(f"  {test.gained} problems gained, {test.lost} lost, exact paired test p = {test.p_value:.3f}")
    for group in found.groups:
        p_value = "" if group.p_value is None else f", p = {group.p_value:.3f} (Holm)"
        change_of = f"{group.other_accuracy:.2f} -> {group.accuracy:.2f}"
        out.print(f"  {group.group}: {change_of}, {group.count} problems: {group.change}{p_value}", markup=False)


def print_uncounted(found: Sequence[Uncounted], rnd: Round) -> None:
    """Print what does not count, in the project's language: to be passed on to the teachers."""
    korean = rnd.config.project.language == "ko"
    if found:
        out.print("세지 않은 것과 확인할 것:" if korean else "does not count, or is to be checked:", markup=False)
    for row in found:
        line = f"{row.path}:{row.line}" if row.line is not None else row.path
        place = ", ".join(part for part in (line, row.column) if part)
        out.print(f"  {place}{': ' if place else ''}{row.ko if korean else row.en}", markup=False)


def print_pace(found: Pace | None) -> None:
    """Print the answers per teacher and the work that is left."""
    if found is None:
        out.print("time left: cannot tell while a file is half filled in", markup=False)
        return
    for t in found.teachers:
        each = "" if t.median_seconds is None else f", {t.median_seconds:.0f} s a slate"
        last = "" if t.last is None else f", last {t.last.astimezone():%Y-%m-%d %H:%M}"
        out.print(f"  {t.name}: {t.answers} answers{each}, {t.left} slates left to them{last}", markup=False)
    if found.missing or found.expected:
        left = (
            "cannot tell: too few answers have a duration"
            if found.seconds_left is None
            else f"about {duration(found.seconds_left)} of work"
        )
        more = f", about {found.expected:.0f} more expected" if found.expected >= 0.5 else ""
        out.print(f"time left: {left} ({found.missing} answers missing{more})", markup=False)


def status_table(rnd: Round, stages: list[StageStatus]) -> Table:
    """The stages of one round."""
    table = Table(title=f"round {rnd.name} ({rnd.recipe})", title_justify="left", box=None, pad_edge=False)
    for column in ("stage", "state", "time", "what"):
        table.add_column(column, overflow="fold")
    colors = {"done": "green", "broken": "red", "waiting": "yellow", "partial": "yellow", "ready": "cyan", "later": "dim"}
    for s in stages:
        what = s.outcome.line() if s.outcome and not s.detail else s.detail
        time = duration(s.seconds) if s.seconds is not None else ""
        table.add_row(s.name, f"[{colors[s.state.value]}]{s.state.value}[/]", time, escape(what))
    return table


def left_out(stages: list[StageStatus]) -> dict[str, int]:
    """Kind of finding -> problems of the pool that the round did not ask about."""
    return next((dict(s.manifest.outcome.get("left_out", {})) for s in stages if s.name == "sample" and s.manifest), {})


def rounds_rows(rounds: list[Round]) -> list[dict[str, Any]]:
    """One row per round, for the table and for --json: round, recipe, parent, accuracy with its interval, Brier, mean confidence minus
    accuracy, smooth ECE, outcome, whether a person set it, whether its adapter is in use, whether the answers are fit for use, whether the
    round is finished."""
    from prefopt.io.stage_folders import read_manifest
    from prefopt.rounds.artifacts import CALIBRATION, REPORT
    from prefopt.rounds.promotion import promotions
    from prefopt.rounds.reading import is_done

    known = promotions(rounds[0].project) if rounds else None
    rows = []
    for r in rounds:
        row: dict[str, Any] = {"round": r.number, "recipe": r.recipe, "parent": r.parent.number if r.parent else None}
        row |= {key: r.start.get(key) for key in ("branch_of", "branch_at")}
        figures = read_manifest(r.stage(CALIBRATION.stage)).outcome if is_done(r, CALIBRATION.stage) else {}
        row |= {key: figures.get(key) for key in ("accuracy", "accuracy_low", "accuracy_high", "brier", "ece_debiased")}
        row |= _confidence_of(r, figures)
        row["fit"] = read_manifest(r.stage(REPORT.stage)).outcome.get("fit", "") if is_done(r, REPORT.stage) else ""
        row["outcome"] = known.outcome(r.number) if known else None
        row["overruled"] = bool(known and known.overruled(r.number))
        row["in_use"] = bool(known and known.promoted == r.number)
        row["finished"] = is_done(r, REPORT.stage)
        rows.append(row)
    return rows


def _confidence_of(rnd: Round, figures: dict[str, Any]) -> dict[str, Any]:
    """The gap and smooth ECE of a round: of its record, or, where an earlier version wrote that, of the calibration itself."""
    from prefopt.rounds.artifacts import CALIBRATION
    from prefopt.rounds.reading import read

    keys = ("confidence_gap", "confidence_gap_known", "smooth_ece", "smooth_ece_chance")
    if not figures or figures.get("confidence_gap") is not None:
        return {key: figures.get(key) for key in keys}
    found = read(rnd, CALIBRATION)
    smooth = found.view("smooth")
    both = (None, None) if smooth is None else (smooth.value, smooth.floor_95)
    return dict(zip(keys, (found.overconfidence.model_dump(), found.overconfidence_known, *both), strict=True))


_FIT = {"fit": "yes", "not_fit": "no", "cannot_tell": "cannot tell", "no_goals": "no goals"}


def _confidence_cells(row: dict[str, Any]) -> tuple[str, str]:
    from prefopt.grounds import Estimate
    from prefopt.rounds.confidence_line import gap_in_line, smooth_in_line

    gap, smooth = row["confidence_gap"], row["smooth_ece"]
    return (
        "" if gap is None else gap_in_line(Estimate.model_validate(gap), row["confidence_gap_known"]),
        "" if smooth is None else smooth_in_line(smooth, row["smooth_ece_chance"]),
    )


def rounds_table(rows: list[dict[str, Any]]) -> Table:
    """The rounds, one a line."""
    table = Table(box=None, pad_edge=False)
    left = ("recipe", "decision", "fit for use")
    for column in ("round", "recipe", "parent", "accuracy", "interval", "Brier", "confidence - accuracy", "smooth ECE", *left[1:]):
        table.add_column(column, justify="left" if column in left else "right", overflow="fold")
    for row in rows:
        known = row["accuracy"] is not None
        gap, smooth = _confidence_cells(row)
        table.add_row(
            f"{row['round']:03d}",
            row["recipe"] + ("" if row["branch_of"] is None else f" (branch of {row['branch_of']:03d} at {row['branch_at']})"),
            "" if row["parent"] is None else f"{row['parent']:03d}",
            f"{row['accuracy']:.3f}" if known else "",
            f"[{row['accuracy_low']:.3f}, {row['accuracy_high']:.3f}]".replace("[", r"\[") if known else "",
            f"{row['brier']:.3f}" if known else "",
            escape(gap),
            escape(smooth),
            f"{row['outcome'] or ''}{'*' if row['overruled'] else ''}" if row["finished"] else "not finished",
            _FIT.get(row["fit"], ""),
        )
    return table


def tuned_table(found: TuneResult) -> Table:
    """Trials, best first."""
    table = Table(title=f"{found.recipe}, {found.rows} rows, {found.measure} (smaller is better)", title_justify="left", box=None)
    names = list(found.trials[0].parameters)
    for heading in ("trial", *names, "value", "checkpoints", "ended"):
        table.add_column(heading, justify="left" if heading == "ended" else "right", overflow="fold")
    order = sorted(range(len(found.trials)), key=lambda i: math.inf if found.trials[i].value is None else float(found.trials[i].value or 0))
    for i in order:
        tried = found.trials[i]
        value = "" if tried.value is None else f"{tried.value:.4f}"
        first = f"{i} (today)" if i == 0 else str(i)
        table.add_row(first, *(f"{tried.parameters[name]:.3g}" for name in names), value, str(tried.checkpoints), tried.ended)
    return table


def print_plan(plan: dict[str, Any]) -> None:
    """A memory plan, part by part."""
    from prefopt.model.adapter_card import where_adapted

    adapter = f"rank {plan['adapter']['rank']} on {where_adapted(plan['adapter']['targets'], plan['adapter']['experts'])}"
    out.print(f"{plan['model']}: {plan['recipe']}, {plan['batch']} x {plan['tokens']} tokens, adapter of {adapter}", markup=False)
    rows = {**plan["bytes"], "all": plan["total_bytes"], plan["machine"]: plan["machine_bytes"]}
    unit, name = (2**30, "GiB") if plan["total_bytes"] >= 2**30 else (2**20, "MiB")
    for part, size in rows.items():
        out.print(f"  {part:<24} {size / unit:9.2f} {name}  {plan['formats'].get(part, '')}".rstrip(), markup=False)
    out.print(f"largest batch that fits: {plan['largest_batch']}", markup=False)
