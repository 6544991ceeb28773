"""The tables of real_model.py: every arm beside the SFT adapter of its seed, on the same held-out problems, and what the docs claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import mean, paired_mean, paired_shares, share, sign_flip
from prefopt.calibration.label_biases import label_counts, prior_distance, refit
from prefopt.calibration.metrics import Floats, Ints, Scores, score
from prefopt.calibration.temperature import halves

CONFIDENCE = 0.95
LEAST_CHANGE = -0.01
"""docs/real-models.md: no round of a shipped recipe costs more accuracy than this."""
ABOVE_TFIDF = GAINED = ("math-2021",)
"""docs/real-models.md: the sets on which SFT is above TF-IDF, and on which the best round gains, with the interval of the difference."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """The posteriors that one round has made of the hold-out, sorted by problem, and how it was trained."""

    log_probs: Floats
    """[N, L] natural logarithms."""
    gold: Ints
    """[N] column of the right label."""
    problem_ids: tuple[str, ...]
    groups: tuple[str, ...]
    """Family of each problem."""
    labels: tuple[str, ...]
    outcome: str
    """Of the decision rule."""
    updates: int

    @classmethod
    def of(cls, rnd: Any) -> Made:
        """From a finished round."""
        from prefopt.io.stage_folders import read_manifest
        from prefopt.rounds.artifacts import POSTERIORS
        from prefopt.rounds.promotion import promotions
        from prefopt.rounds.reading import read

        known = read(rnd, POSTERIORS)
        order = np.argsort(known.problem_ids)
        ids = tuple(known.problem_ids[i] for i in order)
        groups = ids if known.groups is None else tuple(known.groups[i] for i in order)
        outcome = promotions(rnd.project).outcome(rnd.number) or ""
        updates = int(read_manifest(rnd.stage("train")).outcome["steps"])
        return cls(known.log_probs[order], known.gold[order], ids, groups, known.labels, outcome, updates)


def figures_of(made: Mapping[str, Sequence[Made]], classical: Sequence[Mapping[int, Mapping[str, bool]]]) -> list[Row]:
    """One row for each arm and for TF-IDF on as many labels, over the held-out problems of all seeds.

    A problem that several seeds judge is one cluster of every interval, with its family.

    Args:
        made: arm -> of each seed; "sft" is among them.
        classical: of each seed, number of labels -> id of a held-out problem -> whether TF-IDF is right on it.
    """
    first = made["sft"]
    clusters = Clusters.from_names([group for one in first for group in one.groups], sum(len(one.gold) for one in first))
    plain, refitted = {}, {}
    for arm, ones in made.items():
        plain[arm] = _joined([score(one.log_probs, one.gold) for one in ones])
        refitted[arm] = _joined([score(refit(one.log_probs, one.gold, halves(one.groups, 0)), one.gold) for one in ones])
    rows = [_row(arm, ones, plain, refitted, clusters) for arm, ones in made.items()]
    for labels in classical[0]:
        hits = [
            np.array([known[labels][name] for name in one.problem_ids], dtype=np.float64)
            for known, one in zip(classical, first, strict=True)
        ]
        hit = np.concatenate(hits)
        row = {"arm": f"tfidf {labels}", "by_seed": [float(each.mean()) for each in hits], "problems": len(hit)}
        row["accuracy"] = share(hit, clusters, CONFIDENCE).model_dump()
        rows.append(row | {"against_sft": _hits_apart(hit, plain["sft"][0], clusters)})
    return rows


Joined = tuple[Floats, Floats, list[float]]
"""correct [N], brier [N] over the problems of all seeds, and the accuracy of each."""


def _joined(scores: Sequence[Scores]) -> Joined:
    correct, brier = (np.concatenate([getattr(s, name) for s in scores]) for name in ("correct", "brier"))
    return correct, brier, [float(s.correct.mean()) for s in scores]


def _row(arm: str, ones: Sequence[Made], plain: Mapping[str, Joined], refitted: Mapping[str, Joined], clusters: Clusters) -> Row:
    correct, brier, by_seed = plain[arm]
    row: Row = {"arm": arm, "updates": ones[0].updates, "problems": len(correct), "by_seed": by_seed, "outcomes": [o.outcome for o in ones]}
    row |= {"accuracy": share(correct, clusters, CONFIDENCE).model_dump(), "brier": _mean(brier, clusters)}
    row["refitted"] = {"accuracy": share(refitted[arm][0], clusters, CONFIDENCE).model_dump(), "brier": _mean(refitted[arm][1], clusters)}
    counts = [label_counts(o.log_probs, None, o.gold, o.labels, Clusters.from_names(o.groups, len(o.gold))) for o in ones]
    row["labels"] = {}
    for count in (each for of_seed in counts for each in of_seed):
        right, answered = row["labels"].get(count.label, (0, 0))
        row["labels"][count.label] = (right + count.right, answered + count.answered)
    row["answers_to_change"] = sum(prior_distance(each) for each in counts) / len(counts)
    if arm != "sft":
        row["against_sft"] = _apart(plain[arm], plain["sft"], clusters)
        row["refitted_against_sft"] = _apart(refitted[arm], refitted["sft"], clusters)
    if arm not in ("sft", "gold") and "gold" in plain:
        row["against_gold"] = _apart(plain[arm], plain["gold"], clusters)
    return row


def _mean(values: Floats, clusters: Clusters) -> dict[str, float]:
    return mean(values, clusters, CONFIDENCE, least=0, most=2).model_dump()


def _hits_apart(this: Floats, other: Floats, clusters: Clusters) -> Row:
    test = sign_flip(this, other, clusters)
    found = paired_shares(this, other, clusters, CONFIDENCE).model_dump()
    return {"accuracy": found, "gained": test.gained, "lost": test.lost, "p_value": test.p_value}


def _apart(this: Joined, other: Joined, clusters: Clusters) -> Row:
    return _hits_apart(this[0], other[0], clusters) | {"brier": paired_mean(this[1] - other[1], clusters, CONFIDENCE).model_dump()}


def summary(rows: Sequence[Row]) -> dict[str, float | None]:
    """The figures by which a set is judged: accuracies, and the smallest change of accuracy from SFT over all rounds."""
    known = {row["arm"]: row for row in rows}
    rounds = [row for row in rows if row["arm"] not in ("sft", "gold") and not row["arm"].startswith("tfidf")]
    best = max(rounds, key=lambda row: float(row["accuracy"]["value"]), default=None)
    classical = next(row for row in rows if row["arm"].startswith("tfidf"))
    below = classical["against_sft"]["accuracy"]
    found: dict[str, float | None] = {
        "sft_accuracy": known["sft"]["accuracy"]["value"],
        "tfidf_accuracy": classical["accuracy"]["value"],
        "sft_vs_tfidf_low": -below["high"],
        "gold_accuracy": known["gold"]["accuracy"]["value"] if "gold" in known else None,
        "best_round_accuracy": best["accuracy"]["value"] if best else None,
        "best_round_change_low": best["against_sft"]["accuracy"]["low"] if best else None,
        "worst_round_change": min((row["against_sft"]["accuracy"]["value"] for row in rounds), default=None),
    }
    return found


def claims_not_met(results: Sequence[Row]) -> list[str]:
    """What docs/real-models.md says and the figures do not show, in words."""
    broken = []
    for found in results:
        low = found["sft_vs_tfidf_low"]
        if found["set"] in ABOVE_TFIDF and low <= 0:
            broken.append(f"{found['set']}: SFT is above TF-IDF by {low:+.3f} at least; the docs say above 0")
        gain = found["best_round_change_low"]
        if found["set"] in GAINED and gain is not None and gain <= 0:
            broken.append(f"{found['set']}: the best round gains {gain:+.3f} at least; the docs say above 0")
        worst = found["worst_round_change"]
        if worst is not None and worst < LEAST_CHANGE:
            broken.append(f"{found['set']}: a round changed accuracy by {worst:+.3f}; the docs say at least {LEAST_CHANGE:+.3f}")
    return broken


def markdown(rows: Sequence[Row]) -> str:
    """The table as printed in docs/real-models.md. Differences are to SFT."""
    columns = ("arm", "updates", "accuracy [95 %]", "points to SFT [95 %]", "gained, lost, p", "Brier", "to SFT [95 %]")
    columns += ("refitted: accuracy, Brier", "points to SFT [95 %]", "answers to change", "rule")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in rows:
        apart, refitted = row.get("against_sft"), row.get("refitted_against_sft")
        cells = [row["arm"], row.get("updates", ""), _interval(row["accuracy"])]
        cells += [_points(apart["accuracy"]), f"{apart['gained']}, {apart['lost']}, {_p(apart['p_value'])}"] if apart else ["", ""]
        cells += [f"{row['brier']['value']:.3f}"] if "brier" in row else [""]
        cells += [_signed(apart["brier"])] if apart and "brier" in apart else [""]
        kept = row.get("refitted")
        cells += [f"{kept['accuracy']['value']:.3f}, {kept['brier']['value']:.3f}"] if kept else [""]
        cells += [_points(refitted["accuracy"])] if refitted else [""]
        cells += [f"{row['answers_to_change']:.1%}", " ".join(row["outcomes"])] if "labels" in row else ["", ""]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def label_table(rows: Sequence[Row]) -> str:
    """How often each label is right, and how often each arm answers it."""
    counted = [row for row in rows if "labels" in row]
    names = list(dict.fromkeys(label for row in counted for label in row["labels"]))
    lines = ["| label | right | " + " | ".join(row["arm"] for row in counted) + " |", "|---" * (len(counted) + 2) + "|"]
    for name in names:
        right = next(row["labels"][name][0] for row in counted if name in row["labels"])
        answered = [str(row["labels"].get(name, (0, 0))[1]) for row in counted]
        lines.append(f"| {name} | {right} | {' | '.join(answered)} |")
    return "\n".join(lines)


def _interval(found: Mapping[str, float]) -> str:
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"


def _signed(found: Mapping[str, float]) -> str:
    return f"{found['value']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]"


def _points(found: Mapping[str, float]) -> str:
    return f"{100 * found['value']:+.1f} [{100 * found['low']:+.1f}, {100 * found['high']:+.1f}]"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
