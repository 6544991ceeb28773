"""The rows of the report's tables, with numbers already as text."""

from __future__ import annotations

from dataclasses import dataclass

from prefopt.calibration.intervals import wilson
from prefopt.calibration.result import Calibration, CalibrationFlag, Cell, Confusion
from prefopt.calibration.review_result import Conformal
from prefopt.report.contents import Disputed, FeedbackSummary, HistoryRow, Moved, ReportContents
from prefopt.report.lists import distinct, distinct_ids
from prefopt.report.numbers import (
    MINUS,
    decimal,
    decimal_range,
    excerpt,
    percent,
    percent_range,
    points,
)
from prefopt.report.wording.confidence import gap_cell, smooth_cell
from prefopt.report.wording.counted import cell_size, confidence_of, duration, problems, right_of, split_confidence
from prefopt.report.wording.figures import FIGURES, OPTIONAL_FIGURES, figures_of
from prefopt.report.wording.fixed import DROPPED, FLAGS, STAGES, TEXTS, VIEWS
from prefopt.report.wording.label_counts import most_shifted
from prefopt.report.wording.names import group, joined, label_name, label_words, part
from prefopt.report.wording.say import Say, both

CONFUSIONS = 8
DISPUTED = 6
"""Disputed problems on the page; review.csv has them all."""
MOVED = 5
"""Problems that are right now, and as many that are wrong, on the page."""
BRIEF = 90
"""Characters of a problem there."""


@dataclass(frozen=True)
class CellView:
    """One cell; `shade` is 0 (empty, no flag) or 1 to 9 by accuracy."""

    name: Say
    count: Say
    big: Say
    small: tuple[Say, ...]
    """Lines under it."""
    shade: int
    flag: Say
    fault: CalibrationFlag


def cell_list(calibration: Calibration) -> tuple[CellView, ...]:
    """Cells with problems, in the order of the taxonomy."""
    return tuple(_cell_view(cell) for cell in calibration.cells if cell.count)


def _cell_view(cell: Cell) -> CellView:
    name, count = joined(part(name) for name in cell.groups), cell_size(cell.count)
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


@dataclass(frozen=True)
class ConfusionView:
    """Two labels that are confused, with examples."""

    gold: tuple[str, Say]
    """Code and name."""
    predicted: tuple[str, Say]
    count: Say
    examples: tuple[str, ...]


def confusion_views(contents: ReportContents) -> tuple[ConfusionView, ...]:
    """The most frequent confusions, at most CONFUSIONS."""
    return tuple(_confusion(entry, contents) for entry in contents.current.calibration.confusions[:CONFUSIONS])


def _confusion(entry: Confusion, contents: ReportContents) -> ConfusionView:
    shown = distinct_ids(entry.examples, contents.examples, contents.families)
    return ConfusionView(
        gold=(entry.gold, label_name(contents.taxonomy, entry.gold)),
        predicted=(entry.predicted, label_name(contents.taxonomy, entry.predicted)),
        count=problems(entry.count),
        examples=tuple(excerpt(contents.examples[name]) for name in shown if name in contents.examples),
    )


@dataclass(frozen=True)
class ProblemView:
    """A hold-out problem with its labels, as code and name, and notes on it."""

    gold: tuple[str, Say]
    predicted: tuple[str, Say]
    sure: Say
    text: str


def shown_disputed(contents: ReportContents) -> tuple[Disputed, ...]:
    """The disputed problems on the page: none that stands among the confusions or resembles another, at most DISPUTED."""
    elsewhere = [name for confusion in contents.current.calibration.confusions[:CONFUSIONS] for name in confusion.examples]
    found = distinct(contents.disputed, DISPUTED, contents.examples, contents.families, elsewhere)
    return found or distinct(contents.disputed, DISPUTED, contents.examples, contents.families)


def disputed_views(contents: ReportContents) -> tuple[ProblemView, ...]:
    """The disputed problems, at most DISPUTED."""
    return tuple(
        _problem(entry, split_confidence(percent(entry.confidence), percent(entry.of_gold)), contents) for entry in shown_disputed(contents)
    )


def shown_moves(contents: ReportContents) -> tuple[tuple[Moved, ...], tuple[Moved, ...]]:
    """The problems that are right now, and those that are wrong, at most MOVED of each."""
    if contents.lead is None:
        return (), ()
    moves = contents.lead.moves
    right, wrong = (distinct(part, MOVED, contents.examples, contents.families) for part in (moves.right, moves.wrong))
    return right, wrong


def moved_views(contents: ReportContents) -> tuple[tuple[ProblemView, ...], tuple[ProblemView, ...]]:
    """As shown_moves, with what the parent answered."""
    right, wrong = (tuple(_moved(entry, contents) for entry in entries) for entries in shown_moves(contents))
    return right, wrong


def _moved(entry: Moved, contents: ReportContents) -> ProblemView:
    before = "" if not entry.before or entry.before == entry.gold else entry.before
    return _problem(entry, label_words(contents.taxonomy, before) if before else both(""), contents)


def _problem(entry: Disputed | Moved, said: Say, contents: ReportContents) -> ProblemView:
    return ProblemView(
        gold=(entry.gold, label_name(contents.taxonomy, entry.gold)),
        predicted=(entry.predicted, label_name(contents.taxonomy, entry.predicted)),
        sure=said,
        text=excerpt(contents.examples.get(entry.problem_id, ""), BRIEF),
    )


def over_rows(contents: ReportContents) -> tuple[tuple[str, Say, str, str, str], ...]:
    """Label, name, problems, gap as counted, gap after shrinking."""
    gaps = contents.current.calibration.overconfident
    return tuple(
        (
            entry.label,
            label_name(contents.taxonomy, entry.label),
            f"{entry.count:,}",
            points(entry.raw),
            points(entry.shrunk),
        )
        for entry in gaps
    )


def count_rows(contents: ReportContents) -> tuple[tuple[str, Say, str, str, str], ...]:
    """Label, name, how often it is right, answered, and answered by the parent."""
    return tuple(
        (
            entry.label,
            label_name(contents.taxonomy, entry.label),
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


_TEMPERATURE_ROWS = (("log_loss", "log_loss", 3), ("brier_short", "brier", 3), ("ece", "ece", 2))
"""Name in TEXTS, field, digits that are known."""


def temperature_rows(calibration: Calibration) -> tuple[tuple[Say, str, str], ...]:
    """Score, before, after."""
    before, after = calibration.temperature.before, calibration.temperature.after
    return tuple(
        (TEXTS[name], decimal(getattr(before, key), digits), decimal(getattr(after, key), digits))
        for name, key, digits in _TEMPERATURE_ROWS
    )


def set_rows(sets: Conformal) -> tuple[tuple[Say, str, str], ...]:
    """Group, mean number of labels, coverage; "–" where the group has too few problems."""
    return tuple(
        (part(g.group), "–", "–")
        if g.set_coverage is None or g.mean_size is None or g.threshold == 0
        else (part(g.group), decimal(g.mean_size, 1), f"{percent(g.set_coverage.value)} ({percent_range(g.set_coverage)})")
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
    gap: str
    smooth: str
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
            gap=gap_cell(row.calibration),
            smooth=smooth_cell(row.calibration),
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
