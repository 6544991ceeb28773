"""collect: take the teachers' rankings. The only stage that waits for people."""

from __future__ import annotations

from pathlib import Path

from prefopt.errors import FeedbackError
from prefopt.io.stage_folders import write_rows
from prefopt.project.project import Round
from prefopt.rankings.reading import read_answers, read_progress
from prefopt.rounds.stages import Facts, StageContext

NAME = "collect"


def inputs(rnd: Round) -> dict[str, Path]:
    return {"slates": rnd.stage("sample") / "candidates.jsonl", "receipts": rnd.stage("publish") / "receipts.jsonl"}


def waiting(context: StageContext) -> str | None:
    """Why people are needed, or None."""
    progress, _ = read_progress(context.round)
    wanted = context.round.config.feedback.minimum_share * progress.published
    if progress.complete >= wanted or (context.collect_now and any(progress.rankings.values())):
        return None
    if context.collect_now:
        raise FeedbackError(
            f"no slate of round {context.round.name} has been answered: there is nothing to collect",
            hint="let the teachers rank some slates first",
        )
    teachers = ", ".join(f"{name} {count}" for name, count in sorted(progress.rankings.items())) or "no rankings yet"
    return f"{progress.complete} of {progress.published} slates complete ({teachers})"


def run(context: StageContext) -> Facts:
    """Writes rankings.jsonl (one Ranking a line, by slate then teacher)."""
    rnd = context.round
    rankings, changes = read_answers(rnd, context.on_step)
    if not rankings:
        raise FeedbackError(f"no slate of round {rnd.name} has been answered", hint="let the teachers rank some slates first")
    write_rows(context.out / "rankings.jsonl", rankings)
    kinds = [r.kind for r in rankings]
    return {
        "rankings": len(rankings),
        "teachers": sorted({r.teacher for r in rankings}),
        "deleted_teachers": list(changes.removed_teachers),
        "withdrawn": len(changes.withdrawn),
        "slates_answered": len({r.slate_id for r in rankings}),
        **{kind: kinds.count(kind) for kind in ("ranked", "none_right", "discarded")},
    }
