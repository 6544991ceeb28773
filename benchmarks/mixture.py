"""What mixing the adapter with the classical baseline gives, on finished projects of benchmarks/korean_mwp.py.

    python benchmarks/mixture.py --folder DIR [--seeds 6 7 8] [--arms consensus …] [--json]

For every round of every arm: accuracy and Brier score (after a temperature of its own, cross-fitted) of the adapter alone, of TF-IDF with
logistic regression on the labels known by then, and of the two mixed, with weights fitted on the asked problems by what both said before
they learned them; then the paired differences of the mixture to either, with 95 % intervals. Beside them stands the mixture whose weights
are cross-fitted on the hold-out, which no project could use: it shows what the asked problems lose by being the harder ones.

Nothing is trained and nothing is written: a project's files are read, and its baseline is fitted again.
With --json the last thing on stdout is one object: rows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from prefopt.calibration.clusters import Clusters
from prefopt.calibration.intervals import difference, paired_shares, sign_flip
from prefopt.calibration.metrics import Scores, score
from prefopt.calibration.mixture import Asked, fit_weights, mix
from prefopt.calibration.mixture_judgment import judge_mixture
from prefopt.calibration.temperature import cross_fitted, halves
from prefopt.project.project import Round, open_project
from prefopt.rounds.artifacts import PREFERENCES, SLATES
from prefopt.rounds.partner import AskedRound, fit_partner, known_labels
from prefopt.rounds.reading import has
from prefopt.texts.same_text import as_read

LEVEL = 0.95


def rows_of(project: Path) -> Iterator[dict[str, Any]]:
    """One row for each round of a project that trained on rankings."""
    rounds = [rnd for rnd in open_project(project).rounds() if rnd.number and (rnd.stage("calibrate") / "posteriors.parquet").exists()]
    for rnd in rounds:
        yield row_of(rnd, [known for known in rounds if known.number <= rnd.number])


def row_of(rnd: Round, known: list[Round]) -> dict[str, Any]:
    """The three classifiers after one round; `known` are the rounds whose answers there are by then."""
    from prefopt.calibration.posteriors import read_posteriors

    data, settings = rnd.load(), rnd.config
    posteriors = read_posteriors(rnd.stage("calibrate") / "posteriors.parquet")
    asked = [AskedRound(k.number, SLATES.load(k.stage("sample") / SLATES.file)) for k in known]
    votes = [row for k in known if has(k, PREFERENCES) for row in PREFERENCES.load(k.stage("pair") / PREFERENCES.file)]
    fitted = fit_partner(data, known_labels(data, asked, votes), settings.prompt.spelling)
    text_of = {problem.id: problem.text for problem in data.holdout}
    texts = [as_read(text_of[name], settings.prompt.spelling) for name in posteriors.problem_ids]
    own, gold = posteriors.log_probs, posteriors.gold
    tfidf = fitted.model.log_probs(texts, posteriors.labels)
    names = list(posteriors.groups or posteriors.problem_ids)
    half, clusters = halves(names, settings.project.seed), Clusters.from_names(names, len(gold))
    weights = fitted.partner.weights
    if weights is None:
        raise SystemExit(f"{rnd.project.root}, round {rnd.name}: {fitted.partner.asked} asked problems are too few")
    judged = judge_mixture(own, tfidf, weights, gold, half, clusters, data.taxonomy, settings.calibrate, rnd.number + 1)
    oracle = own.copy()
    for fit in (half, ~half):
        on_holdout = fit_weights(Asked(own[fit], tfidf[fit], np.eye(own.shape[1])[gold[fit]]))
        oracle[~fit] = mix(own[~fit], tfidf[~fit], on_holdout)
    sides = {"adapter": own, "tfidf": tfidf, "mixture": mix(own, tfidf, weights), "oracle": oracle}
    scores = {name: (score(logs, gold), score(cross_fitted(logs, gold, half)[0], gold)) for name, logs in sides.items()}
    return {
        "project": str(rnd.project.root),
        "round": rnd.number,
        "answers": fitted.learned.answers,
        "asked": fitted.partner.asked,
        "c": fitted.model.c,
        "weights": [weights.model, weights.tfidf],
        "verdict": judged.verdict,
        **{name: figures(plain, tempered) for name, (plain, tempered) in scores.items()},
        "to_adapter": change(scores["mixture"], scores["adapter"], clusters),
        "to_tfidf": change(scores["mixture"], scores["tfidf"], clusters),
    }


def figures(plain: Scores, tempered: Scores) -> dict[str, float]:
    return {"accuracy": float(plain.correct.mean()), "brier": float(tempered.brier.mean())}


def change(this: tuple[Scores, Scores], other: tuple[Scores, Scores], clusters: Clusters) -> dict[str, Any]:
    """Paired differences, this minus other: accuracy as it is, Brier score after the temperatures."""
    brier = difference(this[1].brier - other[1].brier, clusters, LEVEL)
    moved = sign_flip(this[0].correct, other[0].correct, clusters)
    accuracy = paired_shares(this[0].correct, other[0].correct, clusters, LEVEL)
    return {
        "accuracy": [accuracy.value, accuracy.low, accuracy.high],
        "gained": moved.gained,
        "lost": moved.lost,
        "brier": [brier.value, brier.low, brier.high],
    }


def shown(row: dict[str, Any]) -> Iterator[str]:
    """One round in plain text."""
    own, tfidf = row["weights"]
    yield (
        f"{row['project']}, round {row['round']:03d}: weights {own:.2f} and {tfidf:.2f} on {row['asked']} asked problems, "
        f"TF-IDF on {row['answers']} answers beside gold (C = {row['c']:g}): {row['verdict']}"
    )
    names = {"adapter": "adapter", "tfidf": "TF-IDF", "mixture": "mixed", "oracle": "mixed, weights of the hold-out"}
    for key, name in names.items():
        yield f"  {name:<30} accuracy {row[key]['accuracy']:.3f}  Brier {row[key]['brier']:.3f}"
    for key, name in (("to_adapter", "mixed to adapter"), ("to_tfidf", "mixed to TF-IDF")):
        found = row[key]
        accuracy, brier = ([f"{value:+.3f}" for value in found[which]] for which in ("accuracy", "brier"))
        yield (
            f"  {name:<30} accuracy {accuracy[0]} [{accuracy[1]}, {accuracy[2]}] ({found['gained']} : {found['lost']})"
            f"  Brier {brier[0]} [{brier[1]}, {brier[2]}]"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="of benchmarks/korean_mwp.py")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9])
    parser.add_argument("--arms", nargs="+", default=["consensus"])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = []
    for seed in args.seeds:
        for arm in args.arms:
            project = args.folder / f"seed-{seed}" / arm
            if not (project / "prefopt.toml").exists():
                parser.error(f"there is no project in {project}: run benchmarks/korean_mwp.py --seeds {seed} --arms {arm} first")
            for row in rows_of(project):
                rows.append(row)
                print("\n".join(shown(row)), flush=True)
    if args.json:
        print(json.dumps({"rows": rows}, indent=2))


if __name__ == "__main__":
    main()
