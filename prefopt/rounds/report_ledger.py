"""The report's ledger: who used the hold-out for which decision, and the accuracy of the adapter in use without the luck of the choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import share
from prefopt.calibration.metrics import score
from prefopt.calibration.selection import Candidate, corrected_accuracy
from prefopt.calibration.temperature import cross_fitted, halves
from prefopt.config import ProjectConfig
from prefopt.project.audit import AuditRecord
from prefopt.records import Decision
from prefopt.report.contents import Ledger, LedgerRow
from prefopt.rounds.looks import ComparedRounds
from prefopt.rounds.promotion import PromotionEvent, Promotions
from prefopt.rounds.reads import OfRound

if TYPE_CHECKING:
    from prefopt.calibration.posteriors import StoredPosteriors

FEWEST = 10
"""Fewest problems that all adapters of the chain were judged on."""


def ledger(
    decisions: Sequence[OfRound[Decision]],
    promotions: Promotions,
    comparisons: Sequence[ComparedRounds],
    posteriors: Sequence[OfRound[StoredPosteriors]],
    settings: ProjectConfig,
    sealed: int,
    audit: AuditRecord,
) -> Ledger:
    """The ledger up to the round of the report.

    Args:
        decisions: of the rule, every round up to this one.
        promotions: every decision, a person's too.
        comparisons: that people made.
        posteriors: of the same rounds as `decisions`.
        settings: of the round.
        sealed: problems of data.audit.
        audit: its openings.
    """
    looks, unread = _looks(decisions), _without_look(decisions, promotions)
    rows = [
        LedgerRow("rule", d.number, "", d.value.outcome, d.value.look.level, d.value.look.passed) for d in looks if d.value.look is not None
    ]
    rows += [LedgerRow("rule", e.round, e.at.date().isoformat(), e.outcome) for e in unread]
    rows.sort(key=lambda row: row.round)
    rows += [LedgerRow("person", e.round, e.at.date().isoformat(), e.outcome) for e in promotions.events if e.by == "person"]
    replaced = [LedgerRow(e.by, e.round, e.at.date().isoformat(), e.outcome, replaced=True) for e in promotions.replaced]
    rows = replaced + rows
    rows += [LedgerRow("comparison", c.round, c.at.date().isoformat(), other=c.other) for c in comparisons]
    last = looks[-1].value.look if looks else None
    found = Ledger(
        rows=tuple(rows),
        alpha=None if last is None else last.alpha,
        left=None if last is None else last.left,
        groups_for_next=None if last is None else last.groups_for_next,
        in_use=promotions.promoted,
        sealed=sealed,
        openings=audit.openings,
    )
    if promotions.promoted is None:
        return replace(found, missing="no_adapter")
    if promotions.overruled(promotions.promoted) is not None:
        return replace(found, missing="by_person")
    if any(d.value.look is None for d in decisions if d.parent is not None):
        return replace(found, missing="earlier_version")
    if unread or any(event.by == "rule" for event in promotions.replaced):
        return replace(found, missing="removed_round")
    return _with_accuracy(found, looks, posteriors, promotions.promoted, settings)


def _looks(decisions: Sequence[OfRound[Decision]]) -> list[OfRound[Decision]]:
    """Decisions on children in the order of the looks; a branch that links a decision adds none."""
    by_number: dict[int, OfRound[Decision]] = {}
    for decision in decisions:
        if decision.value.look is not None:
            by_number.setdefault(decision.value.look.number, decision)
    return [by_number[number] for number in sorted(by_number)]


def _without_look(decisions: Sequence[OfRound[Decision]], promotions: Promotions) -> list[PromotionEvent]:
    """The rule's decisions on children up to this round that have no look to read: the round's folder was removed, or an earlier version
    decided. They were counted as looks (prefopt.rounds.looks.Looks)."""
    readable = {d.number for d in decisions if d.value.look is not None}
    newest = max((d.number for d in decisions), default=0)
    return [e for e in promotions.events if e.by == "rule" and 0 < e.round <= newest and e.round not in readable]


def _with_accuracy(
    found: Ledger,
    looks: Sequence[OfRound[Decision]],
    posteriors: Sequence[OfRound[StoredPosteriors]],
    in_use: int,
    settings: ProjectConfig,
) -> Ledger:
    known = {stored.number: stored.value for stored in posteriors}
    spent = {d.number: d.value.look.level for d in looks if d.value.look is not None}
    chain = {min(known): 0.0, **spent}
    numbers = list(chain)
    if in_use not in numbers:
        return replace(found, missing="earlier_version")
    newest, everywhere = known[numbers[-1]], set.intersection(*(set(known[number].problem_ids) for number in numbers))
    at = {name: i for i, name in enumerate(newest.problem_ids)}
    names = [name for name in newest.problem_ids if name in everywhere]
    if len(names) < FEWEST:
        return replace(found, missing="few_problems")
    groups = [newest.groups[at[name]] if newest.groups else name for name in names]
    clusters, half = Clusters.from_names(groups, len(names)), halves(groups, settings.project.seed)
    members = [_candidate(known[number], names, half, chain[number]) for number in numbers]
    level, place = settings.calibrate.confidence, numbers.index(in_use)
    corrected = corrected_accuracy(
        members,
        place,
        clusters,
        settings.decide,
        replicates=settings.calibrate.bootstrap,
        confidence=level,
        seed=settings.project.seed,
    )
    return replace(found, plain=share(members[place].correct, clusters, level), corrected=corrected.accuracy)


def _candidate(found: StoredPosteriors, names: Sequence[str], half: NDArray[np.bool_], level: float) -> Candidate:
    at = {name: i for i, name in enumerate(found.problem_ids)}
    rows = np.array([at[name] for name in names])
    log_probs, gold = found.log_probs[rows], found.gold[rows]
    tempered, _ = cross_fitted(log_probs, gold, half)
    return Candidate(score(log_probs, gold).correct, score(tempered, gold).brier, level)
