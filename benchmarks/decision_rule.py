"""Error rates of the decision rule, by simulation: how often a child with a known true difference is promoted, held or rejected.

    python benchmarks/decision_rule.py [--draws 1000] [--json]

Every problem has one right label of 20 and gives an adapter noisy evidence for it: a unit normal per label, moved by `signal` at the
right one. The softmax of signal x evidence is then the exact posterior, so an adapter is calibrated by construction and its signal
alone sets its accuracy. Parent and child share most of the noise, like an adapter and the one it was trained from.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass

import numpy as np

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.comparison import compare, tempered_brier
from prefopt.calibration.decision import RULE, clause_of
from prefopt.calibration.intervals import holm, sign_flip
from prefopt.calibration.metrics import Scores, score
from prefopt.calibration.result import MIN_CELL, CellChange, Comparison
from prefopt.calibration.spending import levels
from prefopt.calibration.temperature import apply_temperature, cross_fitted, halves
from prefopt.calibration.vetoes import worse_cells
from prefopt.config import DecideSettings
from prefopt.records import CLAUSES

LABELS = 20
PARENT_ACCURACY = 0.75
CELLS = 8
"""Of equal size, e.g. two bands by four domains."""


@dataclass(frozen=True)
class Scenario:
    name: str
    gain: float = 0.0
    """True accuracy of the child minus that of the parent."""
    shared: float = 0.9
    """Share of the noise that the two have in common; a smaller share makes them differ on more problems."""
    temperature: float = 1.0
    """Of the child's posteriors; below 1 it is over-confident."""
    parent_temperature: float = 1.0
    """The same of the parent's, as after a base stage."""
    damage: float = 0.0
    """Subtracted from the child's true accuracy in one of the CELLS cells, next to the gain in all others."""


SCENARIOS = (
    Scenario("equally good"),
    Scenario("equally good, differs more", shared=0.6),
    Scenario("equally right, over-confident", temperature=0.6),
    Scenario("equally right, over-confident parent", parent_temperature=0.5),
    Scenario("2 points worse, over-confident parent", gain=-0.02, parent_temperature=0.5),
    Scenario("2 points better", gain=0.02),
    Scenario("3 points better", gain=0.03),
    Scenario("5 points better", gain=0.05),
    Scenario("5 points better, differs more", gain=0.05, shared=0.6),
    Scenario("2 points worse", gain=-0.02),
    Scenario("5 points worse", gain=-0.05),
    Scenario("5 points worse, differs more", gain=-0.05, shared=0.6),
    Scenario("5 points better, over-confident", gain=0.05, temperature=0.6),
    Scenario("5 points better, one cell 15 worse", gain=0.05, damage=0.15),
    Scenario("5 points better, one cell 30 worse", gain=0.05, damage=0.30),
)


def signal_for(accuracy: float) -> float:
    """The signal that gives this accuracy: P(N(signal, 1) beats the largest of the other labels), solved by bisection."""
    noise = np.random.default_rng(0).normal(size=(200_000, LABELS))
    margin = noise[:, 1:].max(axis=1) - noise[:, 0]
    return float(np.quantile(margin, accuracy))


def adapter(signal: float, common: np.ndarray, shared: float, rng: np.random.Generator) -> np.ndarray:
    """Exact log posteriors [N, LABELS]; the right label is column 0."""
    evidence = np.sqrt(shared) * common + np.sqrt(1 - shared) * rng.normal(size=common.shape)
    evidence[:, 0] += signal
    return apply_temperature(signal * evidence, 1.0)


def hold_out(scenario: Scenario, signals: tuple[float, ...], n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Log posteriors of child and parent on n problems, the i-th in cell i mod CELLS. signals: of parent, child, and child in cell 0."""
    common = rng.normal(size=(n, LABELS))
    parent, child = (adapter(signal, common, scenario.shared, rng) for signal in signals[:2])
    if scenario.damage:
        child[::CELLS] = adapter(signals[2], common[::CELLS], scenario.shared, rng)
    return apply_temperature(child, scenario.temperature), apply_temperature(parent, scenario.parent_temperature)


def compared(child: np.ndarray, parent: np.ndarray, clusters: Clusters) -> tuple[Comparison, Scores, Scores]:
    """The comparison that the rule sees, and the scores."""
    gold = np.zeros(len(child), dtype=np.int64)
    half = halves([str(i) for i in range(len(child))], 7)
    this, other = score(child, gold), score(parent, gold)
    tempered = [score(cross_fitted(side, gold, half)[0], gold) for side in (child, parent)]
    comparison = compare(this, other, clusters, bins=15, confidence=0.95)
    return comparison.model_copy(update={"tempered": tempered_brier(tempered[0], tempered[1], clusters, 0.95)}), this, other


def worse_cell(child: Scores, parent: Scores, clusters: Clusters, alpha: float) -> bool:
    """Whether the rule finds a cell in which the child is worse."""
    cells = [np.arange(i, len(child), CELLS) for i in range(CELLS)]
    tests = [sign_flip(child.correct[rows], parent.correct[rows], clusters.take(rows)) for rows in cells]
    large = [len(rows) >= MIN_CELL for rows in cells]
    adjusted = iter(holm(np.array([test.p_value for test, tested in zip(tests, large, strict=True) if tested])))
    changes = [
        CellChange(groups=(str(i),), count=len(rows), mcnemar=test, p_value=float(next(adjusted)) if tested else None)
        for i, (rows, test, tested) in enumerate(zip(cells, tests, large, strict=True))
    ]
    return bool(worse_cells(tuple(changes), alpha))


def simulate(scenario: Scenario, n: int, draws: int, seed: int) -> dict[str, float]:
    """Share of each outcome over the draws, and the share of problems on which one is right and the other wrong."""
    wanted = (0.0, scenario.gain, -scenario.damage)
    signals = tuple(signal_for(PARENT_ACCURACY + change) for change in wanted)
    rng, settings = np.random.default_rng([seed, n]), DecideSettings()
    level, clusters = levels(settings.alpha, [])[-1], Clusters.from_names(None, n)
    counts, discordant = {"promoted": 0, "held": 0, "rejected": 0}, 0.0
    for _ in range(draws):
        comparison, child, parent = compared(*hold_out(scenario, signals, n, rng), clusters)
        outcome = CLAUSES[clause_of(comparison, settings, level).code]
        rise = comparison.bias_rise
        if outcome == "promoted" and (
            (rise is not None and rise.low > settings.max_ece_increase) or worse_cell(child, parent, clusters, settings.alpha)
        ):
            outcome = "held"
        counts[outcome] += 1
        discordant += (comparison.mcnemar.lost + comparison.mcnemar.gained) / n
    return {**{outcome: count / draws for outcome, count in counts.items()}, "discordant": discordant / draws}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    rows = []
    print(f"rule {RULE}, parent right {PARENT_ACCURACY:.0%}, {options.draws} simulated hold-outs per row")
    print(f"{'the child is':33}{'N':>5} {'differ':>7} {'promoted':>9} {'held':>6} {'rejected':>9}")
    for scenario in SCENARIOS:
        for n in (200, 600, 1000):
            row = simulate(scenario, n, options.draws, 7)
            rows.append({"scenario": scenario.name, "n": n, **row})
            shares = f"{row['discordant']:7.1%} {row['promoted']:9.1%} {row['held']:6.1%} {row['rejected']:9.1%}"
            print(f"{scenario.name:33}{n:5} {shares}", flush=True)
    if options.json:
        print(json.dumps({"rule": RULE, "draws": options.draws, "rows": rows}))


if __name__ == "__main__":
    main()
