"""Read what teachers said from a round's feedback source; every reading is kept in the round's answers.jsonl."""

from __future__ import annotations

from prefopt import plugins
from prefopt.errors import DataError
from prefopt.io.stage_folders import read_rows
from prefopt.project.project import Round
from prefopt.protocols import FeedbackContext, FeedbackSource, KnowsTeachers, OnStep, ignore_steps
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
    answered = ((ranking.slate_id, ranking.teacher) for ranking in answers)
    return Progress.of((receipt.slate_id for receipt in receipts), answered, rnd.config.feedback.overlap), answers


def known_teachers(rnd: Round) -> list[str]:
    """Teachers who may rank, also where they have said nothing yet; [] where the source does not know."""
    source = open_source(rnd)
    return source.teachers() if isinstance(source, KnowsTeachers) else []


def changes_since_collected(rnd: Round) -> Changes:
    """What teachers changed after the round took their answers, asked of the source now. The round itself stays as it is.

    Raises:
        FeedbackError, DataError: see FeedbackSource.collect.
    """
    answers, _ = read_answers(rnd)
    return compare(read_rows(rnd.stage("collect") / "rankings.jsonl", Ranking), answers)
