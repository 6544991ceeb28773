"""Accuracy on the pool from teachers' slates, by simulation with a known truth: bias, and how often the 95 % interval covers it.

    python benchmarks/pool_accuracy.py [--draws 1000] [--json]

An adapter of known accuracy meets a pool of 530 problems; every round asks 80 of those that were not asked so far, a fifth at random and
the others by the smallest gap, as `prefopt round` does. Compared for rounds 1 to 6 are the weighted estimate on the problems not asked so
far and on the whole pool (prefopt/calibration/pool_estimate.py), the share right among all slates, and the share right in the random
slice. Adapters are calibrated or over-confident, of low, middle and high accuracy; one case has teachers without a majority on a tenth of
the slates. The difference to the hold-out is checked with hold-outs of 300 problems from the same source.

With --json the last line of stdout is one object: bias_points (the largest bias of the estimate, in percentage points), min_coverage,
max_coverage (of the estimate over all cases and rounds), whole_coverage (least, of the whole pool), shift_coverage (least),
slates_bias_points and slice_bias_points (of the two naive shares, against the whole pool in round 6 of the first case),
slates_coverage and slice_coverage (of the same), draws.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass

import numpy as np

from prefopt.calibration.intervals import wilson
from prefopt.calibration.pool_estimate import JudgedSlate, given_cutoff, pool_accuracy, pool_shift
from prefopt.calibration.temperature import apply_temperature
from prefopt.project.project import RoundKey
from prefopt.rounds.slates import choose, inclusion_probabilities, pool_frame, top2_gaps

POOL, HOLDOUT, LABELS, SLATES, RANDOM, ROUNDS = 530, 300, 24, 80, 0.2, 6
IDS = [f"L{i}" for i in range(LABELS)]


@dataclass(frozen=True)
class Case:
    """An adapter: how sharp its posteriors are, how much too confident, and how often teachers have no majority."""

    name: str
    sharpness: float
    boldness: float = 1.0
    undecided: float = 0.0


CASES = (
    Case("accuracy .37", 1.9),
    Case("accuracy .37, over-confident", 1.9, 2.5),
    Case("accuracy .65", 4.7),
    Case("accuracy .65, over-confident", 4.7, 2.0),
    Case("accuracy .65, no majority on 10 %", 4.7, 1.0, 0.1),
    Case("accuracy .90", 18.0),
    Case("accuracy .90, over-confident", 18.0, 2.0),
)


def problems(n: int, case: Case, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors [n, LABELS] of the adapter, and whether its most probable label is right [n]. Problems differ in difficulty."""
    scale = case.sharpness * rng.gamma(4.0, 0.25, size=(n, 1))
    log_probs = apply_temperature(scale * rng.normal(size=(n, LABELS)), 1.0)
    top = np.exp(log_probs).max(axis=1)
    return np.exp(apply_temperature(log_probs, 1 / case.boldness)), rng.random(n) < top


@dataclass
class Tally:
    """Errors of an estimate and how often its interval holds the truth."""

    errors: list[float]
    covered: list[bool]
    silent: int = 0
    """Draws without an estimate."""

    def add(self, value: float, low: float, high: float, truth: float) -> None:
        self.errors.append(value - truth)
        self.covered.append(low <= truth <= high)

    @property
    def bias(self) -> float:
        """In percentage points."""
        return 100 * float(np.mean(self.errors))

    @property
    def coverage(self) -> float:
        return float(np.mean(self.covered))

    @property
    def error(self) -> float:
        """Root mean square, in percentage points."""
        return 100 * float(np.sqrt(np.mean(np.square(self.errors))))


KINDS = ("frame", "frame, as drawn", "whole", "slates", "slice", "slice of the frame", "shift")


def one_pool(case: Case, rng: np.random.Generator, tallies: dict[tuple[str, int], Tally]) -> None:
    """Six rounds of one pool."""
    probs, right = problems(POOL, case, rng)
    held_probs, held_right = problems(HOLDOUT, case, rng)
    held = np.ones(HOLDOUT, dtype=bool)
    left = np.arange(POOL)
    earlier: list[bool | None] = []
    for number in range(1, ROUNDS + 1):
        gaps = top2_gaps(probs[left])
        chosen = choose(gaps, SLATES, RANDOM, rng)
        before = inclusion_probabilities(gaps, SLATES, RANDOM)
        frame = pool_frame(RoundKey(number, f"{number:03d}", "dpo", 0, 0, "p"), probs[left], IDS, chosen)
        rows = np.array([i for i, _ in chosen])
        judged = right[left[rows]]
        seen = rng.random(len(rows)) >= case.undecided
        given = given_cutoff(frame, [(purpose, float(gaps[i]), float(before[i])) for i, purpose in chosen])
        found, plain = (
            pool_accuracy(
                frame,
                [
                    JudgedSlate(float(probs[left[i]].max()), float(pi), bool(r) if s else None, int(left[i]))
                    for i, pi, r, s in zip(rows, inclusion, judged, seen, strict=True)
                ],
                earlier,
            )
            for inclusion in (given, before[rows])
        )
        here, there = float(right[left].mean()), float(right.mean())
        held_now = held_right[held].tolist()
        held &= top2_gaps(held_probs) > (frame.cutoff or 0.0)
        earlier = [*earlier, *(bool(r) if s else None for r, s in zip(judged, seen, strict=True))]
        left = np.delete(left, rows)
        if found is None or plain is None:  # too few drawn by chance beyond the last gap: no estimate is made
            tallies["frame", number].silent += 1
            continue
        tallies["frame", number].add(found.accuracy.value, found.accuracy.low, found.accuracy.high, here)
        tallies["frame, as drawn", number].add(plain.accuracy.value, plain.accuracy.low, plain.accuracy.high, here)
        whole = found.with_asked or found.accuracy
        tallies["whole", number].add(whole.value, whole.low, whole.high, there)
        slice_ = np.array([purpose == "random" for _, purpose in chosen])
        for kind, shown in (("slates", judged), ("slice", judged[slice_])):
            naive = wilson(int(shown.sum()), len(shown), 0.95)
            tallies[kind, number].add(naive.value, naive.low, naive.high, there)
        alone = wilson(int(judged[slice_].sum()), int(slice_.sum()), 0.95)
        tallies["slice of the frame", number].add(alone.value, alone.low, alone.high, here)
        shift = pool_shift(found, held_now)
        assert shift is not None
        tallies["shift", number].add(shift.difference.value, shift.difference.low, shift.difference.high, 0.0)


def main() -> None:
    """Print one table per case, and the summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    everything: dict[str, dict[tuple[str, int], Tally]] = {}
    for number, case in enumerate(CASES):
        rng = np.random.default_rng([11, number])
        tallies = {(kind, r): Tally([], []) for kind in KINDS for r in range(1, ROUNDS + 1)}
        for _ in range(options.draws):
            one_pool(case, rng, tallies)
        everything[case.name] = tallies
        print(f"\n{case.name}: bias in points, root mean square error, coverage of the 95 % interval")
        for kind in KINDS:
            cells = [
                f"{t.bias:+6.2f} {t.error:5.1f} {t.coverage:.3f}{f' (none in {t.silent})' if t.silent else ''}"
                for t in (tallies[kind, r] for r in range(1, ROUNDS + 1))
            ]
            print(f"{kind:>20} " + " | ".join(cells))
    summary = summarize(everything, options.draws)
    print(json.dumps(summary) if options.json else summary)


def summarize(everything: dict[str, dict[tuple[str, int], Tally]], draws: int) -> dict[str, float]:
    """The keys of --json."""

    def every(kind: str) -> list[Tally]:
        return [t for tallies in everything.values() for (k, _), t in tallies.items() if k == kind]

    first = everything[CASES[0].name]
    return {
        "bias_points": max((t.bias for t in every("frame")), key=abs),
        "min_coverage": min(t.coverage for t in every("frame")),
        "max_coverage": max(t.coverage for t in every("frame")),
        "whole_coverage": min(t.coverage for t in every("whole")),
        "shift_coverage": min(t.coverage for t in every("shift")),
        "slates_bias_points": first["slates", ROUNDS].bias,
        "slice_bias_points": first["slice", ROUNDS].bias,
        "slates_coverage": first["slates", ROUNDS].coverage,
        "slice_coverage": first["slice", ROUNDS].coverage,
        "draws": draws,
    }


if __name__ == "__main__":
    main()
