"""All checks of data files, in one pass over each: findings with file and line, and the counts behind the page."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefopt.data.checks.duplicate_checks import Held, balance_findings, family_leaks, id_findings, text_links
from prefopt.data.checks.entry_reader import Checked, Entry, Part, read_part
from prefopt.data.checks.label_checks import label_findings, reason_findings
from prefopt.data.checks.near_duplicates import THRESHOLD, links
from prefopt.project.problems import is_held_out
from prefopt.records import Problem
from prefopt.taxonomy import Taxonomy

if TYPE_CHECKING:
    from prefopt.data.checks.token_lengths import Lengths


@dataclass(frozen=True)
class Rules:
    """What the checks go by."""

    language: str | None = "ko"
    """Expected of texts and reasons; None: any."""
    reasons: str | None = None
    """Expected of reasons, where that is another one (prompt.reasoning_language)."""
    near: float = THRESHOLD
    """Least similarity of near-duplicates."""
    holdout: float | None = None
    """Share of the gold problems that is held out by hash, where no part is a hold-out file."""


def check_data(parts: Sequence[Part], taxonomy: Taxonomy | None, rules: Rules | None = None, lengths: Lengths | None = None) -> Checked:
    """Check data files, each by itself and against each other.

    Args:
        parts: the files with their roles.
        taxonomy: labels must be in it; None: any label is right.
        rules: expected language, similarity, hold-out.
        lengths: counts tokens against the longest row; None: lengths are not looked at.

    Raises:
        DataError: a file of a kind that nothing here reads. Everything else is a finding.
    """
    rules, files = rules or Rules(), list(parts)
    checked = Checked()
    entries: list[Entry] = []
    for number, part in enumerate(files):
        entries += read_part(number, part, rules.language, checked.findings, rules.reasons)
    found = checked.findings
    found += label_findings(entries, files, taxonomy)
    found += reason_findings(entries, files, taxonomy)
    found += id_findings(entries, files)
    repeated = links([e.text for e in entries], rules.near)
    is_held = _held(files, rules)
    found += text_links(entries, files, repeated, is_held)
    found += family_leaks(entries, files)
    checked.facts |= _counts(entries, files)
    found += balance_findings(entries, files, is_held, checked.facts)
    if lengths is not None:
        found += lengths.findings(entries, files, checked.facts)
    order = {part.path: i for i, part in enumerate(files)}
    found.sort(key=lambda f: (order[f.path], f.line, f.kind))
    return checked


def _counts(entries: list[Entry], parts: list[Part]) -> dict[str, object]:
    per_part = Counter(e.part for e in entries)
    return {
        "files": [{"path": os.fspath(p.path), "role": p.role, "problems": per_part[i]} for i, p in enumerate(parts)],
        "problems": len(entries),
        "labeled": sum(e.label is not None for e in entries),
        "with reason": sum(bool(e.reason) for e in entries),
    }


def _held(parts: list[Part], rules: Rules) -> Held | None:
    if any(p.role == "holdout" for p in parts):
        return lambda entry: parts[entry.part].role == "holdout"
    share = rules.holdout
    if share is None:
        return None
    return lambda entry: bool(entry.id) and is_held_out(Problem.model_construct(id=entry.id, family=entry.family), share)
