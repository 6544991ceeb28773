"""What a server must show before an adapter is used through it: the posteriors of the hold-out that its thresholds were set on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prefopt.calibration.posteriors import StoredPosteriors
from prefopt.deploy.predictor import Predictor
from prefopt.errors import CalibrationError, ModelError
from prefopt.protocols import OnStep, ignore_steps
from prefopt.records import Problem
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
        ModelError: no server is set; as refuse_other_posteriors.
        CalibrationError: as without_analysis, or none of the calibration's problems is in the hold-out any more.
        ProjectError: the calibration's file is missing, or not the one that its stage wrote.
    """
    if not predictor.server:
        raise ModelError("no server is set", hint="name it: prefopt engine check URL, or set model.server in prefopt.toml")
    known, data = read(predictor.round, POSTERIORS), predictor.round.load()
    rows = {name: row for row, name in enumerate(known.problem_ids)}
    problems = [problem for problem in data.holdout if problem.id in rows][:PROBLEMS]
    if not problems:
        raise CalibrationError(
            f"the hold-out has none of the problems that round {predictor.round.name} was judged on",
            hint=f"restore its file, or judge the adapter again: prefopt round branch {predictor.round.number} --at calibrate",
        )
    return refuse_other_posteriors(predictor, problems, np.exp(without_analysis(predictor, known)[[rows[p.id] for p in problems]]), on_step)


def without_analysis(predictor: Predictor, known: StoredPosteriors) -> NDArray[np.float64]:
    """Log posteriors [N, L] of a calibration that another machine can compute as well: each samples other analyses.

    Raises:
        CalibrationError: the calibration averaged over analyses, and is of a version that kept nothing else.
    """
    if not predictor.round.config.posterior.analyses:
        return known.log_probs
    if known.direct is None:
        raise CalibrationError(
            f"the calibration of round {predictor.round.name} has posteriors over sampled analyses alone, which no server samples alike",
            hint=f"judge the adapter again: prefopt round branch {predictor.round.number} --at calibrate",
        )
    return known.direct


def refuse_other_posteriors(
    predictor: Predictor, problems: Sequence[Problem], exact: NDArray[np.float64], on_step: OnStep = ignore_steps
) -> EngineCheck:
    """Compare a server's posteriors without analyses with known ones.

    Args:
        predictor: its server computes.
        problems: at least one.
        exact: their posteriors [N, L] in the calibration, as probabilities.
        on_step: progress.

    Raises:
        ModelError: the server fails, does not have the adapter, or computes other posteriors.
    """
    server, config = predictor.server, predictor.round.config
    found = predictor.policy.posterior(problems, batch_size=config.posterior.batch_size, on_step=on_step)
    apart = np.abs(np.exp(found.log_probs) - exact).sum(axis=1) / 2
    mean, largest = float(apart.mean()), float(apart.max())
    if not mean <= DISTANCE:
        number = predictor.round.number
        raise ModelError(
            f"{server}: other posteriors than in the calibration of round {predictor.round.name}: a total variation distance of {mean:.4f} "
            f"on average and {largest:.4f} at most (problem {problems[int(apart.argmax())].id}) over {len(problems)} hold-out problems, "
            f"{DISTANCE} allowed on average",
            hint="serve the model that was calibrated, without coarser weights or caches; or judge the adapter as this server computes it: "
            f"set model.server, then prefopt round branch {number} --at calibrate",
        )
    return EngineCheck(server, predictor.policy.adapter_id, len(problems), mean, largest)
