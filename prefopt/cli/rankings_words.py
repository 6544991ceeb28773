"""The summary of a round's answers as lines of text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from prefopt.calibration.intervals import wilson
from prefopt.rankings.positions import Positions
from prefopt.rankings.rank_agreement import Alpha
from prefopt.rankings.summary import DisputedSlate, Proportion, TeacherRow, TeachersSummary

CONFIDENCE = 0.95
EXCERPT = 60


def summary_lines(number: int, is_collected: bool, summary: TeachersSummary) -> Iterator[str]:
    """The lines, in the order of the report's section on teachers."""
    state = "collected" if is_collected else "not collected yet"
    yield f"round {number:03d}: {summary.answers} answers to {summary.slates} slates ({state})"
    drawn = "" if summary.drawn is None else " drawn at random for two teachers"
    yield f"agreement (ordinal alpha)  {_alpha(summary.alpha)}{f', {summary.alpha.slates} slates{drawn}' if summary.alpha else ''}"
    for row in summary.groups:
        yield f"  {row.group}: {'cannot tell' if row.alpha.low is None else _alpha(row.alpha)}, {row.alpha.slates} slates"
    yield f"known labels found         {_share(summary.gold, 'no slates with a known label; set gold_share in [feedback]')}"
    if summary.shared_errors is not None:
        yield f"all agreed and were wrong  {_share(summary.shared_errors, 'on no slate with a known label did all teachers agree')}"
    yield f"same answer on repetition  {_share(summary.repeats, 'no teacher answered a slate twice; set repeat_share in [feedback]')}"
    yield f"position bias              {_positions(summary.positions)}"
    yield f"median time                {_seconds(summary.median_seconds)}"
    yield "teachers"
    for teacher in summary.teachers:
        yield f"  {teacher.name}: {_teacher(teacher)}"
    if summary.disputed:
        yield f"disputed: {summary.disputed_slates} slates on which teachers chose different labels, largest disagreement first"
        for slate in summary.disputed:
            yield f"  {_disputed(slate)}"


def _alpha(alpha: Alpha | None) -> str:
    if alpha is None:
        return "cannot tell: no slate was judged by two teachers"
    interval = "too few slates for an interval" if alpha.low is None else f"{alpha.low:.2f} to {alpha.high:.2f}"
    return f"{alpha.value:.2f} ({interval})"


def _share(count: Proportion, without: str) -> str:
    if not count.n:
        return without
    share = wilson(count.hits, count.n, CONFIDENCE)
    return f"{count.hits} of {count.n} ({share.low:.0%} to {share.high:.0%})"


def _positions(bias: Positions | None) -> str:
    if bias is None:
        return "cannot tell: no answer ranks one card above another"
    shares = ", ".join(f"{letter} {share:.0%}" for letter, share in zip("ABCD", bias.shares, strict=False))
    return f"{shares}; expected for A {bias.expected[0]:.0%}, exact p = {bias.p_value:.3f}"


def _seconds(value: float | None) -> str:
    return "cannot tell" if value is None else f"{value:.0f} s per slate"


def _teacher(row: TeacherRow) -> str:
    parts = [f"{row.answers} answers", f"{row.none_right} none right", f"{row.discarded} discarded"]
    if row.alpha is not None:
        parts.append(f"alpha with others {row.alpha:.2f}")
    if row.same_label.n:
        parts.append(f"same label as others {row.same_label.hits} of {row.same_label.n}")
    if row.trust is not None:
        parts.append(f"right order {row.trust.right:.0%}, tie {row.trust.tie:.0%}, wrong {row.trust.wrong:.0%}")
    for name, count in (("known label", row.gold), ("same on repetition", row.repeats)):
        if count.n:
            parts.append(f"{name} {count.hits} of {count.n}")
    if row.follows is not None:
        much = f", follows the model (p = {row.follows.p_value:.3f})" if row.follows.copies else ""
        parts.append(f"sided with the model against others {row.follows.hits} of {row.follows.n}{much}")
    if row.median_seconds is not None:
        parts.append(_seconds(row.median_seconds))
    return ", ".join(parts)


def _disputed(slate: DisputedSlate) -> str:
    from prefopt.report.numbers import excerpt

    choices = "; ".join(f"{label or 'none or several'}: {', '.join(names)}" for label, names in slate.teachers_by_label.items())
    return f"{slate.problem_id}  {excerpt(slate.text, EXCERPT)}  [{choices}]"
