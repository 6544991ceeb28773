"""Find texts that are equal up to spelling, or nearly equal by MinHash, in time linear in the number of texts.

Texts are equal if they have one key (prefopt.texts.same_text). "3 + 4" and "3 - 4" are different problems, and so are 3 apples and 30
apples. Two texts are near-duplicates only if their numbers are equal in any order, and the Jaccard similarity of their character 3-grams,
with numbers masked, is at least `threshold`. An item's number and its points are none of its numbers. Candidate pairs come from MinHash
signatures in bands (Broder 1997; Leskovec, Rajaraman, Ullman, chapter 3) whose keys include the numbers; candidates are then compared
exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prefopt.texts.same_text import key as key_of

THRESHOLD = 0.7
PERMUTATIONS, ROWS = 64, 4  # 16 bands of 4: of pairs with similarity 0.7 one in 80 is missed, with 0.8 one in 5,000
COMPARED = 10  # members of a bucket that are compared; bounds the time for a file of many similar texts
_MOST = 0.99  # similarity of two texts that are not equal: 45 - 18 and 18 - 45 have the same numbers and words
_CHUNK = 20_000  # texts hashed at once

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Link:
    """Text `later` repeats text `earlier`; similarity 1.0 if they are of one key (prefopt.texts.same_text)."""

    earlier: int
    later: int
    similarity: float


def links(texts: Sequence[str], threshold: float = THRESHOLD, *, numbers: bool = True) -> list[Link]:
    """Link each text that repeats an earlier one to it, preferably to an equal one.

    Args:
        texts: as in the files; empty ones are never linked.
        threshold: Jaccard similarity from which texts are near-duplicates.
        numbers: whether texts must have the same numbers. Without, two problems of one wording with other numbers are linked too.
    """
    first: dict[str, int] = {}
    linked: list[Link] = []
    unique: list[int] = []
    for i, text in enumerate(texts):
        key = key_of(text)
        if not key:
            continue
        if key in first:
            linked.append(Link(first[key], i, 1.0))
        else:
            first[key] = i
            unique.append(i)
    keys = list(first)
    linked += [Link(unique[a], unique[b], s) for a, b, s in _near(keys, threshold, numbers)]
    return sorted(linked, key=lambda link: (link.later, -link.similarity))


@dataclass(frozen=True)
class Likeness:
    """All that repeats among some texts: `same[i]` is the position of the first text with the key of text i (prefopt.texts.same_text), and
    `near` holds every pair (a, b, similarity) of such first positions that are near-duplicates, a < b."""

    same: tuple[int, ...]
    near: tuple[tuple[int, int, float], ...]

    def among(self, positions: Sequence[int]) -> Likeness:
        """The same for some of the texts, in the order of their positions."""
        first: dict[int, int] = {}
        same = tuple(first.setdefault(self.same[i], place) for place, i in enumerate(positions))
        pairs = ([*sorted((first[a], first[b])), s] for a, b, s in self.near if a in first and b in first)
        return Likeness(same, tuple((int(a), int(b), s) for a, b, s in sorted(pairs)))


def likeness(texts: Sequence[str], threshold: float = THRESHOLD) -> Likeness:
    """Compare texts with each other; `links` names one earlier text for each later one, this names all of them.

    The texts are compared in alphabetical order, so that what is found depends on the texts alone and not on their order.
    """
    first: dict[str, int] = {}
    keys = [key_of(text) for text in texts]
    same = tuple(first.setdefault(key, i) if key else i for i, key in enumerate(keys))
    unique = sorted(first)
    pairs = ([*sorted((first[unique[a]], first[unique[b]])), s] for a, b, s in _near(unique, threshold, True, every=True))
    return Likeness(same, tuple((int(a), int(b), s) for a, b, s in sorted(pairs)))


def _near(keys: list[str], threshold: float, same_numbers: bool, *, every: bool = False) -> Iterator[tuple[int, int, float]]:
    """Pairs of near-duplicates: one for each later text, or every one that is found."""
    numbers = [hash(tuple(sorted(_NUMBER.findall(key)))) if same_numbers else 0 for key in keys]
    words = [_NUMBER.sub("#", key) for key in keys]
    known: dict[int, set[str]] = {}
    linked: set[int] = set()
    for earlier, later in _candidates(words, numbers):
        if later in linked and not every:
            continue
        a, b = (known[i] if i in known else known.setdefault(i, shingles(words[i])) for i in (earlier, later))
        similarity = min(len(a & b) / len(a | b), _MOST)
        if similarity >= threshold:
            linked.add(later)
            yield earlier, later, similarity


def shingles(text: str) -> set[str]:
    """Character 3-grams, with the ends of the text marked."""
    marked = f"\x02\x02{text}\x03\x03"
    return {marked[i : i + 3] for i in range(len(marked) - 2)}


def _candidates(words: list[str], numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later) that share a band and their numbers, in the order of the later text."""
    if not words:
        return
    bands = np.concatenate([band_keys(words[i : i + _CHUNK]) for i in range(0, len(words), _CHUNK)])  # [N, bands]
    bands ^= np.array(numbers, dtype=np.int64).view(np.uint64)[:, None]
    buckets: list[dict[int, list[int]]] = [{} for _ in range(bands.shape[1])]
    for later, row in enumerate(bands.tolist()):
        met: set[int] = set()
        for bucket, key in zip(buckets, row, strict=True):
            members = bucket.setdefault(key, [])
            met.update(members)
            if len(members) < COMPARED:
                members.append(later)
        for earlier in sorted(met):
            yield earlier, later


def band_keys(words: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Keys [N, PERMUTATIONS / ROWS] of the bands of the MinHash signatures of N texts."""
    marked = [f"\x02\x02{text}\x03\x03" for text in words]
    codes = np.frombuffer("".join(marked).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    ends = np.cumsum([len(text) for text in marked])
    starts = np.concatenate([[0], ends[:-1]])
    grams = (
        codes[:-2] * np.uint64(0x9E3779B97F4A7C15) + codes[1:-1] * np.uint64(0xC2B2AE3D27D4EB4F) + codes[2:] * np.uint64(0x165667B19E3779F9)
    )
    inside = np.ones(len(grams), dtype=bool)  # a gram across the border of two texts belongs to neither
    for border in (ends[:-1] - 1, ends[:-1] - 2):
        inside[border] = False
    offsets = starts - np.arange(len(starts)) * 2
    grams = grams[inside]
    grams ^= grams >> np.uint64(29)
    rng = np.random.default_rng(20261121)
    factors = rng.integers(1, 2**63, size=PERMUTATIONS, dtype=np.uint64) | np.uint64(1)
    out = np.zeros((len(words), PERMUTATIONS // ROWS), dtype=np.uint64)
    for i, factor in enumerate(factors):
        smallest = np.minimum.reduceat((grams * factor) >> np.uint64(16), offsets)
        band = i // ROWS
        out[:, band] = (out[:, band] ^ smallest) * np.uint64(0x100000001B3) + np.uint64(band)
    return out


def groups(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Connected components by union-find: for each of `count` items, the smallest index in its component."""
    parent = list(range(count))

    def root(i: int) -> int:
        """Representative of the component of i, with path halving."""
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return [root(i) for i in range(count)]
