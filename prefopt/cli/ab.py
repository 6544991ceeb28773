"""prefopt ab plan | start | status | stop. Arguments and output only; each command imports what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from prefopt.plugins import Json, finite

if TYPE_CHECKING:
    from prefopt.inuse.comparison import ComparisonStatus
    from prefopt.inuse.plan import Need
    from prefopt.inuse.records import Stopped

ab = typer.Typer(help="Compare two adapters in use.", no_args_is_help=True)


Mode = Literal["paired", "split"]
Unit = Literal["problem", "client"]
Arm = Literal["a", "b"]
AlphaOption = Annotated[float, typer.Option(callback=finite, help="Chance of a decision where neither is better, however often one looks.")]
PerClient = Annotated[int, typer.Option(min=1, help="Audited problems with which a client counts, where clients are drawn.")]
Because = Annotated[str, typer.Option(help="The reason; it is kept in the record.")]


@ab.command("plan")
def ab_plan(
    gain: Annotated[float, typer.Option(callback=finite, help="How much more often b is right than a, as a share of all problems.")] = 0.05,
    differ: Annotated[float, typer.Option(callback=finite, help="Share of problems on which just one of the two is right.")] = 0.14,
    accuracy: Annotated[float, typer.Option(callback=finite, help="Accuracy of a, for a split comparison.")] = 0.85,
    alpha: AlphaOption = 0.05,
    icc: Annotated[float, typer.Option(callback=finite, help="Correlation of right answers within a client.")] = 0.05,
    per_client: PerClient = 20,
    as_json: Json = False,
) -> None:
    """Print how many problems and teachers' decisions a comparison takes, by simulation."""
    from dataclasses import asdict

    from prefopt.cli import console
    from prefopt.errors import ConfigError
    from prefopt.inuse.plan import clients_need, paired_need, split_need

    try:
        if not 0 < alpha < 1:
            raise ValueError(f"alpha is in (0, 1), not {alpha}")
        needs = [
            paired_need(gain, differ, alpha),
            split_need(gain, accuracy, alpha),
            clients_need(gain, accuracy, icc, per_client, alpha),
        ]
    except ValueError as error:
        raise ConfigError(str(error), hint="prefopt ab plan --gain 0.05 --differ 0.14") from None
    if as_json:
        console.print_json({"gain": gain, "differ": differ, "alpha": alpha, "needs": [asdict(need) for need in needs]})
        return
    console.out.print(f"b is right {100 * gain:g} points more often; until it is decided, median (four of five within):", markup=False)
    console.out.print("\n".join(_need_line(need) for need in needs), markup=False)


@ab.command("start")
def ab_start(
    a: Annotated[int, typer.Option("--a", help="Round of one adapter; one of the two is in use.")],
    b: Annotated[int, typer.Option("--b", help="Round of the other adapter.")],
    because: Because,
    mode: Annotated[
        Mode, typer.Option(help="paired: both answer every problem, teachers decide where they differ. split: one of them answers.")
    ] = "paired",
    unit: Annotated[Unit, typer.Option(help="What is drawn in a split comparison.")] = "problem",
    share: Annotated[float | None, typer.Option(callback=finite, help="Of b in a split comparison.", show_default="0.5")] = None,
    alpha: AlphaOption = 0.05,
    per_client: PerClient = 20,
    as_json: Json = False,
) -> None:
    """Start to compare the adapters of two rounds on what `prefopt serve` is asked."""
    from prefopt.cli import console
    from prefopt.deploy.comparing import start_comparison
    from prefopt.errors import ConfigError
    from prefopt.project.project import open_project

    if mode == "paired" and (share is not None or unit == "client"):
        raise ConfigError(
            "--share and --unit are for a split comparison: in a paired one both adapters answer",
            hint=f'prefopt ab start --a {a} --b {b} --mode split --because "…"',
        )
    for option, value in (("--share", share), ("--alpha", alpha)):
        if value is not None and not 0 < value < 1:
            raise ConfigError(f"{option} is in (0, 1), not {value:g}", hint=f'prefopt ab start --a {a} --b {b} --because "…"')
    made = start_comparison(
        open_project(),
        a,
        b,
        mode=mode,
        unit=unit,
        share=0.5 if share is None else share,
        alpha=alpha,
        per_client=per_client,
        because=because,
    )
    if as_json:
        console.print_json(made.model_dump(mode="json"))
        return
    console.out.print(f"comparing round {a:03d} (a) and round {b:03d} (b), {mode}; next: prefopt ab status", markup=False)


@ab.command("status")
def ab_status(as_json: Json = False) -> None:
    """Show what the comparison says so far. Looking as often as one likes changes nothing about its chance of error."""
    from prefopt.cli import console
    from prefopt.deploy.comparing import comparison_status
    from prefopt.project.project import open_project

    found, stopped = comparison_status(open_project())
    if as_json:
        console.print_json(_plain(found, stopped))
        return
    console.out.print("\n".join(_lines(found, stopped)), markup=False)


@ab.command("stop")
def ab_stop(
    because: Because,
    promote: Annotated[Arm | None, typer.Option(help="Use this adapter from now on, if the comparison says that it is better.")] = None,
    as_json: Json = False,
) -> None:
    """End the comparison, with a promotion or without. Without a decision the result is how large the difference can be."""
    from prefopt.cli import console
    from prefopt.deploy.comparing import stop_comparison
    from prefopt.project.project import open_project

    found, stopped, reports = stop_comparison(open_project(), promote, because)
    if as_json:
        console.print_json({**_plain(found, stopped), "reports": [str(path) for path in reports]})
        return
    console.out.print("\n".join([*_lines(found, stopped), *(f"rewritten: {path}" for path in reports)]), markup=False)


def _need_line(need: Need) -> str:
    def middle(value: int | None, within: int | None) -> str:
        shown = [f"{one:,}" if one is not None else "too many to simulate" for one in (value, within)]
        return f"{shown[0]} ({shown[1]})"

    of_clients = f", {middle(need.clients, need.clients_80)} clients" if need.mode == "split by client" else ""
    what = "problems" if need.mode == "paired" else "audited problems"
    decisions = middle(need.decisions, need.decisions_80)
    return f"  {need.mode}: {middle(need.problems, need.problems_80)} {what}, {decisions} decisions of teachers{of_clients}"


def _plain(found: ComparisonStatus, stopped: Stopped | None) -> dict[str, Any]:
    return {**found.model_dump(mode="json"), "stopped": None if stopped is None else stopped.model_dump(mode="json")}


def _lines(found: ComparisonStatus, stopped: Stopped | None) -> list[str]:
    from prefopt.inuse.evidence import LEFT_OUT

    started = found.started
    lines = [
        f"a: round {started.a.round:03d}, b: round {started.b.round:03d}; {started.mode}"
        + (f", by {started.unit}" if started.mode == "split" else "")
        + f", since {started.at:%Y-%m-%d %H:%M}",
        f"{found.problems:,} problems count, {found.decisions:,} decisions of teachers"
        + (f", {found.waiting:,} differ and wait for one" if started.mode == "paired" else ""),
    ]
    if found.clients is not None:
        lines.append(f"{found.clients} clients have the {started.per_client} audited problems with which they count")
    if found.difference is not None:
        lines.append(f"b is right {_points(found.difference)} more often than a; evidence {found.e:.3g}, decided at {found.needed:.3g}")
    lines += _ratio_lines(found)
    for cell in found.cells:
        if cell.change != "cannot_tell":
            lines.append(f"{' × '.join(cell.groups)}: b is {cell.change} ({_points(cell.difference)}, {cell.problems} problems)")
    lines += [f"left out: {count:,} {LEFT_OUT[why]}" for why, count in found.left_out.items()]
    return [*lines, _verdict(found), *([f"stopped on {stopped.at:%Y-%m-%d %H:%M}: {stopped.because}"] if stopped else [])]


def _points(difference: Any) -> str:
    return f"{100 * difference.value:+.1f} points [{100 * difference.low:.1f}, {100 * difference.high:.1f}]"


def _ratio_lines(found: ComparisonStatus) -> list[str]:
    ratio = found.ratio
    if ratio is None:
        return []
    odd = f"; one arm comes too rarely from {', '.join(ratio.clients)}" if ratio.clients else ""
    return [f"arms: {ratio.units['a']:,} a, {ratio.units['b']:,} b, drawn with {100 * ratio.share:g} % b{odd}"]


def _verdict(found: ComparisonStatus) -> str:
    if found.verdict == "wrong_arms":
        return "the arms are not what was drawn: this comparison says nothing"
    if found.verdict == "cannot_tell":
        return "cannot tell which is better"
    rnd = found.started.a if found.verdict == "a" else found.started.b
    worse = " (it is worse in a cell, so it is held)" if found.verdict == "b" and found.worse_cells else ""
    return f"{found.verdict} is better: round {rnd.round:03d}{worse}"
