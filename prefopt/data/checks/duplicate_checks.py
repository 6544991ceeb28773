"""Find ids and texts that occur again, within a file or between files, and repeated texts whose labels disagree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prefopt.data.checks.check_types import Entry, Finding, Part, with_parts
from prefopt.data.checks.finding_details import detail
from prefopt.data.checks.holdout_checks import Use
from prefopt.project.near_duplicates import Link
from prefopt.texts.personal_data import excerpt
from prefopt.texts.same_text import name_key


def id_findings(entries: list[Entry], parts: list[Part], of: Sequence[Use]) -> Iterator[Finding]:
    """Ids that occur again, in the same file or another one, or that differ only in spelling (same_text.name_key).

    Gold questions may be problems that are trained on; `of` says what each entry is for.
    """
    use = {id(entry): what for entry, what in zip(entries, of, strict=True)}
    first: dict[str, Entry] = {}
    folded: dict[str, Entry] = {}
    for entry, part in with_parts(entries, parts):
        if not entry.id:
            continue
        other = first.setdefault(entry.id, entry)
        if other is not entry:
            if _are_asked_again(other, entry, parts, use[id(other)], use[id(entry)]):
                continue
            kind = "id-repeated" if other.part == entry.part else "leak-id"
            yield Finding(kind, part.path, entry.line, detail("id", id=entry.id), (parts[other.part].path, other.line))
            continue
        twin = folded.setdefault(name_key(entry.id), entry)
        if twin is not entry:
            what, where = detail("two ids", id=entry.id, other=twin.id), (parts[twin.part].path, twin.line)
            yield Finding("id-lookalike", part.path, entry.line, what, where)


def _are_asked_again(earlier: Entry, later: Entry, parts: list[Part], first: Use, second: Use) -> bool:
    """Whether the one is a problem to train on and the other a gold question, which may be the same."""
    roles = {parts[earlier.part].role, parts[later.part].role}
    return roles == {"gold", "questions"} and first == second == "train"


def text_findings_of_links(entries: list[Entry], parts: list[Part], links: list[Link], of: Sequence[Use]) -> Iterator[Finding]:
    """Findings of the links between texts: duplicates, leaks between files, and labels that disagree.

    Within a file, near-duplicates of one declared family are intended variants. Near-duplicates of held-out problems are findings of
    `holdout_checks`.
    """
    for link in links:
        earlier, later = entries[link.earlier], entries[link.later]
        same_file, exact = earlier.part == later.part, link.similarity == 1.0
        variants = same_file and earlier.group == later.group and earlier.id != later.id
        if variants and not exact:
            continue
        where, path = (parts[earlier.part].path, earlier.line), parts[later.part].path
        if exact:
            alike = detail("same text", id=later.id, other=earlier.id)
        else:
            alike = detail("similar text", id=later.id, other=earlier.id, similarity=link.similarity, text=excerpt(later.text))
        guarded = of[link.earlier] != of[link.later] and not exact
        asked_again = _are_asked_again(earlier, later, parts, of[link.earlier], of[link.later])
        if same_file or not (guarded or asked_again):
            yield Finding(_kind(same_file, exact), path, later.line, alike, where)
        if earlier.label is not None and later.label is not None and earlier.label != later.label:
            kind = "contradiction" if exact else "near-contradiction"
            what = detail("two labels", label=later.label, other=earlier.label, text=excerpt(later.text))
            yield Finding(kind, path, later.line, what, where)


def _kind(same_file: bool, exact: bool) -> str:
    if same_file:
        return "duplicate" if exact else "near-duplicate"
    return "leak" if exact else "leak-near"
