"""Test whether generated problems are recognizable by single words: accuracy of a classical model and the tiny one on unseen wordings.

    python benchmarks/generated_problems.py [--per-standard 10] [--seed 7] [--example] [--model] [--project DIR] [--json]

Character TF-IDF with logistic regression is trained on generated problems of all 181 standards and evaluated on families that are held
out, so on unseen wordings; for comparison also on a random split of the same size, which shares wordings. With --example it is trained on
the gold problems of the example project, then also on pool problems with their right labels: 240, drawn five times, and all. With --model
the problems of the example project are used, and the tiny gpt-oss after its SFT (`prefopt sft`, some minutes) is compared with the
classical model; --project names an example project whose round 000 is finished, so that nothing is trained.

With --json the last line is one object: problems, held_out_families, random_split (each accuracy, low, high, trained_on,
tested_on); with --example also example: the same for gold, for each draw, and for the whole pool; with --model also sft: the same for the
model and its baseline.
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
from prefopt.project.families import components
from prefopt.project.holdout import default_split
from prefopt.project.init import HOLDOUT_SHARE, example_problems
from prefopt.project.project import open_project
from prefopt.records import Problem
from prefopt.rounds.artifacts import CALIBRATION
from prefopt.rounds.reading import read
from prefopt.texts.same_text import canonical

SHARE = 0.3  # held out


def evaluate(train: Sequence[Problem], test: Sequence[Problem]) -> dict[str, float]:
    columns = [column for part in (train, test) for column in ([canonical(p.text) for p in part], [str(p.label) for p in part])]
    return row(tfidf_baseline(*columns, groups=components(test)))


def row(baseline: Baseline) -> dict[str, float]:
    accuracy = baseline.accuracy
    return {
        "accuracy": accuracy.value,
        "low": accuracy.low,
        "high": accuracy.high,
        "trained_on": baseline.trained_on,
        "tested_on": baseline.tested_on,
        "unseen_labels": baseline.unseen,
    }


def both(problems: Sequence[Problem], seed: int) -> dict[str, dict[str, float]]:
    train, test = default_split(problems, SHARE)
    shuffled = random.Random(seed).sample(list(problems), len(problems))
    return {"held_out_families": evaluate(train, test), "random_split": evaluate(shuffled[len(test) :], shuffled[: len(test)])}


def with_the_pool(asked: int = 240, draws: int = 5) -> dict[str, dict[str, float]]:
    """The classical model on the hold-out of the example project: after gold alone, and after right labels of pool problems too."""
    gold, pool, truth = example_problems()
    train, held = default_split(gold, HOLDOUT_SHARE)
    known = [p.model_copy(update={"label": truth[p.id]}) for p in pool]
    results = {"gold": evaluate(train, held)}
    for draw in range(draws):
        results[f"gold and {asked} of the pool, draw {draw}"] = evaluate([*train, *random.Random(draw).sample(known, asked)], held)
    return results | {"gold and the whole pool": evaluate([*train, *known], held)}


def after_sft(project: Path) -> dict[str, dict[str, float]]:
    """The model's accuracy on the held-out families of a project, and the baseline's on the same problems."""
    rnd = open_project(project).round(0)
    data = rnd.load()
    train, test = data.train, data.holdout
    accuracy = read(rnd, CALIBRATION).accuracy
    model = {"accuracy": accuracy.value, "low": accuracy.low, "high": accuracy.high, "trained_on": len(train)}
    return {"tiny gpt-oss after SFT": {**model, "tested_on": len(test)}, "TF-IDF, logistic regression": evaluate(train, test)}


def train_example(folder: Path) -> Path:
    """Create the example project and finish its round 000 with the commands of a user."""
    for words, where in ((["init", "example", "--example"], folder), (["sft"], folder / "example")):
        subprocess.run([sys.executable, "-m", "prefopt", *words], cwd=where, check=True, stdout=sys.stderr)
    return folder / "example"


def show(name: str, measured: dict[str, float]) -> None:
    interval = f"{measured['accuracy']:.3f} [{measured['low']:.3f}, {measured['high']:.3f}]"
    print(f"{name:<28} {interval}   {measured['trained_on']} training problems, {measured['tested_on']} test problems")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--per-standard", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--example", action="store_true", help="also the example project, with gold alone and with its pool")
    parser.add_argument("--model", action="store_true", help="also train and evaluate the tiny model")
    parser.add_argument("--project", type=Path, help="an example project with a finished round 000")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    problems = generate(options.per_standard, options.seed)
    results: dict[str, object] = {"problems": len(problems), **both(problems, options.seed)}
    for name in ("held_out_families", "random_split"):
        show(f"TF-IDF, {name.replace('_', ' ')}", results[name])  # type: ignore[arg-type]  # as made above
    if options.example:
        results["example"] = example = with_the_pool()
        print("the example project, TF-IDF:")
        for name, values in example.items():
            show(f"  {name}", values)
    if options.model or options.project:
        with tempfile.TemporaryDirectory() as folder:
            sft = after_sft(options.project or train_example(Path(folder)))
        results["sft"] = sft
        print("the example project, held-out families:")
        for name, values in sft.items():
            show(f"  {name}", values)
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
