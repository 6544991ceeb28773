"""Do the generated problems give themselves away? What a classical model and the tiny one make of wordings they were never shown.

    python benchmarks/generated_problems.py [--per-standard 10] [--seed 7] [--model] [--project DIR] [--json]

Character TF-IDF with logistic regression is trained on generated problems of all 181 standards without the families that are held out by
hash, and judged on those: wordings it has never seen. Beside it the same on a random split of the same size, which shares wordings.
With --model the same two on the problems of the example project, beside the tiny gpt-oss after its SFT (`prefopt sft`, some minutes);
--project names an example project whose round 000 is finished, so that nothing is trained again.

With --json the last thing on stdout is one object: problems, held_out_families, random_split (each accuracy, low, high, trained_on,
tested_on); with --model also sft: the same of the model, its baseline, and both by domain and band where the model's file has them.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from prefopt.calibration.baseline import Baseline, tfidf_baseline
from prefopt.curricula.generator.problem_generator import generate
from prefopt.project.problems import read_problems, split_holdout
from prefopt.records import Problem
from prefopt.taxonomy import builtin_taxonomy

SHARE = 0.3  # held out


def judged(train: Sequence[Problem], test: Sequence[Problem]) -> dict[str, float]:
    found = tfidf_baseline([p.text for p in train], [str(p.label) for p in train], [p.text for p in test], [str(p.label) for p in test])
    return row(found)


def row(found: Baseline) -> dict[str, float]:
    accuracy = found.accuracy
    return {
        "accuracy": accuracy.value,
        "low": accuracy.low,
        "high": accuracy.high,
        "trained_on": found.trained_on,
        "tested_on": found.tested_on,
        "unseen_labels": found.unseen,
    }


def both(problems: Sequence[Problem], seed: int) -> dict[str, dict[str, float]]:
    train, test = split_holdout(problems, SHARE)
    shuffled = random.Random(seed).sample(list(problems), len(problems))
    return {"held_out_families": judged(train, test), "random_split": judged(shuffled[len(test) :], shuffled[: len(test)])}


def after_sft(project: Path) -> dict[str, dict[str, float]]:
    """The model's accuracy on the held-out families of a project, and the baseline's on the same problems."""
    gold = read_problems(project / "data" / "gold.jsonl", builtin_taxonomy(), labeled=True).problems
    train, test = split_holdout(gold, SHARE)
    told = json.loads((project / "rounds" / "000" / "calibrate" / "calibration.json").read_text(encoding="utf-8"))
    accuracy = told["accuracy"]
    model = {"accuracy": accuracy["value"], "low": accuracy["low"], "high": accuracy["high"], "trained_on": len(train)}
    return {"tiny gpt-oss after SFT": {**model, "tested_on": len(test)}, "TF-IDF, logistic regression": judged(train, test)}


def train_example(folder: Path) -> Path:
    """The example project with its round 000 finished, as a person types it."""
    for words, where in ((["init", "example", "--example"], folder), (["sft"], folder / "example")):
        subprocess.run([sys.executable, "-m", "prefopt", *words], cwd=where, check=True, stdout=sys.stderr)
    return folder / "example"


def show(name: str, found: dict[str, float]) -> None:
    interval = f"{found['accuracy']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
    print(f"{name:<28} {interval}   {found['trained_on']} to learn from, {found['tested_on']} to judge")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--per-standard", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--model", action="store_true")
    parser.add_argument("--project", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    problems = generate(options.per_standard, options.seed)
    found: dict[str, object] = {"problems": len(problems), **both(problems, options.seed)}
    for name in ("held_out_families", "random_split"):
        show(f"TF-IDF, {name.replace('_', ' ')}", found[name])  # type: ignore[arg-type]  # as made above
    if options.model or options.project:
        with tempfile.TemporaryDirectory() as folder:
            sft = after_sft(options.project or train_example(Path(folder)))
        found["sft"] = sft
        print("the example project, held-out families:")
        for name, values in sft.items():
            show(f"  {name}", values)
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
