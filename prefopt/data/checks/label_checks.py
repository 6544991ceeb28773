"""Labels against the taxonomy, and reasons against labels."""

from __future__ import annotations

from collections.abc import Iterator

from prefopt.data.checks.entry_reader import Entry, Finding, Part, walk
from prefopt.data.checks.near_duplicates import squeezed
from prefopt.data.checks.personal_data import excerpt
from prefopt.data.checks.reason_checks import MIN_REASON, copies, other_label
from prefopt.taxonomy import Taxonomy, normalize_code


def label_findings(entries: list[Entry], parts: list[Part], taxonomy: Taxonomy | None) -> Iterator[Finding]:
    """Labels missing, not wanted, unknown or spelled otherwise. Gives each entry's label the taxonomy's spelling."""
    for entry, part in walk(entries, parts):
        if entry.label is None:
            if part.labeled is True:
                yield Finding("label-missing", part.path, entry.line, f"problem {entry.id!r} has no label")
            continue
        if part.labeled is False:
            yield Finding("label-not-wanted", part.path, entry.line, f"problem {entry.id!r} of the pool has label {entry.label}")
        if taxonomy is not None:
            yield from _against(entry, part, taxonomy)


def _against(entry: Entry, part: Part, taxonomy: Taxonomy) -> Iterator[Finding]:
    given = entry.label or ""
    label = taxonomy.find(given)
    if label is None:
        kind, detail = _unknown(given, taxonomy)
        yield Finding(kind, part.path, entry.line, detail)
        return
    if label.id != given:
        yield Finding("label-spelling", part.path, entry.line, f"{given!r} is {label.id} in the taxonomy")
        entry.label = label.id
    if entry.level is not None and label.levels and entry.level not in label.levels:
        yield Finding("level-unknown", part.path, entry.line, f"level {entry.level!r}: {label.id} has {'|'.join(label.levels)}")


def _unknown(given: str, taxonomy: Taxonomy) -> tuple[str, str]:
    revision, colon, code = given.partition(":")
    revisions = {label.revision for label in taxonomy}
    if colon and revision.isdigit() and taxonomy.find(code) is not None:
        return "label-revision", f"{given!r}: the taxonomy has revision {', '.join(sorted(revisions))}"
    if sum(label.code == normalize_code(given) for label in taxonomy) > 1:
        return (
            "label-ambiguous",
            f"{given!r} stands in several revisions: write one of {', '.join(f'{r}:{given}' for r in sorted(revisions))}",
        )
    near = taxonomy.nearest(given)
    return "label-unknown", f"{given!r}" + (f"; did you mean {', '.join(near)}?" if near else f"; labels are in {taxonomy.source}")


def reason_findings(entries: list[Entry], parts: list[Part], taxonomy: Taxonomy | None) -> Iterator[Finding]:
    """Reasons missing, too short, copied, or that speak for another label."""
    with_reason = {entry.part for entry in entries if entry.reason}
    named = other_label(taxonomy) if taxonomy is not None else None
    owners: dict[str, tuple[str, Entry]] = {}
    for entry, part in walk(entries, parts):
        if not entry.reason or not entry.reason.strip():
            if entry.part in with_reason and entry.label is not None:
                yield Finding("reason-missing", part.path, entry.line, f"problem {entry.id!r} has no reason, others of the file have one")
            continue
        if len(entry.reason.strip()) < MIN_REASON:
            yield Finding("reason-short", part.path, entry.line, f"reason {excerpt(entry.reason.strip())}")
        key = squeezed(entry.reason)
        if copies(key, squeezed(entry.text)):
            yield Finding("reason-copies", part.path, entry.line, f"reason {excerpt(entry.reason)} is the problem's text")
        if entry.label is None:
            continue
        if named is not None and (other := named(entry.reason, entry.label)):
            yield Finding("reason-contradicts", part.path, entry.line, f"the label is {entry.label}, the reason names {other}")
        label, first = owners.setdefault(key, (entry.label, entry))
        if label != entry.label:
            where = (parts[first.part].path, first.line)
            yield Finding("reason-shared", part.path, entry.line, f"the reason of {entry.label} is that of {label}", where)
