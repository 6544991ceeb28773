"""The summary of a round's teachers as lines of text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from prefopt.calibration.intervals import wilson
from prefopt.rankings.positions import Positions
from prefopt.rankings.rank_agreement import Alpha
from prefopt.rankings.summary import Count, DisputedSlate, TeacherRow, TeachersSummary

CONFIDENCE = 0.95
EXCERPT = 60


def summary_lines(number: int, collected: bool, found: TeachersSummary) -> Iterator[str]:
    """The lines, in the order of the report's section."""
    when = "collected" if collected else "so far, nothing was collected yet"
    yield f"round {number:03d}: {found.answers} answers to {found.slates} slates ({when})"
    yield f"agreement (ordinal alpha)  {_alpha(found.alpha)}{f', {found.alpha.slates} slates' if found.alpha else ''}"
    for row in found.groups:
        yield f"  {row.group}: {'cannot tell' if row.alpha.low is None else _alpha(row.alpha)}, {row.alpha.slates} slates"
    yield f"known labels found         {_share(found.gold, 'no slate of known label: gold_share in [feedback]')}"
    yield f"same answer again          {_share(found.repeats, 'no slate was answered twice by one teacher: repeat_share in [feedback]')}"
    yield f"favor for a place         {_positions(found.positions)}"
    yield f"median time                {_seconds(found.median_seconds)}"
    yield "teachers"
    for teacher in found.teachers:
        yield f"  {teacher.name}: {_teacher(teacher)}"
    if found.disputed:
        yield f"to talk about: {found.disputed_slates} slates with different right labels, the widest apart first"
        for slate in found.disputed:
            yield f"  {_disputed(slate)}"


def _alpha(found: Alpha | None) -> str:
    if found is None:
        return "cannot tell: no slate was judged by two teachers"
    between = "no interval from so few slates" if found.low is None else f"{found.low:.2f} to {found.high:.2f}"
    return f"{found.value:.2f} ({between})"


def _share(count: Count, without: str) -> str:
    if not count.n:
        return without
    share = wilson(count.hits, count.n, CONFIDENCE)
    return f"{count.hits} of {count.n} ({share.low:.0%} to {share.high:.0%})"


def _positions(found: Positions | None) -> str:
    if found is None:
        return "cannot tell: no answer put one card above another"
    shares = ", ".join(f"{letter} {share:.0%}" for letter, share in zip("ABCD", found.shares, strict=False))
    return f"{shares}; by chance A {found.expected[0]:.0%}, exact p = {found.p_value:.3f}"


def _seconds(value: float | None) -> str:
    return "cannot tell" if value is None else f"{value:.0f} s a slate"


def _teacher(row: TeacherRow) -> str:
    parts = [f"{row.answers} answers", f"{row.none_right} none right", f"{row.discarded} discarded"]
    if row.alpha is not None:
        parts.append(f"alpha with the others {row.alpha:.2f}")
    if row.same_label.n:
        parts.append(f"same label as another {row.same_label.hits} of {row.same_label.n}")
    if row.trust is not None:
        parts.append(f"right order {row.trust.right:.0%}, tie {row.trust.tie:.0%}, wrong {row.trust.wrong:.0%}")
    for name, count in (("known label", row.gold), ("again the same", row.repeats)):
        if count.n:
            parts.append(f"{name} {count.hits} of {count.n}")
    if row.median_seconds is not None:
        parts.append(_seconds(row.median_seconds))
    return ", ".join(parts)


def _disputed(slate: DisputedSlate) -> str:
    from prefopt.report.numbers import excerpt

    said = "; ".join(f"{label or 'none or several'}: {', '.join(names)}" for label, names in slate.said.items())
    return f"{slate.problem_id}  {excerpt(slate.text, EXCERPT)}  [{said}]"
