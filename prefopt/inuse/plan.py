"""How many problems and teachers' decisions a comparison takes, by simulation with the tests that it uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefopt.inuse.clustered import randomized_path
from prefopt.inuse.floats import Floats
from prefopt.inuse.paired import DIFFER_PART, paired_path

RUNS = 2_000
_CELLS = 2_000_000
MOST = {"paired": 20_000, "split": 40_000, "clients": 3_000}
"""Verdicts, pairs of problems and clients after which a simulated comparison ends without a decision."""


@dataclass(frozen=True)
class Need:
    """What one way to compare takes until it is decided: the median, and what four of five comparisons stay within.

    None: not decided within the simulated length (MOST).
    """

    mode: str
    problems: int | None
    """Paired: problems that both adapters answer. Split: audited problems."""
    problems_80: int | None
    decisions: int | None
    """Of teachers."""
    decisions_80: int | None
    clients: int | None = None
    clients_80: int | None = None


def paired_need(gain: float, differ: float, alpha: float, runs: int = RUNS, seed: int = 0) -> Need:
    """A paired comparison.

    Args:
        gain: how much more often b is right than a, as a share of all problems; above 0.
        differ: share of problems on which just one of the two is right; at least the gain.
        alpha: level of the comparison.
        runs: simulated comparisons.
        seed: of chance.

    Raises:
        ValueError: the gain is not in (0, differ], or differ not in (0, 1].
    """
    if not 0 < gain <= differ <= 1:
        raise ValueError(f"the gain is above 0 and at most the share that differs, which is at most 1; not {gain} and {differ}")
    rng = np.random.default_rng(seed)
    verdicts = _verdicts(rng, runs, _length(differ / gain, "paired"), (1 + gain / differ) / 2, alpha)
    known = np.isfinite(verdicts)
    problems = np.full(runs, np.inf)
    counts = verdicts[known].astype(np.int64)
    problems[known] = counts + (rng.negative_binomial(counts, differ) if differ < 1 else 0)
    return Need("paired", *_middle(problems), *_middle(verdicts))


def split_need(gain: float, accuracy: float, alpha: float, runs: int = RUNS, seed: int = 0) -> Need:
    """A split comparison, half of the problems each; accuracy: of a. Raises ValueError: accuracy and gain are not shares."""
    _refuse_accuracy(accuracy, gain)
    rng, better = np.random.default_rng(seed), accuracy + gain
    wins, losses = better * (1 - accuracy), accuracy * (1 - better)
    pairs = _verdicts(rng, runs, _length((wins + losses) / gain, "split"), wins / (wins + losses), alpha)
    known = np.isfinite(pairs)
    problems = np.full(runs, np.inf)
    counts, chance = pairs[known].astype(np.int64), wins + losses
    problems[known] = 2 * (counts + (rng.negative_binomial(counts, chance) if chance < 1 else 0))
    return Need("split", *_middle(problems), *_middle(problems))


def clients_need(gain: float, accuracy: float, icc: float, per_client: int, alpha: float, runs: int = 200, seed: int = 0) -> Need:
    """A split comparison that draws clients, half of them each.

    Args:
        gain: as in paired_need.
        accuracy: of a, over all clients.
        icc: correlation of right answers within a client (its accuracies are beta distributed); in (0, 1).
        per_client: audited problems with which a client counts.
        alpha: level of the comparison.
        runs: simulated comparisons.
        seed: of chance.

    Raises:
        ValueError: accuracy and gain are not shares, or icc is not in (0, 1).
    """
    _refuse_accuracy(accuracy, gain)
    if not 0 < icc < 1:
        raise ValueError(f"the correlation within a client is in (0, 1), not {icc}")
    rng, shape = np.random.default_rng(seed), (runs, MOST["clients"])
    in_b = rng.random(shape) < 0.5
    values = client_shares(rng, np.where(in_b, accuracy + gain, accuracy), icc, per_client)
    clients = _first(randomized_path(in_b, values, 0.5), alpha)
    middle = _middle(clients)
    problems = tuple(None if value is None else value * per_client for value in middle)
    return Need("split by client", problems[0], problems[1], problems[0], problems[1], *middle)


def client_shares(rng: np.random.Generator, accuracy: Floats, icc: float, per_client: int) -> Floats:
    """Shares of right answers of clients that differ, of the shape of their mean accuracies."""
    weight = 1 / icc - 1
    own = rng.beta(accuracy * weight, (1 - accuracy) * weight)
    return np.asarray(rng.binomial(per_client, own) / per_client)


def _refuse_accuracy(accuracy: float, gain: float) -> None:
    if not (gain > 0 and accuracy > 0 and accuracy + gain < 1):
        raise ValueError(f"accuracy and accuracy + gain are in (0, 1), and the gain is above 0; not {accuracy} and {gain}")


def _length(ratio: float, kind: str) -> int:
    """Verdicts that are enough for nearly every comparison; the evidence of a verdict is half the square of 1 / ratio."""
    return int(min(MOST[kind], 60 + 40 * ratio**2))


def _verdicts(rng: np.random.Generator, runs: int, length: int, chance: float, alpha: float) -> Floats:
    """Verdicts until a paired test decides, in every run; `chance` is that of a verdict for b."""
    part = max(1, _CELLS // length)
    parts = [
        _first(paired_path(rng.random((min(part, runs - done), length)) < chance), (1 - DIFFER_PART) * alpha)
        for done in range(0, runs, part)
    ]
    return np.concatenate(parts)


def _first(path: Floats, alpha: float) -> Floats:
    """When each path first reaches 1 / alpha, counted from 1; inf where it does not."""
    over = path >= -np.log(alpha)
    return np.where(over.any(axis=-1), over.argmax(axis=-1) + 1.0, np.inf)


def _middle(values: Floats) -> tuple[int | None, int | None]:
    """The median and what four of five values stay within."""
    found = np.quantile(values, (0.5, 0.8), method="higher")
    return tuple(int(value) if np.isfinite(value) else None for value in found)  # type: ignore[return-value]  # two of them
