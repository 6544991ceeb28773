"""Positions of the marks of a chart, in the user units of an SVG of width 420. The template draws them; texts come from wording/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10, sqrt
from typing import Literal

from prefopt.calibration.result import Calibration
from prefopt.grounds import Estimate
from prefopt.report.contents import HistoryRow
from prefopt.report.numbers import decimal, percent
from prefopt.report.wording.counted import reliability_note
from prefopt.report.wording.say import Say, both

WIDTH = 420
LEFT, RIGHT, TOP = 48, 408, 12

MarkKind = Literal["plain", "over", "under", "promoted", "held", "rejected"]


_KINDS: dict[str, MarkKind] = {"over_confident": "over", "under_confident": "under"}


@dataclass(frozen=True)
class Mark:
    """A point with its interval bar (top < bottom in SVG units)."""

    x: float
    y: float
    top: float
    bottom: float
    radius: float
    kind: MarkKind
    note: Say


@dataclass(frozen=True)
class Tick:
    """A label of an axis, at its position."""

    at: float
    text: str


@dataclass(frozen=True)
class Chart:
    """One chart: plot area from (left, top) to (right, bottom)."""

    height: int
    bottom: float
    xs: tuple[Tick, ...]
    ys: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    line: str = ""
    """Points of a polyline, "x,y x,y …"."""
    bars: tuple[tuple[float, float, float, float], ...] = ()
    """x, y, width, height of the bars under the plot."""
    level: float | None = None
    """y of a horizontal reference line."""
    spot: tuple[float, float] | None = None
    """The one point that is marked on the line."""
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP


def reliability_chart(calibration: Calibration) -> Chart:
    """Accuracy over confidence, one mark a bin, with the number of problems as bars below the plot."""
    bottom, strip = 372.0, 46.0
    most = max(b.count for b in calibration.reliability)

    def y_of(share: float) -> float:
        return bottom - share * (bottom - TOP)

    marks, bars = [], []
    for b in calibration.reliability:
        marks.append(
            Mark(
                x=_r(_x_share(b.confidence)),
                y=_r(y_of(b.accuracy.value)),
                top=_r(y_of(b.accuracy.high)),
                bottom=_r(y_of(b.accuracy.low)),
                radius=_r(3 + 5 * sqrt(b.count / most)),
                kind=_KINDS.get(b.flag, "plain"),
                note=reliability_note(percent(b.confidence), percent(b.accuracy.value), b.count),
            )
        )
        size = strip * b.count / most
        left, right = _x_share(b.low), _x_share(b.high)
        bars.append((_r(left + 1), _r(bottom + 78 - size), _r(right - left - 2), _r(size)))
    quarters = (0, 0.2, 0.4, 0.6, 0.8, 1)
    return Chart(
        height=456,
        bottom=bottom,
        xs=tuple(Tick(_r(_x_share(q)), f"{100 * q:.0f}") for q in quarters),
        ys=tuple(Tick(_r(y_of(q)), f"{100 * q:.0f}") for q in quarters),
        marks=tuple(marks),
        bars=tuple(bars),
    )


def trend_chart(history: Sequence[HistoryRow], figure: Literal["accuracy", "brier"], goal: float = 0.0, *, in_use: bool = False) -> Chart:
    """One figure over the rounds, with intervals.

    Args:
        history: the rounds.
        figure: of the adapters.
        goal: level of a dashed line; 0 for none.
        in_use: of the answers in use, which are the mixture's where it is used, in place of the adapters'.
    """
    bottom = 210.0
    values: list[Estimate] = [getattr(row.calibration.in_use if in_use else row.calibration, figure) for row in history]
    scale = 100 if figure == "accuracy" else 1
    ends = [*(v.low for v in values), *(v.high for v in values), *([goal] if goal else [])]
    low, high, step = _nice(scale * min(ends), scale * max(ends))
    digits = max(0, -floor(log10(step))) if step < 1 else 0

    def y_of(value: float) -> float:
        return bottom - (scale * value - low) / (high - low) * (bottom - TOP)

    gap = (RIGHT - LEFT) / len(history)
    every = ceil(len(history) / 10)
    marks, xs = [], []
    for i, (row, value) in enumerate(zip(history, values, strict=True)):
        x = LEFT + gap * (i + 0.5)
        text = f"{percent(value.value)}" if figure == "accuracy" else decimal(value.value)
        note = f"{row.round:03d} · {text}"
        marks.append(Mark(_r(x), _r(y_of(value.value)), _r(y_of(value.high)), _r(y_of(value.low)), 6, row.outcome, both(note)))
        if (len(history) - 1 - i) % every == 0:
            xs.append(Tick(_r(x), f"{row.round:03d}"))
    count = round((high - low) / step)
    return Chart(
        height=246,
        bottom=bottom,
        xs=tuple(xs),
        ys=tuple(Tick(_r(y_of((low + i * step) / scale)), f"{low + i * step:.{digits}f}") for i in range(count + 1)),
        marks=tuple(marks),
        line=" ".join(f"{m.x},{m.y}" for m in marks),
        level=_r(y_of(goal)) if goal else None,
    )


def accept_chart(calibration: Calibration) -> Chart:
    """Error among the accepted over the accepted share, with the agreed rate and the share that may be accepted."""
    bottom = 250.0
    acceptance, curve = calibration.in_use.acceptance, calibration.in_use.risk_coverage
    worst = max([acceptance.agreed_error, *(p.risk for p in curve)])
    _, high, step = _nice(0.0, 100 * worst)

    def y_of(share: float) -> float:
        return bottom - 100 * share / high * (bottom - TOP)

    spot = None
    if acceptance.threshold is not None:
        spot = (_r(_x_share(acceptance.share)), _r(y_of(acceptance.errors / acceptance.count)))
    quarters = (0, 0.2, 0.4, 0.6, 0.8, 1)
    digits = 0 if step >= 1 else 1
    return Chart(
        height=298,
        bottom=bottom,
        xs=tuple(Tick(_r(_x_share(q)), f"{100 * q:.0f}") for q in quarters),
        ys=tuple(Tick(_r(y_of(i * step / 100)), f"{i * step:.{digits}f}") for i in range(round(high / step) + 1)),
        marks=(),
        line=" ".join(f"{_r(_x_share(p.accepted_share))},{_r(y_of(p.risk))}" for p in curve),
        level=_r(y_of(acceptance.agreed_error)),
        spot=spot,
    )


def dots(accuracy: Estimate) -> tuple[tuple[float, float, str], ...]:
    """A hundred dots, x, y and class: surely right (below the interval), perhaps (inside it), wrong (above it)."""
    low, high = floor(100 * accuracy.low + 0.5), floor(100 * accuracy.high + 0.5)
    kinds = ["yes" if i < low else "maybe" if i < high else "no" for i in range(100)]
    return tuple((6.0 + 11 * (i % 10), 6.0 + 11 * (i // 10), kind) for i, kind in enumerate(kinds))


def _x_share(share: float) -> float:
    return LEFT + share * (RIGHT - LEFT)


def _r(value: float) -> float:
    """Rounded to a tenth of a unit, which is not visible, to keep the file small."""
    return round(value, 1)


def _nice(low: float, high: float) -> tuple[float, float, float]:
    """Round bounds and a step of 1, 2 or 5 times a power of ten, for about five ticks."""
    span = max(high - low, 1e-3)
    power = 10.0 ** floor(log10(span / 4))
    step = next(m * power for m in (1, 2, 5, 10) if span / (m * power) <= 6)
    return floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, step
