"""The report's section on teachers: its words in both languages, and its rows."""

from __future__ import annotations

from typing import NamedTuple

from prefopt.calibration.intervals import wilson
from prefopt.rankings.rank_agreement import Alpha
from prefopt.rankings.summary import Count, TeacherRow, TeachersSummary
from prefopt.report.numbers import decimal, excerpt, percent, percent_range
from prefopt.report.wording.say import Say
from prefopt.taxonomy import Taxonomy

CANNOT_TELL = Say("판단 불가", "cannot tell")
NONE_OR_SEVERAL = Say("없음 또는 동점", "none, or several")
WORDS = {
    "title": Say("교사들의 판정이 얼마나 일치하나", "How far teachers agree"),
    "how": Say(
        "순위 일치도 α는 카드 순위가 교사끼리 얼마나 같은지를 나타냅니다. 1은 완전히 같고 0은 우연과 같습니다. "
        "구간은 문제를 다시 뽑아 구한 95% 구간이며, 두 교사가 함께 본 문제가 20개보다 적으면 적지 않습니다.",
        "Ordinal alpha says how far teachers give the cards the same ranks: 1 is the same always, 0 is chance. "
        "The 95% interval draws slates anew; with fewer than 20 slates of two teachers none is given.",
    ),
    "alpha": Say("순위 일치도 (크리펜도르프 α, 순서형)", "agreement on ranks (Krippendorff's alpha, ordinal)"),
    "gold": Say("정답이 알려진 문제에서 정답을 고른 비율", "known labels found"),
    "repeats": Say("같은 문제를 다시 보였을 때 같은 답", "same answer when shown again"),
    "places": Say("카드 A를 1위로 고른 비율 (우연이라면)", "card A put first (by chance)"),
    "places_p": Say("카드 A에 쏠렸는지 (정확 검정 p)", "is card A favored? (exact test, p)"),
    "level": Say("실제로 우열이 없는 카드 쌍 (추정)", "pairs of cards that are truly level (estimate)"),
    "seconds": Say("문제당 시간 (중앙값, 초)", "median seconds a slate"),
    "by_group": Say("영역별 일치도", "Agreement by domain"),
    "group": Say("영역", "domain"),
    "interval": Say("구간", "interval"),
    "slates": Say("문제", "slates"),
    "by_teacher": Say("교사별", "By teacher"),
    "teacher": Say("교사", "teacher"),
    "answers": Say("판정", "answers"),
    "none_right": Say("맞는 분류 없음", "none right"),
    "discarded": Say("건너뜀", "passed"),
    "with_others": Say("다른 교사와 α", "alpha with others"),
    "order": Say("바른 순서 · 동점 · 뒤바뀜", "right order · tie · wrong"),
    "gold_short": Say("아는 정답", "known labels"),
    "repeats_short": Say("다시 같은 답", "same again"),
    "seconds_short": Say("초", "seconds"),
    "teacher_how": Say(
        "‘바른 순서’는 교사들의 판정만으로 추정한 값입니다(데이비드–스킨 모형, 동점 포함). "
        "한 문제를 두 교사 이상이 보았거나 정답이 알려진 문제가 있을 때만 구할 수 있습니다. "
        "교사를 평가하는 값이 아니라 판정을 읽는 데 쓰는 값입니다.",
        "“Right order” is estimated from the answers alone (Dawid and Skene, with ties) and needs slates that two teachers judged, or "
        "slates of known label. It is for reading the answers, not for grading people.",
    ),
    "disputed": Say("함께 이야기할 문제", "Slates to talk about"),
    "disputed_how": Say(
        "교사들이 서로 다른 분류를 옳다고 한 문제입니다. 의견이 가장 크게 갈린 문제부터 보였습니다.",
        "Slates on which teachers hold different labels for right, the widest apart first.",
    ),
}


class Line(NamedTuple):
    """A name and what is told of it."""

    name: Say
    value: Say


class DisputedView(NamedTuple):
    """A slate to talk about."""

    text: str
    said: tuple[tuple[Say, str], ...]
    comments: tuple[tuple[str, str], ...]


def teacher_lines(found: TeachersSummary) -> tuple[Line, ...]:
    """The figures of all teachers together; what was not asked for (gold, repeats) has no line."""
    lines = [Line(WORDS["alpha"], _both(_alpha(found.alpha)) if found.alpha else CANNOT_TELL)]
    if found.gold.n:
        lines.append(Line(WORDS["gold"], _both(_share(found.gold))))
    if found.repeats.n:
        lines.append(Line(WORDS["repeats"], _both(_share(found.repeats))))
    if found.positions is not None:
        shares = f"{percent(found.positions.shares[0], 0)} ({percent(found.positions.expected[0], 0)})"
        lines += [Line(WORDS["places"], _both(shares)), Line(WORDS["places_p"], _both(decimal(found.positions.p_value)))]
    if found.level is not None:
        lines.append(Line(WORDS["level"], _both(percent(found.level))))
    lines.append(Line(WORDS["seconds"], CANNOT_TELL if found.median_seconds is None else _both(f"{found.median_seconds:.0f}")))
    return tuple(lines)


def group_lines(found: TeachersSummary) -> tuple[tuple[str, str, Say, str], ...]:
    """Group, alpha, interval, slates. Where the slates are too few for an interval, the alpha itself is not shown either."""
    return tuple(
        (row.group, "–" if row.alpha.low is None else decimal(row.alpha.value, 2), _interval(row.alpha), f"{row.alpha.slates:,}")
        for row in found.groups
    )


def person_lines(found: TeachersSummary) -> tuple[tuple[str, ...], ...]:
    """One line a teacher, in the order of the table's columns; "–" where there is nothing to tell."""
    return tuple(_person(row) for row in found.teachers)


def disputed_lines(found: TeachersSummary, taxonomy: Taxonomy) -> tuple[DisputedView, ...]:
    """The slates to talk about, with who holds what for right."""
    views = []
    for slate in found.disputed:
        said = tuple((_label(label, taxonomy), ", ".join(excerpt(name, 40) for name in names)) for label, names in slate.said.items())
        views.append(DisputedView(excerpt(slate.text), said, tuple((excerpt(k, 40), excerpt(v)) for k, v in slate.comments.items())))
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
        "–" if row.median_seconds is None else f"{row.median_seconds:.0f}",
    )


def _label(label: str, taxonomy: Taxonomy) -> Say:
    return NONE_OR_SEVERAL if not label else _both(f"{label} {taxonomy[label].name}" if label in taxonomy else label)


def _alpha(found: Alpha) -> str:
    between = "" if found.low is None or found.high is None else f" ({decimal(found.low, 2)} ~ {decimal(found.high, 2)})"
    return f"{decimal(found.value, 2)}{between}"


def _interval(found: Alpha) -> Say:
    if found.low is None or found.high is None:
        return CANNOT_TELL
    return _both(f"{decimal(found.low, 2)} ~ {decimal(found.high, 2)}")


def _share(count: Count) -> str:
    share = wilson(count.hits, count.n, 0.95)
    return f"{count.hits:,} / {count.n:,} ({percent_range(share)}%)"


def _of(count: Count) -> str:
    return f"{count.hits:,} / {count.n:,}" if count.n else "–"


def _both(text: str) -> Say:
    return Say(text, text)
