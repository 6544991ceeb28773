"""Which stages a round has, in which order.

round 000          train ─► calibrate ─► decide ─► report
every later one    sample ─► publish ─► collect ─► pair ─► train ─► calibrate ─► decide ─► report
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefopt.project.project import Round
from prefopt.rounds.stage import Stage
from prefopt.rounds.stages.calibrate import calibrate
from prefopt.rounds.stages.collect import collect
from prefopt.rounds.stages.decide import decide
from prefopt.rounds.stages.pair import pair
from prefopt.rounds.stages.publish import publish
from prefopt.rounds.stages.report import report
from prefopt.rounds.stages.sample import sample
from prefopt.rounds.stages.train import train

STAGES: Mapping[str, Stage[Any]] = {s.name: s for s in (sample, publish, collect, pair, train, calibrate, decide, report)}
ROUND_STAGES = tuple(STAGES)
BASE_STAGES = ("train", "calibrate", "decide", "report")


def stage_names(rnd: Round) -> tuple[str, ...]:
    """The stages of a round, in order."""
    return BASE_STAGES if rnd.parent is None else ROUND_STAGES
