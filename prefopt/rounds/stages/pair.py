"""pair: turn rankings into preferences."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from prefopt.errors import ProjectError
from prefopt.io.stage_folders import read_rows, write_rows
from prefopt.project.problems import refuse_leak
from prefopt.project.project import Round
from prefopt.rankings.consensus import as_meant, consensus
from prefopt.records import Ranking, Slate
from prefopt.rounds.stages import Facts, StageContext

if TYPE_CHECKING:
    from prefopt.rankings.reliability import Reliability

NAME = "pair"


def inputs(rnd: Round) -> dict[str, Path]:
    return {
        **rnd.data_files,
        "slates": rnd.stage("sample") / "candidates.jsonl",
        "rankings": rnd.stage("collect") / "rankings.jsonl",
    }


def run(context: StageContext) -> Facts:
    """Writes preferences.jsonl (Pair and Judged rows, told apart by `kind`) and dropped.jsonl (feedback that gave none, with the cause)."""
    rnd = context.round
    data = rnd.load()
    slates = read_rows(rnd.stage("sample") / "candidates.jsonl", Slate)
    refuse_leak((s.problem for s in slates), data.holdout, "the slates")
    rankings = read_rows(rnd.stage("collect") / "rankings.jsonl", Ranking)
    try:
        settings = rnd.config.pair
        trusted = trusted_teachers(slates, rankings) if settings.votes == "reliability" else None
        found = consensus(slates, rankings, data.taxonomy, min_weight=settings.min_weight, ties=settings.ties, trusted=trusted)
    except ValueError as error:
        raise ProjectError(f"the rankings of round {rnd.name} do not fit its slates: {error}", hint="collect them again") from error
    write_rows(context.out / "preferences.jsonl", [*found.pairs, *found.judged])
    write_rows(context.out / "dropped.jsonl", found.dropped)
    return {
        "pairs": len(found.pairs),
        "judged": len(found.judged),
        "desirable": sum(j.desirable for j in found.judged),
        "dropped": dict(sorted(Counter(d.cause for d in found.dropped).items())),
    }


def trusted_teachers(slates: list[Slate], rankings: list[Ranking]) -> Reliability:
    """How reliable each teacher of a round is. Raises ProjectError where the answers tell nothing of it."""
    from prefopt.rankings.reliability import reliability

    known = {slate.id: slate for slate in slates}
    found = reliability(slates, [as_meant(known[r.slate_id], r) for r in rankings if r.slate_id in known])
    if found is None:
        raise ProjectError(
            'votes = "reliability" in [pair], but no slate was ranked by two teachers, and none has a known label',
            hint='set votes = "equal", then prefopt round branch N --at pair; for later rounds overlap = 2 or gold_share in [feedback]',
        )
    return found
