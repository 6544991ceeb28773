"""Which of two adapters is better where whole clients were drawn: a test over clients, whatever the problems of one have in common.

Each client counts once, with the share of right answers among its first judged problems. Tested: the arm makes no difference to any client.
Then the arm of a client is a coin that knows nothing of its share, so exp(l s r) over its expectation is a fair bet, with s = 1 - share of
b for clients of b and - share of b for clients of a, and r the client's share of right answers less the mean of those before it. The bets
of several l, both signs, are averaged. Nothing is assumed of how clients differ: the draw alone carries the test (randomization test:
Fisher 1935, The design of experiments).
"""

from __future__ import annotations

from math import log

import numpy as np

from prefopt.inuse.eprocess import EProcess, inside_unit, truth
from prefopt.inuse.floats import Bools, Floats

STAKES = np.array([sign * size for size in (2.0, 4.0, 8.0, 16.0) for sign in (1.0, -1.0)])
"""The l that are averaged. The best one is the difference between the arms over the variance between clients."""
STEP = 0.005
"""Of the differences that bounds() tries."""


class RandomizedDifference(EProcess):
    """Evidence that the arm makes a difference, from one value for every client.

    Args:
        share: of b in the draw; in (0, 1).
        alpha: as in EProcess; both directions together.

    Raises:
        ValueError: a number is not in (0, 1).
    """

    def __init__(self, share: float, alpha: float) -> None:
        super().__init__(alpha)
        self.share = inside_unit("the share of b", share)
        self._in_b: list[bool] = []
        self._values: list[float] = []

    def add(self, in_b: bool, value: float) -> None:
        """Count one client. value: its share of right answers. Raises ValueError: in_b is not a bool, or the value is not in [0, 1]."""
        if not 0 <= value <= 1:
            raise ValueError(f"a client's share of right answers is in [0, 1], not {value!r}")
        self._in_b.append(truth("in_b", in_b))
        self._values.append(float(value))
        path = randomized_path(np.array(self._in_b), np.array(self._values), self.share)
        self._now(float(path[-1]))

    @property
    def difference(self) -> float | None:
        """Mean share of right answers of b's clients less that of a's; None without clients in both."""
        values, in_b = np.array(self._values), np.array(self._in_b, dtype=bool)
        return float(values[in_b].mean() - values[~in_b].mean()) if 0 < in_b.sum() < len(in_b) else None

    def bounds(self) -> tuple[float, float]:
        """Confidence sequence of the difference, if the arm shifts every client's share alike; (-1, 1) while nothing is known.

        All shifts (b less a) with which the clients, after the shift is taken back, give no evidence of a difference.
        """
        shifts = np.arange(-1, 1 + STEP / 2, STEP)
        in_b, values = np.array(self._in_b, dtype=bool), np.array(self._values)
        if not len(values):
            return -1.0, 1.0
        path = randomized_path(np.broadcast_to(in_b, (len(shifts), len(in_b))), values - shifts[:, None] * in_b, self.share)
        kept = shifts[path[:, -1] < -log(self.alpha)]
        if not len(kept):
            return -1.0, 1.0
        return max(-1.0, float(kept.min()) - STEP), min(1.0, float(kept.max()) + STEP)


def randomized_path(in_b: Bools, values: Floats, share: float) -> Floats:
    """Log e of RandomizedDifference after each client of many streams at once. in_b: bools [..., T]; values: [..., T]; gives [..., T]."""
    count = np.arange(values.shape[-1])
    before = (np.cumsum(values, axis=-1) - values) / np.maximum(count, 1)
    residual = values - np.where(count > 0, before, 0.5)
    bets = residual[..., None] * STAKES
    won = np.where(in_b[..., None], 1 - share, -share) * bets
    fair = np.logaddexp(log(share) + (1 - share) * bets, log(1 - share) - share * bets)
    return np.asarray(np.logaddexp.reduce(np.cumsum(won - fair, axis=-2), axis=-1) - log(len(STAKES)))
