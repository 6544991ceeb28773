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


def inputs(round_: Round) -> dict[str, Path]:
    return {**round_.data_files, "slates": round_.stage("sample") / "candidates.jsonl"}


def run(context: StageContext) -> Facts:
    """Writes receipts.jsonl (one Receipt a line, in the order of the slates)."""
    round_ = context.round
    slates = read_slates(round_)
    refuse_leak((s.problem for s in slates), round_.load().holdout, "the slates")
    receipts = open_source(round_, context.on_step).publish(slates)
    if [r.slate_id for r in receipts] != [s.id for s in slates]:
        raise FeedbackError(
            f"the source {round_.config.feedback.source!r} gave {len(receipts)} receipts for {len(slates)} slates, or in another order"
        )
    write_rows(context.out / "receipts.jsonl", receipts)
    return {
        "published": len(receipts),
        "source": round_.config.feedback.source,
        "url": receipts[0].url if receipts else "",
        **_late_changes(round_),
    }


def _late_changes(round_: Round) -> Facts:
    """What teachers changed in the round before after it was collected: told here, where the source is asked anyway; nobody would look."""
    earlier = [r for r in round_.project.rounds() if r.number < round_.number and (r.stage("collect") / "rankings.jsonl").exists()]
    if not earlier or earlier[-1].stage("collect").is_symlink():
        return {}
    try:
        changes = changes_since_collected(earlier[-1])
    except PrefoptError as error:  # an old dataset may be gone; this round does not need it
        return {"earlier_answers": f"those of round {earlier[-1].name} could not be read again: {error.message}"}
    return {"earlier_answers": f"{changes.count} of round {earlier[-1].name} changed after they were collected"} if changes else {}
