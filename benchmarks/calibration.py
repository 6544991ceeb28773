"""Coverage of the report's intervals and guarantees, by simulation with a known truth, and their cost at 2,000 problems.

    python benchmarks/calibration.py [--draws 2000] [--json]

Gold labels are drawn from known probabilities, from which the true figures of any model follow: a parent that sharpens them a little, and
a child that adds noise and sharpens them more. Prints how often each 95 % interval covers the truth, how often the accept rule's true
error exceeds the agreed rate, the coverage of the label sets in each band (one of which is over-confident), and the seconds that
statistics and report take at 2,000 problems and 435 labels.

With --json the last line of stdout is one object: coverage (by figure), accept_broken, sets_coverage (by band), seconds_statistics,
seconds_report, report_bytes, draws.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from prefopt.calibration import decide, evaluate
from prefopt.calibration.comparison import compare, intervals_of
from prefopt.calibration.conformal import conformal_sets
from prefopt.calibration.metrics import score
from prefopt.calibration.selective import acceptance
from prefopt.calibration.temperature import apply_temperature
from prefopt.config import CalibrateSettings, DecideSettings
from prefopt.report import HistoryRow, ReportContents, write_report
from prefopt.taxonomy import Taxonomy, parse_taxonomy

N, LABELS, BINS = 300, 12, 15


def drawn(n: int, labels: int, rng: np.random.Generator, sharpness: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors [n, labels] and gold labels [n] drawn from them."""
    log_probs = apply_temperature(sharpness * rng.normal(size=(n, labels)), 1.0)
    gold = (np.cumsum(np.exp(log_probs), axis=1) < rng.random((n, 1))).sum(axis=1)
    return log_probs, np.minimum(gold, labels - 1)


def bold(log_probs: np.ndarray, times: float = 1.5) -> np.ndarray:
    """The same answers with too much confidence."""
    return apply_temperature(log_probs, 1 / times)


def child(log_probs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Posteriors of a noisy and over-confident adapter; its parent is slightly over-confident and has no noise."""
    return bold(log_probs + 0.7 * rng.normal(size=log_probs.shape))


def parent(log_probs: np.ndarray) -> np.ndarray:
    return bold(log_probs, 1.2)


def truths(rng: np.random.Generator) -> dict[str, float]:
    """Expected figures of the child and of its differences to the parent, from the probabilities of 200,000 problems."""
    log_probs, _ = drawn(200_000, LABELS, rng)
    ours, theirs = _expected(np.exp(log_probs), child(log_probs, rng)), _expected(np.exp(log_probs), parent(log_probs))
    compared = ("accuracy", "brier", "log_loss", "ece_debiased")
    return {**ours, **{f"{name} difference": ours[name] - theirs[name] for name in compared}}


def _expected(true: np.ndarray, log_probs: np.ndarray) -> dict[str, float]:
    """Expected figures of posteriors [n, labels], where gold labels are drawn from the probabilities `true` [n, labels]."""
    probs, rows = np.exp(log_probs), np.arange(len(true))
    top = probs.argmax(axis=1)
    right, confidence = true[rows, top], probs[rows, top]
    hits = np.bincount(top, weights=right, minlength=LABELS)
    f1 = 2 * hits / (np.bincount(top, minlength=LABELS) + true.sum(axis=0))
    return {
        "accuracy": float(right.mean()),
        "macro_f1": float(f1.mean()),
        "brier": float((1 + (probs**2).sum(axis=1) - 2 * (probs * true).sum(axis=1)).mean()),
        "log_loss": float(-(true * log_probs).sum(axis=1).mean()),
        "overconfidence": float((confidence - right).mean()),
        "ece_debiased": float(np.sqrt(np.mean(_binned_gap(confidence, confidence - right) ** 2))),
    }


def _binned_gap(confidence: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Mean gap of each of 15 bins of equal mass: what the debiased ECE estimates."""
    return np.array([gap[part].mean() for part in np.array_split(np.argsort(confidence), BINS)])


def covered(draws: int, truth: dict[str, float]) -> dict[str, float]:
    """Share of the draws whose interval contains the truth."""
    inside = dict.fromkeys(truth, 0)
    for seed in range(draws):
        log_probs, gold = drawn(N, LABELS, np.random.default_rng([1, seed]))
        ours, other = score(child(log_probs, np.random.default_rng([6, seed])), gold), score(parent(log_probs), gold)
        alone = vars(intervals_of(ours, LABELS, bins=BINS, replicates=400, confidence=0.95, seed=seed))
        paired = compare(ours, other, bins=BINS, replicates=400, confidence=0.95, seed=seed)
        estimates = {**alone, **{f"{name} difference": estimate for name, estimate in vars(paired).items()}}
        for name, value in truth.items():
            inside[name] += estimates[name].low <= value <= estimates[name].high
    return {name: count / draws for name, count in inside.items()}


def accept_broken(draws: int, agreed: float = 0.1) -> float:
    """Share of the draws in which the true error above the chosen threshold exceeds the agreed rate."""
    population = np.exp(drawn(200_000, 5, np.random.default_rng(2), 3.0)[0]).max(axis=1)
    broken = 0
    for seed in range(draws):
        log_probs, gold = drawn(N, 5, np.random.default_rng([3, seed]), 3.0)
        accepted = acceptance(score(log_probs, gold), agreed, 0.95)
        broken += accepted.threshold is not None and (1 - population[population >= accepted.threshold]).mean() > agreed
    return broken / draws


def taxonomy(bands: int, labels: int) -> Taxonomy:
    """`labels` codes in `bands` bands and four domains."""
    rows = [f"L{i:03d},name {i},band {i % bands},domain {i // bands % 4}" for i in range(labels)]
    return parse_taxonomy("\n".join(["code,name,band,domain", *rows]), "benchmark.csv")


def sets_coverage(draws: int) -> dict[str, float]:
    """Mean coverage of the 90 % label sets by band; the first band is over-confident."""
    labels, hits = taxonomy(3, LABELS), dict.fromkeys(("band 0", "band 1", "band 2"), (0.0, 0))
    for seed in range(draws):
        log_probs, gold = drawn(N, LABELS, np.random.default_rng([4, seed]), 1.5)
        log_probs[gold % 3 == 0] = bold(log_probs[gold % 3 == 0], 2.0)
        names = [f"p{i}" for i in range(N)]
        for group in conformal_sets(log_probs, gold, names, labels, level=0.9, confidence=0.95, seed=seed).groups:
            if group.set_coverage:
                total, n = hits[group.group]
                hits[group.group] = (total + group.set_coverage.value * group.judged_on, n + group.judged_on)
    return {name: total / n for name, (total, n) in hits.items()}


def cost(n: int = 2000, labels: int = 435) -> tuple[float, float, int]:
    """Seconds of statistics and of the report of a second round, and the report's bytes."""
    log_probs, gold = drawn(n, labels, np.random.default_rng(5), 4.0)
    names, codes, settings = [f"p{i:05d}" for i in range(n)], taxonomy(4, labels), CalibrateSettings()
    start = time.perf_counter()
    calibration = evaluate(bold(log_probs), gold, names, codes, settings, 7, parent_log_probs=log_probs)
    statistics = time.perf_counter() - start
    row = HistoryRow(1, "dpo", 0, calibration, decide(calibration, DecideSettings(), first=False))
    texts = dict.fromkeys(names, "사과 3개와 배 2개를 더하면 모두 몇 개입니까? " * 4)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_report(ReportContents("benchmark", "ko", 1, "dpo", codes, (row,), examples=texts), Path(folder))
        return statistics, time.perf_counter() - start, (Path(folder) / "report.html").stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    statistics, report, size = cost()
    print(f"2,000 problems, 435 labels: statistics {statistics:.1f} s, report {report:.1f} s, {size:,} bytes", flush=True)
    coverage = covered(options.draws, truths(np.random.default_rng(0)))
    for name, share in coverage.items():
        print(f"95 % interval of {name:20} covers {share:.1%}", flush=True)
    broken = accept_broken(options.draws)
    print(f"accept rule: the true error exceeds the agreed rate in {broken:.1%}", flush=True)
    sets = sets_coverage(options.draws)
    print("90 % label sets contain the right label: " + ", ".join(f"{name} {share:.1%}" for name, share in sets.items()))
    if options.json:
        figures = {"coverage": coverage, "accept_broken": broken, "sets_coverage": sets, "draws": options.draws}
        print(json.dumps({**figures, "seconds_statistics": statistics, "seconds_report": report, "report_bytes": size}))


if __name__ == "__main__":
    main()
