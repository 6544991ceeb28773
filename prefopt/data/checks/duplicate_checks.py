"""Find ids and texts that occur again, within a file or between files, and repeated texts whose labels disagree."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

from prefopt.data.checks.check_types import Entry, Finding, Part, with_parts
from prefopt.data.checks.finding_details import detail
from prefopt.data.checks.personal_data import excerpt
from prefopt.project.near_duplicates import Link

IsHeldOut = Callable[[Entry], bool]
"""Whether a labeled entry belongs to the hold-out."""


def id_findings(entries: list[Entry], parts: list[Part]) -> Iterator[Finding]:
    """Ids that occur again, in the same file or another one, or that differ only in case or width."""
    first: dict[str, Entry] = {}
    folded: dict[str, Entry] = {}
    for entry, part in with_parts(entries, parts):
        if not entry.id:
            continue
        other = first.setdefault(entry.id, entry)
        if other is not entry:
            kind = "id-repeated" if other.part == entry.part else "leak-id"
            yield Finding(kind, part.path, entry.line, detail("id", id=entry.id), (parts[other.part].path, other.line))
            continue
        twin = folded.setdefault(unicodedata.normalize("NFKC", entry.id).casefold(), entry)
        if twin is not entry:
            what, where = detail("two ids", id=entry.id, other=twin.id), (parts[twin.part].path, twin.line)
            yield Finding("id-lookalike", part.path, entry.line, what, where)


def text_findings_of_links(entries: list[Entry], parts: list[Part], links: list[Link], is_held: IsHeldOut | None) -> Iterator[Finding]:
    """Findings of the links between texts: duplicates, leaks between files, and labels that disagree.

    Near-duplicates of one declared family are intended variants. A family on both sides of the hold-out is a finding of `family_leaks`.
    """
    for link in links:
        earlier, later = entries[link.earlier], entries[link.later]
        same_file, exact = earlier.part == later.part, link.similarity == 1.0
        variants = earlier.group == later.group and earlier.id != later.id
        if variants and not exact:
            continue
        where, path = (parts[earlier.part].path, earlier.line), parts[later.part].path
        if exact:
            alike = detail("same text", id=later.id, other=earlier.id)
        else:
            alike = detail("similar text", id=later.id, other=earlier.id, similarity=link.similarity, text=excerpt(later.text))
        yield Finding(_kind(same_file, exact), path, later.line, alike, where)
        if same_file and is_held is not None and earlier.label is not None and is_held(earlier) != is_held(later):
            yield Finding("leak-split", path, later.line, alike, where)
        if earlier.label is not None and later.label is not None and earlier.label != later.label:
            kind = "contradiction" if exact else "near-contradiction"
            what = detail("two labels", label=later.label, other=earlier.label, text=excerpt(later.text))
            yield Finding(kind, path, later.line, what, where)


def _kind(same_file: bool, exact: bool) -> str:
    if same_file:
        return "duplicate" if exact else "near-duplicate"
    return "leak" if exact else "leak-near"


def family_leaks(entries: list[Entry], parts: list[Part]) -> Iterator[Finding]:
    """Families with members inside and outside a hold-out file, reported once a family; and rewritten texts in a hold-out file."""
    held: dict[str, Entry] = {}
    for entry, part in with_parts(entries, parts):
        if part.role == "holdout" and entry.group:
            held.setdefault(entry.group, entry)
        if part.role == "holdout" and entry.augmented in ("paraphrase", "back-translation"):
            yield Finding("holdout-variant", part.path, entry.line, detail("rewritten", id=entry.id, augmented=entry.augmented))
    for entry, part in with_parts(entries, parts):
        if part.role != "holdout" and entry.group in held and held[entry.group].id != entry.id:
            other = held.pop(entry.group)
            what, where = detail("family", family=entry.group), (parts[other.part].path, other.line)
            yield Finding("leak-family", part.path, entry.line, what, where)
