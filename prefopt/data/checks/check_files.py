"""Run every check over a set of data files: findings with file and line, and counts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prefopt.data.checks.accepted import with_fingerprints
from prefopt.data.checks.balance_checks import balance_findings
from prefopt.data.checks.check_types import Checked, Entry, Part
from prefopt.data.checks.duplicate_checks import id_findings, text_findings_of_links
from prefopt.data.checks.entry_reader import read_part
from prefopt.data.checks.finding_details import LABEL_WORD, NEUTRAL_WORD
from prefopt.data.checks.holdout_checks import holdout_findings, used_before, uses
from prefopt.data.checks.label_checks import label_findings, reason_findings
from prefopt.data.checks.shape_reader import ShapedRows
from prefopt.data.formats.answers import AnswerForm
from prefopt.project.near_duplicates import THRESHOLD, links
from prefopt.taxonomy import Taxonomy
from prefopt.texts.label_codes import parse_code

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
    """Share of the gold problems that is held out; for projects without a hold-out file."""
    rounds: Path | None = None
    """Folder of the project's rounds, where the hold-out is recorded once training has begun."""
    label_key: str = "standard"
    """Key of the label in the answers of conversations and preferences."""


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
    answers: list[Entry] = []
    form = AnswerForm.of(rules.label_key, taxonomy)
    for number, part in enumerate(parts):
        shaped = ShapedRows(number, part, checked.findings, form)
        entries += read_part(number, part, rules.language, checked.findings, rules.reasons, shaped)
        files[number], answers = shaped.part, [*answers, *shaped.answers]
    findings = checked.findings
    findings += label_findings([*entries, *answers], files, taxonomy)  # first: later checks compare labels in the taxonomy's spelling
    findings += reason_findings(entries, files, taxonomy)
    of = uses(entries, files, rules.holdout, rules.rounds)
    findings += id_findings(entries, files, of)
    findings += text_findings_of_links(entries, files, links([e.text for e in entries], rules.near), of)
    findings += holdout_findings(entries, files, of, rules.near, tuple(findings))
    findings += used_before(entries, files, rules.rounds)
    checked.counts |= _counts(entries, files)
    has_holdout = rules.holdout is not None or any(part.role == "holdout" for part in files)
    findings += balance_findings(entries, files, of, has_holdout, checked.counts)
    if lengths is not None:
        findings += lengths.findings(entries, files, checked.counts)
    order = {part.path: i for i, part in enumerate(files)}
    findings.sort(key=lambda f: (order[f.path], f.line, f.kind))
    checked.findings = with_fingerprints(findings, entries, files)
    checked.label_word = label_word(taxonomy)
    return checked


def label_word(taxonomy: Taxonomy | None) -> str:
    """What a label is called in Korean: 성취기준 in a taxonomy of curriculum codes, else a neutral word."""
    of_curriculum = taxonomy is not None and any(parse_code(label.code) for label in taxonomy)
    return LABEL_WORD if of_curriculum else NEUTRAL_WORD


def _counts(entries: list[Entry], parts: list[Part]) -> dict[str, object]:
    per_part = Counter(e.part for e in entries)
    return {
        "files": [
            {"path": os.fspath(p.path), "role": p.role, "shape": p.shape or "problems", "problems": per_part[i]}
            for i, p in enumerate(parts)
        ],
        "problems": len(entries),
        "labeled": sum(e.label is not None for e in entries),
        "with reason": sum(bool(e.reason) for e in entries),
    }
