"""Place problems in parts, stratified by label, in groups that stay whole, and keep the placement stable when problems are added.

Problems that belong together form a group (prefopt.project.families). Groups are placed whole, largest first, ties in the order of a hash
of the seed and the group's ids; each goes to the part that is furthest below its share of the group's labels. Problems of an earlier
placement keep their part, and only new ones are placed.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from prefopt.project.families import components
from prefopt.project.near_duplicates import THRESHOLD, likeness
from prefopt.records import Problem

_NOTHING: Mapping[str, Collection[int]] = {}


@dataclass(frozen=True)
class Split:
    """The part of every problem, as a position in the shares; None for the problems of `left_out`."""

    parts: tuple[int | None, ...]
    groups: int
    left_out: tuple[int, ...]
    """New problems that repeat problems of two parts of the earlier split: in either part they would be a leak."""


def split(
    problems: Sequence[Problem], shares: Sequence[float], seed: int, earlier: Mapping[str, int] | None = None, near: float = THRESHOLD
) -> Split:
    """Place every problem in a part.

    Args:
        problems: with distinct ids.
        shares: of the parts; their sum is 1.
        seed: decides the order of groups of the same size.
        earlier: problem id -> part, of an earlier split.
        near: Jaccard similarity from which texts are near-duplicates.
    """
    keys = components(problems, likeness([p.text for p in problems], near))
    known = [(earlier or {}).get(p.id) for p in problems]
    parts = place_groups(problems, keys, shares, seed, known)
    return Split(tuple(parts), len(set(keys)), tuple(i for i, part in enumerate(parts) if part is None))


def place_groups(
    problems: Sequence[Problem],
    keys: Sequence[str],
    shares: Sequence[float],
    seed: int,
    earlier: Sequence[int | None],
    bound: Mapping[str, Collection[int]] = _NOTHING,
) -> list[int | None]:
    """The part of every problem; None for new problems whose group is in two parts already.

    Args:
        problems: with distinct ids.
        keys: the group of each problem.
        shares: of the parts; their sum is 1.
        seed: decides the order of groups of the same size.
        earlier: the part that each problem keeps; None for a new one.
        bound: group -> parts in which it was before, although no problem that is left shows it.
    """
    labels = [p.label for p in problems]
    members: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        members[key].append(i)
    placed = list(earlier)
    missing = [{label: share * n for label, n in Counter(labels).items()} for share in shares]  # problems that each part still lacks
    space = [share * len(problems) for share in shares]

    def put(i: int, part: int) -> None:
        placed[i] = part
        missing[part][labels[i]] -= 1
        space[part] -= 1

    def lack(part: int, group: list[int]) -> tuple[float, float]:
        """How many problems with the labels of a group a part still lacks; ties by the problems that it lacks in all."""
        return sum(missing[part][labels[i]] for i in group) / len(group), space[part]

    for i, part in enumerate(earlier):
        if part is not None:
            put(i, part)
    for key, together in sorted(members.items(), key=lambda m: (-len(m[1]), _hash(seed, [problems[i].id for i in m[1]]))):
        new = [i for i in together if placed[i] is None]
        taken = {part for i in together if (part := placed[i]) is not None} | set(bound.get(key, ()))
        if not new or len(taken) > 1:
            continue
        part = taken.pop() if taken else max(range(len(shares)), key=lambda p: lack(p, new))
        for i in new:
            put(i, part)
    return placed


def _hash(seed: int, ids: Sequence[str]) -> bytes:
    return hashlib.sha256(f"split\0{seed}\0{min(ids)}".encode()).digest()
