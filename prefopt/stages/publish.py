"""publish: show the slates to the teachers."""

from __future__ import annotations

from pathlib import Path

from prefopt import plugins
from prefopt.errors import FeedbackError
from prefopt.problems import refuse_leak
from prefopt.project import Round
from prefopt.protocols import FeedbackContext, FeedbackSource, OnStep, ignore_steps
from prefopt.records import Slate
from prefopt.stages import Facts, StageContext
from prefopt.store import read_rows, write_rows

NAME = "publish"


def inputs(round_: Round) -> dict[str, Path]:
    return {**round_.data_files, "slates": round_.stage("sample") / "candidates.jsonl"}


def run(context: StageContext) -> Facts:
    """Writes receipts.jsonl (one Receipt a line, in the order of the slates)."""
    round_ = context.round
    slates = read_rows(round_.stage("sample") / "candidates.jsonl", Slate)
    refuse_leak((s.problem for s in slates), round_.load().holdout, "the slates")
    receipts = open_source(round_, context.on_step).publish(slates)
    if [r.slate_id for r in receipts] != [s.id for s in slates]:
        raise FeedbackError(
            f"the source {round_.config.feedback.source!r} gave {len(receipts)} receipts for {len(slates)} slates, or in another order"
        )
    write_rows(context.out / "receipts.jsonl", receipts)
    return {"published": len(receipts), "source": round_.config.feedback.source, "url": receipts[0].url if receipts else ""}


def open_source(round_: Round, on_step: OnStep = ignore_steps) -> FeedbackSource:
    """The round's feedback source, ready to publish and collect."""
    settings = round_.config.feedback
    source = plugins.find_source(settings.source)
    config = plugins.options(source.Config, settings.options, f"{round_.folder / 'round.toml'} [feedback.options]")
    context = FeedbackContext(
        project=round_.project.root,
        name=f"{round_.config.project.name}-{round_.name}",
        taxonomy=round_.load().taxonomy,
        overlap=settings.overlap,
        on_step=on_step,
    )
    return source(config, context)
