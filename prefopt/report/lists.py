"""Lists of problems without those that say the same: of one family, or of one wording, one problem is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from prefopt.texts.same_text import key


class Entry(Protocol):
    """A judged problem."""

    @property
    def problem_id(self) -> str: ...
    @property
    def gold(self) -> str: ...
    @property
    def predicted(self) -> str: ...


E = TypeVar("E", bound=Entry)

COMPARED = 2000
"""Characters of a text that tell its wording."""


def wording(text: str) -> str:
    """The text without its numbers: two problems that differ in these alone have one wording."""
    return re.sub(r"\d+(?:[.,]\d+)*", "0", key(text[:COMPARED]))


def distinct(
    entries: Sequence[E], most: int, texts: Mapping[str, str], families: Mapping[str, str], shown: Iterable[str] = ()
) -> tuple[E, ...]:
    """The first entries, at most `most`: one of a family, one of a wording, and, as far as that fills the list, one of a pair of labels.

    Args:
        entries: best first.
        most: to show.
        texts: problem id -> text.
        families: problem id -> family.
        shown: ids of problems that stand elsewhere on the page.
    """
    seen = {mark for name in shown for mark in _marks(name, texts, families)}
    pairs: set[tuple[str, str]] = set()
    first: list[E] = []
    second: list[E] = []
    for entry in entries:
        marks, pair = _marks(entry.problem_id, texts, families), (entry.gold, entry.predicted)
        if seen & marks:
            continue
        seen |= marks
        (second if pair in pairs else first).append(entry)
        pairs.add(pair)
        if len(first) == most:
            break
    kept = {id(entry) for entry in (first + second)[:most]}
    return tuple(entry for entry in entries if id(entry) in kept)


def distinct_ids(names: Iterable[str], texts: Mapping[str, str], families: Mapping[str, str]) -> tuple[str, ...]:
    """The problems without those of the family or wording of an earlier one."""
    seen: set[str] = set()
    kept = []
    for name in names:
        if not seen & (marks := _marks(name, texts, families)):
            kept.append(name)
        seen |= marks
    return tuple(kept)


def _marks(name: str, texts: Mapping[str, str], families: Mapping[str, str]) -> set[str]:
    marks = {f"id:{name}", f"family:{families.get(name, name)}"}
    return marks | {f"wording:{wording(texts[name])}"} if name in texts else marks
