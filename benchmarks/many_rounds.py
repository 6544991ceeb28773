"""Many rounds on one hold-out: how often a child that is not better is promoted, and the error of the accuracy of the adapter in use.

    python benchmarks/many_rounds.py [--draws 1000] [--json]

All children are exactly as good as the adapter that they start from (true accuracy 60 %, 10 labels, calibrated, 13 % of the answers
differ); siblings of a family share 60 % of their evidence. Rounds 1 to 30 with 1 or 3 candidates a round go through the product's own test,
levels and clause (prefopt/calibration), beside the rule of version 2: McNemar and an interval of the Brier score at 5 % in every round,
families ignored. Then a child that is 3 or 5 points better comes at round 1, 3 or 5: how often either rule promotes it.

With --json the last line of stdout is one object: max_familywise (some false promotion, largest over all rows), max_bias_points (largest
mean of corrected accuracy minus truth, in points), min_coverage (of the corrected accuracy's 95 % interval), min_power_ratio_round_1 (power
over that of the old rule, families of one), draws, rows, power. Bias is measured against the first adapter's accuracy on the same hold-out,
whose expectation is the truth, as all adapters are equally good: that leaves out the luck of the hold-out, which is no bias.
"""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import special

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.comparison import FLOOR_CONFIDENCE, tempered_brier
from prefopt.calibration.decision import clause_of
from prefopt.calibration.intervals import mean, paired_shares, sign_flip
from prefopt.calibration.metrics import score
from prefopt.calibration.result import Comparison
from prefopt.calibration.selection import Candidate, corrected_accuracy
from prefopt.calibration.spending import levels
from prefopt.calibration.temperature import cross_fitted, halves
from prefopt.config import DecideSettings
from prefopt.records import CLAUSES

LABELS, ACCURACY, SHARED, SIBLINGS_SHARE = 10, 0.6, 0.9, 0.6
SIZES, GROUPS, ROUNDS, CANDIDATES = (100, 300, 1000), (1, 5, 10), (10, 30), (1, 3)
REPLICATES = 200
OLD_SHARE = 4
"""One draw in four also runs the old rule, whose errors are large."""
SETTINGS = DecideSettings()


def signal_for(accuracy: float) -> float:
    """Signal at the right label with which the largest of LABELS unit normals is right this often."""
    noise = np.random.default_rng(0).normal(size=(400_000, LABELS))
    return float(np.quantile(noise[:, 1:].max(axis=1) - noise[:, 0], accuracy))


@dataclass
class World:
    """One simulated hold-out."""

    rng: np.random.Generator
    n: int
    size: int

    def __post_init__(self) -> None:
        self.family = np.arange(self.n) // self.size
        names = None if self.size == 1 else [f"f{i:04d}" for i in self.family]
        self.clusters = Clusters.from_names(names, self.n)
        self.half = halves([f"f{i}" for i in self.family], 7)
        self.gold = np.zeros(self.n, dtype=np.int64)

    def noise(self) -> np.ndarray:
        """Unit normals [n, LABELS], shared in part within a family."""
        own = self.rng.normal(size=(self.n, LABELS))
        if self.size == 1:
            return own
        return (
            np.sqrt(SIBLINGS_SHARE) * self.rng.normal(size=(self.family[-1] + 1, LABELS))[self.family] + np.sqrt(1 - SIBLINGS_SHARE) * own
        )

    def child(self, evidence: np.ndarray) -> np.ndarray:
        return np.sqrt(SHARED) * evidence + np.sqrt(1 - SHARED) * self.noise()

    def judged(self, evidence: np.ndarray, signal: float) -> Judged:
        """Scores of the exact posterior; the right label is column 0."""
        moved = evidence.copy()
        moved[:, 0] += signal
        log_probs = signal * moved
        log_probs -= special.logsumexp(log_probs, axis=1, keepdims=True)
        plain = score(log_probs, self.gold)
        return Judged(evidence, plain.correct, plain.brier, score(cross_fitted(log_probs, self.gold, self.half)[0], self.gold))


@dataclass
class Judged:
    evidence: np.ndarray
    correct: np.ndarray
    brier: np.ndarray
    tempered: object


def passes(child: Judged, parent: Judged, world: World, level: float) -> bool:
    """The product's clause at a level."""
    compared = Comparison.model_construct(
        accuracy_floor=paired_shares(child.correct, parent.correct, world.clusters, 2 * FLOOR_CONFIDENCE - 1).low,
        mcnemar=sign_flip(child.correct, parent.correct, world.clusters),
        tempered=tempered_brier(child.tempered, parent.tempered, world.clusters, 0.95),
    )
    return CLAUSES[clause_of(compared, SETTINGS, level).code] == "promoted"


def passes_old(child: Judged, parent: Judged, world: World) -> bool:
    """Version 2: problem by problem, 5 % two-sided in every round, Brier scores as they are."""
    single = Clusters.from_names(None, world.n)
    test, brier = sign_flip(child.correct, parent.correct, single), mean(child.brier - parent.brier, single, 0.95)
    better, worse = (test.p_value <= 0.05 and sign * (test.gained - test.lost) > 0 for sign in (1, -1))
    return (better and brier.value <= 0) or (brier.high < 0 and not worse)


def chain(n: int, size: int, candidates: int, seed: int, signal: float) -> dict[str, list[tuple[bool, float, bool]]]:
    """One project of 30 rounds by the new rule and by the old: after 10 and 30 rounds, whether something was promoted, bias, coverage."""
    found: dict[str, list[tuple[bool, float, bool]]] = {}
    for rule in ("new", "old") if seed % OLD_SHARE == 0 else ("new",):
        world = World(np.random.default_rng([n, size, candidates, seed]), n, size)
        in_use = world.judged(world.noise(), signal)
        members, at, passed = [Candidate(in_use.correct, in_use.tempered.brier)], 0, []
        first = float(in_use.correct.mean())  # its mean over hold-outs is the truth, and it shares their luck with all others
        found[rule] = []
        for number in range(1, max(ROUNDS) + 1):
            start = in_use  # the candidates of a round start from one adapter; the one promoted last is kept
            for _ in range(candidates):
                child = world.judged(world.child(start.evidence), signal)
                level = levels(SETTINGS.alpha, passed)[-1]
                ok = passes(child, in_use, world, level) if rule == "new" else passes_old(child, in_use, world)
                passed.append(ok)
                members.append(Candidate(child.correct, child.tempered.brier, level))
                if ok:
                    in_use, at = child, len(members) - 1
            if number in ROUNDS:
                promoted = at > 0
                if rule == "old":
                    found[rule].append((promoted, float(in_use.correct.mean() - first), True))
                    continue
                said = corrected_accuracy(members, at, world.clusters, SETTINGS, replicates=REPLICATES, confidence=0.95, seed=seed).accuracy
                found[rule].append((promoted, said.value - first, said.low <= ACCURACY <= said.high))
    return found


def rows_of(task: tuple[int, int, int, int]) -> list[dict[str, float]]:
    """The rows of one size, family size and number of candidates: after 10 and 30 rounds."""
    n, size, candidates, draws = task
    signal = signal_for(ACCURACY)
    results = [chain(n, size, candidates, seed, signal) for seed in range(draws)]
    rows = []
    for i, rounds in enumerate(ROUNDS):
        new, old = ([result[rule][i] for result in results if rule in result] for rule in ("new", "old"))
        promoted = [bias for some, bias, _ in new if some]
        rows.append(
            {
                "n": n,
                "group": size,
                "rounds": rounds,
                "candidates": candidates,
                "familywise": float(np.mean([some for some, _, _ in new])),
                "bias_points": 100 * float(np.mean([bias for _, bias, _ in new])),
                "bias_points_if_promoted": 100 * float(np.mean(promoted)) if promoted else 0.0,
                "coverage": float(np.mean([inside for _, _, inside in new])),
                "old_familywise": float(np.mean([some for some, _, _ in old])),
                "old_bias_points": 100 * float(np.mean([bias for _, bias, _ in old])),
            }
        )
    return rows


def power_of(task: tuple[int, int, float, int, int]) -> dict[str, float]:
    """How often a better child is promoted at one round, one candidate a round, by either rule."""
    n, size, gain, at, draws = task
    signal, better = signal_for(ACCURACY), signal_for(ACCURACY + gain)
    new = old = 0
    for seed in range(draws):
        world = World(np.random.default_rng([n, size, at, seed, 1]), n, size)
        evidence = world.noise()
        parent, child = world.judged(evidence, signal), world.judged(world.child(evidence), better)
        new += passes(child, parent, world, levels(SETTINGS.alpha, [False] * (at - 1))[-1])
        old += passes_old(child, parent, world)
    return {"n": n, "group": size, "gain_points": 100 * gain, "round": at, "power": new / draws, "old_power": old / draws}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    tasks = [(n, size, candidates, options.draws) for n in SIZES for size in GROUPS for candidates in CANDIDATES]
    powers = [(n, size, gain, at, options.draws) for n in SIZES for size in GROUPS for gain in (0.03, 0.05) for at in (1, 3, 5)]
    rows, power = [], []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        print("| N | family | rounds | candidates | false promotion | bias, points | if promoted | 95 % covers | version 2: false | bias |")
        for found in pool.map(rows_of, tasks):
            rows += found
            for r in found:
                print(
                    f"| {r['n']:,} | {r['group']} | {r['rounds']} | {r['candidates']} | {r['familywise']:.3f} "
                    f"| {r['bias_points']:+.2f} | {r['bias_points_if_promoted']:+.1f} | {r['coverage']:.3f} "
                    f"| {r['old_familywise']:.2f} | {r['old_bias_points']:+.2f} |",
                    flush=True,
                )
        print("| N | family | gain, points | round | promoted | version 2 |")
        for p in pool.map(power_of, powers):
            power.append(p)
            print(
                f"| {p['n']:,} | {p['group']} | {p['gain_points']:.0f} | {p['round']} | {p['power']:.2f} | {p['old_power']:.2f} |",
                flush=True,
            )
    if options.json:
        first = [p["power"] / p["old_power"] for p in power if p["round"] == 1 and p["group"] == 1]
        print(
            json.dumps(
                {
                    "max_familywise": max(r["familywise"] for r in rows),
                    "max_bias_points": max(abs(r["bias_points"]) for r in rows),
                    "min_coverage": min(r["coverage"] for r in rows),
                    "min_power_ratio_round_1": min(first),
                    "draws": options.draws,
                    "rows": rows,
                    "power": power,
                }
            )
        )


if __name__ == "__main__":
    main()
