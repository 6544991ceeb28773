"""Faults of a taxonomy that reading it accepts: equal names, cycles among groups, labels that a model cannot distinguish."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prefopt.curricula import in_both_revisions
from prefopt.taxonomy import Taxonomy

_LOOK_ALIKE = str.maketrans("OoIl|АВЕКМНОРСТХаеорсухΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "00111ABEKMH0PCTXae0pcyxABEZH1KMN0PTYX0")
LONG = 16  # tokens; scoring a longer label is slow


@dataclass(frozen=True)
class TaxonomyFault:
    """A fault and the labels it concerns. An error must be fixed; any other fault is a note."""

    error: bool
    labels: tuple[str, ...]
    detail: str


def taxonomy_faults(taxonomy: Taxonomy, encode: Callable[[str], Sequence[int]] | None = None) -> list[TaxonomyFault]:
    """Find all faults of a taxonomy.

    Args:
        taxonomy: as read; duplicate codes, empty cells and missing columns are refused by read_taxonomy.
        encode: token ids of a label as it is scored; None: tokens are not checked.
    """
    return [
        *_names(taxonomy),
        *_lookalikes(taxonomy),
        *_same_letters(taxonomy),
        *_cycles(taxonomy),
        *(_tokens(taxonomy, encode) if encode else ()),
    ]


def _names(taxonomy: Taxonomy) -> Iterator[TaxonomyFault]:
    owners: dict[str, list[str]] = defaultdict(list)
    for label in taxonomy:
        owners["".join(label.name.split()).casefold()].append(label.id)
    for ids in owners.values():
        if len(ids) > 1:
            yield TaxonomyFault(True, tuple(ids), f"{len(ids)} labels have the name {taxonomy[ids[0]].name!r}")


def _lookalikes(taxonomy: Taxonomy) -> Iterator[TaxonomyFault]:
    first: dict[str, str] = {}
    for label in taxonomy:
        key = "".join(c for c in unicodedata.normalize("NFKC", label.id).casefold() if c.isalnum())
        other = first.setdefault(key, label.id)
        if other != label.id:
            yield TaxonomyFault(True, (other, label.id), f"{other} and {label.id} differ only in punctuation, case or width")


def _same_letters(taxonomy: Taxonomy) -> Iterator[TaxonomyFault]:
    """Codes that differ only in letters that look alike: O and 0, l and 1, and those that Cyrillic and Greek share with Latin."""
    first: dict[str, str] = {}
    for label in taxonomy:
        key = unicodedata.normalize("NFKC", label.id).translate(_LOOK_ALIKE)
        other = first.setdefault(key, label.id)
        if other != label.id:
            yield TaxonomyFault(False, (other, label.id), f"{other} and {label.id} look alike")


def _cycles(taxonomy: Taxonomy) -> Iterator[TaxonomyFault]:
    """A group that is above another one in one row and below it in a different row."""
    above: dict[tuple[str, str], str] = {}
    for label in taxonomy:
        path = label.groups
        for i, outer in enumerate(path):
            for inner in path[i + 1 :]:
                above.setdefault((outer, inner), label.id)
    for (outer, inner), label_id in above.items():
        if outer == inner:
            yield TaxonomyFault(True, (label_id,), f"{label_id}: {outer!r} is above itself")
        elif outer < inner and (inner, outer) in above:
            other = above[inner, outer]
            yield TaxonomyFault(True, (label_id, other), f"{outer!r} is above {inner!r} at {label_id} and below it at {other}")


def _tokens(taxonomy: Taxonomy, encode: Callable[[str], Sequence[int]]) -> Iterator[TaxonomyFault]:
    first: dict[tuple[int, ...], str] = {}
    for label in taxonomy:
        ids = tuple(encode(label.id))
        other = first.setdefault(ids, label.id)
        if other != label.id:
            yield TaxonomyFault(True, (other, label.id), f"{other} and {label.id} have the same tokens, so no model can distinguish them")
        if len(ids) > LONG:
            yield TaxonomyFault(False, (label.id,), f"{label.id} takes {len(ids)} tokens")


def colliding_codes(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Codes of Korean mathematics that also exist in the 2015 revision, with another meaning."""
    return tuple(label.code for label in taxonomy if in_both_revisions(label.code))
