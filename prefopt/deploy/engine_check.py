"""What a server must show before an adapter is used through it: the posteriors of the hold-out that its thresholds were set on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefopt.deploy.predictor import Predictor
from prefopt.errors import ModelError
from prefopt.protocols import OnStep, ignore_steps
from prefopt.rounds.artifacts import POSTERIORS
from prefopt.rounds.reading import read

PROBLEMS = 8
"""Of the hold-out, that are compared."""
DISTANCE = 0.01
"""Largest total variation distance, as a mean over the problems: bfloat16 alone makes up to 0.014 for one."""


@dataclass(frozen=True)
class EngineCheck:
    """Posteriors of a server against those of the calibration."""

    server: str
    adapter: str
    problems: int
    mean: float
    """Total variation distance of two posteriors, mean over the problems."""
    largest: float


def check_engine(predictor: Predictor, on_step: OnStep = ignore_steps) -> EngineCheck:
    """Compare the posteriors of a few hold-out problems with those that the round's calibration has.

    Args:
        predictor: of the round; its server computes.
        on_step: progress.

    Raises:
        ModelError: no server is set; it fails, does not have the adapter, or computes other posteriors; the posteriors are averages over
            sampled analyses, which no two servers sample alike.
        ProjectError: the calibration's file is missing, or not the one that its stage wrote.
    """
    server = predictor.server
    if not server:
        raise ModelError("no server is set", hint="name it: prefopt engine check URL, or set model.server in prefopt.toml")
    if predictor.round.config.posterior.analyses:
        raise ModelError(
            "posteriors over sampled analyses cannot be compared: every server samples others",
            hint="compare a round with posterior.analyses = 0",
        )
    known, data = read(predictor.round, POSTERIORS), predictor.round.load()
    rows = {name: row for row, name in enumerate(known.problem_ids)}
    problems = [problem for problem in data.holdout if problem.id in rows][:PROBLEMS]
    found = predictor.posterior(problems, on_step)
    exact = known.log_probs[[rows[problem.id] for problem in problems]]
    apart = np.abs(np.exp(found.log_probs) - np.exp(exact)).sum(axis=1) / 2
    mean, largest = float(apart.mean()), float(apart.max())
    if not mean <= DISTANCE:
        name = predictor.round.number
        raise ModelError(
            f"{server}: other posteriors than in the calibration of round {predictor.round.name}: a total variation distance of {mean:.4f} "
            f"on average and {largest:.4f} at most over {len(problems)} hold-out problems, {DISTANCE} allowed on average",
            hint="serve the model that was calibrated, without coarser weights or caches; or judge the adapter as this server computes it: "
            f"set model.server, then prefopt round branch {name} --at calibrate",
        )
    return EngineCheck(server, predictor.policy.adapter_id, len(problems), mean, largest)
