"""pair: turn rankings into preferences."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from prefopt.consensus import consensus
from prefopt.errors import ProjectError
from prefopt.problems import refuse_leak
from prefopt.project import Round
from prefopt.records import Ranking, Slate
from prefopt.stages import Facts, StageContext
from prefopt.store import read_rows, write_rows

NAME = "pair"


def inputs(round_: Round) -> dict[str, Path]:
    return {
        **round_.data_files,
        "slates": round_.stage("sample") / "candidates.jsonl",
        "rankings": round_.stage("collect") / "rankings.jsonl",
    }


def run(context: StageContext) -> Facts:
    """Writes preferences.jsonl (Pair and Judged rows, told apart by `kind`) and dropped.jsonl (feedback that gave none, with the cause)."""
    round_ = context.round
    data = round_.load()
    slates = read_rows(round_.stage("sample") / "candidates.jsonl", Slate)
    refuse_leak((s.problem for s in slates), data.holdout, "the slates")
    rankings = read_rows(round_.stage("collect") / "rankings.jsonl", Ranking)
    try:
        settings = round_.config.pair
        found = consensus(slates, rankings, data.taxonomy, min_weight=settings.min_weight, ties=settings.ties)
    except ValueError as error:
        raise ProjectError(f"the rankings of round {round_.name} do not fit its slates: {error}", hint="collect them again") from error
    write_rows(context.out / "preferences.jsonl", [*found.pairs, *found.judged])
    write_rows(context.out / "dropped.jsonl", found.dropped)
    return {
        "pairs": len(found.pairs),
        "judged": len(found.judged),
        "desirable": sum(j.desirable for j in found.judged),
        "dropped": dict(sorted(Counter(d.cause for d in found.dropped).items())),
    }
