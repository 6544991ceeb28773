"""The figures of the report's table of numbers, in order: name, value and interval of each.

To add a figure: compute it in calibration/evaluate.py, give it a field in calibration/result.py, and add a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prefopt.calibration.result import Calibration
from prefopt.grounds import Estimate
from prefopt.report.numbers import decimal, decimal_range, percent, percent_range, points, points_range, signed
from prefopt.report.wording.fixed import TEXTS
from prefopt.report.wording.say import Say


@dataclass(frozen=True)
class Figure:
    """One row. A figure that a calibration does not have (an optional field is None) is left out of its report."""

    name: Say
    value: Callable[[Calibration], str]
    interval: Callable[[Calibration], str] = lambda _: ""
    shown: Callable[[Calibration], object] = lambda _: True


def _signed_range(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{signed(estimate.low, 3)} ~ {signed(estimate.high, 3)}"


FIGURES: tuple[Figure, ...] = (
    Figure(
        Say("매크로 F1 (검증용 문제가 있는 항목의 평균, 항목 수)", "Macro-F1 (mean over labels with held-out problems; how many)"),
        lambda c: decimal(c.macro_f1),
        lambda c: "" if c.labels_judged is None else f"{c.labels_judged} / {c.labels}",
    ),
    Figure(TEXTS["brier_short"], lambda c: decimal(c.brier.value), lambda c: decimal_range(c.brier)),
    Figure(TEXTS["log_loss"], lambda c: decimal(c.log_loss.value), lambda c: decimal_range(c.log_loss)),
    Figure(
        TEXTS["overconfidence"],
        lambda c: f"{points(c.overconfidence.value)}%p",
        lambda c: f"{points_range(c.overconfidence)}%p" if c.overconfidence_known else "",
    ),
    Figure(TEXTS["ece"], lambda c: decimal(c.ece.equal_width, 2)),
    Figure(Say("보정 오차 ECE (같은 개수 구간)", "ECE, equal mass"), lambda c: decimal(c.ece.equal_mass, 2)),
    Figure(
        Say(
            "우연만으로 생기는 ECE (평균 / 95%)",
            "ECE by chance alone (mean / 95%)",
        ),
        lambda c: f"{decimal(c.ece.floor, 2)} / {decimal(c.ece.floor_95, 2)}",
    ),
    Figure(
        Say(
            "위험–승인율 곡선 아래 넓이",
            "Area under the risk-coverage curve",
        ),
        lambda c: decimal(c.aurc),
    ),
)
"""Figures that every calibration has."""

OPTIONAL_FIGURES: tuple[Figure, ...] = (
    Figure(
        Say(
            "계층 정확도 (맞힌 상위 구분까지 셈)",
            "hierarchical accuracy (right groups count in part)",
        ),
        lambda c: percent(c.hierarchical.value) if c.hierarchical else "",
        lambda c: f"{percent_range(c.hierarchical, 1)}%" if c.hierarchical else "",
        lambda c: c.hierarchical,
    ),
    Figure(
        Say(
            "일반 글을 쓰는 능력 (토큰당 내트, 낮을수록 좋음)",
            "general text (nats per token, lower is better)",
        ),
        lambda c: decimal(c.general.nats.value) if c.general else "",
        lambda c: decimal_range(c.general.nats) if c.general else "",
        lambda c: c.general,
    ),
    Figure(
        Say(
            "그 변화 (0보다 크면 잊어버림)",
            "its change against the parent (above 0: forgetting)",
        ),
        lambda c: signed(c.general.change.value, 3) if c.general and c.general.change else "",
        lambda c: _signed_range(c.general.change) if c.general else "",
        lambda c: c.general and c.general.change,
    ),
    Figure(
        Say(
            "풀이 하나로만 답할 때 (정확도 / 브라이어)",
            "one analysis only (accuracy / Brier)",
        ),
        lambda c: f"{percent(c.single.accuracy)} / {decimal(c.single.brier)}" if c.single else "",
        shown=lambda c: c.single,
    ),
    Figure(
        Say(
            "풀이 하나와 평균의 답이 같은 비율",
            "one analysis and the mean give the same answer",
        ),
        lambda c: percent(c.single.same_answer) if c.single else "",
        shown=lambda c: c.single,
    ),
    Figure(
        Say(
            "분류 체계 안에 놓인 확률 (평균 / 최저)",
            "Probability on the taxonomy's labels (mean / lowest)",
        ),
        lambda c: f"{percent(c.label_mass.mean)} / {percent(c.label_mass.lowest)}" if c.label_mass else "",
        shown=lambda c: c.label_mass,
    ),
    Figure(
        Say(
            "가장 많은 분류로만 답할 때",
            "always guessing the most frequent label",
        ),
        lambda c: percent(c.majority.accuracy),
        lambda c: c.majority.label,
    ),
)
"""Figures below the views of the calibration error; most depend on the settings."""


def figures_of(calibration: Calibration, figures: tuple[Figure, ...]) -> list[tuple[Say, str, str]]:
    """Name, value and interval of the figures that a calibration has."""
    return [(f.name, f.value(calibration), f.interval(calibration)) for f in figures if f.shown(calibration)]
