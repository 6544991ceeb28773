"""publish: show the slates to the teachers."""

from __future__ import annotations

from pathlib import Path

from prefopt.errors import FeedbackError, PrefoptError
from prefopt.io.stage_folders import write_rows
from prefopt.project.problems import refuse_leak
from prefopt.project.project import Round
from prefopt.rankings.reading import changes_since_collected, open_source, read_slates
from prefopt.rounds.stages import Facts, StageContext

NAME = "publish"


def inputs(rnd: Round) -> dict[str, Path]:
    return {**rnd.data_files, "slates": rnd.stage("sample") / "candidates.jsonl"}


def run(context: StageContext) -> Facts:
    """Writes receipts.jsonl (one Receipt a line, in the order of the slates)."""
    rnd = context.round
    slates = read_slates(rnd)
    refuse_leak((s.problem for s in slates), rnd.load().holdout, "the slates")
    receipts = open_source(rnd, context.on_step).publish(slates)
    if [r.slate_id for r in receipts] != [s.id for s in slates]:
        raise FeedbackError(
            f"the source {rnd.config.feedback.source!r} gave {len(receipts)} receipts for {len(slates)} slates, or in another order"
        )
    write_rows(context.out / "receipts.jsonl", receipts)
    return {
        "published": len(receipts),
        "source": rnd.config.feedback.source,
        "url": receipts[0].url if receipts else "",
        **_late_changes(rnd),
    }


def _late_changes(rnd: Round) -> Facts:
    """What teachers changed in the round before after it was collected: told here, where the source is asked anyway; nobody would look."""
    earlier = [r for r in rnd.project.rounds() if r.number < rnd.number and (r.stage("collect") / "rankings.jsonl").exists()]
    if not earlier or earlier[-1].stage("collect").is_symlink():
        return {}
    try:
        changes = changes_since_collected(earlier[-1])
    except PrefoptError as error:  # an old dataset may be gone; this round does not need it
        return {"earlier_answers": f"those of round {earlier[-1].name} could not be read again: {error.message}"}
    return {"earlier_answers": f"{changes.count} of round {earlier[-1].name} changed after they were collected"} if changes else {}
