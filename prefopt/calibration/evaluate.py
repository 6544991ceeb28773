"""Posteriors against gold labels: all figures that the decision and the report use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from prefopt.calibration import ece as ece_of
from prefopt.calibration.cells import cell_changes, cell_table, confusion_table, hierarchical_hits, level_accuracies, reliability_table
from prefopt.calibration.clusters import Clusters, design_effect
from prefopt.calibration.comparison import against_baseline, against_majority, compare, intervals_of, tempered_brier
from prefopt.calibration.conformal import below_thresholds, conformal_sets
from prefopt.calibration.intervals import mean
from prefopt.calibration.label_biases import label_counts, refitted
from prefopt.calibration.metrics import Floats, Ints, Scores, macro_f1, score
from prefopt.calibration.result import Calibration, Comparison, ExpectedError, LabelMass, SingleAnalysis
from prefopt.calibration.selective import acceptance, risk_coverage
from prefopt.calibration.shrinkage import label_gaps
from prefopt.calibration.temperature import cross_fitted, halves, temperature_of
from prefopt.calibration.views import calibration_views
from prefopt.config import CalibrateSettings
from prefopt.errors import CalibrationError
from prefopt.taxonomy import Taxonomy

MIN_PROBLEMS = 10
TOLERANCE = 1e-4
"""Largest distance of a row's sum from 1; the rounding of float32 over 435 labels stays below 1e-5."""


@dataclass(frozen=True)
class Opponent:
    """A baseline on the same hold-out."""

    hits: Floats
    """[N] 1.0 right, 0.0 wrong."""
    trained_on: int
    unseen: int
    """Held-out problems whose label no training problem has."""


def evaluate(
    log_probs: NDArray[Any],
    gold: NDArray[Any],
    problem_ids: Sequence[str],
    taxonomy: Taxonomy,
    settings: CalibrateSettings,
    seed: int,
    parent_log_probs: NDArray[Any] | None = None,
    label_mass: NDArray[Any] | None = None,
    single_log_probs: NDArray[Any] | None = None,
    *,
    groups: Sequence[str] | None = None,
    baseline: Opponent | None = None,
    look: int = 1,
) -> Calibration:
    """Evaluate one adapter on the hold-out.

    Args:
        log_probs: [N, L] natural logarithms of the posterior, normalized over the taxonomy; column i is taxonomy.labels[i].
        gold: [N] integers, column of the right label.
        problem_ids: N distinct ids.
        taxonomy: L labels.
        settings: confidence level, bins, agreed error.
        seed: of the simulated noise floors and the halves of cross-fitting.
        parent_log_probs: [N, L] of the parent on the same problems in the same order; None for the first adapter.
        label_mass: [N] share of the model's probability that was on the taxonomy before normalizing, in [0, 1].
        single_log_probs: [N, L] after one analysis alone, where log_probs are the mean over several.
        groups: name of the family of each problem; None: all are independent.
        baseline: the classical baseline on the same problems.
        look: number of this adapter among all that were judged on this hold-out, from 1.

    Raises:
        CalibrationError: fewer than 10 problems or 2 groups, shapes that do not match, NaN, rows that do not sum to 1, a gold label out of
            range or of probability 0, a repeated id.
    """
    columns = _checked_gold(gold, problem_ids, len(taxonomy))
    logs = _checked(log_probs, columns, problem_ids, len(taxonomy), "log_probs")
    hold_out = _hold_out(columns, problem_ids, groups, seed)
    calibration = _alone(logs, hold_out, problem_ids, taxonomy, settings, seed, look)
    scores, clusters = score(logs, columns), hold_out.clusters
    parent = single = against = theirs = None
    if parent_log_probs is not None:
        theirs = _checked(parent_log_probs, columns, problem_ids, len(taxonomy), "parent_log_probs")
        parent = _against_parent(logs, theirs, hold_out, taxonomy, settings)
    if single_log_probs is not None:
        one = score(_checked(single_log_probs, columns, problem_ids, len(taxonomy), "single_log_probs"), columns)
        single = SingleAnalysis(
            accuracy=float(one.correct.mean()),
            brier=float(one.brier.mean()),
            same_answer=float((one.predicted == scores.predicted).mean()),
        )
    if baseline is not None:
        if baseline.hits.shape != (len(scores),):
            raise CalibrationError(f"the baseline has answers of shape {baseline.hits.shape}, expected ({len(scores)},)")
        against = against_baseline(scores, baseline.hits, baseline.trained_on, baseline.unseen, clusters, settings.confidence)
    mass = None if label_mass is None else _label_mass(label_mass, len(scores))
    biases = {
        "counts": label_counts(logs, theirs, columns, taxonomy.ids, clusters),
        "refitted": refitted(logs, theirs, columns, hold_out.half, clusters, settings.confidence),
    }
    return calibration.model_copy(update={"label_mass": mass, "single": single, "parent": parent, "baseline": against} | biases)


@dataclass(frozen=True)
class _HoldOut:
    """What all adapters on one hold-out share."""

    gold: Ints
    clusters: Clusters
    half: NDArray[np.bool_]
    """[N] the halves of cross-fitting."""


def _hold_out(gold: Ints, problem_ids: Sequence[str], groups: Sequence[str] | None, seed: int) -> _HoldOut:
    if groups is not None and len(groups) != len(gold):
        raise CalibrationError(f"{len(groups)} groups for {len(gold)} problems")
    clusters = Clusters.from_names(groups, len(gold))
    if clusters.count < 2:
        raise CalibrationError(
            "all held-out problems are of one group", hint="hold out problems of several families: one shows nothing of others"
        )
    return _HoldOut(gold, clusters, halves(problem_ids if groups is None else groups, seed))


def _against_parent(logs: Floats, theirs: Floats, hold_out: _HoldOut, taxonomy: Taxonomy, settings: CalibrateSettings) -> Comparison:
    gold, clusters, level = hold_out.gold, hold_out.clusters, settings.confidence
    scores, before = score(logs, gold), score(theirs, gold)
    tempered = [score(cross_fitted(side, gold, hold_out.half)[0], gold) for side in (logs, theirs)]
    compared = compare(scores, before, clusters, bins=settings.bins, confidence=level)
    cells = cell_changes(scores, before, taxonomy, clusters)
    return compared.model_copy(update={"cells": cells, "tempered": tempered_brier(tempered[0], tempered[1], clusters, level)})


def _alone(
    logs: Floats,
    hold_out: _HoldOut,
    problem_ids: Sequence[str],
    taxonomy: Taxonomy,
    settings: CalibrateSettings,
    seed: int,
    look: int,
) -> Calibration:
    """All figures that need only the adapter's own posteriors. The arguments are those of evaluate(), after its checks."""
    gold, clusters, level, bins = hold_out.gold, hold_out.clusters, settings.confidence, settings.bins
    scores = score(logs, gold)
    intervals = intervals_of(scores, clusters, level)
    effect = design_effect(scores.correct, clusters)
    cell_groups, cells = cell_table(scores, taxonomy, clusters, level)
    curve, area = risk_coverage(scores)
    return Calibration(
        n=len(scores),
        labels=len(taxonomy),
        labels_judged=len(np.unique(gold)),
        groups=clusters.count,
        design_effect=effect,
        confidence_level=level,
        bootstrap=settings.bootstrap,
        seed=seed,
        **vars(intervals),
        macro_f1=macro_f1(scores.gold, scores.predicted),
        levels=level_accuracies(scores, taxonomy, clusters, level),
        mean_confidence=float(scores.confidence.mean()),
        ece=_expected_error(scores, bins, seed),
        reliability=reliability_table(scores, clusters, bins, level),
        temperature=temperature_of(logs, gold, hold_out.half, bins=bins),
        cell_groups=cell_groups,
        cells=cells,
        confusions=confusion_table(scores, problem_ids, taxonomy.ids),
        majority=against_majority(scores, taxonomy.ids, clusters),
        risk_coverage=curve,
        aurc=area,
        acceptance=acceptance(
            scores, settings.agreed_error, level, clusters, look, below_thresholds(logs, gold, hold_out.half, taxonomy, level)
        ),
        conformal=conformal_sets(logs, gold, hold_out.half, clusters, taxonomy, level=level, confidence=level),
        views=calibration_views(logs, scores, bins, np.random.default_rng([seed, 5])),
        hierarchical=mean(hierarchical_hits(scores, taxonomy), clusters, level, least=0, most=1),
        overconfident=label_gaps(scores, taxonomy.ids, level, effect),
    )


def _expected_error(scores: Scores, bins: int, seed: int) -> ExpectedError:
    """The ECE in its forms, next to the floor that chance alone reaches."""
    by_width = ece_of.width_bins(scores.confidence, bins)
    by_mass = ece_of.mass_bins(scores.confidence, bins)
    floor, floor_95 = ece_of.noise_floor(scores.confidence, by_width, np.random.default_rng([seed, 3]))
    return ExpectedError(
        equal_width=ece_of.ece(scores.confidence, scores.correct, by_width),
        equal_mass=ece_of.ece(scores.confidence, scores.correct, by_mass),
        debiased=ece_of.debiased(scores.confidence, scores.correct, bins),
        bins=bins,
        mass_bins=by_mass.bins,
        floor=floor,
        floor_95=floor_95,
    )


def _label_mass(label_mass: NDArray[Any], n: int) -> LabelMass:
    values = np.asarray(label_mass, dtype=np.float64)
    if values.shape != (n,):
        raise CalibrationError(f"label_mass has shape {values.shape}, expected ({n},)")
    if not ((values >= 0) & (values <= 1 + TOLERANCE)).all():
        raise CalibrationError(f"label_mass must be in [0, 1]; it goes from {values.min()} to {values.max()}")
    values = np.minimum(values, 1.0)
    return LabelMass(mean=float(values.mean()), lowest=float(values.min()))


def _checked_gold(gold: NDArray[Any], problem_ids: Sequence[str], labels: int) -> Ints:
    columns = np.asarray(gold)
    if columns.ndim != 1 or not np.issubdtype(columns.dtype, np.integer):
        raise CalibrationError(f"gold must be a row of integers; it has shape {columns.shape} and type {columns.dtype}")
    if len(columns) != len(problem_ids):
        raise CalibrationError(f"{len(columns)} gold labels for {len(problem_ids)} problem ids")
    if len(columns) < MIN_PROBLEMS:
        raise CalibrationError(
            f"the hold-out has {len(columns)} problems; with fewer than {MIN_PROBLEMS} every figure would be chance",
            hint="label more gold problems (a few hundred held-out ones are needed to tell anything)",
        )
    outside = np.flatnonzero((columns < 0) | (columns >= labels))
    if len(outside):
        row = int(outside[0])
        raise CalibrationError(f"gold label {int(columns[row])} of problem {problem_ids[row]} is not a column of {labels} labels")
    repeated = [name for name, count in Counter(problem_ids).items() if count > 1]
    if repeated:
        raise CalibrationError(f"problem {repeated[0]} is in the hold-out twice", hint="give every problem its own id")
    return columns.astype(np.int64)


def _checked(log_probs: NDArray[Any], gold: Ints, problem_ids: Sequence[str], labels: int, name: str) -> Floats:
    logs = np.asarray(log_probs, dtype=np.float64)
    if logs.shape != (len(gold), labels):
        raise CalibrationError(f"{name} has shape {logs.shape}, expected ({len(gold)}, {labels}): problems x labels of the taxonomy")
    bad = np.flatnonzero(np.isnan(logs).any(axis=1) | (logs == np.inf).any(axis=1))
    if len(bad):
        raise CalibrationError(f"{name} of problem {problem_ids[int(bad[0])]} has NaN or infinity ({len(bad)} such problems)")
    totals = special.logsumexp(logs, axis=1, keepdims=True)
    off = np.flatnonzero(~(np.abs(np.expm1(totals[:, 0])) <= TOLERANCE))
    if len(off):
        row = int(off[0])
        raise CalibrationError(
            f"probabilities of problem {problem_ids[row]} in {name} sum to {float(np.exp(totals[row, 0])):.6g}, not 1 "
            f"({len(off)} such problems)",
            hint="normalize the logarithms over the taxonomy",
        )
    normalized: Floats = logs - totals
    never = np.flatnonzero(normalized[np.arange(len(gold)), gold] == -np.inf)
    if len(never):
        problem = problem_ids[int(never[0])]
        raise CalibrationError(f"{name} gives the right label of problem {problem} probability 0: its log loss is infinite")
    return normalized
