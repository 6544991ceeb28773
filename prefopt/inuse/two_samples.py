"""Evidence that two samples of labels do not come with the same shares, whatever the shares are.

If they do, then, given how often each label comes in both together, the counts of one sample are hypergeometric: every way to draw it is
equally likely. The bet splits each label between the samples with a chance of its own (beta-binomial splits, given their sum) and is
divided by that, so its expectation is exactly 1 for every shares and all sizes. Neither sample's shares are taken for the truth, and equal
shares cost little, however many labels there are: with a large precision of the splits the bet is the hypergeometric distribution itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import lgamma, log

import numpy as np

from prefopt.inuse.floats import Floats

PRECISIONS = (10.0, 40.0, 160.0, 640.0)
"""How near to equal the splits are that are bet on: the sum of the parameters of their beta distribution."""
_DIRECT = 32


def log_e_of_counts(one: Sequence[int], other: Sequence[int]) -> float:
    """Natural logarithm of an e-value against "drawn with the same shares", the average over PRECISIONS.

    Args:
        one: counts of each label in one sample.
        other: counts in the other one, in the same order.

    Returns:
        0.0 where a sample is empty.
    """
    drawn, rest = (one, other) if sum(one) <= sum(other) else (other, one)
    size, total = sum(drawn), sum(drawn) + sum(rest)
    if not size:
        return 0.0
    both = [(m, m + n) for m, n in zip(drawn, rest, strict=True) if m + n]
    alike = sum(_log_choose(t, m) for m, t in both) - _log_choose(total, size)
    bets = [_log_bet(both, size, total, precision) for precision in PRECISIONS]
    return float(np.logaddexp.reduce(bets)) - log(len(bets)) - alike


def _log_bet(both: Sequence[tuple[int, int]], size: int, total: int, precision: float) -> float:
    """Log probability of the counts under beta-binomial splits whose sum is `size`; both: (drawn, in both samples) of each label."""
    a, b = precision * size / total, precision * (1 - size / total)
    sums, found = np.ones(1), 0.0
    for m, t in both:
        logs = _log_split(t, a, b, size)
        found += float(logs[m])
        sums = _sum_of(sums, np.exp(logs), size)
    return found - log(float(sums[size]))


def _log_split(t: int, a: float, b: float, most: int) -> Floats:
    """Log probability of 0, 1, … min(t, most) of t under a beta-binomial distribution."""
    k = np.arange(min(t, most), dtype=np.float64)
    ratios = np.log(t - k) - np.log(k + 1) + np.log(a + k) - np.log(b + t - k - 1)
    none = lgamma(b + t) + lgamma(a + b) - lgamma(b) - lgamma(a + b + t)
    return np.concatenate([[none], none + np.cumsum(ratios)])


def _sum_of(one: Floats, other: Floats, most: int) -> Floats:
    """Distribution of the sum of two counts, up to `most`."""
    length = len(one) + len(other) - 1
    if min(len(one), len(other)) < _DIRECT:
        return np.asarray(np.convolve(one, other)[: most + 1])
    padded = 1 << (length - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(one, padded) * np.fft.rfft(other, padded), padded)
    return np.maximum(product[: min(length, most + 1)], 0.0)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
