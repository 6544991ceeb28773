"""Faults of a taxonomy that reading it does not refuse: names that collide, circles among groups, labels that a model cannot tell apart."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prefopt.curricula import in_both_revisions
from prefopt.taxonomy import Taxonomy

LONG = 16  # tokens of a label from which scoring it costs more than it should


@dataclass(frozen=True)
class Fault:
    """What is wrong with which labels. Only an error must be mended; the others are told."""

    error: bool
    labels: tuple[str, ...]
    detail: str


def taxonomy_faults(taxonomy: Taxonomy, encode: Callable[[str], Sequence[int]] | None = None) -> list[Fault]:
    """All faults.

    Args:
        taxonomy: as read (duplicate codes, empty cells and missing columns are refused there).
        encode: token ids of a label, as it is scored; None: tokens are not looked at.
    """
    return [*_names(taxonomy), *_lookalikes(taxonomy), *_circles(taxonomy), *(_tokens(taxonomy, encode) if encode else ())]


def _names(taxonomy: Taxonomy) -> Iterator[Fault]:
    owners: dict[str, list[str]] = defaultdict(list)
    for label in taxonomy:
        owners["".join(label.name.split()).casefold()].append(label.id)
    for ids in owners.values():
        if len(ids) > 1:
            yield Fault(True, tuple(ids), f"{len(ids)} labels are called {taxonomy[ids[0]].name!r}")


def _lookalikes(taxonomy: Taxonomy) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for label in taxonomy:
        key = "".join(c for c in unicodedata.normalize("NFKC", label.id).casefold() if c.isalnum())
        other = seen.setdefault(key, label.id)
        if other != label.id:
            yield Fault(True, (other, label.id), f"{other} and {label.id} differ in no letter or digit")


def _circles(taxonomy: Taxonomy) -> Iterator[Fault]:
    """A name that stands above another in one row and below it in a different row."""
    above: dict[tuple[str, str], str] = {}
    for label in taxonomy:
        path = label.groups
        for i, outer in enumerate(path):
            for inner in path[i + 1 :]:
                above.setdefault((outer, inner), label.id)
    for (outer, inner), label_id in above.items():
        if outer == inner:
            yield Fault(True, (label_id,), f"{label_id}: {outer!r} stands above itself")
        elif outer < inner and (inner, outer) in above:
            other = above[inner, outer]
            yield Fault(True, (label_id, other), f"{outer!r} stands above {inner!r} at {label_id} and below it at {other}")


def _tokens(taxonomy: Taxonomy, encode: Callable[[str], Sequence[int]]) -> Iterator[Fault]:
    seen: dict[tuple[int, ...], str] = {}
    for label in taxonomy:
        ids = tuple(encode(label.id))
        other = seen.setdefault(ids, label.id)
        if other != label.id:
            yield Fault(True, (other, label.id), f"{other} and {label.id} are the same tokens, so no model can tell them apart")
        if len(ids) > LONG:
            yield Fault(False, (label.id,), f"{label.id} takes {len(ids)} tokens")


def colliding_codes(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Codes of Korean mathematics that the other revision has too, with another meaning."""
    return tuple(label.code for label in taxonomy if in_both_revisions(label.code))
