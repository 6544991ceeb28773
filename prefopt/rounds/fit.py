"""Which problems can be put to teachers: what a round checks before it asks, and again before it publishes.

A problem is unfit where its text cannot be read as it was written (prefopt.data.checks.text_checks.unfit), has personal data, or is one
that was asked before or stands twice in the pool, in whatever spelling. The rule looks at texts alone, before any problem is scored. So
the pool that a round draws from, and estimates the accuracy on, is that of the fit problems. Problems of a held-out or sealed group stop a
round earlier (project/loading.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from prefopt.config import SampleSettings
from prefopt.data.checks.text_checks import unfit
from prefopt.errors import DataError, ProjectError
from prefopt.project.families import Row
from prefopt.project.project import ProjectData
from prefopt.records import LeftOut, Problem, Slate
from prefopt.texts.personal_data import personal_data
from prefopt.texts.same_text import key

Sifted = tuple[list[Problem], list[LeftOut]]
"""Problems that can be asked, and the others with the first reason of each."""


def faults_of(text: str) -> list[tuple[str, str]]:
    """(kind of finding, detail) of all that makes a text unfit; the detail repeats no personal data."""
    personal = [(span.kind, f"at character {span.start + 1} of the text") for span in personal_data(text)]
    return personal or [(kind, what.en) for kind, what in unfit(text)]  # the detail of another kind might repeat what is personal


def _personal_alt(problem: Problem) -> list[tuple[str, str]]:
    return [(span.kind, f"at character {span.start + 1} of figure_alt") for span in personal_data(problem.figure_alt or "")]


def sift(rows: Sequence[Row], asked: Iterable[Problem], root: Path) -> Sifted:
    """Part the problems that can be asked from those that cannot, both in the order of the rows.

    Args:
        rows: problems with their places, none of which was asked under its own id.
        asked: problems of earlier rounds.
        root: the project's folder.
    """
    seen = {key(problem.text): ("asked-before", f"as problem {problem.id!r}") for problem in asked}
    fit: list[Problem] = []
    left: list[LeftOut] = []
    for row in rows:
        problem = row.problem
        same = key(problem.text)
        found = [*faults_of(problem.text), *_personal_alt(problem), *((seen[same],) if same in seen else ())]
        if found:
            kind, detail = found[0]
            left.append(LeftOut(id=problem.id, file=_shown(row.path, root), line=row.line, kind=kind, detail=detail))
        else:
            seen[same] = ("duplicate", f"of problem {problem.id!r}")
            fit.append(problem)
    return fit, left


def _shown(path: Path | str | None, root: Path) -> str:
    path = Path(path or "")
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def counted(left: Iterable[LeftOut]) -> dict[str, int]:
    """Kind -> problems left out, most frequent first."""
    return dict(Counter(row.kind for row in left).most_common())


def in_words(kinds: Mapping[str, int]) -> str:
    """ "2 formula-lost, 1 error-cell"."""
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())


def to_ask(
    pool: Sequence[Row], questions: Sequence[Row], asked: Collection[Problem], root: Path, settings: SampleSettings
) -> tuple[Sifted, Sifted]:
    """The problems of the pool and the gold questions, each in those that a round can ask and those that it cannot.

    Args:
        pool: as `sift` takes rows.
        questions: gold questions, likewise.
        asked: problems of earlier rounds.
        root: the project's folder.
        settings: [sample].

    Raises:
        DataError, ProjectError: as refuse_unfit.
    """
    fit, left = sift(pool, asked, root)
    fit_questions, others = sift(questions, asked, root)
    stops = settings.unfit == "stop"
    refuse_unfit([*left, *others] if stops else left, len(fit), settings.slates, settings.unfit)  # questions make no pool smaller
    return (fit, left), (fit_questions, others)


def refuse_unfit(left: Sequence[LeftOut], fit: int, wanted: int, rule: Literal["leave out", "stop"]) -> None:
    """Raise where problems that cannot be asked must stop the round.

    Args:
        left: problems that cannot be asked.
        fit: problems that can.
        wanted: slates of the round.
        rule: sample.unfit.

    Raises:
        DataError: there are some, and the rule is "stop"; carries the place of the first one.
        ProjectError: too few are left, where there were enough before.
    """
    if not left:
        return
    first, words = left[0], in_words(counted(left))
    if rule == "stop":
        raise DataError(
            f"{len(left)} problems cannot be asked: {words}; the first is {first.id!r}: {first.kind}, {first.detail}",
            path=first.file,
            line=first.line,
            hint='correct them (`prefopt data check` lists every one), or set unfit = "leave out" under [sample]',
        )
    if not fit or fit < wanted <= fit + len(left):
        raise ProjectError(
            f"{fit} problems of the pool can be asked, and sample.slates is {wanted}; {len(left)} are left out: {words}",
            hint="correct them (`prefopt data check` lists every one), or add problems to the pool"
            + (f", or set slates = {fit} under [sample]" if fit else ""),
        )


def refuse_unfit_slates(slates: Sequence[Slate]) -> None:
    """Raise DataError where a slate would show what no teacher should see: an unfit problem, or personal data on a card."""
    for slate in slates:
        shown = [("its text", kind, what) for kind, what in faults_of(slate.problem.text)]
        shown += [("its figure_alt", kind, what) for kind, what in _personal_alt(slate.problem)]
        for candidate in slate.candidates:
            for text in (candidate.answer.reason or "", *candidate.answer.concepts):
                shown += [("a card", span.kind, f"at character {span.start + 1}") for span in personal_data(text)]
        if shown:
            where, kind, what = shown[0]
            raise DataError(
                f"slate {slate.id} of problem {slate.problem.id!r} was not published, and no other one: {where} has {kind}, {what}",
                hint="choose and write the slates again: prefopt round branch N --at sample",
            )


def refuse_unfit_gold(data: ProjectData, rule: Literal["stop", "keep"]) -> None:
    """Raise DataError where a labeled problem cannot be read: the round would train on it or judge by it. `rule` is data.unfit."""
    if rule == "keep":
        return
    rows = [*data.rows((*data.train, *data.left_out), "gold file"), *data.guarded]
    bad = [(row, found[0]) for row in rows if (found := unfit(row.problem.text))]
    if bad:
        row, (kind, what) = bad[0]
        more = f"; {len(bad) - 1} more labeled problems cannot be read either" if len(bad) > 1 else ""
        raise DataError(
            f"problem {row.problem.id!r} of the {row.role} cannot be read as it was written: {kind}, {what.en}{more}",
            path=row.path,
            line=row.line,
            hint="correct or remove it (`prefopt data check` lists every one), or train and judge on it as it is: "
            'set unfit = "keep" under [data]',
        )
