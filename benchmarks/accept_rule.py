"""Does the accept rule keep its promise, and does it accept anything? By simulation, against the sequence of binomial tests it replaces.

    python benchmarks/accept_rule.py [--draws 1000] [--json]

Agreed error 5 %, guarantee 95 %. Each problem has a confidence (uniform) and a true error that falls with it. "Broken" is the share of
hold-outs on which the true error of what the chosen threshold accepts is above the agreed rate; "after choice" is that of the candidate
that accepts most among ten equally good ones whose errors are correlated, each judged as look 1 to 10. The other rule is fixed-sequence
testing from the most confident problems on (Learn then Test, Angelopoulos et al. 2021) by exact binomial bounds.

With --json the last line of stdout is one object: broken_share and broken_after_selection (largest over the rows), nothing_accepted_2pct
and mean_share_2pct (N = 2,000, the most confident wrong on 2 %), draws, rows.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from math import ceil, log

import numpy as np
from scipy import stats

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.metrics import Scores
from prefopt.calibration.selective import acceptance

AGREED, GUARANTEE, CANDIDATES = 0.05, 0.95, 10


@dataclass(frozen=True)
class Population:
    """True error by confidence: flat at `lowest` above confidence 1 - `flat`, then rising to `highest` at confidence 0."""

    name: str
    lowest: float
    highest: float
    flat: float

    def error(self, confidence: np.ndarray) -> np.ndarray:
        return np.where(
            confidence >= 1 - self.flat,
            self.lowest,
            self.lowest + (self.highest - self.lowest) * (1 - self.flat - confidence) / max(1 - self.flat, 1e-9),
        )

    def accepted_error(self, threshold: float) -> float:
        """Mean error above a threshold, by 20,000 points."""
        return float(self.error(np.linspace(threshold, 1, 20_001)).mean())


POPULATIONS = (
    Population("most confident wrong on 0.2 %", 0.002, 0.4, 0.4),
    Population("most confident wrong on 2 %", 0.02, 0.4, 0.4),
    Population("3 % everywhere", 0.03, 0.03, 1.0),
    Population("5 % everywhere (just not acceptable)", 0.0501, 0.0501, 1.0),
    Population("just acceptable at half of the problems", 0.04, 0.5, 0.45),
)


def hold_out(population: Population, n: int, size: int, candidates: int, rng: np.random.Generator) -> list[tuple[Scores, Clusters]]:
    """Scores of equally good candidates; siblings (families of `size`) and candidates share part of what decides about an error."""
    groups = np.arange(n) // size
    own = rng.normal(size=n)
    common = np.sqrt(0.6) * rng.normal(size=groups[-1] + 1)[groups] + np.sqrt(0.4) * own if size > 1 else own
    found = []
    for _ in range(candidates):
        confidence = rng.random(n)
        evidence = np.sqrt(0.8) * common + np.sqrt(0.2) * rng.normal(size=n)
        wrong = stats.norm.cdf(evidence) < population.error(confidence)
        zeros = np.zeros(n)
        scores = Scores(zeros.astype(int), wrong.astype(int), confidence, 1.0 - wrong, zeros, zeros)
        found.append((scores, Clusters.from_names(None if size == 1 else [str(g) for g in groups], n)))
    return found


def by_sequence(scores: Scores) -> tuple[float | None, float]:
    """Threshold and share of the fixed sequence."""
    order = np.argsort(-scores.confidence, kind="stable")
    wrong, n = np.cumsum(1 - scores.correct[order]), len(scores)
    best = None
    first = ceil(log(1 - GUARANTEE) / log(1 - AGREED))
    for wanted in [*range(first, n, max(1, n // 50)), n]:
        if stats.beta.ppf(GUARANTEE, wrong[wanted - 1] + 1, max(wanted - wrong[wanted - 1], 1e-9)) > AGREED:
            break
        best = wanted
    return (None, 0.0) if best is None else (float(scores.confidence[order][best - 1]), best / n)


def by_rule(scores: Scores, clusters: Clusters, look: int) -> tuple[float | None, float]:
    found = acceptance(scores, AGREED, GUARANTEE, clusters, look)
    return found.threshold, found.share


def row(population: Population, n: int, size: int, draws: int) -> dict[str, float | str]:
    """The shares of one row."""
    broken, nothing, share, chosen_broken, old_broken, old_nothing, old_share, old_chosen = np.zeros(8)
    for seed in range(draws):
        candidates = hold_out(population, n, size, CANDIDATES, np.random.default_rng([n, size, seed]))
        rule = [by_rule(*candidate, look) for look, candidate in enumerate(candidates, 1)]
        sequence = [by_sequence(candidate[0]) for candidate in candidates]
        for which, (threshold, accepted) in (("new", rule[0]), ("old", sequence[0])):
            bad = threshold is not None and population.accepted_error(threshold) > AGREED
            if which == "new":
                broken, nothing, share = broken + bad, nothing + (threshold is None), share + accepted
            else:
                old_broken, old_nothing, old_share = old_broken + bad, old_nothing + (threshold is None), old_share + accepted
        best, other = max(rule, key=lambda r: r[1])[0], max(sequence, key=lambda r: r[1])[0]
        chosen_broken += best is not None and population.accepted_error(best) > AGREED
        old_chosen += other is not None and population.accepted_error(other) > AGREED
    totals = {
        "broken": broken,
        "broken_after_selection": chosen_broken,
        "nothing_accepted": nothing,
        "mean_share": share,
        "sequence_broken": old_broken,
        "sequence_broken_after_selection": old_chosen,
        "sequence_nothing_accepted": old_nothing,
        "sequence_mean_share": old_share,
    }
    return {"population": population.name, "n": n, "siblings": size, **{name: float(total / draws) for name, total in totals.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    rows = []
    print("| true error | N | family | broken | after choice | nothing | share | sequence: broken | after choice | nothing | share |")
    for population in POPULATIONS:
        for n in (300, 2000):
            for size in (1, 5):
                r = row(population, n, size, options.draws)
                rows.append(r)
                shares = ("broken", "broken_after_selection", "nothing_accepted", "mean_share")
                cells = [f"{r[prefix + name]:.3f}" for prefix in ("", "sequence_") for name in shares]
                print(f"| {r['population']} | {n:,} | {size} | {' | '.join(cells)} |", flush=True)
    if options.json:
        (main_row,) = (r for r in rows if r["population"] == POPULATIONS[1].name and r["n"] == 2000 and r["siblings"] == 1)
        print(
            json.dumps(
                {
                    "broken_share": max(r["broken"] for r in rows),
                    "broken_after_selection": max(r["broken_after_selection"] for r in rows),
                    "nothing_accepted_2pct": main_row["nothing_accepted"],
                    "mean_share_2pct": main_row["mean_share"],
                    "draws": options.draws,
                    "rows": rows,
                }
            )
        )


if __name__ == "__main__":
    main()
