"""Posteriors over the labels of a taxonomy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Posteriors:
    """P(label | problem) over the whole taxonomy, for N problems and L labels."""

    problem_ids: tuple[str, ...]
    log_probs: np.ndarray
    """Natural logarithms, float64 [N, L]; exp of each row sums to 1."""
    label_mass: np.ndarray
    """Probability of all labels of the taxonomy together before normalization, float64 [N]."""
    draws: np.ndarray | None = None
    """With S sampled analyses: log posterior after each, float64 [S, N, L]; log_probs is the logarithm of their mean probability."""
    unfinished: int = 0
    """Analyses that did not end in any attempt; each was scored as an empty one."""

    @property
    def single(self) -> np.ndarray:
        """Log posterior after the first analysis only, float64 [N, L]."""
        return self.log_probs if self.draws is None else np.asarray(self.draws[0])


def normalized(likelihoods: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log posterior [N, L] and label mass [N] of log-likelihoods [N, L]."""
    total = np.logaddexp.reduce(likelihoods, axis=1)
    return likelihoods - total[:, None], np.exp(total)
