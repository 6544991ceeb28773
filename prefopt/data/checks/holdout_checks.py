"""Find problems of one group with a held-out or sealed one: what the loop refuses (prefopt.project.families), with every place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from prefopt.data.checks.check_types import Entry, Finding, Part, with_parts
from prefopt.data.checks.finding_details import detail
from prefopt.project.families import Kin, kin, likeness_of
from prefopt.project.holdout import placement, trained_with
from prefopt.project.near_duplicates import THRESHOLD, likeness
from prefopt.texts.personal_data import excerpt

Use = Literal["train", "holdout", "neither", "audit"]
"""What a problem is for. Whatever may be trained on or shown to teachers counts as "train"."""


def uses(entries: Sequence[Entry], parts: Sequence[Part], share: float | None, rounds: Path | None) -> list[Use]:
    """What each entry is for: by the role of its file, and in the gold file by the split that the loop uses.

    Args:
        entries: of all files.
        parts: the files.
        share: of the gold problems that is held out; None where none is.
        rounds: folder of the project's rounds, with the record of the hold-out.
    """
    has_file = any(part.role == "holdout" for part in parts)
    found: list[Use] = []
    for entry in entries:
        role = parts[entry.part].role
        found.append("holdout" if role == "holdout" else "audit" if role == "audit" else "train")
    if share is None or has_file:
        return found
    gold: dict[str, Entry] = {}
    for entry, part in with_parts(list(entries), list(parts)):
        if part.role == "gold" and entry.id:
            gold.setdefault(entry.id, entry)
    problems = [entry.problem for entry in gold.values()]
    sides = dict(zip(gold, placement(rounds, problems, likeness_of(problems), share).sides, strict=True))
    return [sides.get(e.id, use) if parts[e.part].role == "gold" else use for e, use in zip(entries, found, strict=True)]


def used_before(entries: Sequence[Entry], parts: Sequence[Part], rounds: Path | None) -> Iterator[Finding]:
    """Sealed problems that were in the gold file since the first training, by the record of the hold-out in the folder `rounds`."""
    before = trained_with(rounds)
    for entry in entries:
        if parts[entry.part].role == "audit" and before.has(entry.problem):
            yield Finding("audit-used", parts[entry.part].path, entry.line, detail("used before", id=entry.id))


def holdout_findings(
    entries: Sequence[Entry], parts: Sequence[Part], of: Sequence[Use], near: float = THRESHOLD, known: Sequence[Finding] = ()
) -> Iterator[Finding]:
    """Problems of one group with a held-out or sealed one, at the place where they may be used; texts that a model wrote in files for
    evaluation; and problems that the default split leaves out.

    Args:
        entries: of all files.
        parts: the files.
        of: what each entry is for.
        near: Jaccard similarity from which texts are near-duplicates.
        known: findings so far; an equal text that is among them is not reported twice.
    """
    leaks = {(f.path, f.line) for f in known if f.kind == "leak"}
    for entry, use in zip(entries, of, strict=True):
        path, role = parts[entry.part].path, parts[entry.part].role
        if role in ("holdout", "audit") and entry.augmented in ("paraphrase", "back-translation"):
            yield Finding("holdout-variant", path, entry.line, detail("rewritten", id=entry.id, augmented=entry.augmented))
        if use == "neither":
            what = (
                detail("rewritten", id=entry.id, augmented=entry.augmented)
                if entry.problem.is_augmented
                else detail("left out", id=entry.id)
            )
            yield Finding("left-out", path, entry.line, what)
    sealed, held, used = (
        [e for e, use in zip(entries, of, strict=True) if use in names] for names in (("audit",), ("holdout",), ("train",))
    )
    left = [e for e, use in zip(entries, of, strict=True) if use == "neither"]
    for guarded, others in (([*held, *sealed], used), (sealed, [*held, *left])):
        alike = likeness([e.text for e in (*guarded, *others)], near)
        for link in kin([e.problem for e in guarded], [e.problem for e in others], alike):
            finding = _finding(link, guarded[link.guarded], others[link.used], parts)
            reported = {(finding.path, finding.line), finding.other} if finding else set()
            if finding is not None and not (finding.kind == "leak" and reported & leaks):
                yield finding


def _finding(link: Kin, guarded: Entry, used: Entry, parts: Sequence[Part]) -> Finding | None:
    where, path = (parts[guarded.part].path, guarded.line), parts[used.part].path
    if link.why == "id":
        return None  # a finding of its own: duplicate_checks.id_findings
    if link.why == "text":
        return Finding("leak", path, used.line, detail("same text", id=used.id, other=guarded.id), where)
    if link.why == "near":
        what = detail("similar text", id=used.id, other=guarded.id, similarity=link.similarity, text=excerpt(used.text))
        return Finding("leak-near-held", path, used.line, what, where)
    if link.why == "variant":
        return Finding("leak-family", path, used.line, detail("variant of held", id=used.id, other=guarded.id), where)
    return Finding("leak-family", path, used.line, detail("family", id=used.id, other=guarded.id, family=used.group), where)
