"""What several rows have wrong together: ids and texts that come again, inside a file or between files, and labels that disagree."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

from prefopt.data.checks.entry_reader import Entry, Finding, Part, walk
from prefopt.data.checks.near_duplicates import Link
from prefopt.data.checks.personal_data import excerpt

IMBALANCE, ENOUGH = 10, 20  # times the median, and problems, from which a label counts as too frequent
MIN_HOLDOUT = 10


def id_findings(entries: list[Entry], parts: list[Part]) -> Iterator[Finding]:
    """Ids that come again, in a file or in another one, or that look like another."""
    first: dict[str, Entry] = {}
    folded: dict[str, Entry] = {}
    for entry, part in walk(entries, parts):
        if not entry.id:
            continue
        other = first.setdefault(entry.id, entry)
        if other is not entry:
            kind = "id-repeated" if other.part == entry.part else "leak-id"
            yield Finding(kind, part.path, entry.line, f"id {entry.id!r}", (parts[other.part].path, other.line))
            continue
        twin = folded.setdefault(unicodedata.normalize("NFKC", entry.id).casefold(), entry)
        if twin is not entry:
            yield Finding("id-lookalike", part.path, entry.line, f"id {entry.id!r} and {twin.id!r}", (parts[twin.part].path, twin.line))


Held = Callable[[Entry], bool]
"""Whether a labeled entry belongs to the hold-out."""


def text_links(entries: list[Entry], parts: list[Part], found: list[Link], is_held: Held | None) -> Iterator[Finding]:
    """Findings of the links between texts: duplicates, leaks between files, and labels that disagree.

    Near-duplicates of one declared family are variants, as meant; between hold-out and the rest a family is a leak of its own.
    """
    for link in found:
        earlier, later = entries[link.earlier], entries[link.later]
        same, exact = earlier.part == later.part, link.similarity == 1.0
        variants = earlier.group == later.group and earlier.id != later.id
        if variants and not exact:
            continue
        where, path = (parts[earlier.part].path, earlier.line), parts[later.part].path
        alike = f"problem {later.id!r} says the same as {earlier.id!r}" if exact else (
            f"problem {later.id!r} is {link.similarity:.0%} like {earlier.id!r}: {excerpt(later.text)}"
        )  # fmt: skip
        yield Finding(_kind(same, exact), path, later.line, alike, where)
        if same and is_held is not None and earlier.label is not None and is_held(earlier) != is_held(later):
            yield Finding("leak-split", path, later.line, alike, where)
        if earlier.label is not None and later.label is not None and earlier.label != later.label:
            kind = "contradiction" if exact else "near-contradiction"
            yield Finding(kind, path, later.line, f"{later.label} here, {earlier.label} there: {excerpt(later.text)}", where)


def _kind(same: bool, exact: bool) -> str:
    return ("duplicate" if exact else "near-duplicate") if same else ("leak" if exact else "leak-near")


def family_leaks(entries: list[Entry], parts: list[Part]) -> Iterator[Finding]:
    """Families with members in a hold-out file and outside it, told once a family; and texts of a model in a hold-out file."""
    held: dict[str, Entry] = {}
    for entry, part in walk(entries, parts):
        if part.role == "holdout" and entry.group:
            held.setdefault(entry.group, entry)
        if part.role == "holdout" and entry.augmented in ("paraphrase", "back-translation"):
            yield Finding("holdout-variant", part.path, entry.line, f"problem {entry.id!r} is a {entry.augmented}")
    for entry, part in walk(entries, parts):
        if part.role != "holdout" and entry.group in held and held[entry.group].id != entry.id:
            other = held.pop(entry.group)
            yield Finding("leak-family", part.path, entry.line, f"family {entry.group!r}", (parts[other.part].path, other.line))


def balance_findings(entries: list[Entry], parts: list[Part], is_held: Held | None, facts: dict[str, Any]) -> Iterator[Finding]:
    """Labels with too few or too many problems, and what the hold-out asks that was never taught.

    Args:
        is_held: whether a labeled entry belongs to the hold-out; None where nothing is known of one.
        facts: counts are put here.
    """
    labeled = [e for e in entries if e.label is not None]
    if not labeled:
        return
    counts = Counter(e.label for e in labeled)
    usual = median(counts.values())
    facts["labels used"] = len(counts)
    facts["problems per label"] = {"least": min(counts.values()), "median": usual, "most": max(counts.values())}
    told: set[str | None] = set()
    for entry in labeled:
        count = counts[entry.label]
        if entry.label in told:
            continue
        told.add(entry.label)
        if count == 1:
            yield Finding("label-rare", parts[entry.part].path, entry.line, f"{entry.label} has one problem, {entry.id!r}")
        if count >= ENOUGH and count > IMBALANCE * usual:
            yield Finding(
                "imbalance", parts[entry.part].path, entry.line, f"{entry.label} has {count} problems, the median label {usual:g}"
            )
    if is_held is not None:
        yield from _holdout(labeled, parts, is_held, facts)


def _holdout(labeled: list[Entry], parts: list[Part], is_held: Held, facts: dict[str, Any]) -> Iterator[Finding]:
    held = [e for e in labeled if is_held(e)]
    facts["held out"] = len(held)
    trained = {e.label for e in labeled if not is_held(e)}
    if len(held) < MIN_HOLDOUT:
        first = held[0] if held else labeled[0]
        yield Finding(
            "holdout-small", parts[first.part].path, first.line, f"{len(held)} problems are held out, at least {MIN_HOLDOUT} are needed"
        )
    told: set[str | None] = set()
    for entry in held:
        if entry.label not in trained and entry.label not in told:
            told.add(entry.label)
            yield Finding("holdout-unseen", parts[entry.part].path, entry.line, f"{entry.label} is judged and never trained on")
