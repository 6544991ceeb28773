"""The hold-out in two parts: problems of wordings that the loop has never used, and problems of which a sibling was learned.

A sibling has the same wording with other numbers, or the same declared family. An adapter may know such a problem from its sibling, so
the part of new wordings shows what can be expected of new problems.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import paired_shares, share, sign_flip
from prefopt.calibration.paired_result import Discordance
from prefopt.grounds import Estimate, Numbers
from prefopt.project.near_duplicates import THRESHOLD, shingles
from prefopt.records import Problem
from prefopt.texts.same_text import key

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class WordingPart(Numbers):
    """One part of the hold-out."""

    problems: int
    accuracy: Estimate | None = None
    """None without problems."""
    compared: int = 0
    """Problems that the parent was judged on too; the figures below are of these."""
    parent_accuracy: float | None = None
    change: Estimate | None = None
    """Accuracy minus the parent's."""
    test: Discordance | None = None

    @property
    def cannot_tell(self) -> bool:
        """Whether the interval of the change holds 0, or there is no change to judge."""
        return self.change is None or self.change.low <= 0 <= self.change.high


class Wordings(Numbers):
    """Both parts."""

    new: WordingPart
    learned: WordingPart
    """Of each, a sibling was in the training part, or teachers were asked about one."""


class _Wording(NamedTuple):
    text: str
    grams: set[str]


def _wording(problem: Problem) -> _Wording:
    text = _NUMBER.sub("#", key(problem.text))
    return _Wording(text, shingles(text))


def with_sibling(holdout: Sequence[Problem], learned: Iterable[Problem], threshold: float = THRESHOLD) -> list[bool]:
    """For every hold-out problem, whether a sibling of it is among `learned`.

    Wordings are compared as in near_duplicates.links(numbers=False), by the Jaccard similarity of their character 3-grams with numbers
    masked, but every hold-out problem with every learned wording: `links` links a text to one earlier text only, and compares a few of a
    bucket, which is meant for finding repeats and would miss siblings of often-used wordings.

    Args:
        holdout: the problems to judge.
        learned: what was trained on or asked.
        threshold: similarity from which two wordings are the same.
    """
    known = list(learned)
    families = {problem.group for problem in known}
    wordings = list({w.text: w for w in map(_wording, known)}.values())
    sizes = np.array([len(w.grams) for w in wordings], dtype=np.int64)
    places: dict[str, list[int]] = {}
    for i, wording in enumerate(wordings):
        for gram in wording.grams:
            places.setdefault(gram, []).append(i)
    postings = {gram: np.array(rows, dtype=np.int64) for gram, rows in places.items()}
    found: dict[str, bool] = {}
    result = []
    for problem in holdout:
        text, grams = _wording(problem)
        if text not in found:
            found[text] = bool(text) and _is_near(grams, postings, sizes, threshold)
        result.append(problem.group in families or found[text])
    return result


def _is_near(grams: set[str], postings: dict[str, NDArray[np.int64]], sizes: NDArray[np.int64], threshold: float) -> bool:
    rows = [postings[gram] for gram in grams if gram in postings]
    if not rows:
        return False
    common = np.bincount(np.concatenate(rows), minlength=len(sizes))
    return bool((common >= threshold * (sizes + len(grams) - common)).any())


def by_wording(
    sibling: Sequence[bool],
    right: Sequence[bool],
    parent_right: Sequence[bool | None] | None,
    level: float = 0.95,
    groups: Sequence[str] | None = None,
) -> Wordings:
    """Accuracy of an adapter and its parent on both parts of the hold-out.

    Args:
        sibling: of every hold-out problem, `with_sibling`.
        right: whether the adapter's most probable label is right.
        parent_right: the same of the parent, None for problems that it was not judged on; None for a first adapter.
        level: of the intervals.
        groups: family of every hold-out problem; None: all are independent.
    """
    parents = parent_right if parent_right is not None else [None] * len(right)
    families = groups if groups is not None else [str(i) for i in range(len(right))]
    rows = list(zip(sibling, right, parents, families, strict=True))
    new, learned = (_part([(r, p, g) for s, r, p, g in rows if s is which], level) for which in (False, True))
    return Wordings(new=new, learned=learned)


def _part(rows: Sequence[tuple[bool, bool | None, str]], level: float) -> WordingPart:
    if not rows:
        return WordingPart(problems=0)
    clusters = Clusters.from_names([group for _, _, group in rows], len(rows))
    accuracy = share(np.array([right for right, _, _ in rows], dtype=np.float64), clusters, level)
    both = np.array([before is not None for _, before, _ in rows])
    if not both.any():
        return WordingPart(problems=len(rows), accuracy=accuracy)
    pairs = [(right, before) for right, before, _ in rows if before is not None]
    (this, parent), compared = np.array(pairs, dtype=np.float64).T, clusters.take(both)
    return WordingPart(
        problems=len(rows),
        accuracy=accuracy,
        compared=len(pairs),
        parent_accuracy=float(parent.mean()),
        change=paired_shares(this, parent, compared, level),
        test=sign_flip(this, parent, compared),
    )
