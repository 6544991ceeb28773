"""Read what teachers said from a round's feedback source; every reading is kept in the round's answers.jsonl."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prefopt import plugins
from prefopt.errors import DataError
from prefopt.io.stage_folders import read_rows
from prefopt.project.project import Round
from prefopt.protocols import FeedbackContext, FeedbackSource, OnStep, ignore_steps
from prefopt.rankings.answers import Changes, compare, keep
from prefopt.records import Progress, Ranking, Receipt, Slate


def open_source(rnd: Round, on_step: OnStep = ignore_steps) -> FeedbackSource:
    """The round's feedback source, ready to publish and collect."""
    settings = rnd.config.feedback
    source = plugins.find_source(settings.source)
    config = plugins.options(source.Config, settings.options, f"{rnd.folder / 'round.toml'} [feedback.options]")
    context = FeedbackContext(
        project=rnd.project.root,
        name=f"{rnd.config.project.name}-{rnd.name}",
        taxonomy=rnd.load().taxonomy,
        overlap=settings.overlap,
        on_step=on_step,
    )
    return source(config, context)


def read_slates(rnd: Round) -> list[Slate]:
    return read_rows(rnd.stage("sample") / "candidates.jsonl", Slate)


def read_receipts(rnd: Round) -> list[Receipt]:
    return read_rows(rnd.stage("publish") / "receipts.jsonl", Receipt)


def read_answers(rnd: Round, on_step: OnStep = ignore_steps) -> tuple[list[Ranking], Changes]:
    """What teachers have said by now, asked of the source; the answers of deleted accounts as they were last seen. With what is new.

    Raises:
        FeedbackError, DataError: see FeedbackSource.collect.
    """
    seen = open_source(rnd, on_step).collect(read_slates(rnd), read_receipts(rnd))
    return keep(rnd.folder, seen)


def read_progress(rnd: Round) -> tuple[Progress, list[Ranking] | None]:
    """How far the teachers are, asked of the source now, and their answers; None while one of them is only half written (a spreadsheet)."""
    receipts = read_receipts(rnd)
    try:
        answers, _ = read_answers(rnd)
    except DataError:
        return open_source(rnd).progress(receipts), None
    return progress_of(receipts, answers, rnd.config.feedback.overlap), answers


def known_teachers(rnd: Round) -> list[str]:
    """Teachers who may rank, also where they have said nothing yet; [] where the source does not know."""
    ask = getattr(open_source(rnd), "teachers", None)
    return [str(name) for name in ask()] if ask is not None else []


def progress_of(receipts: Sequence[Receipt], answers: Sequence[Ranking], overlap: int) -> Progress:
    """Slates that `overlap` teachers have judged (a discard counts), and answers per teacher."""
    per_slate = Counter(r.slate_id for r in answers)
    per_teacher = Counter(r.teacher for r in answers)
    complete = sum(per_slate[receipt.slate_id] >= overlap for receipt in receipts)
    return Progress(complete=complete, published=len(receipts), rankings=dict(sorted(per_teacher.items())))


def changes_since_collected(rnd: Round) -> Changes:
    """What teachers changed after the round took their answers, asked of the source now. The round itself stays as it is.

    Raises:
        FeedbackError, DataError: see FeedbackSource.collect.
    """
    answers, _ = read_answers(rnd)
    return compare(read_rows(rnd.stage("collect") / "rankings.jsonl", Ranking), answers)
