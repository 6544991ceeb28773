"""A comparison of two rounds' adapters in use: started, judged from the records in serve/, and ended with a promotion or without."""

from __future__ import annotations

from pathlib import Path

from prefopt.deploy.predictor import Predictor
from prefopt.errors import ProjectError
from prefopt.grounds import ComparedInUse, Estimate
from prefopt.inuse.assignment import Arm, Unit
from prefopt.inuse.comparison import Cells, ComparisonStatus, read_status
from prefopt.inuse.records import FOLDER, Adapter, Mode, Started, Stopped, begin, comparisons, end, running
from prefopt.io.stage_folders import now
from prefopt.model.adapter_card import adapter_id
from prefopt.project.project import Project
from prefopt.records import content_id
from prefopt.rounds.machine import decide_by_hand
from prefopt.rounds.promotion import promoted_round, promotions
from prefopt.taxonomy import Taxonomy, read_taxonomy

START_HINT = 'prefopt ab start --a 3 --b 5 --because "…"'


def start_comparison(
    project: Project, a: int, b: int, *, mode: Mode, unit: Unit, share: float, alpha: float, per_client: int, because: str
) -> Started:
    """Start to compare the adapters of two rounds.

    Args:
        project: whose `prefopt serve` answers.
        a: a round; its adapter, or that of b, is the one in use.
        b: the other round.
        mode: "paired": both answer every problem; "split": one of them does.
        unit: what is drawn in a split comparison.
        share: of b in a split comparison; in (0, 1).
        alpha: chance of a decision where neither is better; in (0, 1).
        per_client: audited problems with which a client counts, where clients are drawn.
        because: the reason; it is kept in the record.

    Raises:
        ProjectError: no such rounds, none of them is in use, both have the same adapter, no reason, or another comparison runs.
        CalibrationError: an adapter was judged with another taxonomy.
    """
    _refuse_no_reason(because, START_HINT)
    in_use = promoted_round(project).number
    if in_use not in (a, b):
        raise ProjectError(
            f"neither round {a:03d} nor round {b:03d} is in use: prefopt serve answers with round {in_use:03d}",
            hint=f'compare with it: prefopt ab start --a {in_use} --b {b} --because "…"',
        )
    arms = [Adapter(round=number, adapter=adapter_id(Predictor.of(project.round(number)).adapter)) for number in (a, b)]
    if arms[0].adapter == arms[1].adapter:
        raise ProjectError(f"rounds {a:03d} and {b:03d} have the same adapter", hint="see the rounds: prefopt round list")
    at = now()
    started = Started(
        id=content_id(at.isoformat(), arms[0].adapter, arms[1].adapter),
        at=at,
        a=arms[0],
        b=arms[1],
        mode=mode,
        unit=unit,
        share=share,
        alpha=alpha,
        per_client=per_client,
        because=because.strip(),
    )
    begin(project.root / FOLDER, started)
    return started


def comparison_status(project: Project) -> tuple[ComparisonStatus, Stopped | None]:
    """The comparison that runs, or the last one, with its end. Raises ProjectError where there has been none; DataError."""
    folder = project.root / FOLDER
    found = comparisons(folder)
    if not found:
        raise ProjectError("no adapters have been compared in this project", hint=START_HINT)
    started, stopped = found[-1]
    return read_status(folder, started, _cells_of(project, started), until=stopped.at if stopped else None), stopped


def stop_comparison(project: Project, promote: Arm | None, because: str) -> tuple[ComparisonStatus, Stopped, list[Path]]:
    """End the comparison that runs. Without a decision its result is the confidence sequence of the difference.

    Args:
        project: of the comparison.
        promote: the arm whose adapter is used from now on; None: the pointer stays.
        because: the reason; it is kept in the record, and of a promotion in the report.

    Returns:
        the state at the end, the record, and the reports that were written again.

    Raises:
        ProjectError: none runs, no reason is given, or the comparison does not say that this adapter is better.
        DataError: a record is not what was written.
    """
    _refuse_no_reason(because, 'prefopt ab stop --because "…"')
    folder = project.root / FOLDER
    started = running(folder)
    if started is None:
        raise ProjectError("no comparison runs", hint="see the last one: prefopt ab status")
    found = read_status(folder, started, _cells_of(project, started))
    reports: list[Path] = []
    if promote is not None:
        _refuse_undecided(found, promote)
        arm = started.a if promote == "a" else started.b
        ground = _ground(found, promote)
        if promoted_round(project).number != arm.round or _is_cited(project, arm.round, ground):
            reports = decide_by_hand(project.round(arm.round), "promoted", because, ground)[1]
    stopped = Stopped(id=started.id, at=now(), promote=promote, verdict=found.verdict, because=because.strip())
    end(folder, stopped)
    return found, stopped, reports


def _ground(found: ComparisonStatus, arm: Arm) -> ComparedInUse:
    """What a promotion of an arm's adapter rests on. The comparison is decided for it."""
    started, difference = found.started, found.difference
    if difference is None:
        raise ValueError(f"comparison {started.id} is decided, and has no difference")
    if arm == "a":
        difference = Estimate(value=-difference.value, low=-difference.high, high=-difference.low)
    return ComparedInUse(
        comparison=started.id,
        other=(started.b if arm == "a" else started.a).round,
        mode=started.mode,
        problems=found.problems,
        decisions=found.decisions,
        difference=difference,
        confidence_level=1 - started.alpha,
        e=found.e,
        needed=found.needed,
    )


def _is_cited(project: Project, number: int, ground: ComparedInUse) -> bool:
    """Whether the promotion was recorded, and a crash came before the reports were rewritten and the comparison ended."""
    last = promotions(project).overruled(number)
    return last is not None and last.ground is not None and last.ground.comparison == ground.comparison


def _refuse_undecided(found: ComparisonStatus, promote: Arm) -> None:
    arm = found.started.a if promote == "a" else found.started.b
    worse = [" × ".join(cell.groups) for cell in found.cells if cell.change == ("worse" if promote == "b" else "better")]
    if found.verdict == "wrong_arms":
        why = "the arms are not what was drawn, so their answers cannot be compared"
    elif found.verdict != promote:
        why = "it is not decided" if found.verdict == "cannot_tell" else "the other adapter is better"
    elif worse:
        why = f"it is better as a whole and worse in {', '.join(worse)}"
    else:
        return
    by_hand = f'prefopt round decide {arm.round} --promote --because "…"'
    raise ProjectError(
        f"the comparison does not promote round {arm.round:03d}: {why}",
        hint=f'to stop without a promotion: prefopt ab stop --because "…"; to decide yourself after that: {by_hand}',
    )


def _refuse_no_reason(because: str, command: str) -> None:
    if not because.strip():
        raise ProjectError("a reason is needed: it is kept in the record", hint=command)


def _cells_of(project: Project, started: Started) -> Cells:
    rnd = project.round(started.a.round)
    taxonomy: Taxonomy = read_taxonomy(rnd.data_file("taxonomy"), rnd.config.read.options())
    return {label.id: label.groups[:2] for label in taxonomy if label.groups}
