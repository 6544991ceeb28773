"""How often the tests of answers in use raise a false alarm, and how soon they see what is there; all by simulation, on one core.

    python benchmarks/in_use.py [--runs 1000] [--seed 1] [--json] [--verbose]

Every test may be looked at after each observation. The peer in the same run is a fixed-sample test of scipy at 5 % that is looked at after
every 100 observations. docs/ab.md has a run's numbers and says what they do not show.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy import stats

from prefopt.inuse.clustered import randomized_path
from prefopt.inuse.drift import Drift, step_of_share
from prefopt.inuse.eprocess import LabelShares, audit_path, ratio_path
from prefopt.inuse.paired import DIFFER_PART, paired_path
from prefopt.inuse.plan import client_shares, paired_need, split_need

ALPHA = 0.05
LOOKS = 10_000
PEEK = 100
AGREED = 0.05
SCHOOLS, ICC, ACCURACY, PROBLEMS = 30, 0.05, 0.85, LOOKS
PART = 250
"""Simulated streams at once."""

Rows = dict[str, float | None]


def first(path: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """When each path reaches 1 / alpha, counted from 1; inf where it does not."""
    over = path >= -np.log(alpha)
    return np.where(over.any(axis=-1), over.argmax(axis=-1) + 1.0, np.inf)


def in_parts(runs: int, simulate: Callable[[int], np.ndarray]) -> np.ndarray:
    """Results of all runs, computed a part at a time."""
    return np.concatenate([simulate(min(PART, runs - start)) for start in range(0, runs, PART)])


def median(values: np.ndarray) -> float | None:
    """None: not reached by half of the streams."""
    found = float(np.quantile(values, 0.5, method="higher"))
    return found if np.isfinite(found) else None


def share(values: np.ndarray) -> float:
    return float(np.isfinite(values).mean())


def paired(rng: np.random.Generator, runs: int) -> Rows:
    """The paired comparison; the peer is the exact sign test."""
    decided_at = (1 - DIFFER_PART) * ALPHA
    false = in_parts(runs, lambda part: first(paired_path(rng.random((part, LOOKS)) < 0.5), decided_at))

    def peeked(part: int) -> np.ndarray:
        n = np.arange(PEEK, LOOKS + 1, PEEK)
        wins = np.cumsum(rng.random((part, LOOKS)) < 0.5, axis=1)[:, n - 1]
        p_values = np.minimum(1, 2 * stats.binom.cdf(np.minimum(wins, n - wins), n, 0.5))
        return np.where((p_values <= ALPHA).any(axis=1), 1.0, np.inf)

    need = paired_need(0.05, 0.14, ALPHA)
    return {
        "paired_false": share(false),
        "paired_false_peer": share(in_parts(runs, peeked)),
        "paired_median_5pt": need.problems,
        "paired_decisions_5pt": need.decisions,
    }


def audit(rng: np.random.Generator, runs: int) -> Rows:
    """The blind audit of accepted answers; the peer is the one-sided exact binomial test."""

    def seen(rate: float, length: int) -> np.ndarray:
        return in_parts(runs, lambda part: first(audit_path(rng.random((part, length)) < rate, AGREED)))

    def peeked(part: int) -> np.ndarray:
        n = np.arange(PEEK, LOOKS + 1, PEEK)
        wrong = np.cumsum(rng.random((part, LOOKS)) < AGREED, axis=1)[:, n - 1]
        return np.where((stats.binom.sf(wrong - 1, n, AGREED) <= ALPHA).any(axis=1), 1.0, np.inf)

    def late(part: int) -> np.ndarray:
        rates = np.repeat([0.03, 0.10], [1_000, 2_500])
        found = first(audit_path(rng.random((part, len(rates))) < rates, AGREED)) - 1_000
        return np.where(found > 0, found, np.inf)

    return {
        "audit_false": share(seen(AGREED, LOOKS)),
        "audit_false_peer": share(in_parts(runs, peeked)),
        "audit_median_10pct": median(seen(0.10, 1_500)),
        "audit_median_15pct": median(seen(0.15, 500)),
        "audit_median_20pct": median(seen(0.20, 300)),
        "audit_median_10pct_after_1000_good": median(in_parts(min(runs, 500), late)),
    }


def split(rng: np.random.Generator, runs: int) -> Rows:
    """The split comparison of adapters that are equally good, over schools that differ; and of one that is 5 points better."""

    def false(part: int) -> np.ndarray:
        weight = 1 / ICC - 1
        own = rng.beta(ACCURACY * weight, (1 - ACCURACY) * weight, (part, SCHOOLS))
        in_b = rng.random((part, SCHOOLS)) < 0.5
        school = rng.integers(SCHOOLS, size=(part, PROBLEMS))
        right = rng.random((part, PROBLEMS)) < np.take_along_axis(own, school, 1)
        arm = np.take_along_axis(in_b, school, 1)
        found = []
        for row in range(part):
            a, b = right[row][~arm[row]], right[row][arm[row]]
            pairs = min(len(a), len(b))
            differ = a[:pairs] != b[:pairs]
            path = paired_path(b[:pairs][differ]) if differ.any() else np.zeros(1)
            found.append(first(path[None], (1 - DIFFER_PART) * ALPHA)[0])
        values = rng.binomial(PROBLEMS // SCHOOLS, own) / (PROBLEMS // SCHOOLS)
        return np.stack([np.array(found), first(randomized_path(in_b, values, 0.5))], axis=1)

    found = in_parts(runs, false)
    return {
        "split_problems_5pt": split_need(0.05, ACCURACY, ALPHA).problems,
        "schools_false_as_problems": share(found[:, 0]),
        "schools_false_by_school": share(found[:, 1]),
        "schools_seen_10pt": schools_seen(rng, runs, 0.10),
        "reviewed_false": reviewed_false(rng, runs),
    }


def schools_seen(rng: np.random.Generator, runs: int, gain: float) -> float:
    """How often 30 schools with 100 audited problems each show that b is better."""

    def seen(part: int) -> np.ndarray:
        in_b = rng.random((part, SCHOOLS)) < 0.5
        values = client_shares(rng, np.where(in_b, ACCURACY + gain, ACCURACY), ICC, 100)
        return first(randomized_path(in_b, values, 0.5))

    return share(in_parts(runs, seen))


def reviewed_false(rng: np.random.Generator, runs: int) -> float:
    """How often equally good adapters are told apart by corrections of reviewed answers, where b accepts more answers than a.

    Both are right on 85 %: on 95 % of the surer 80 % of the problems and on 45 % of the others. a leaves the others for review, b half of
    them. 2,000 reviewed answers each.
    """

    def told_apart(part: int) -> np.ndarray:
        a = rng.random((part, 2_000)) < 0.45
        surer_of_rest, least_sure = 0.60, 0.30  # mean 0.45
        assert abs((surer_of_rest + least_sure) / 2 - 0.45) < 1e-12
        b = rng.random((part, 2_000)) < least_sure
        found = [first(paired_path(b[row][a[row] != b[row]])[None], (1 - DIFFER_PART) * ALPHA)[0] for row in range(part)]
        return np.array(found)

    return share(in_parts(min(runs, 250), told_apart))


def ratio(rng: np.random.Generator, runs: int) -> Rows:
    """The arms' counts: drawn as they should be, and 51 to 49; the peer is the exact binomial test at the same level."""
    shares, alpha = np.array([0.5, 0.5]), 0.001
    n = np.arange(PEEK, LOOKS + 1, PEEK)

    def paths(part: int, p: float, length: int) -> np.ndarray:
        return first(ratio_path((rng.random((part, length)) < p).astype(np.int64), shares), alpha)

    def peeked(part: int) -> np.ndarray:
        of_b = np.cumsum(rng.random((part, LOOKS)) < 0.5, axis=1)[:, n - 1]
        p_values = np.minimum(1, 2 * stats.binom.cdf(np.minimum(of_b, n - of_b), n, 0.5))
        return np.where((p_values <= alpha).any(axis=1), 1.0, np.inf)

    few = min(runs, 25)
    return {
        "srm_false": share(in_parts(runs, lambda part: paths(part, 0.5, LOOKS))),
        "srm_false_peer": share(in_parts(runs, peeked)),
        "srm_median_1pt": median(paths(few, 0.51, 150_000)),
        "srm_median_10pt": median(paths(PART, 0.60, 3_000)),
    }


def labels(rng: np.random.Generator, runs: int) -> Rows:
    """Shares of 20 labels in 1,600 answers against 300 hold-out answers of the same kind, and of another kind."""
    runs, kinds, held, answers = min(runs, 60), 20, 300, 1_600
    names = [str(k) for k in range(kinds)]
    found: dict[str, list[float]] = {"labels_false_counted": [], "labels_false_as_exact": [], "labels_median_tripled": []}
    for _ in range(runs):
        p = rng.dirichlet(np.full(kinds, 2.0))
        counts = rng.multinomial(held, p)
        other = np.where(np.arange(kinds) < kinds // 2, 3 * p, p)  # half of the labels: three times their share, beside the others
        streams = {"labels_false_counted": p, "labels_false_as_exact": p, "labels_median_tripled": other / other.sum()}
        for name, q in streams.items():
            if name == "labels_false_as_exact":
                smoothed = (counts + 0.5) / (held + 0.5 * kinds)
                test = LabelShares(dict(zip(names, smoothed.tolist(), strict=True)), ALPHA)
            else:
                test = LabelShares(dict(zip(names, (counts / held).tolist(), strict=True)), ALPHA, counted=held)
            for k in rng.choice(kinds, answers, p=q).tolist():
                test.add(names[k])
                if test.alarm:
                    break
            found[name].append(test.alarmed_at or np.inf)
    return {name: median(np.array(v)) if "median" in name else share(np.array(v)) for name, v in found.items()}


def drift(rng: np.random.Generator, runs: int) -> Rows:
    """Confidence of 10,000 answers against that of 300 hold-out answers: like it, lower from the start, and lower after 1,000 like it."""
    before, after, held, answers, good = (5, 2), (4, 2), 300, LOOKS, 1_000
    streams = {"drift_false": answers, "drift_median": 0, "drift_median_late": good}
    found: dict[str, list[float]] = {name: [] for name in streams}
    for _ in range(min(runs, 300)):
        for name, like in streams.items():
            test = Drift(map(step_of_share, rng.beta(*before, held).tolist()), ALPHA)
            values = np.concatenate([rng.beta(*before, like), rng.beta(*after, answers - like)])
            for value, tie in zip(values.tolist(), rng.random(answers).tolist(), strict=True):
                test.add(step_of_share(value), tie)
                if test.alarm:
                    break
            found[name].append((test.alarmed_at or np.inf) - (good if name == "drift_median_late" else 0))
    return {name: median(np.array(v)) if "median" in name else share(np.array(v)) for name, v in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000, help="simulated streams of every kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--verbose", action="store_true", help="print the seconds of every part on stderr")
    options = parser.parse_args()
    start, rows = time.process_time(), Rows()
    for part in (paired, audit, split, ratio, labels, drift):
        rows |= part(np.random.default_rng(options.seed), options.runs)
        if options.verbose:
            print(f"{part.__name__}: {time.process_time() - start:.1f} s so far", file=sys.stderr)
    rows["cpu_s"] = round(time.process_time() - start, 1)
    if options.json:
        print(json.dumps({"runs": options.runs, **rows}, indent=2))
        return
    for name, value in rows.items():
        print(f"{name:<40} {'not reached' if value is None else f'{value:,.4g}'}")


if __name__ == "__main__":
    main()
