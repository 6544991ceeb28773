"""Run every check over a set of data files: findings with file and line, and counts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefopt.data.checks.balance_checks import balance_findings
from prefopt.data.checks.check_types import Checked, Entry, Part
from prefopt.data.checks.duplicate_checks import IsHeldOut, family_leaks, id_findings, text_findings_of_links
from prefopt.data.checks.entry_reader import read_part
from prefopt.data.checks.label_checks import label_findings, reason_findings
from prefopt.project.near_duplicates import THRESHOLD, links
from prefopt.project.problems import is_held_out
from prefopt.records import Problem
from prefopt.taxonomy import Taxonomy

if TYPE_CHECKING:
    from prefopt.data.checks.token_lengths import Lengths


@dataclass(frozen=True)
class Rules:
    """Settings of the checks."""

    language: str | None = "ko"
    """Expected language of texts and reasons; None: any."""
    reasons: str | None = None
    """Expected language of reasons where it is a different one (prompt.reasoning_language)."""
    near: float = THRESHOLD
    """Jaccard similarity from which two texts are near-duplicates."""
    holdout: float | None = None
    """Share of the gold problems that is held out by hash; for projects without a hold-out file."""


def check_data(parts: Sequence[Part], taxonomy: Taxonomy | None, rules: Rules | None = None, lengths: Lengths | None = None) -> Checked:
    """Check data files, each by itself and against each other.

    Args:
        parts: the files with their roles.
        taxonomy: the labels that are allowed; None: any label.
        rules: expected languages, similarity, hold-out.
        lengths: counts tokens against the longest row; None: lengths are not checked.

    Raises:
        DataError: a file of a kind that cannot be read. Every other fault is a finding.
    """
    rules, files = rules or Rules(), list(parts)
    checked = Checked()
    entries: list[Entry] = []
    for number, part in enumerate(files):
        entries += read_part(number, part, rules.language, checked.findings, rules.reasons)
    findings = checked.findings
    findings += label_findings(entries, files, taxonomy)  # first: later checks compare labels in the taxonomy's spelling
    findings += reason_findings(entries, files, taxonomy)
    findings += id_findings(entries, files)
    repeated = links([e.text for e in entries], rules.near)
    is_held = _is_held(files, rules)
    findings += text_findings_of_links(entries, files, repeated, is_held)
    findings += family_leaks(entries, files)
    checked.counts |= _counts(entries, files)
    findings += balance_findings(entries, files, is_held, checked.counts)
    if lengths is not None:
        findings += lengths.findings(entries, files, checked.counts)
    order = {part.path: i for i, part in enumerate(files)}
    findings.sort(key=lambda f: (order[f.path], f.line, f.kind))
    return checked


def _counts(entries: list[Entry], parts: list[Part]) -> dict[str, object]:
    per_part = Counter(e.part for e in entries)
    return {
        "files": [{"path": os.fspath(p.path), "role": p.role, "problems": per_part[i]} for i, p in enumerate(parts)],
        "problems": len(entries),
        "labeled": sum(e.label is not None for e in entries),
        "with reason": sum(bool(e.reason) for e in entries),
    }


def _is_held(parts: list[Part], rules: Rules) -> IsHeldOut | None:
    if any(p.role == "holdout" for p in parts):
        return lambda entry: parts[entry.part].role == "holdout"
    share = rules.holdout
    if share is None:
        return None
    return lambda entry: bool(entry.id) and is_held_out(Problem.model_construct(id=entry.id, family=entry.family), share)
