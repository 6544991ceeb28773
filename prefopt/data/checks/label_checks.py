"""Check labels against the taxonomy, and reasons against labels."""

from __future__ import annotations

from collections.abc import Iterator

from prefopt.data.checks.check_types import Entry, Finding, Part, with_parts
from prefopt.data.checks.finding_details import Detail, detail
from prefopt.data.checks.reason_checks import MIN_REASON, copies, other_label
from prefopt.project.unknown_labels import why_unknown
from prefopt.taxonomy import Label, Taxonomy
from prefopt.texts.personal_data import excerpt
from prefopt.texts.same_text import key as key_of


def label_findings(entries: list[Entry], parts: list[Part], taxonomy: Taxonomy | None) -> Iterator[Finding]:
    """Labels that are missing, unexpected, unknown or misspelled. Replaces each entry's label by the taxonomy's spelling."""
    for entry, part in with_parts(entries, parts):
        if entry.label is None:
            if part.labeled is True:
                yield Finding("label-missing", part.path, entry.line, detail("no label", id=entry.id))
            continue
        if part.labeled is False:
            yield Finding("label-not-wanted", part.path, entry.line, detail("label in pool", id=entry.id, label=entry.label))
        if taxonomy is not None:
            yield from _against(entry, part, taxonomy)


def _against(entry: Entry, part: Part, taxonomy: Taxonomy) -> Iterator[Finding]:
    given = entry.label or ""
    label = taxonomy.find(given)
    if label is None:
        kind, what = _unknown(given, taxonomy)
        yield Finding(kind, part.path, entry.line, what)
        return
    if (contradiction := _statement(given, label, taxonomy)) is not None:
        yield Finding("label-statement", part.path, entry.line, contradiction)
    if given not in (label.id, f"{label.revision}:{label.code}"):
        yield Finding("label-spelling", part.path, entry.line, detail("spelling", given=_short(given), label=label.id))
    entry.label = label.id
    if entry.level is not None and label.levels and entry.level not in label.levels:
        what = detail("level", level=entry.level, label=label.id, levels="|".join(label.levels))
        yield Finding("level-unknown", part.path, entry.line, what)


_KINDS = {"several": "label-several", "2015": "label-revision", "revision": "label-revision", "ambiguous": "label-ambiguous"}


def _unknown(given: str, taxonomy: Taxonomy) -> tuple[str, Detail]:
    found, given = why_unknown(given, taxonomy), _short(given)
    near, revisions = ", ".join(found.near), ", ".join(found.revisions) or "–"
    templates = {
        "several": detail("several labels", given=given, codes=near),
        "2015": detail("label of 2015", given=given, revisions=revisions),
        "revision": detail("revision", given=given, revisions=revisions),
        "ambiguous": detail("ambiguous", given=given, choices=near),
        "similar": detail("similar labels", given=given, near=near),
        "unknown": detail("no similar label", given=given, source=found.source),
    }
    return _KINDS.get(found.why, "label-unknown"), templates[found.why]


def _short(cell: str, length: int = 60) -> str:
    return cell if len(cell) <= length else f"{cell[: length - 1]}…"


def _statement(given: str, label: Label, taxonomy: Taxonomy) -> Detail | None:
    """What contradicts the words that stand beside the code."""
    other = taxonomy.differs_from_statement(given)
    if other is None:
        return None
    words = excerpt(taxonomy.read(given).cell.rest, 40)
    if isinstance(other, str):
        return detail("other statement", label=label.id, words=words, statement=excerpt(other, 40))
    return detail("statement of another label", label=label.id, words=words, other=other.id)


def reason_findings(entries: list[Entry], parts: list[Part], taxonomy: Taxonomy | None) -> Iterator[Finding]:
    """Reasons that are missing, too short, copied, shared by two labels, or that name another label."""
    with_reason = {entry.part for entry in entries if entry.reason}
    named = other_label(taxonomy) if taxonomy is not None else None
    owners: dict[str, tuple[str, Entry]] = {}
    for entry, part in with_parts(entries, parts):
        if not entry.reason or not entry.reason.strip():
            if entry.part in with_reason and entry.label is not None:
                yield Finding("reason-missing", part.path, entry.line, detail("no reason", id=entry.id))
            continue
        if len(entry.reason.strip()) < MIN_REASON:
            yield Finding("reason-short", part.path, entry.line, detail("short reason", reason=excerpt(entry.reason.strip())))
        key = key_of(entry.reason)
        if copies(key, key_of(entry.text)):
            yield Finding("reason-copies", part.path, entry.line, detail("copied reason", reason=excerpt(entry.reason)))
        if entry.label is None:
            continue
        if named is not None and (other := named(entry.reason, entry.label)):
            yield Finding("reason-contradicts", part.path, entry.line, detail("other label", label=entry.label, other=other))
        label, first = owners.setdefault(key, (entry.label, entry))
        if label != entry.label:
            where = (parts[first.part].path, first.line)
            yield Finding("reason-shared", part.path, entry.line, detail("shared reason", label=entry.label, other=label), where)
