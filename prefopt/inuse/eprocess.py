"""Tests that may be looked at after every answer: the chance that one ever raises a false alarm stays at alpha.

Each holds an *e-process* of its data: a number >= 0 that starts at 1 and whose expectation, under what is tested, is at most 1 whenever one
stops. By Ville's inequality (1939, Étude critique de la notion de collectif) it then ever reaches 1 / alpha with chance alpha at most.
Everything is a function of the observations in their order: replayed from the records, a process gives the same digits. Computed in logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, inf, isfinite, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prefopt.inuse.floats import Bools, Floats
from prefopt.inuse.two_samples import log_e_of_counts

ODDS = np.geomspace(1.4, 10.0, 8)
"""Error rates that ErrorAudit bets on, as odds over the agreed odds: from little above the agreed error to ten times it."""
FROM_THE_START = 0.8
"""Stake that is bet from the first audit on. The rest is bet later, a part from every EVERY audits on."""
EVERY = 50
"""Audits between two starts of ErrorAudit's bets."""
CONCENTRATIONS = (1e1, 1e2, 1e3, 1e4, 1e5)
"""How near to the expected shares the other shares are that LabelShares bets on: observations that the expected shares weigh."""
FIRST_LOOK = 100
"""Answers before LabelShares first compares them with a counted hold-out; it looks again whenever they have doubled."""
LARGEST = 700.0
"""Logarithm up to which an e-value fits a float."""


class EProcess:
    """An e-process and its alarm.

    Args:
        alpha: chance of a false alarm, ever; in (0, 1).

    Raises:
        ValueError: alpha is not in (0, 1).
    """

    def __init__(self, alpha: float) -> None:
        self.alpha = inside_unit("alpha", alpha)
        self.count = 0
        self.log_e = 0.0
        """Natural logarithm of the e-value now."""
        self.highest = 0.0
        """The largest log_e so far."""
        self.alarmed_at: int | None = None
        """The observation, counted from 1, at which e first reached 1 / alpha."""

    @property
    def e(self) -> float:
        """The e-value now: evidence against what is tested, as a factor; exp(700) at most."""
        return exp(min(self.log_e, LARGEST))

    @property
    def alarm(self) -> bool:
        """Whether e has ever reached 1 / alpha. It stays raised: later evidence does not take it back."""
        return self.alarmed_at is not None

    @property
    def p_value(self) -> float:
        """1 / the largest e so far: a p value that holds whenever one looks."""
        return exp(-self.highest)

    def _now(self, log_e: float) -> None:
        self.count += 1
        self.log_e = log_e
        self.highest = max(self.highest, log_e)
        if self.alarmed_at is None and log_e >= -log(self.alpha):
            self.alarmed_at = self.count


class ErrorAudit(EProcess):
    """Whether more of the accepted answers are wrong than was agreed, from audits of answers that were drawn at random.

    Tested: given everything before it, each audited answer is wrong with a chance of at most `agreed`. Every bet multiplies its stake by
    q / agreed for a wrong answer and (1 - q) / (1 - agreed) for a right one, which is betting on a mean (Waudby-Smith & Ramdas 2024,
    Estimating means of bounded random variables by betting); the stakes of eight q are added up. A fifth of the stake enters later,
    1 / (k (k + 1)) of it at audit 50 k + 1, so that long good service does not hide a fault that begins after it: with 3 % wrong in 1,000
    audits and 10 % from then on, the alarm comes after half as many further audits as with all stakes from the start.

    Args:
        agreed: the agreed share of wrong answers; in (0, 1).
        alpha: as in EProcess.

    Raises:
        ValueError: a number is not in (0, 1).
    """

    def __init__(self, agreed: float, alpha: float) -> None:
        super().__init__(alpha)
        self.agreed = inside_unit("the agreed error", agreed)
        self.wrong = 0
        self._bets = _AuditBets(self.agreed)

    def add(self, wrong: bool) -> None:
        """Count one audit. Raises ValueError for what is not a bool."""
        self.wrong += truth("wrong", wrong)
        self._now(float(self._bets.add(np.bool_(wrong))))


class _AuditBets:
    """The stakes of ErrorAudit, of one stream or of many of one length at once (leading axes)."""

    def __init__(self, agreed: float) -> None:
        q = ODDS * agreed / (1 - agreed + ODDS * agreed)
        self._if_wrong, self._if_right = np.log(q / agreed), np.log((1 - q) / (1 - agreed))
        self._stakes: Floats = np.full(len(q), -inf)
        self._count, self._later = 0, 1.0

    def add(self, wrong: Any) -> Any:
        """Log of all stakes after one more observation of each stream; wrong: bools [...], gives [...]."""
        starts, rest = divmod(self._count, EVERY)
        if rest == 0:
            entering = FROM_THE_START if starts == 0 else (1 - FROM_THE_START) / (starts * (starts + 1))
            self._stakes = np.logaddexp(self._stakes, log(entering / len(ODDS)))
            self._later = (1 - FROM_THE_START) / (starts + 1)
        self._count += 1
        self._stakes = self._stakes + np.where(np.asarray(wrong)[..., None], self._if_wrong, self._if_right)
        return np.logaddexp(np.logaddexp.reduce(self._stakes, axis=-1), log(self._later))


def audit_path(wrong: Bools, agreed: float) -> Floats:
    """Log e of ErrorAudit after each observation of many streams at once. wrong: [..., T]; gives [..., T]."""
    bets = _AuditBets(inside_unit("the agreed error", agreed))
    return np.stack([bets.add(wrong[..., t]) for t in range(wrong.shape[-1])], axis=-1)


class SampleRatio(EProcess):
    """Whether categories come with the shares that are known of them, such as the arms of a comparison with the shares of the draw.

    Tested: every observation is drawn with these shares. The bets are Dirichlet mixtures around the shares, the average over five
    concentrations (Lindon & Malek 2022, Anytime-valid inference for multinomial count data, with one concentration).

    Args:
        shares: of every category, above 0; adding up to 1.
        alpha: as in EProcess.

    Raises:
        ValueError: a share is not above 0, they do not add up to 1, there is only one, or alpha is not in (0, 1).
    """

    def __init__(self, shares: Mapping[str, float], alpha: float = 0.001) -> None:
        super().__init__(alpha)
        self.shares = _shares(shares)
        self._bets = _Dirichlets(self.shares)
        self._log_likelihood = 0.0

    @property
    def counts(self) -> Mapping[str, int]:
        """Observations of each category."""
        return self._bets.seen

    def add(self, category: str) -> None:
        """Count one observation. Raises ValueError for a category without a share."""
        self._log_likelihood += log(_known(category, self.shares))
        self._now(self._bets.add(category) - self._log_likelihood)


class _Dirichlets:
    """The average of Dirichlet mixtures around some shares, one for each concentration."""

    def __init__(self, centre: Mapping[str, float]) -> None:
        self._centre = centre
        self.seen = dict.fromkeys(centre, 0)
        self._count = 0
        self._logs = [-log(len(CONCENTRATIONS))] * len(CONCENTRATIONS)

    def add(self, category: str) -> float:
        """Log-likelihood of all observations with this one."""
        centre, seen, count = self._centre[category], self.seen[category], self._count
        self._logs = [old + log((c * centre + seen) / (c + count)) for old, c in zip(self._logs, CONCENTRATIONS, strict=True)]
        self.seen[category], self._count = seen + 1, count + 1
        largest = max(self._logs)
        return largest + log(sum(exp(one - largest) for one in self._logs))


def ratio_path(categories: NDArray[np.int64], shares: Floats) -> Floats:
    """Log e of SampleRatio after each observation of many streams at once.

    categories: positions in `shares` [..., T]; shares: above 0, adding up to 1 [K]; gives [..., T].
    """
    seen = np.zeros(categories.shape, dtype=np.int64)
    for k in range(len(shares)):
        of_k = categories == k
        seen += of_k * (np.cumsum(of_k, axis=-1) - of_k)
    share, count = np.asarray(shares)[categories], np.arange(categories.shape[-1])
    paths = [np.cumsum(np.log((c + seen / share) / (c + count)), axis=-1) for c in CONCENTRATIONS]
    return np.asarray(np.logaddexp.reduce(paths, axis=0) - log(len(CONCENTRATIONS)))


class LabelShares(EProcess):
    """Whether labels come in other shares than expected.

    With `counted` (the usual case) the expected shares are those of so many hold-out answers. Tested: hold-out and stream are drawn with
    the same shares, whatever they are. After 100, 200, 400 … answers, all of them, and those since the look before, are compared with the
    hold-out (two_samples). Look k puts 1 / (k (k + 1)) of the stake on its two e-values; e is the sum of what the looks so far returned,
    from 0 on. It never falls, and its expectation is at most 1, so a false alarm has a chance of alpha at most (Markov). Without `counted`
    the shares are taken as exact, as in SampleRatio; shares that were counted on a hold-out then raise a false alarm sooner or later.

    Args:
        expected: share of every label that may come, at least 0; adding up to 1.
        alpha: as in EProcess.
        counted: number of answers whose shares these are; None: the shares are exact, and none is 0.

    Raises:
        ValueError: a share is below 0 (or 0 without `counted`), they do not add up to 1, they are not those of so many answers, or alpha
            is not in (0, 1).
    """

    def __init__(self, expected: Mapping[str, float], alpha: float, *, counted: int | None = None) -> None:
        super().__init__(alpha)
        shares = _shares(expected, zero=counted is not None)
        self.counts = dict.fromkeys(shares, 0)
        self._before = dict(self.counts)
        self._exact = SampleRatio(shares, alpha) if counted is None else None
        self._held = {} if counted is None else _counts(shares, counted)
        self._looks = 0
        self.log_e = 0.0 if counted is None else -inf

    def add(self, label: str) -> None:
        """Count one answer. Raises ValueError for a label without an expected share (a share of 0 is one with `counted`)."""
        self.counts[label] = _known(label, self.counts) + 1
        if self._exact is not None:
            self._exact.add(label)
            self._now(self._exact.log_e)
        else:
            self._now(self._looked() if self.count + 1 == FIRST_LOOK << self._looks else self.log_e)

    def _looked(self) -> float:
        """Log e after one more look."""
        self._looks += 1
        held, now = list(self._held.values()), list(self.counts.values())
        lately = [count - before for count, before in zip(now, self._before.values(), strict=True)]
        found = [log_e_of_counts(held, now), log_e_of_counts(held, lately)]
        self._before = dict(self.counts)
        stake = -log(self._looks * (self._looks + 1))
        return float(np.logaddexp(self.log_e, stake + np.logaddexp.reduce(found) - log(len(found))))


def _counts(shares: Mapping[str, float], counted: int) -> dict[str, int]:
    """The counts that shares of `counted` answers stand for."""
    found = {name: round(share * counted) for name, share in shares.items()}
    if counted < 1 or any(abs(share * counted - found[name]) > 1e-6 * counted for name, share in shares.items()):
        raise ValueError(f"the expected shares are not those of {counted} answers")
    return found


def inside_unit(name: str, value: float) -> float:
    """A number in (0, 1)."""
    if isinstance(value, bool) or not 0 < value < 1:  # NaN compares false
        raise ValueError(f"{name} is in (0, 1), not {value!r}")
    return float(value)


def truth(name: str, value: object) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} is true or false, not {value!r}")
    return bool(value)


def _shares(shares: Mapping[str, float], *, zero: bool = False) -> dict[str, float]:
    """Shares of at least two categories that add up to 1, exactly so in what is given back."""
    wrong = {name: share for name, share in shares.items() if not isfinite(share) or share < 0 or (share == 0 and not zero)}
    if wrong:
        raise ValueError(f"a share is {'at least' if zero else 'above'} 0, not {wrong}")
    total = sum(shares.values())
    if len(shares) < 2 or abs(total - 1) > 1e-6:
        raise ValueError(f"{len(shares)} shares that add up to {total:g}; needed are at least two that add up to 1")
    return {name: share / total for name, share in shares.items()}


def _known(name: str, known: Mapping[str, Any]) -> Any:
    if name not in known:
        raise ValueError(f"{name!r} is none of {sorted(known)[:10]}{' …' if len(known) > 10 else ''}")
    return known[name]
