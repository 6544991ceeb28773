"""The rows of the report's tables, with numbers already as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prefopt.calibration.intervals import wilson
from prefopt.calibration.result import Calibration, CalibrationFlag, Cell, Confusion
from prefopt.calibration.review_result import Conformal
from prefopt.report.contents import FeedbackSummary, HistoryRow, ReportContents
from prefopt.report.numbers import (
    MINUS,
    decimal,
    decimal_range,
    excerpt,
    percent,
    percent_range,
    points,
)
from prefopt.report.wording.counted import cell_size, confidence_of, duration, problems, right_of, split_confidence
from prefopt.report.wording.figures import FIGURES, OPTIONAL_FIGURES, figures_of
from prefopt.report.wording.fixed import DROPPED, FLAGS, GROUPS, STAGES, TEXTS, VIEWS
from prefopt.report.wording.label_counts import most_shifted
from prefopt.report.wording.say import Say, both
from prefopt.taxonomy import Taxonomy

GRID_COLUMNS = 6
"""Cells are drawn as a grid up to this many columns, and as a list above it."""
CONFUSIONS = 8
DISPUTED = 6
"""Disputed problems on the page; review.csv has them all."""


@dataclass(frozen=True)
class CellView:
    """One cell; `shade` is 0 (empty, no flag) or 1 to 9 by accuracy."""

    name: str
    count: Say
    big: Say
    small: tuple[Say, ...]
    """Lines under it."""
    shade: int
    flag: Say
    fault: CalibrationFlag


@dataclass(frozen=True)
class CellGrid:
    """Rows of cells under column heads; a cell is None where no label exists."""

    corner: Say
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[CellView | None, ...]], ...]


def cell_grid(calibration: Calibration) -> CellGrid | None:
    """Cells as a grid of the first group by the second; None where there is only one group or there are too many columns."""
    if len(calibration.cell_groups) != 2:
        return None
    heads = tuple(dict.fromkeys(cell.groups[1] for cell in calibration.cells))
    if len(heads) > GRID_COLUMNS:
        return None
    by_groups = {cell.groups: cell for cell in calibration.cells}
    rows = tuple(
        (row, tuple(_cell_view(by_groups[row, head]) if (row, head) in by_groups else None for head in heads))
        for row in dict.fromkeys(cell.groups[0] for cell in calibration.cells)
    )
    first, second = (group(name) for name in calibration.cell_groups)
    return CellGrid(Say(f"{first.ko} / {second.ko}", f"{first.en} / {second.en}"), heads, rows)


def cell_list(calibration: Calibration) -> tuple[CellView, ...]:
    """Cells with problems, in the order of the taxonomy."""
    return tuple(_cell_view(cell) for cell in calibration.cells if cell.count)


def _cell_view(cell: Cell) -> CellView:
    name, count = " · ".join(cell.groups), cell_size(cell.count)
    outcome = FLAGS[cell.flag]
    if cell.accuracy is None or cell.confidence is None:
        return CellView(name, count, both("–"), (), 0, outcome, cell.flag)
    if cell.flag == "cannot_tell":
        right = round(cell.accuracy.value * cell.count)
        return CellView(name, count, outcome, (right_of(right, cell.count),), 0, outcome, cell.flag)
    between, sure = percent_range(cell.accuracy), f"{percent(cell.confidence, 0)} ({points(cell.accuracy.value - cell.confidence, 0)})"
    shade = 1 + min(8, int(9 * cell.accuracy.value))
    big = percent(cell.accuracy.value, 0)
    return CellView(name, count, both(big), (both(between), confidence_of(sure)), shade, outcome, cell.flag)


def group(name: str) -> Say:
    """A group of the taxonomy in both languages; an unknown name stays as it is in the file."""
    return GROUPS.get(name, both(name))


@dataclass(frozen=True)
class ConfusionView:
    """Two labels that are confused, with examples."""

    gold: tuple[str, str]
    """Code and name."""
    predicted: tuple[str, str]
    count: Say
    examples: tuple[str, ...]


def confusion_views(contents: ReportContents) -> tuple[ConfusionView, ...]:
    """The most frequent confusions, at most CONFUSIONS."""
    return tuple(_confusion(entry, contents.taxonomy, contents.examples) for entry in contents.current.calibration.confusions[:CONFUSIONS])


def _confusion(entry: Confusion, taxonomy: Taxonomy, examples: Mapping[str, str]) -> ConfusionView:
    gold, predicted = taxonomy[entry.gold], taxonomy[entry.predicted]
    return ConfusionView(
        gold=(gold.id, gold.name),
        predicted=(predicted.id, predicted.name),
        count=problems(entry.count),
        examples=tuple(excerpt(examples[name]) for name in entry.examples if name in examples),
    )


@dataclass(frozen=True)
class DisputedView:
    """A hold-out problem on which adapter and expert disagree; labels as code and name."""

    gold: tuple[str, str]
    predicted: tuple[str, str]
    sure: Say
    text: str


def disputed_views(contents: ReportContents) -> tuple[DisputedView, ...]:
    """The disputed problems, at most DISPUTED."""
    return tuple(
        DisputedView(
            gold=(entry.gold, contents.taxonomy[entry.gold].name),
            predicted=(entry.predicted, contents.taxonomy[entry.predicted].name),
            sure=split_confidence(percent(entry.confidence), percent(entry.of_gold)),
            text=excerpt(contents.examples.get(entry.problem_id, "")),
        )
        for entry in contents.disputed[:DISPUTED]
    )


def over_rows(contents: ReportContents) -> tuple[tuple[str, str, str, str, str], ...]:
    """Label, name, problems, gap as counted, gap after shrinking."""
    gaps = contents.current.calibration.overconfident
    return tuple(
        (
            entry.label,
            contents.taxonomy[entry.label].name,
            f"{entry.count:,}",
            points(entry.raw),
            points(entry.shrunk),
        )
        for entry in gaps
    )


def count_rows(contents: ReportContents) -> tuple[tuple[str, str, str, str, str], ...]:
    """Label, name, how often it is right, answered, and answered by the parent."""
    return tuple(
        (
            entry.label,
            contents.taxonomy[entry.label].name,
            f"{entry.right:,}",
            f"{entry.answered:,}",
            MINUS if entry.parent_answered is None else f"{entry.parent_answered:,}",
        )
        for entry in most_shifted(contents.current.calibration)
    )


def cost_rows(contents: ReportContents) -> tuple[tuple[Say, Say, str], ...]:
    """Stage, time, machine."""
    return tuple((STAGES.get(entry.stage, both(entry.stage)), duration(entry.seconds), entry.machine) for entry in contents.costs)


def figure_rows(contents: ReportContents) -> tuple[tuple[Say, str, str], ...]:
    """Every figure with its interval: name, value, interval."""
    c = contents.current.calibration
    rows = [
        (Say(f"{TEXTS['accuracy'].ko} · {group(e.level).ko}", f"{TEXTS['accuracy'].en}, {group(e.level).en}"), e.accuracy) for e in c.levels
    ]
    figures = [(name, percent(e.value), f"{percent_range(e, 1)}%") for name, e in rows]
    figures += figures_of(c, FIGURES)
    figures += [(VIEWS[view.name], decimal(view.value, 2), f"{decimal(view.floor, 2)} / {decimal(view.floor_95, 2)}*") for view in c.views]
    figures += figures_of(c, OPTIONAL_FIGURES)
    if (baseline := c.baseline) is not None:  # calibrations of earlier versions have none
        figures.append((TEXTS["baseline"], percent(baseline.accuracy.value), f"{percent_range(baseline.accuracy, 1)}%"))
    return tuple(figures)


_TEMPERATURE_ROWS = (("log_loss", "log_loss", 3), ("brier_short", "brier", 3), ("ece", "ece", 2), ("ece_debiased", "ece_debiased", 2))
"""Name in TEXTS, field, digits that are known."""


def temperature_rows(calibration: Calibration) -> tuple[tuple[Say, str, str], ...]:
    """Score, before, after."""
    before, after = calibration.temperature.before, calibration.temperature.after
    return tuple(
        (TEXTS[name], decimal(getattr(before, key), digits), decimal(getattr(after, key), digits))
        for name, key, digits in _TEMPERATURE_ROWS
    )


def set_rows(sets: Conformal) -> tuple[tuple[str, str, str], ...]:
    """Group, mean number of labels, coverage; "–" where the group has too few problems."""
    return tuple(
        (g.group, "–", "–")
        if g.set_coverage is None or g.mean_size is None or g.threshold == 0
        else (g.group, decimal(g.mean_size, 1), f"{percent(g.set_coverage.value)} ({percent_range(g.set_coverage)})")
        for g in sets.groups
    )


@dataclass(frozen=True)
class RoundView:
    """One row of the table of rounds."""

    name: str
    recipe: str
    parent: str
    accuracy: str
    brier: str
    ece: str
    outcome: str
    """Key of wording.fixed.OUTCOMES."""
    overruled: bool


def round_rows(history: tuple[HistoryRow, ...]) -> tuple[RoundView, ...]:
    """One row per round, oldest first."""
    return tuple(
        RoundView(
            name=f"{row.round:03d}",
            recipe=row.recipe,
            parent=MINUS if row.parent is None else f"{row.parent:03d}",
            accuracy=f"{percent(row.calibration.accuracy.value)} ({percent_range(row.calibration.accuracy)})",
            brier=f"{decimal(row.calibration.brier.value)} ({decimal_range(row.calibration.brier)})",
            ece=decimal(row.calibration.ece.debiased, 2),
            outcome=row.outcome,
            overruled=row.overruled is not None,
        )
        for row in history
    )


def feedback_rows(feedback: FeedbackSummary) -> tuple[tuple[Say, str], ...]:
    """Counts and agreement: name, value. Unknown figures have no row."""
    rows = [
        (TEXTS["slates"], f"{feedback.slates:,}"),
        (TEXTS["rankings"], f"{feedback.rankings:,}"),
        (TEXTS["simulated_teachers" if feedback.simulated else "teachers"], f"{feedback.teachers:,}"),
        (TEXTS["pairs"], f"{feedback.pairs:,}"),
        (TEXTS["judged"], f"{feedback.judged:,}"),
    ]
    if feedback.same_label is not None:
        rows.append((TEXTS["same_label"], f"{percent(feedback.same_label)} ({feedback.compared_slates:,})"))
    if feedback.agreement is not None:
        rows.append((TEXTS["agreement"], decimal(feedback.agreement, 2)))
    if feedback.median_seconds is not None:
        rows.append((TEXTS["seconds"], f"{feedback.median_seconds:.0f}"))
    return tuple(rows)


def reason_rows(feedback: FeedbackSummary) -> tuple[tuple[Say, str], ...]:
    """Quality of the rationales: name, value; () where no card had one."""
    quality = feedback.reasons
    if quality is None:
        return ()
    rows = [(TEXTS["with_reason"], f"{quality.with_reason:,} / {quality.cards:,}")]
    if quality.concluding:
        share = wilson(quality.right_conclusion, quality.concluding, 0.95)
        rows.append((TEXTS["concluding"], percent(quality.concluding / quality.with_reason)))
        rows.append((TEXTS["right_conclusion"], f"{percent(share.value)} ({percent_range(share)})"))
    rows.append((TEXTS["reason_steps"], decimal(quality.median_steps, 1)))
    rows.append((TEXTS["reason_length"], f"{quality.median_length:,.0f}"))
    return tuple(rows)


def dropped_rows(feedback: FeedbackSummary) -> tuple[tuple[Say, str], ...]:
    """Feedback without a preference: cause, count."""
    return tuple((DROPPED.get(cause, both(cause)), f"{count:,}") for cause, count in sorted(feedback.dropped.items()) if count)
