"""The rows of the section on teachers, with numbers already as text."""

from __future__ import annotations

from typing import NamedTuple

from prefopt.calibration.intervals import wilson
from prefopt.rankings.copying import Following
from prefopt.rankings.rank_agreement import Alpha
from prefopt.rankings.summary import Proportion, TeacherRow, TeachersSummary
from prefopt.report.lists import wording
from prefopt.report.numbers import decimal, excerpt, percent, percent_range
from prefopt.report.wording.names import label_words, part
from prefopt.report.wording.say import Say, both
from prefopt.report.wording.teachers_section import CANNOT_TELL, NONE_OR_SEVERAL, WORDS
from prefopt.taxonomy import Taxonomy


class Line(NamedTuple):
    """A name and its value."""

    name: Say
    value: Say


class DisputedView(NamedTuple):
    """A slate on which teachers chose different labels."""

    text: str
    teachers_by_label: tuple[tuple[Say, str], ...]
    comments: tuple[tuple[str, str], ...]


def teacher_lines(summary: TeachersSummary) -> tuple[Line, ...]:
    """The figures of all teachers together; gold and repeated slates have a line only where there were some."""
    lines = [Line(WORDS["alpha"], both(_alpha(summary.alpha)) if summary.alpha else CANNOT_TELL)]
    if summary.drawn is not None:
        lines.append(Line(WORDS["drawn"], both(f"{summary.drawn:,}")))
    if summary.gold.n:
        lines.append(Line(WORDS["gold"], both(_share(summary.gold))))
    if summary.shared_errors is not None and summary.shared_errors.n:
        lines.append(Line(WORDS["shared"], both(_share(summary.shared_errors))))
    copycats = ", ".join(excerpt(row.name, 40) for row in summary.teachers if row.follows is not None and row.follows.copies)
    if copycats:
        lines.append(Line(WORDS["copies"], both(copycats)))
    if summary.repeats.n:
        lines.append(Line(WORDS["repeats"], both(_share(summary.repeats))))
    if summary.positions is not None:
        shares = f"{percent(summary.positions.shares[0], 0)} ({percent(summary.positions.expected[0], 0)})"
        lines += [Line(WORDS["places"], both(shares)), Line(WORDS["places_p"], both(decimal(summary.positions.p_value)))]
    if summary.level is not None:
        lines.append(Line(WORDS["level"], both(percent(summary.level))))
    lines.append(Line(WORDS["seconds"], CANNOT_TELL if summary.median_seconds is None else both(f"{summary.median_seconds:.0f}")))
    return tuple(lines)


def group_lines(summary: TeachersSummary) -> tuple[tuple[Say, str, Say, str], ...]:
    """Group, alpha, interval, slates. Where there are too few slates for an interval, alpha is not shown either."""
    return tuple(
        (part(row.group), "–" if row.alpha.low is None else decimal(row.alpha.value, 2), _interval(row.alpha), f"{row.alpha.slates:,}")
        for row in summary.groups
    )


def person_lines(summary: TeachersSummary) -> tuple[tuple[str, ...], ...]:
    """One line per teacher, in the order of the table's columns; "–" where a figure is unknown."""
    return tuple(_person(row) for row in summary.teachers)


def disputed_lines(summary: TeachersSummary, taxonomy: Taxonomy) -> tuple[DisputedView, ...]:
    """The slates on which teachers chose different labels, with who chose which; of one wording, one slate."""
    views, seen = [], set[str]()
    for slate in summary.disputed:
        if (said := wording(slate.text)) in seen:
            continue
        seen.add(said)
        chosen = tuple(
            (_label(label, taxonomy), ", ".join(excerpt(name, 40) for name in names)) for label, names in slate.teachers_by_label.items()
        )
        views.append(DisputedView(excerpt(slate.text), chosen, tuple((excerpt(k, 40), excerpt(v)) for k, v in slate.comments.items())))
    return tuple(views)


def _person(row: TeacherRow) -> tuple[str, ...]:
    trust = row.trust
    return (
        excerpt(row.name, 40),
        f"{row.answers:,}",
        f"{row.none_right:,}",
        f"{row.discarded:,}",
        "–" if row.alpha is None else decimal(row.alpha, 2),
        "–" if trust is None else f"{percent(trust.right, 0)} · {percent(trust.tie, 0)} · {percent(trust.wrong, 0)}",
        _of(row.gold),
        _of(row.repeats),
        _follows(row.follows),
        "–" if row.median_seconds is None else f"{row.median_seconds:.0f}",
    )


def _follows(follows: Following | None) -> str:
    """How often they side with the model, with the p value where they are taken to follow it."""
    if follows is None:
        return "–"
    return f"{follows.hits:,} / {follows.n:,}" + (f" (p = {decimal(follows.p_value)})" if follows.copies else "")


def _label(label: str, taxonomy: Taxonomy) -> Say:
    return label_words(taxonomy, label) if label else NONE_OR_SEVERAL


def _alpha(alpha: Alpha) -> str:
    between = "" if alpha.low is None or alpha.high is None else f" ({decimal(alpha.low, 2)} ~ {decimal(alpha.high, 2)})"
    return f"{decimal(alpha.value, 2)}{between}"


def _interval(alpha: Alpha) -> Say:
    if alpha.low is None or alpha.high is None:
        return CANNOT_TELL
    return both(f"{decimal(alpha.low, 2)} ~ {decimal(alpha.high, 2)}")


def _share(count: Proportion) -> str:
    share = wilson(count.hits, count.n, 0.95)
    return f"{count.hits:,} / {count.n:,} ({percent_range(share)}%)"


def _of(count: Proportion) -> str:
    return f"{count.hits:,} / {count.n:,}" if count.n else "–"
