"""Gain of weighting teachers by their reliability, by simulation of teachers with known care, through the consensus that rounds use.

    python benchmarks/reliability.py [--draws 40] [--json]

Each draw has 100 slates of four cards with a true order (a tenth of the neighbors are truly level). Every slate is judged by three of five
teachers, who give the true order with the probability of their care and any order otherwise. Two schools: `alike`, where all have care
0.8, and `unlike`, where it is 0.97, 0.95, 0.9, 0.3 and 0.2. The score is the share of the preferences' total weight on pairs in the right
order; the difference of `votes = "reliability"` to `votes = "equal"` is paired over draws, with a 95 % bootstrap interval. A third
school, `unlike, one vote`, has every slate judged by one teacher and 20 slates with a known label.

Two more schools have what agreement cannot show, and are judged with and without the part of the model that allows for it. Both are scored
by the share of preferred pairs in the right order, next to the certainty that the model claims for them, (1 + net) / 2:
`shared`: on 15 % of the slates five teachers of care 0.95 take one and the same order, drawn at random, for the true one; 40 further slates
have a known label, which the estimate does or does not see.
`followers`: two teachers of care 0.9, and two who give the model's order with probability 0.9 and any other otherwise, all four on every
slate; the model's order is the true one on half of the slates, and drawn at random elsewhere.
"""

from __future__ import annotations

import argparse
import json
import random
from itertools import pairwise
from statistics import fmean
from typing import Any

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


def draw_votes(
    seed: int, *, care: tuple[float, ...], followers: int = 0, shared: float = 0.0, gold: int = 0, slates: int = SLATES
) -> tuple[list[Slate], list[Ranking], dict[str, dict[str, int]]]:
    """As `draw`, every slate judged by all: first those of this care, then those who follow the model."""
    dice = random.Random(seed)
    shown, answers, truth = [], [], {}
    for number in range(slates + gold):
        name = f"s{number}"
        order = dice.sample(LABELS, 4)
        truth[name] = {label: rank for rank, label in enumerate(order)}
        model = order if dice.random() < 0.5 else dice.sample(LABELS, 4)
        believed = dice.sample(LABELS, 4) if dice.random() < shared else order
        cards = tuple(
            Candidate(id=f"{name}-{x}", answer=Answer(label=x), probability=0.4 - 0.1 * model.index(x), adapter="-") for x in LABELS
        )
        problem = Problem(id=f"p{number}", text="?", label=order[0] if number >= slates else None)
        purpose = "gold" if number >= slates else "random"
        shown.append(Slate(id=name, problem=problem, candidates=cards, order=(0, 1, 2, 3), purpose=purpose, top2_gap=0.1))
        for teacher in range(len(care) + followers):
            own, chance = (believed, care[teacher]) if teacher < len(care) else (model, 0.9)
            given = own if dice.random() < chance else dice.sample(LABELS, 4)
            ranks = {f"{name}-{x}": 1 + given.index(x) for x in LABELS}
            answers.append(Ranking(slate_id=name, teacher=f"t{teacher}", kind="ranked", ranks=ranks))
    return shown, answers, truth


def claimed_and_right(
    slates: list[Slate], answers: list[Ranking], truth: dict[str, dict[str, int]], **options: Any
) -> tuple[float, float, int]:
    """Mean certainty of the preferred pairs, the share of them in the right order, and how many there are."""
    pairs = consensus(slates, answers, TAXONOMY, trusted=reliability(slates, answers, **options)).pairs
    right = [truth[p.slate_id][p.chosen.label] < truth[p.slate_id][p.rejected.label] for p in pairs]
    return fmean((1 + p.net) / 2 for p in pairs), fmean(right), len(pairs)


def without_gold(slates: list[Slate], answers: list[Ranking], truth: dict[str, dict[str, int]]) -> Any:
    """The draw without its slates with a known label."""
    kept = [slate for slate in slates if slate.gold is None]
    names = {slate.id for slate in kept}
    return kept, [answer for answer in answers if answer.slate_id in names], truth


def hidden(draws: int) -> dict[str, dict[str, float]]:
    """Claimed certainty and share of right pairs in the schools with shared errors and with followers, before and after."""
    rows = {}
    shared = [draw_votes(seed, care=(0.95,) * 5, shared=0.15, gold=40) for seed in range(draws)]
    open_only = [without_gold(*drawn) for drawn in shared]
    followed = [draw_votes(seed, care=(0.9, 0.9), followers=2) for seed in range(draws)]
    cases: dict[str, tuple[list[Any], dict[str, Any]]] = {
        "shared, not allowed for": (open_only, {"hard": None}),
        "shared, prior alone": (open_only, {}),
        "shared, 40 known labels": (shared, {}),
        "followers, not looked for": (followed, {"copying": False, "hard": None}),
        "followers, left out": (followed, {"hard": None}),
    }
    for name, (drawn, options) in cases.items():
        values = np.array([claimed_and_right(*one, **options) for one in drawn])
        means = values[np.random.default_rng(0).integers(0, draws, (2000, draws))].mean(axis=1)
        low, high = np.quantile(means[:, 1], [0.025, 0.975])
        claimed, right, pairs = values.mean(axis=0)
        rows[name] = {"claimed": float(claimed), "right": float(right), "low": float(low), "high": float(high), "pairs": float(pairs)}
    return rows


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
    more = hidden(args.draws)
    if args.json:
        print(json.dumps({"weights": rows, "hidden": more}, indent=2))
        return
    for school, row in rows.items():
        print(
            f"{school:<18} right weight: equal {row['equal']:.3f}, reliability {row['reliability']:.3f}, "
            f"gain {row['gain']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
        )
    for name, row in more.items():
        between = f"[{row['low']:.3f}, {row['high']:.3f}]"
        print(f"{name:<26} claimed {row['claimed']:.3f}, right {row['right']:.3f} {between} of {row['pairs']:.0f} pairs")


if __name__ == "__main__":
    main()
