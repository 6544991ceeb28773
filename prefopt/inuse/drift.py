"""Whether answers in use look like those on the hold-out: a conformal test martingale on a number that every answer has."""

from __future__ import annotations

from collections.abc import Iterable
from math import log

import numpy as np

from prefopt.inuse.eprocess import EProcess

BINS = 1_000
"""Steps into which numbers are put before they are ranked: fixed, so that any number of answers costs the same memory and time."""
LOGIT = 10.0
"""Log odds at which a share counts as 0 or 1."""
JUMP = 0.01
"""Part of each stake that is dealt again after every answer, so that a bet that lost for long can still win (the simple jumper)."""
BETS = (-1.0, 0.0, 1.0)
"""That numbers come out lower than before, as before, higher."""


class Drift(EProcess):
    """Whether a number of the answers in use is exchangeable with that of the answers on the hold-out.

    Each new number is ranked among all before it, the hold-out's first; with ties broken by chance the ranks are independent and uniform as
    long as all are exchangeable, whatever their distribution, and however small the hold-out (Vovk, Gammerman & Shafer 2005). The bets on
    the ranks are those of the simple jumper (Vovk et al. 2021, Retrain or not retrain).

    Args:
        held: the steps (step_of_share, step_of_count) of the answers on the hold-out.
        alpha: as in EProcess.

    Raises:
        ValueError: alpha is not in (0, 1).
    """

    def __init__(self, held: Iterable[int], alpha: float) -> None:
        super().__init__(alpha)
        self._counts = np.bincount(np.fromiter(held, dtype=np.int64), minlength=BINS + 1)
        self._total = int(self._counts.sum())
        self._stakes = [1 / 3] * 3

    def add(self, step: int, chance: float) -> None:
        """Count an answer: the step of its number, and a number in [0, 1) drawn for it alone, which breaks ties."""
        equal = int(self._counts[step]) + 1
        rank = (int(self._counts[:step].sum()) + chance * equal) / (self._total + 1)
        self._counts[step] += 1
        self._total += 1
        stakes = [((1 - JUMP) * stake + JUMP / 3) * (1 + bet * (rank - 0.5)) for stake, bet in zip(self._stakes, BETS, strict=True)]
        gain = sum(stakes)
        self._stakes = [stake / gain for stake in stakes]
        self._now(self.log_e + log(gain))


def step_of_share(value: float) -> int:
    """The step of a number in [0, 1], fine near both ends."""
    odds = LOGIT if value >= 1 else -LOGIT if value <= 0 else min(LOGIT, max(-LOGIT, log(value / (1 - value))))
    return int((odds + LOGIT) / (2 * LOGIT) * BINS)


def step_of_count(value: int) -> int:
    """The step of a count."""
    return min(value, BINS)
