"""How reliable each teacher is, from the votes alone: Dawid and Skene (1979) on pairs of cards, with ties as a class of their own.

The truth of a pair is: the first is better, the second is better, or they are level. A teacher is described by the votes on a pair that is
truly unequal (the right order, a tie, the wrong order) and on a pair that is truly level (a tie, or either order alike). First and second
are exchangeable by construction: a free confusion matrix would learn that the model's own favorite comes first. Known labels (gold) fix
the truth of the pairs that have the right card. The pairs of one slate count as independent. Two cards below the best one of a teacher who
chose the best alone are a tie: that neither is the best speaks against those who put one of them first. Without these votes the weights of
three schools of `benchmarks/reliability.py` are worse (0.954, 0.966 and 0.899 of the weight on right pairs in place of 0.975, 0.982 and
0.915).

Two things that agreement alone cannot show are added. On a share of the slates all teachers may share an error (an ambiguous problem), and
their votes carry no information: every probability is mixed with that of no votes by this share, estimated from the slates with a known
label on which all agreed, with a prior. And teachers who follow the model (prefopt.rankings.copying) agree with each other without being
right: their votes are left out of the estimate, and weigh nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from prefopt.rankings.copying import following
from prefopt.rankings.label_agreement import unanimous_gold
from prefopt.rankings.overlap import SET, Overlap
from prefopt.records import Ranking, Slate

PRIOR_HARD = (0.5, 9.5)
"""Beta prior of the share of slates on which all teachers share an error: 5 % on average, worth 10 slates."""
PRIOR_UNEQUAL = (4.0, 1.0, 1.0)
"""Pseudo-counts of right order, tie, wrong order: a teacher with few votes is better than chance."""
PRIOR_LEVEL = (2.0, 1.0)
"""Pseudo-counts of tie, any order, where two cards are truly level."""
FEWEST_TIES = 0.5
"""Smallest share of ties among votes on level pairs. Without this bound the class fits random votes, absorbs the pairs on which teachers
differ, and makes everyone look reliable."""
MOST_STEPS = 500
BETTER, LEVEL, WORSE = 0, 1, 2

PairKey = tuple[str, str, str]
"""Slate id and the ids of two of its candidates, in the slate's order."""


@dataclass(frozen=True)
class Trust:
    """One teacher: shares of votes where one card is truly better than the other. The three add up to 1."""

    right: float
    tie: float
    wrong: float
    votes: int
    """Pairs of cards that they ordered or tied."""


@dataclass(frozen=True)
class Reliability:
    """Trust per teacher, and for every pair of cards the probabilities of (better, level, worse) given all votes."""

    teachers: Mapping[str, Trust]
    pairs: Mapping[PairKey, tuple[float, float, float]]
    level: float
    """Share of the pairs that are truly level."""
    hard: float = 0.0
    """Share of the slates on which all teachers share an error."""
    copycats: frozenset[str] = frozenset()
    """Teachers who follow the model; their votes weigh nothing."""

    def weight(self, teacher: str) -> float:
        """Weight of a teacher's votes: 1 is always right, 0 is chance. A teacher without votes has the weight of the prior."""
        if teacher in self.copycats:
            return 0.0
        trust = self.teachers.get(teacher)
        right, _, wrong = (x / sum(PRIOR_UNEQUAL) for x in PRIOR_UNEQUAL) if trust is None else (trust.right, trust.tie, trust.wrong)
        return max(0.0, right - wrong)

    def net(self, slate: str, first: str, second: str) -> float:
        """P(first is better) - P(second is better); 0 for a pair that nobody judged."""
        chances = self.pairs.get((slate, first, second))
        net = 0.0 if chances is None else chances[BETTER] - chances[WORSE]
        return net if abs(net) > 1e-9 else 0.0  # votes that cancel out leave a rounding error


def reliability(
    slates: Sequence[Slate],
    rankings: Iterable[Ranking],
    *,
    hard: tuple[float, float] | None = PRIOR_HARD,
    copying: bool = True,
    overlap: Overlap = SET,
    tolerance: float = 1e-7,
) -> Reliability | None:
    """Expectation-maximization until no probability moves by more than `tolerance`.

    Slates that repeat another are left out. None where the votes do not determine anything: no two teachers judged one slate, and no
    slate has a known label.

    Args:
        slates: of the round.
        rankings: of its teachers.
        hard: Beta prior of the share of slates on which all teachers share an error; None: there are none.
        copying: look for teachers who follow the model, and leave out their votes.
        overlap: of the round. Where second teachers are asked because of the first answer, the teachers' shares are estimated from the
            slates that were drawn to be judged twice and from known labels; with these shares, all votes are weighed.
        tolerance: see above.
    """
    known = {slate.id: slate for slate in slates if slate.repeat_of is None}
    given = [r for r in rankings if r.slate_id in known]
    ranked = [r for r in given if r.kind == "ranked"]
    names = sorted({r.teacher for r in ranked})
    keys: dict[PairKey, int] = {}
    votes: list[tuple[int, int, int]] = []  # pair, teacher, vote
    measures: list[bool] = []
    fair = {(r.slate_id, r.teacher) for r in overlap.unselected(list(known.values()), given)}
    for ranking in ranked:
        for first, second in combinations(known[ranking.slate_id].candidates, 2):
            pair = keys.setdefault((ranking.slate_id, first.id, second.id), len(keys))
            difference = ranking.ranks[first.id] - ranking.ranks[second.id]
            votes.append((pair, names.index(ranking.teacher), 1 + (difference > 0) - (difference < 0)))
            measures.append(known[ranking.slate_id].gold is not None or (ranking.slate_id, ranking.teacher) in fair)
    gold = {key for key in keys if known[key[0]].gold is not None}
    fixed = {row: truth for key, row in keys.items() if (truth := _known_truth(known[key[0]], key)) is not None}
    copycats = frozenset(name for name, found in following(known.values(), given).items() if found.copies) if copying else frozenset()
    table = np.array(votes, dtype=np.int64).reshape(-1, 3)
    counts_alone = ~np.isin(table[:, 1], [i for i, name in enumerate(names) if name in copycats])
    fitted = np.array(measures, dtype=bool)
    own = table[counts_alone & fitted]
    if not fixed and (not len(own) or np.bincount(own[:, 0]).max() < 2):
        return None
    unequal, ties, level, chances = _fit(own, len(keys), len(names), fixed, tolerance)
    after = _teachers(table[fitted], chances, len(names))[0]  # of those who follow the model, too, measured by the others
    if not fitted.all():
        chances = posteriors(table[counts_alone], len(keys), unequal, ties, level)
        chances[list(fixed)] = np.eye(3)[list(fixed.values())]
    unequal = np.array([after[i] if name in copycats else unequal[i] for i, name in enumerate(names)])
    share = 0.0 if hard is None else hard_share(known.values(), given, hard)
    unknown = np.array([key not in gold for key in keys])
    chances[unknown] = (1 - share) * chances[unknown] + share * np.array([(1 - level) / 2, level, (1 - level) / 2])
    counts = np.bincount(table[:, 1], minlength=len(names))
    shares = {name: [float(x) for x in unequal[i]] for i, name in enumerate(names)}
    trust = {name: Trust(right, tie, wrong, int(counts[names.index(name)])) for name, (right, tie, wrong) in shares.items()}
    return Reliability(
        trust, {key: (float(p[0]), float(p[1]), float(p[2])) for key, p in zip(keys, chances, strict=True)}, level, share, copycats
    )


def hard_share(slates: Iterable[Slate], rankings: Iterable[Ranking], prior: tuple[float, float] = PRIOR_HARD) -> float:
    """Share of the slates on which all teachers share an error: posterior mean, from the slates with a known label on which all agreed.
    Votes without information are right by luck on one of k cards, so each error stands for k / (k - 1) of these slates.
    """
    found = unanimous_gold(slates, rankings)
    wrong = sum(len(slate.candidates) / (len(slate.candidates) - 1) for slate, is_wrong in found if is_wrong)
    errors, others = prior
    return min(1.0, (errors + wrong) / (errors + others + len(found)))


def posteriors(
    votes: NDArray[np.int64], pairs: int, unequal: NDArray[np.float64], level: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """P(better, level, worse) of every pair, given each teacher's shares of votes.

    Args:
        votes: rows of pair, teacher, vote (0 better, 1 level, 2 worse). [V, 3]
        unequal: right, tie, wrong of each teacher. [T, 3]
        level: tie, any order of each teacher. [T, 2]
        pairs: how many there are.
        share: of the pairs that are truly level.

    Returns:
        [pairs, 3]
    """
    chances = np.stack(
        [unequal, np.stack([level[:, 1] / 2, level[:, 0], level[:, 1] / 2], axis=1), unequal[:, ::-1]], axis=1
    )  # [T, truth, vote]
    log = np.tile(np.log([(1 - share) / 2, share, (1 - share) / 2]), (pairs, 1))
    np.add.at(log, votes[:, 0], np.log(chances[votes[:, 1], :, votes[:, 2]]))
    log -= log.max(axis=1, keepdims=True)
    odds = np.exp(log)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def _fit(
    votes: NDArray[np.int64], pairs: int, teachers: int, fixed: Mapping[int, int], tolerance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], float, NDArray[np.float64]]:
    """Shares of the teachers on unequal and on level pairs, share of the level pairs, and the probabilities of every pair."""
    unequal = np.tile(np.array(PRIOR_UNEQUAL) / sum(PRIOR_UNEQUAL), (teachers, 1))
    level = np.tile(np.array(PRIOR_LEVEL) / sum(PRIOR_LEVEL), (teachers, 1))
    share, truth = 1 / 3, np.full((pairs, 3), 1 / 3)
    rows, kinds = list(fixed), list(fixed.values())
    for _ in range(MOST_STEPS):
        before = truth
        truth = posteriors(votes, pairs, unequal, level, share)
        truth[rows] = np.eye(3)[kinds]
        if np.abs(truth - before).max() < tolerance:
            break
        share = (truth[:, LEVEL].sum() + 1) / (pairs + 3)
        unequal, level = _teachers(votes, truth, teachers)
    return unequal, level, float(share), truth


def _teachers(votes: NDArray[np.int64], truth: NDArray[np.float64], teachers: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    of_pair, who, vote = truth[votes[:, 0]], votes[:, 1], votes[:, 2]
    unequal = np.tile(np.array(PRIOR_UNEQUAL), (teachers, 1))
    np.add.at(unequal, (who, vote), of_pair[:, BETTER])
    np.add.at(unequal, (who, 2 - vote), of_pair[:, WORSE])
    level = np.tile(np.array(PRIOR_LEVEL), (teachers, 1))
    np.add.at(level, (who, np.where(vote == LEVEL, 0, 1)), of_pair[:, LEVEL])
    tie = np.maximum(level[:, 0] / level.sum(axis=1), FEWEST_TIES)
    return unequal / unequal.sum(axis=1, keepdims=True), np.stack([tie, 1 - tie], axis=1)


def _known_truth(slate: Slate, key: PairKey) -> int | None:
    """The truth of a pair by a known label: the right card is better than any other. None for two wrong cards."""
    if slate.gold is None:
        return None
    right = {c.id for c in slate.candidates if c.answer.label == slate.gold}
    return BETTER if key[1] in right else WORSE if key[2] in right else None
