"""Labels against the taxonomy, and reasons against labels."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator

from prefopt.data.entries import MIN_REASON, Entry, Finding, Part, walk
from prefopt.data.personal import excerpt
from prefopt.data.similar import squeezed
from prefopt.taxonomy import Label, Taxonomy, normalise_code

_CODE = re.compile(r"[\[【]?\d{1,2}[가-힣]{1,4}[ⅠⅡⅢ\d]{0,2}-?\d{2}\s?[-‐–−]\s?\d{2}[\]】]?")
MIN_NAME = 4  # characters of a label's name that cannot stand in a sentence by chance


def label_findings(entries: list[Entry], parts: list[Part], taxonomy: Taxonomy | None) -> Iterator[Finding]:
    """Labels missing, not wanted, unknown or spelt otherwise. Gives each entry's label the taxonomy's spelling."""
    for entry, part in walk(entries, parts):
        if entry.label is None:
            if part.labelled is True:
                yield Finding("label-missing", part.path, entry.line, f"problem {entry.id!r} has no label")
            continue
        if part.labelled is False:
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
    if sum(label.code == normalise_code(given) for label in taxonomy) > 1:
        return (
            "label-ambiguous",
            f"{given!r} stands in several revisions: write one of {', '.join(f'{r}:{given}' for r in sorted(revisions))}",
        )
    near = taxonomy.nearest(given)
    return "label-unknown", f"{given!r}" + (f"; did you mean {', '.join(near)}?" if near else f"; labels are in {taxonomy.source}")


def reason_findings(entries: list[Entry], parts: list[Part], taxonomy: Taxonomy | None) -> Iterator[Finding]:
    """Reasons missing, too short, copied, or that speak for another label."""
    with_reason = {entry.part for entry in entries if entry.reason}
    named = _finder(taxonomy) if taxonomy is not None else None
    owners: dict[str, tuple[str, Entry]] = {}
    for entry, part in walk(entries, parts):
        if not entry.reason or not entry.reason.strip():
            if entry.part in with_reason and entry.label is not None:
                yield Finding("reason-missing", part.path, entry.line, f"problem {entry.id!r} has no reason, others of the file have one")
            continue
        if len(entry.reason.strip()) < MIN_REASON:
            yield Finding("reason-short", part.path, entry.line, f"reason {excerpt(entry.reason.strip())}")
        key = squeezed(entry.reason)
        if _copies(key, squeezed(entry.text)):
            yield Finding("reason-copies", part.path, entry.line, f"reason {excerpt(entry.reason)} is the problem's text")
        if entry.label is None:
            continue
        if named is not None and (other := named(entry.reason, entry.label)):
            yield Finding("reason-contradicts", part.path, entry.line, f"the label is {entry.label}, the reason names {other}")
        label, first = owners.setdefault(key, (entry.label, entry))
        if label != entry.label:
            where = (parts[first.part].path, first.line)
            yield Finding("reason-shared", part.path, entry.line, f"the reason of {entry.label} is that of {label}", where)


def _copies(reason: str, text: str) -> bool:
    return bool(text) and (reason == text or (text in reason and len(reason) - len(text) < MIN_REASON))


def _finder(taxonomy: Taxonomy) -> Callable[[str, str], str | None]:
    """A function: the other label that a reason names, by code or by name, where it does not name its own."""
    by_name: dict[str, list[Label]] = defaultdict(list)
    for label in taxonomy:
        if len(label.name) >= MIN_NAME:
            by_name[label.name].append(label)
    longest_first = sorted(by_name, key=len, reverse=True)
    names = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def find(reason: str, own: str) -> str | None:
        label = taxonomy[own] if own in taxonomy else None  # noqa: SIM401  a Taxonomy is no dict
        if label is None or label.name in reason:
            return None
        codes = [known for text in _CODE.findall(reason) if (known := taxonomy.find(text)) is not None]
        if any(known.id == own for known in codes):
            return None
        if codes:
            return codes[0].id
        spoken = [found[0] for found in names.finditer(reason) if _stands_alone(reason, found.start(), found.end())]
        return by_name[spoken[0]][0].id if spoken else None

    return find


_CONCLUDES = re.compile(r"\s?(?:에 해당|에 속|을 다루|를 다루|이다|다\.|의 문제|문제이|에 대한 문제|입니다|기준)")


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether a name is what the sentence concludes: a name inside other words may only describe the problem."""
    return (start == 0 or not "가" <= text[start - 1] <= "힣") and _CONCLUDES.match(text, end) is not None
