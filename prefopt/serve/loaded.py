"""An adapter with its model, ready to answer; loaded beside another one on the same base where that is possible, and compared first.

Before an adapter answers anybody, some hold-out problems must get the posteriors that it was judged with: its thresholds are about these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from prefopt.calibration.posteriors import StoredPosteriors
from prefopt.deploy.engine_check import refuse_other_posteriors, without_analysis
from prefopt.deploy.predictor import Prediction, Predictor, judged_by, predictions
from prefopt.errors import CalibrationError
from prefopt.model import beside
from prefopt.model.adapter_card import adapter_id
from prefopt.model.policy import Policy
from prefopt.project.problems import read_problems
from prefopt.records import Problem
from prefopt.rounds.artifacts import ADAPTER, POSTERIORS
from prefopt.rounds.reading import hash_of, read
from prefopt.serve.watching import Held, Watch

CHECKED = 8
"""Hold-out problems that are compared."""
TOLERANCE = 1e-3
"""Largest difference of a probability, where the weights that are not quantized are in float32."""
COARSE = 1e-2
"""The same in bfloat16, where the rows of a batch change each other's rounding."""


Key = tuple[int, str, str]
"""Round, and sha256 of adapter and calibration: adapters that have the same answer alike."""
_numbers = count(1)


def key_of(predictor: Predictor) -> Key:
    """What an adapter is on the disk now."""
    rnd = predictor.round
    return rnd.number, hash_of(rnd, ADAPTER), hash_of(rnd, judged_by(rnd))


@dataclass
class Loaded:
    """An adapter in memory. Used on the model's thread only."""

    predictor: Predictor
    name: str
    """Of the adapter within its model."""
    key: Key
    """What it was when it was loaded."""
    watch: Watch | None = None
    """Its tests; None before it answers."""
    check: SelfCheck | None = None
    """What it was compared on; None where that could not be read."""
    not_compared: str = ""
    """Why it could not."""

    @property
    def policy(self) -> Policy:
        """Base and adapter."""
        return self.predictor.policy

    @property
    def round(self) -> int:
        """Number of the round that trained it."""
        return self.predictor.round.number

    def use(self) -> None:
        """Make the model compute with this adapter."""
        if self.policy.base is not None:
            beside.use(self.policy, self.name)

    def close(self, *, shared: bool) -> None:
        """Give its memory back; `shared`: another one computes on the same base."""
        self.policy.close()
        if shared:
            beside.remove(self.policy, self.name)


def load(predictor: Predictor) -> Loaded:
    """A predictor with a base of its own. Raises ModelError."""
    loaded = Loaded(predictor, beside.FIRST, key_of(predictor))
    loaded.use()
    return loaded


def can_share(current: Loaded, predictor: Predictor) -> bool:
    """Whether the base in memory is the one of another round's adapter."""
    return current.policy.base is not None and current.predictor.round.config.model == predictor.round.config.model


def load_beside(current: Loaded, predictor: Predictor) -> Loaded:
    """A predictor on the base of another one. Raises ModelError; the model is then as it was."""
    config, name = predictor.round.config, f"adapter-{next(_numbers)}"
    predictor.policy = beside.open_beside(current.policy, predictor.adapter, name, config.prompt, config.answer, predictor.taxonomy)
    return Loaded(predictor, name, key_of(predictor))


@dataclass(frozen=True)
class SelfCheck:
    """Hold-out problems, and the posteriors that the adapter was judged with: probabilities [N, L]."""

    problems: Sequence[Problem]
    expected: NDArray[np.float64]

    def refuse_other(self, loaded: Loaded) -> float:
        """The largest difference of a probability, of servers that of a posterior in total variation.

        Raises:
            CalibrationError: it is too large.
            ModelError: the same of servers, or they fail.
        """
        config, name = loaded.predictor.round.config, loaded.predictor.round.name
        if loaded.policy.far is not None:
            return refuse_other_posteriors(loaded.predictor, self.problems, self.expected).largest
        loaded.use()
        found = loaded.policy.posterior(
            self.problems,
            analyses=config.posterior.analyses,
            batch_size=config.posterior.batch_size,
            memory_mb=config.posterior.memory_mb,
            seed=config.project.seed,
        )
        differences = np.abs(np.exp(found.log_probs) - self.expected).max(axis=1)
        base = loaded.policy.base
        limit = TOLERANCE if base is not None and str(base.model.dtype) == "torch.float32" else COARSE
        worst = int(differences.argmax())
        if not differences[worst] <= limit:
            raise CalibrationError(
                f"the adapter of round {name} answers otherwise than it was judged: a probability of hold-out problem "
                f"{self.problems[worst].id!r} differs by {differences[worst]:.2g}, at most {limit:g} is rounding",
                hint=f"judge it with this machine and these settings: prefopt round branch {loaded.round} --at calibrate",
            )
        return float(differences[worst])


def self_check(predictor: Predictor) -> SelfCheck:
    """Problems of the hold-out that are evenly spread over it, as they are in the project's files today.

    Raises as holdout_of, and for servers as without_analysis.
    """
    problems, stored, rows = _holdout_rows(predictor)
    log_probs = (without_analysis(predictor, stored) if predictor.server else stored.log_probs)[rows]
    chosen = np.linspace(0, len(problems) - 1, min(CHECKED, len(problems))).astype(int)
    return SelfCheck([problems[i] for i in chosen], np.exp(log_probs[chosen]))


def predicted_holdout(predictor: Predictor) -> list[Prediction]:
    """What `predict` would say of the hold-out. Raises as holdout_of."""
    problems, log_probs = holdout_of(predictor)
    if predictor.mixer is not None:
        log_probs = predictor.mixer.mix([problem.text for problem in problems], log_probs)
    stored = read(predictor.round, POSTERIORS)
    masses = dict(zip(stored.problem_ids, stored.label_mass, strict=True))
    names = [problem.id for problem in problems]
    mass = np.array([masses[name] for name in names])
    return predictions(names, log_probs, mass, predictor.taxonomy, predictor.calibration, adapter_id(predictor.adapter))


def answers_on_holdout(predictor: Predictor) -> Held:
    """What is compared with the answers in use. Raises as holdout_of."""
    return Held.of(predicted_holdout(predictor), predictor.taxonomy.ids)


def holdout_of(predictor: Predictor) -> tuple[list[Problem], NDArray[np.float64]]:
    """N hold-out problems that the adapter was judged on, as they are in the project's files today, and its log posteriors [N, L] then.

    Raises:
        DataError: their file cannot be read.
        CalibrationError: none of them is there with its label.
        ProjectError: posteriors.parquet is not what the stage wrote.
    """
    problems, stored, rows = _holdout_rows(predictor)
    return problems, stored.log_probs[rows]


def _holdout_rows(predictor: Predictor) -> tuple[list[Problem], StoredPosteriors, list[int]]:
    """The problems of holdout_of, what the calibration has, and their rows in it."""
    rnd, stored = predictor.round, read(predictor.round, POSTERIORS)
    path = rnd.data_file("holdout_file" if rnd.config.data.holdout_file else "gold")
    rows = {name: row for row, name in enumerate(stored.problem_ids)}
    labels = [stored.labels[column] for column in stored.gold]
    there = read_problems(path, predictor.taxonomy, labeled=True, options=rnd.config.read.options()).problems
    found = [problem for problem in there if problem.id in rows and problem.label == labels[rows[problem.id]]]
    if not found or stored.labels != predictor.taxonomy.ids:
        raise CalibrationError(
            f"{path} has none of the hold-out problems that round {rnd.name} was judged on",
            hint=f"restore it, or judge the adapter again: prefopt round branch {rnd.number} --at calibrate",
        )
    return found, stored, [rows[problem.id] for problem in found]
