"""The state of a comparison between two adapters in use: a function of its records, however often it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from pydantic import Field

from prefopt.calibration.intervals import holm
from prefopt.grounds import Estimate
from prefopt.inuse.assignment import Arm
from prefopt.inuse.clustered import RandomizedDifference
from prefopt.inuse.eprocess import SampleRatio
from prefopt.inuse.evidence import Audited, Evidence, Outcome, paired_evidence, pairs, split_evidence
from prefopt.inuse.paired import DIFFER_PART, Paired, difference_bounds
from prefopt.inuse.records import S, SecondAnswer, Served, Started, Word, read_days
from prefopt.records import Record

RATIO_ALPHA = 0.001
"""Chance that the test of the arms' counts stops a comparison whose draw is right."""
R = TypeVar("R", Outcome, Audited)
Cells = Mapping[str, tuple[str, ...]]
"""Label -> the groups above it that are a cell."""


class CellStatus(Record):
    """One cell of the taxonomy, by the right label."""

    groups: tuple[str, ...]
    problems: int
    """In a split comparison, pairs of problems."""
    wins: int
    losses: int
    p_value: float
    """1 / the largest e so far, after Holm over the cells."""
    difference: Estimate
    change: Literal["better", "worse", "cannot_tell"]
    """Of b against a."""


class RatioStatus(Record):
    """Whether the arms are those that were drawn."""

    units: dict[Arm, int]
    share: float
    """Of b, as drawn."""
    e: float
    alarm: bool
    clients: tuple[str, ...] = ()
    """Clients of which one arm comes too rarely, after Holm over the clients."""
    wrong_arm: int = 0
    """Answers of another arm than the draw gives."""


class ComparisonStatus(Record):
    """What a comparison says so far."""

    started: Started
    problems: int
    """Paired: problems that count. Split: audited answers that count."""
    decisions: int
    """Teachers' decisions that count."""
    wins: int
    """For b: problems, or pairs of problems, on which b is right and a is not."""
    losses: int
    waiting: int
    """Problems that a teacher should decide on: the two answers differ."""
    clients: int | None = None
    """Clients that count, where clients are drawn."""
    e: float
    """Evidence that one is better."""
    needed: float
    """What e decides at: 1 / alpha, and a ninth more where a part of alpha is kept for the interval."""
    difference: Estimate | None
    """How much more often b is right than a, with a confidence sequence at 1 - alpha: it holds whenever one looks. None: no data."""
    decided_after: int | None = None
    """Decisions, pairs or clients after which it was decided."""
    ratio: RatioStatus | None = None
    """Of a split comparison."""
    cells: tuple[CellStatus, ...] = ()
    verdict: Literal["a", "b", "cannot_tell", "wrong_arms"]
    """The better adapter; or that nothing can be said, because it is not decided or because the arms are not what was drawn."""
    left_out: dict[str, int] = Field(default_factory=dict)
    """Reason (evidence.LEFT_OUT) -> answers or words that do not count."""

    @property
    def worse_cells(self) -> tuple[CellStatus, ...]:
        """Cells in which b is worse than a."""
        return tuple(cell for cell in self.cells if cell.change == "worse")


def read_status(folder: Path, started: Started, cells: Cells, until: datetime | None = None) -> ComparisonStatus:
    """The state of a comparison from the files in serve/.

    Args:
        folder: serve/ of the project.
        started: of the comparison.
        cells: as in status().
        until: when it ended; None: it runs.

    Raises:
        DataError: with file and line: a record is not what was written.
    """

    def rows(record: type[S]) -> list[S]:
        return [row for row in read_days(folder, record, started.at) if until is None or row.at <= until]

    return status(started, rows(Served), rows(Word), rows(SecondAnswer), cells)


def status(
    started: Started, served: Iterable[Served], words: Iterable[Word], seconds: Iterable[SecondAnswer] = (), cells: Cells | None = None
) -> ComparisonStatus:
    """The state of a comparison from its records; their order does not matter.

    Args:
        started: of the comparison.
        served: answers since then.
        words: of teachers.
        seconds: in a paired comparison, what the other adapter answered.
        cells: of every label; None: no cells.
    """
    if started.mode == "paired":
        return _of_outcomes(started, paired_evidence(started, served, seconds, words), None, cells or {})
    found = split_evidence(started, served, words)
    ratio = _ratio(started, found)
    return _of_clients(started, found, ratio) if started.unit == "client" else _of_outcomes(started, found, ratio, cells or {})


def _of_outcomes(started: Started, found: Evidence, ratio: RatioStatus | None, cells: Cells) -> ComparisonStatus:
    paired = started.mode == "paired"
    outcomes = found.outcomes if paired else pairs(found.audited)
    test = _test(outcomes, started.alpha)
    return ComparisonStatus(
        started=started,
        problems=len(outcomes) if paired else len(found.audited),
        decisions=sum(outcome.verdict != "same" for outcome in outcomes) if paired else len(found.audited),
        wins=test.wins,
        losses=test.losses,
        waiting=len(found.waiting),
        e=test.e,
        needed=1 / test.alpha,
        difference=_difference(outcomes, started, len(found.waiting)) if outcomes else None,
        decided_after=test.alarmed_at,
        ratio=ratio,
        cells=_cells(started, found, cells),
        verdict="wrong_arms" if _is_wrong(ratio) else test.better or "cannot_tell",
        left_out=_left_out(found),
    )


def _of_clients(started: Started, found: Evidence, ratio: RatioStatus) -> ComparisonStatus:
    test = RandomizedDifference(started.share, started.alpha)
    judged: dict[str, list[bool]] = {}
    for one in found.audited:
        of_client = judged.setdefault(one.client, [])
        if len(of_client) < started.per_client:
            of_client.append(one.right)
            if len(of_client) == started.per_client:
                test.add(one.arm == "b", sum(of_client) / started.per_client)
    low, high = test.bounds()
    difference = test.difference
    better: Arm | None = None if not test.alarm or difference is None or difference == 0 else "b" if difference > 0 else "a"
    return ComparisonStatus(
        started=started,
        problems=len(found.audited),
        decisions=len(found.audited),
        wins=0,
        losses=0,
        waiting=0,
        clients=test.count,
        e=test.e,
        needed=1 / test.alpha,
        difference=None if difference is None else Estimate(value=difference, low=min(low, difference), high=max(high, difference)),
        decided_after=test.alarmed_at,
        ratio=ratio,
        verdict="wrong_arms" if _is_wrong(ratio) else better or "cannot_tell",
        left_out=_left_out(found),
    )


def _test(outcomes: Iterable[Outcome], alpha: float) -> Paired:
    test = Paired((1 - DIFFER_PART) * alpha)
    for outcome in outcomes:
        if outcome.verdict in ("a", "b"):
            test.add(outcome.verdict == "b")
    return test


def _difference(outcomes: Sequence[Outcome], started: Started, waiting: int = 0) -> Estimate:
    counts = Counter(outcome.verdict for outcome in outcomes)
    wins, losses, same, neither = counts["b"], counts["a"], counts["same"], counts["neither"]
    judged = wins + losses + neither
    possible = neither if started.mode == "paired" else None
    low, high = difference_bounds(wins, losses, same=same, neither=possible, waiting=waiting, alpha=started.alpha)
    value = (wins - losses) / judged * (judged + waiting) / (judged + waiting + same) if judged else 0.0
    return Estimate(value=value, low=low, high=high)


def _cells(started: Started, found: Evidence, cells: Cells) -> tuple[CellStatus, ...]:
    """The cells that have problems, by the right label. Pairs of a split comparison are made within each cell."""
    if started.mode == "paired":
        parts = _by_cell(found.outcomes, cells)
    else:
        parts = {cell: made for cell, audited in _by_cell(found.audited, cells).items() if (made := pairs(audited))}
    tests = {cell: _test(part, started.alpha) for cell, part in parts.items()}
    adjusted = holm(np.array([test.p_value for test in tests.values()])).tolist()
    rows = (_cell(started, cell, parts[cell], test, p_value) for (cell, test), p_value in zip(tests.items(), adjusted, strict=True))
    return tuple(sorted(rows, key=lambda row: row.groups))


def _by_cell(rows: Iterable[R], cells: Cells) -> dict[tuple[str, ...], list[R]]:
    found: dict[tuple[str, ...], list[R]] = {}
    for row in rows:
        if row.label is not None and (cell := cells.get(row.label)) is not None:
            found.setdefault(cell, []).append(row)
    return found


def _cell(started: Started, groups: tuple[str, ...], outcomes: list[Outcome], test: Paired, p_value: float) -> CellStatus:
    change: Literal["better", "worse", "cannot_tell"] = "cannot_tell"
    if p_value <= started.alpha and test.wins != test.losses:
        change = "better" if test.wins > test.losses else "worse"
    return CellStatus(
        groups=groups,
        problems=len(outcomes),
        wins=test.wins,
        losses=test.losses,
        p_value=p_value,
        difference=_difference(outcomes, started),
        change=change,
    )


def _ratio(started: Started, found: Evidence) -> RatioStatus:
    shares = {"a": 1 - started.share, "b": started.share}
    test, by_client = SampleRatio(shares, RATIO_ALPHA), dict[str, SampleRatio]()
    for _, client, arm in found.units:
        test.add(arm)
        if started.unit == "problem" and client:
            by_client.setdefault(client, SampleRatio(shares, RATIO_ALPHA)).add(arm)
    adjusted = holm(np.array([one.p_value for one in by_client.values()])).tolist()
    odd = [client for client, p_value in zip(by_client, adjusted, strict=True) if p_value <= RATIO_ALPHA]
    return RatioStatus(
        units={"a": test.counts["a"], "b": test.counts["b"]},
        share=started.share,
        e=test.e,
        alarm=test.alarm,
        clients=tuple(sorted(odd)),
        wrong_arm=found.left_out["wrong arm"],
    )


def _is_wrong(ratio: RatioStatus | None) -> bool:
    return ratio is not None and (ratio.alarm or bool(ratio.clients) or ratio.wrong_arm > 0)


def _left_out(found: Evidence) -> dict[str, int]:
    return {why: count for why, count in sorted(found.left_out.items()) if count}
