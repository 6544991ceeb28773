"""Posteriors against gold labels: all figures that the decision and the report use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from prefopt.calibration import ece as ece_of
from prefopt.calibration.cells import cell_changes, cell_table, confusion_table, hierarchical_hits, level_accuracies, reliability_table
from prefopt.calibration.comparison import Intervals, against_majority, compare, intervals_of
from prefopt.calibration.conformal import conformal_sets
from prefopt.calibration.intervals import bca_mean, bootstrap
from prefopt.calibration.metrics import Floats, Ints, Scores, score
from prefopt.calibration.result import Calibration, ExpectedError, LabelMass, SingleAnalysis
from prefopt.calibration.selective import acceptance, risk_coverage
from prefopt.calibration.shrinkage import label_gaps
from prefopt.calibration.temperature import temperature_of
from prefopt.calibration.views import calibration_views
from prefopt.config import CalibrateSettings
from prefopt.errors import CalibrationError
from prefopt.grounds import Estimate
from prefopt.taxonomy import Taxonomy

MIN_PROBLEMS = 10
TOLERANCE = 1e-4
"""Largest distance of a row's sum from 1; the rounding of float32 over 435 labels stays below 1e-5."""


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
) -> Calibration:
    """Evaluate one adapter on the hold-out.

    Args:
        log_probs: [N, L] natural logarithms of the posterior, normalized over the taxonomy; column i is taxonomy.labels[i].
        gold: [N] integers, column of the right label.
        problem_ids: N distinct ids.
        taxonomy: L labels.
        settings: bootstrap replicates, confidence level, bins.
        seed: of the bootstrap, the simulated noise floor and the halves of the temperature.
        parent_log_probs: [N, L] of the parent on the same problems in the same order; None for the first adapter.
        label_mass: [N] share of the model's probability that was on the taxonomy before normalizing, in [0, 1].
        single_log_probs: [N, L] after one analysis alone, where log_probs are the mean over several.

    Raises:
        CalibrationError: fewer than 10 problems, shapes that do not match, NaN, rows that do not sum to 1, a gold label out of range or
            of probability 0, a repeated id.
    """
    columns = _checked_gold(gold, problem_ids, len(taxonomy))
    logs = _checked(log_probs, columns, problem_ids, len(taxonomy), "log_probs")
    calibration = _alone(logs, columns, problem_ids, taxonomy, settings, seed)
    scores = score(logs, columns)
    parent = single = None
    if parent_log_probs is not None:
        before = score(_checked(parent_log_probs, columns, problem_ids, len(taxonomy), "parent_log_probs"), columns)
        parent = compare(scores, before, **_bootstrapping(settings, seed))
        parent = parent.model_copy(update={"cells": cell_changes(scores, before, taxonomy)})
    if single_log_probs is not None:
        one = score(_checked(single_log_probs, columns, problem_ids, len(taxonomy), "single_log_probs"), columns)
        single = SingleAnalysis(
            accuracy=float(one.correct.mean()),
            brier=float(one.brier.mean()),
            same_answer=float((one.predicted == scores.predicted).mean()),
        )
    mass = None if label_mass is None else _label_mass(label_mass, len(scores))
    return calibration.model_copy(update={"label_mass": mass, "single": single, "parent": parent})


def _bootstrapping(settings: CalibrateSettings, seed: int) -> dict[str, Any]:
    return {"bins": settings.bins, "replicates": settings.bootstrap, "confidence": settings.confidence, "seed": seed}


def _alone(logs: Floats, gold: Ints, problem_ids: Sequence[str], taxonomy: Taxonomy, settings: CalibrateSettings, seed: int) -> Calibration:
    """All figures that need only the adapter's own posteriors. The arguments are those of evaluate(), after its checks."""
    scores, bootstrapping = score(logs, gold), _bootstrapping(settings, seed)
    intervals = intervals_of(scores, len(taxonomy), **bootstrapping)
    cell_groups, cells = cell_table(scores, taxonomy, settings.confidence)
    curve, area = risk_coverage(scores)
    return Calibration(
        n=len(scores),
        labels=len(taxonomy),
        confidence_level=settings.confidence,
        bootstrap=settings.bootstrap,
        seed=seed,
        accuracy=intervals.accuracy,
        macro_f1=intervals.macro_f1,
        levels=level_accuracies(scores, taxonomy, settings.confidence),
        brier=intervals.brier,
        log_loss=intervals.log_loss,
        overconfidence=intervals.overconfidence,
        mean_confidence=float(scores.confidence.mean()),
        ece=_expected_error(scores, intervals, settings.bins, seed),
        reliability=reliability_table(scores, settings.bins, settings.confidence),
        temperature=temperature_of(logs, gold, problem_ids, **bootstrapping),
        cell_groups=cell_groups,
        cells=cells,
        confusions=confusion_table(scores, problem_ids, taxonomy.ids),
        majority=against_majority(scores, taxonomy.ids),
        risk_coverage=curve,
        aurc=area,
        acceptance=acceptance(scores, settings.agreed_error, settings.confidence),
        conformal=conformal_sets(logs, gold, problem_ids, taxonomy, level=settings.confidence, confidence=settings.confidence, seed=seed),
        views=calibration_views(logs, scores, settings.bins, np.random.default_rng([seed, 5])),
        hierarchical=_mean(hierarchical_hits(scores, taxonomy), settings, seed),
        overconfident=label_gaps(scores, taxonomy.ids, settings.confidence),
    )


def _mean(values: Floats, settings: CalibrateSettings, seed: int) -> Estimate:
    """Mean over the problems with its BCa interval. values [N]."""
    rng = np.random.default_rng([seed, 6])
    replicates = bootstrap(len(values), settings.bootstrap, rng, lambda rows: values[rows].mean(axis=1)[:, None])
    return bca_mean(values, replicates[:, 0], settings.confidence)


def _expected_error(scores: Scores, intervals: Intervals, bins: int, seed: int) -> ExpectedError:
    """The ECE in its forms, next to the floor that chance alone reaches."""
    by_width = ece_of.width_bins(scores.confidence, bins)
    by_mass = ece_of.mass_bins(scores.confidence, bins)
    floor, floor_95 = ece_of.noise_floor(scores.confidence, by_width, np.random.default_rng([seed, 3]))
    return ExpectedError(
        equal_width=ece_of.ece(scores.confidence, scores.correct, by_width),
        equal_mass=ece_of.ece(scores.confidence, scores.correct, by_mass),
        debiased=intervals.ece_debiased,
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
            hint="label more gold problems, or raise data.holdout_share in prefopt.toml (a few hundred are needed to tell anything)",
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
