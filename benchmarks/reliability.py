"""Gain of weighting teachers by their reliability, by simulation of teachers with known care, through the consensus that rounds use.

    python benchmarks/reliability.py [--draws 40] [--json]

Each draw has 100 slates of four cards with a true order (a tenth of the neighbors are truly level). Every slate is judged by three of five
teachers, who give the true order with the probability of their care and any order otherwise. Two schools: `alike`, where all have care
0.8, and `unlike`, where it is 0.97, 0.95, 0.9, 0.3 and 0.2. The score is the share of the preferences' total weight on pairs in the right
order; the difference of `votes = "reliability"` to `votes = "equal"` is paired over draws, with a 95 % bootstrap interval. A third
school, `unlike, one vote`, has every slate judged by one teacher and 20 slates with a known label.
"""

from __future__ import annotations

import argparse
import json
import random
from itertools import pairwise
from statistics import fmean

import numpy as np

from prefopt.rankings.consensus import consensus
from prefopt.rankings.reliability import reliability
from prefopt.records import Answer, Candidate, Problem, Ranking, Slate
from prefopt.taxonomy import parse_taxonomy

LABELS = "abcd"
SLATES, GOLD = 100, 20
TAXONOMY = parse_taxonomy("code,name\n" + "".join(f"{x},{x.upper()}\n" for x in LABELS), source="benchmark")
SCHOOLS = {
    "alike": ((0.8, 0.8, 0.8, 0.8, 0.8), 3),
    "unlike": ((0.97, 0.95, 0.9, 0.3, 0.2), 3),
    "unlike, one vote": ((0.97, 0.95, 0.9, 0.3, 0.2), 1),
}


def draw(care: tuple[float, ...], votes: int, seed: int) -> tuple[list[Slate], list[Ranking], dict[str, dict[str, int]]]:
    """Slates, answers, and the true ranks of each slate by label."""
    dice = random.Random(seed)
    slates, answers, truth = [], [], {}
    for number in range(SLATES + (GOLD if votes == 1 else 0)):
        name, is_gold = f"s{number}", number >= SLATES
        order = dice.sample(LABELS, 4)
        ranks = {label: rank for rank, label in enumerate(order)}
        for upper, lower in pairwise(order[1:]):  # only the best is right; cards below it may be level
            if dice.random() < 0.1:
                ranks[lower] = ranks[upper]
        truth[name] = ranks
        cards = tuple(Candidate(id=f"{name}-{x}", answer=Answer(label=x), probability=0.25, adapter="-") for x in LABELS)
        problem = Problem(id=f"p{number}", text="?", label=order[0] if is_gold else None)
        purpose = "gold" if is_gold else "random"
        slates.append(Slate(id=name, problem=problem, candidates=cards, order=(0, 1, 2, 3), purpose=purpose, top2_gap=0.1))
        for teacher in range(len(care)) if is_gold else dice.sample(range(len(care)), votes):
            given_ranks = ranks if dice.random() < care[teacher] else dict(zip(dice.sample(LABELS, 4), range(4), strict=True))
            given = {f"{name}-{x}": 1 + given_ranks[x] for x in LABELS}
            answers.append(Ranking(slate_id=name, teacher=f"t{teacher}", kind="ranked", ranks=given))
    return slates, answers, truth


def right_share(slates: list[Slate], answers: list[Ranking], truth: dict[str, dict[str, int]], *, weighted: bool) -> float:
    """Share of the total weight on pairs in the right order; truly level cards do not count."""
    pairs = consensus(slates, answers, TAXONOMY, trusted=reliability(slates, answers) if weighted else None).pairs
    leads = [(p.weight, truth[p.slate_id][p.rejected.label] - truth[p.slate_id][p.chosen.label]) for p in pairs]
    return sum(w for w, lead in leads if lead > 0) / sum(w for w, lead in leads if lead)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = {}
    for school, (care, votes) in SCHOOLS.items():
        equal, weighted = [], []
        for seed in range(args.draws):
            drawn = draw(care, votes, seed)
            equal.append(right_share(*drawn, weighted=False))
            weighted.append(right_share(*drawn, weighted=True))
        gain = np.array(weighted) - np.array(equal)
        means = np.random.default_rng(0).choice(gain, size=(2000, len(gain))).mean(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        rows[school] = {
            "equal": fmean(equal),
            "reliability": fmean(weighted),
            "gain": float(gain.mean()),
            "low": float(low),
            "high": float(high),
        }
    if args.json:
        print(json.dumps(rows, indent=2))
        return
    for school, row in rows.items():
        print(
            f"{school:<18} right weight: equal {row['equal']:.3f}, reliability {row['reliability']:.3f}, "
            f"gain {row['gain']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
        )


if __name__ == "__main__":
    main()
