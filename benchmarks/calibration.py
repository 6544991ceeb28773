"""Coverage of every interval that the report prints, by simulation with a known truth, over labels, accuracies, sizes and families.

    python benchmarks/calibration.py [--draws 2000] [--json]

Every problem gives an adapter noisy evidence for each label; siblings of a family of five share 60 % of it. A parent is over-confident
(temperature 0.8); its child shares 85 % of its noise, is 3 points more accurate and more over-confident (0.6). 95 % intervals come from
prefopt/calibration as in a round. The truth of each figure is its mean over 400,000 simulated problems; that of the label sets and of the
temperature depends on what was fitted, and is taken at the fitted values. Figures that no closed form covered have no interval in the
report: macro-F1, the calibration errors, what a temperature does to the log loss. Also prints the seconds that statistics and report take
at 2,000 problems and 435 labels.

With --json the last line of stdout is one object: min_coverage, max_coverage (over rows and figures), rows, seconds_statistics,
seconds_report, report_bytes, draws.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
from scipy import special, stats

from prefopt.calibration import decide, evaluate
from prefopt.calibration.cells import bin_correlation
from prefopt.calibration.clusters import Clusters, within_correlation
from prefopt.calibration.comparison import intervals_of, tempered_brier
from prefopt.calibration.conformal import threshold_for
from prefopt.calibration.intervals import paired_mean, paired_shares, share
from prefopt.calibration.metrics import Scores, score
from prefopt.calibration.temperature import apply_temperature, cross_fitted, halves
from prefopt.config import CalibrateSettings, DecideSettings
from prefopt.report import HistoryRow, ReportContents, write_report
from prefopt.taxonomy import Taxonomy, parse_taxonomy

LABELS, ACCURACIES, SIZES, GROUPS = (12, 60, 181, 435), (0.3, 0.6, 0.95), (300, 1000), (1, 5)
SIBLINGS, SHARED, GAIN = 0.6, 0.85, 0.03
PARENT_TEMPERATURE, CHILD_TEMPERATURE = 0.8, 0.6
POPULATION, CHUNK = 400_000, 10_000
SET_LEVEL, CELL, FEW_LABELS = 0.9, 4, 60


@cache
def signal_for(labels: int, accuracy: float) -> float:
    """Signal at the right label with which it beats the largest of labels - 1 unit normals this often."""
    rng = np.random.default_rng(0)
    largest = stats.norm.ppf(rng.random(400_000) ** (1 / (labels - 1)))
    return float(np.quantile(largest - rng.normal(size=400_000), accuracy))


def pair(n: int, size: int, labels: int, accuracy: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Log posteriors [n, labels] of child and parent; the right label is column 0."""

    def noise() -> np.ndarray:
        own = rng.standard_normal((n, labels), dtype=np.float32)
        if size == 1:
            return own
        families = rng.standard_normal((n // size, labels), dtype=np.float32)
        return np.float32(SIBLINGS**0.5) * np.repeat(families, size, axis=0) + np.float32((1 - SIBLINGS) ** 0.5) * own

    common = noise()
    found = []
    for gain, temperature in ((0.0, CHILD_TEMPERATURE), (-GAIN, PARENT_TEMPERATURE)):
        signal = signal_for(labels, accuracy + gain)
        evidence = (np.float32(SHARED**0.5) * common + np.float32((1 - SHARED) ** 0.5) * noise()).astype(np.float64)
        evidence[:, 0] += signal
        logits = signal / temperature * evidence
        found.append(logits - special.logsumexp(logits, axis=1, keepdims=True))
    return found


@cache
def truth(labels: int, accuracy: float) -> dict[str, np.ndarray]:
    """Means of the figures, and of every problem of the population what the fitted figures need."""
    rng, gold = np.random.default_rng([labels, int(100 * accuracy)]), np.zeros(CHUNK, dtype=np.int64)
    sums: dict[str, float] = {}
    chunks = max(4, POPULATION // CHUNK * 60 // max(60, labels))  # fewer of many labels: their figures vary less
    of_gold, confidences, rights = [], [], []
    for _ in range(chunks):
        child, parent = (score(log_probs, gold) for log_probs in pair(CHUNK, 1, labels, accuracy, rng))
        figures = {
            "accuracy": child.correct,
            "Brier score": child.brier,
            "log loss": child.log_loss,
            "over-confidence": child.confidence - child.correct,
            "accuracy difference": child.correct - parent.correct,
            "Brier difference": child.brier - parent.brier,
            "log loss difference": child.log_loss - parent.log_loss,
        }
        for name, values in figures.items():
            sums[name] = sums.get(name, 0.0) + float(values.mean()) / chunks
        of_gold.append(np.exp(-child.log_loss))
        confidences.append(child.confidence)
        rights.append(child.correct)
    fixed = {name: np.array(value) for name, value in sums.items()}
    return {
        **fixed,
        "of_gold": np.sort(np.concatenate(of_gold)),
        "confidence": np.concatenate(confidences),
        "right": np.concatenate(rights),
    }


def inside(labels: int, accuracy: float, n: int, size: int, seed: int) -> dict[str, bool]:
    """Which intervals of one simulated hold-out contain the truth; figures without an interval are left out."""
    known = truth(labels, accuracy)
    rng = np.random.default_rng([labels, int(100 * accuracy), n, size, seed])
    ours, theirs = pair(n, size, labels, accuracy, rng)
    gold, family = np.zeros(n, dtype=np.int64), np.arange(n) // size
    clusters = Clusters(family.astype(np.int64), int(family[-1]) + 1)
    half = halves([str(f) for f in family], seed)
    child, parent = score(ours, gold), score(theirs, gold)
    alone = intervals_of(child, clusters, 0.95)
    found = {
        "accuracy": alone.accuracy,
        "Brier score": alone.brier,
        "log loss": alone.log_loss,
        "accuracy difference": paired_shares(child.correct, parent.correct, clusters, 0.95),
        "Brier difference": paired_mean(child.brier - parent.brier, clusters, 0.95),
        "log loss difference": paired_mean(child.log_loss - parent.log_loss, clusters, 0.95),
    }
    if alone.overconfidence_known:
        found["over-confidence"] = alone.overconfidence
    hits = {name: bool(estimate.low <= known[name] <= estimate.high) for name, estimate in found.items()}
    cell = family % CELL == 0
    correlation = within_correlation(child.correct, clusters)
    of_cell = share(child.correct[cell], clusters.take(cell), 0.95, correlation)
    hits["accuracy of a cell"] = bool(of_cell.low <= known["accuracy"] <= of_cell.high)
    hits |= _bin(child, clusters, known)
    hits["coverage of label sets"] = _sets(np.exp(-child.log_loss), half, clusters, known["of_gold"])
    if labels <= FEW_LABELS:  # the fit takes long with more
        hits |= _tempered(ours, theirs, gold, half, clusters, labels, accuracy)
    return hits


def _bin(child: Scores, clusters: Clusters, known: dict[str, np.ndarray]) -> dict[str, bool]:
    """The fullest of 15 bins of confidence, where it has 30 problems."""
    bins = np.minimum((child.confidence * 15).astype(int), 14)
    fullest = int(np.bincount(bins).argmax())
    rows = bins == fullest
    if rows.sum() < 30:
        return {}
    there = np.minimum((known["confidence"] * 15).astype(int), 14) == fullest
    found = share(child.correct[rows], clusters.take(rows), 0.95, bin_correlation(child, clusters))
    return {"accuracy of a bin": bool(found.low <= known["right"][there].mean() <= found.high)}


def _sets(of_gold: np.ndarray, half: np.ndarray, clusters: Clusters, population: np.ndarray) -> bool:
    """Cross-fitted coverage of the sets against the true coverage of the same thresholds."""
    first, second = (threshold_for(of_gold[fit], SET_LEVEL) for fit in (half, ~half))
    hit = (of_gold >= np.where(half, second, first)).astype(np.float64)
    true = [1 - np.searchsorted(population, threshold) / len(population) for threshold in (second, first)]
    found = share(hit, clusters, 0.95)
    return bool(found.low <= true[0] * half.mean() + true[1] * (1 - half.mean()) <= found.high)


@cache
def _by_temperature(labels: int, accuracy: float) -> tuple[np.ndarray, list[np.ndarray]]:
    """Logarithms of 41 temperatures, with the true mean Brier score of child and parent at each."""
    n = 12 * POPULATION // labels
    fresh, gold = pair(n, 1, labels, accuracy, np.random.default_rng([99, labels])), np.zeros(n, dtype=np.int64)
    grid = np.linspace(np.log(0.3), np.log(6), 41)
    return grid, [np.array([score(apply_temperature(side, float(np.exp(t))), gold).brier.mean() for t in grid]) for side in fresh]


def _tempered(
    ours: np.ndarray, theirs: np.ndarray, gold: np.ndarray, half: np.ndarray, clusters: Clusters, labels: int, accuracy: float
) -> dict[str, bool]:
    """Brier difference after cross-fitted temperatures against the true one at the fitted temperatures."""
    sides = [cross_fitted(side, gold, half) for side in (ours, theirs)]
    child, parent = (score(side[0], gold) for side in sides)
    brier = tempered_brier(child, parent, clusters, 0.95).difference
    grid, briers = _by_temperature(labels, accuracy)
    true = 0.0
    for weight, at in ((half.mean(), 1), (1 - half.mean(), 0)):  # the first half has the temperature of the second
        mine, other = (np.interp(np.log(sides[i][1][at]), grid, briers[i]) for i in (0, 1))
        true += weight * float(mine - other)
    return {"Brier difference after temperature": bool(brier.low <= true <= brier.high)}


def row(task: tuple[int, float, int, int, int]) -> dict[str, object]:
    """Coverage by figure of one row."""
    labels, accuracy, n, size, draws = task
    counts: dict[str, list[bool]] = {}
    for seed in range(draws):
        for name, hit in inside(labels, accuracy, n, size, seed).items():
            counts.setdefault(name, []).append(hit)
    coverage = {name: float(np.mean(hits)) for name, hits in counts.items() if len(hits) >= draws / 2}
    return {"labels": labels, "accuracy": accuracy, "n": n, "group": size, "coverage": coverage}


def taxonomy(bands: int, labels: int) -> Taxonomy:
    """`labels` codes in `bands` bands and four domains."""
    rows = [f"L{i:03d},name {i},band {i % bands},domain {i // bands % 4}" for i in range(labels)]
    return parse_taxonomy("\n".join(["code,name,band,domain", *rows]), "benchmark.csv")


def cost(n: int = 2000, labels: int = 435) -> tuple[float, float, int]:
    """Seconds of statistics and of the report of a second round, and the report's bytes."""
    rng = np.random.default_rng(5)
    log_probs = apply_temperature(4.0 * rng.normal(size=(n, labels)), 1.0)
    gold = np.minimum((np.cumsum(np.exp(log_probs), axis=1) < rng.random((n, 1))).sum(axis=1), labels - 1)
    names, codes, settings = [f"p{i:05d}" for i in range(n)], taxonomy(4, labels), CalibrateSettings()
    start = time.perf_counter()
    calibration = evaluate(apply_temperature(log_probs, 1 / 1.5), gold, names, codes, settings, 7, parent_log_probs=log_probs)
    statistics = time.perf_counter() - start
    history = HistoryRow(1, "dpo", 0, calibration, decide(calibration, DecideSettings(), first=False))
    texts = dict.fromkeys(names, "사과 3개와 배 2개를 더하면 모두 몇 개입니까? " * 4)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_report(ReportContents("benchmark", "ko", 1, "dpo", codes, (history,), examples=texts), Path(folder))
        return statistics, time.perf_counter() - start, (Path(folder) / "report.html").stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    statistics, report, size = cost()
    print(f"2,000 problems, 435 labels: statistics {statistics:.1f} s, report {report:.1f} s, {size:,} bytes", flush=True)
    tasks = [
        (labels, accuracy, n, group, options.draws * (2 if labels <= FEW_LABELS else 1))
        for labels in LABELS
        for accuracy in ACCURACIES
        for n in SIZES
        for group in GROUPS
    ]
    rows = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(row, tasks):
            rows.append(found)
            shown = ", ".join(f"{name} {100 * value:.1f}" for name, value in found["coverage"].items())
            print(f"{found['labels']} labels, {found['accuracy']}, N {found['n']}, families of {found['group']}: {shown}", flush=True)
    values = [value for found in rows for value in found["coverage"].values()]
    print(f"95 % intervals cover {min(values):.1%} to {max(values):.1%}, {len(values)} figures of {len(rows)} rows")
    if options.json:
        seconds = {"seconds_statistics": statistics, "seconds_report": report, "report_bytes": size}
        print(json.dumps({"min_coverage": min(values), "max_coverage": max(values), "rows": rows, "draws": options.draws, **seconds}))


if __name__ == "__main__":
    main()
