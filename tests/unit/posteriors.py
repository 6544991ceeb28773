"""Posteriors with known properties, for the tests of calibration and report."""

from __future__ import annotations

import numpy as np

from prefopt.calibration import Calibration, decide, evaluate
from prefopt.calibration.clusters import Clusters
from prefopt.calibration.fitness import Answers, fitness
from prefopt.calibration.metrics import score
from prefopt.config import CalibrateSettings, DecideSettings, GoalsSettings
from prefopt.rankings.rationales import RationaleQuality
from prefopt.report import (
    Disputed,
    Effort,
    FeedbackSummary,
    HistoryRow,
    LeadSection,
    Moved,
    Moves,
    ReportContents,
    StageCost,
    TrainingFacts,
)
from prefopt.taxonomy import Taxonomy, parse_taxonomy

FAST = CalibrateSettings(bootstrap=200)


def small_taxonomy(per_cell: int = 3) -> Taxonomy:
    """Two bands by two domains, `per_cell` labels each."""
    rows = ["code,name,band,domain"]
    for band in ("초등", "중학"):
        for number, domain in enumerate(("수와 연산", "도형과 측정"), 1):
            rows += [f"{band[0]}{number}-{i:02d},{domain} {i},{band},{domain}" for i in range(1, per_cell + 1)]
    return parse_taxonomy("\n".join(rows), "test.csv")


def calibrated(n: int, labels: int, seed: int, sharpness: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors [n, labels] and gold labels [n] drawn from them: perfectly calibrated by construction."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.normal(size=(n, labels))
    log_probs = normalized(logits)
    gold = (np.cumsum(np.exp(log_probs), axis=1) < rng.random((n, 1))).sum(axis=1)
    return log_probs, np.minimum(gold, labels - 1)


def normalized(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def answering(gold: np.ndarray, hits: np.ndarray, labels: int) -> np.ndarray:
    """Log posteriors [N, labels] whose most probable label is the right one where hits [N] is 1, and the next one where it is 0."""
    logits = np.zeros((len(gold), labels))
    logits[np.arange(len(gold)), np.where(hits == 1, gold, (gold + 1) % labels)] = 2.0
    return normalized(logits)


def ids(n: int) -> list[str]:
    return [f"p{i:04d}" for i in range(n)]


def lead_section(
    log_probs: np.ndarray,
    gold: np.ndarray,
    calibration: Calibration,
    taxonomy: Taxonomy,
    goals: GoalsSettings = GoalsSettings(),  # noqa: B008  frozen
    baseline: np.ndarray | None = None,
) -> LeadSection:
    """The first pages of a round whose parent always answered the first label."""
    n, labels = len(gold), taxonomy.ids
    scores = score(log_probs, gold)
    theirs = None if baseline is None else score(baseline, gold)
    answers = Answers(scores, Clusters.from_names(None, n), theirs, "adapter", dict.fromkeys(labels, 12))
    right, wrong = (
        tuple(Moved(name, labels[gold[i]], labels[scores.predicted[i]], labels[0], 0.9) for i, name in enumerate(ids(n)) if hit[i])
        for hit in (scores.correct == 1, scores.correct == 0)
    )
    found = fitness(answers, calibration, taxonomy, goals)
    effort = Effort(2, 80, 3600.0)
    return LeadSection(found, goals.min_accuracy, "2026-01-02", 304, Moves(0, right[:9], wrong[:9]), effort, effort)


def report_contents(
    texts: dict[str, str] | None = None, *, rounds: int = 2, n: int = 200, language: str = "ko", project: str = "mathclass"
) -> ReportContents:
    """A project of some rounds, every one sharper than the last; examples are `texts` or a plain Korean sentence."""
    taxonomy = small_taxonomy()
    base, gold = calibrated(n, len(taxonomy), 5)
    history: list[HistoryRow] = []
    parent_round, parent = None, None
    passed: list[bool] = []
    for number in range(rounds):
        logits = base.copy()
        logits[np.arange(n), gold] += 1.2 * number
        log_probs = normalized(logits)
        calibration = evaluate(log_probs, gold, ids(n), taxonomy, FAST, 7, parent, look=number + 1)
        decision = decide(calibration, DecideSettings(), first=number == 0, passed=passed)
        passed += [decision.look.passed] if decision.look else []
        history.append(HistoryRow(number, ("sft", "dpo")[number > 0], parent_round, calibration, decision))
        if decision.outcome == "promoted":
            parent_round, parent = number, log_probs
    wrong = {name for row in history for confusion in row.calibration.confusions for name in confusion.examples}
    examples = {name: f"{name}번: 사과 3개와 배 2개를 더하면 모두 몇 개입니까?" for name in wrong}
    if texts:
        examples = {name: next(iter(texts.values())) for name in wrong}
    lead = lead_section(log_probs, gold, calibration, taxonomy)
    for entry in (*lead.moves.right, *lead.moves.wrong):
        examples.setdefault(entry.problem_id, next(iter(texts.values())) if texts else f"{entry.problem_id}번: 삼각형의 넓이를 구하시오.")
    feedback = (
        FeedbackSummary(
            40,
            80,
            2,
            True,
            70,
            9,
            {"tie": 4},
            agreement=0.6,
            same_label=0.7,
            compared_slates=30,
            reasons=RationaleQuality(160, 150, 120, 90, 2.0, 61.5),
        )
        if rounds > 1
        else None
    )
    labels = taxonomy.ids
    disputed = tuple(Disputed(name, labels[0], labels[1], 0.8, 0.1) for name in sorted(wrong)[:9])
    return ReportContents(
        project,
        language,
        rounds - 1,
        history[-1].recipe,
        taxonomy,
        tuple(history),
        feedback,
        examples,
        {"seed": "7", "adapter": "abc"},
        costs=(StageCost("train", 93.0, "Linux, 2 cores"), StageCost("calibrate", 12.34, "Linux, 2 cores")),
        disputed=disputed,
        training=TrainingFacts(304, 19, 19),
        lead=lead,
    )
