"""Rounds whose votes are skewed on purpose: is it named before training, and how often is the label answered after it?

    python benchmarks/planted_skew.py [--seed 7] [--recipes consensus orpo kto dpo] [--folder DIR] [--json]

On the word problems of korean_mwp.py, from the SFT adapter of its seed, one round of 150 slates with each recipe and each plant:

    slates     every slate is of one label, which its teachers judge as they judge any; the label is the one with the most problems left
    teacher    a third teacher beside two ordinary ones puts one label first on every slate, whatever the problem

Printed are what the stage "pair" says, the label's share of the hold-out, and its mean probability and share of answers there before and
after the round. The program fails where a plant is not named, or where the mean probability moves away from the label's true share by more
than 2 points.
With --json the last thing on stdout is one object: rows, all_named, max_moved_points (by how much the distance between mean probability and
true share grew), seconds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from korean_mwp import DATA, RECIPES, ROOT, SLATES, Arm, Progress, Split, go_on, read_problems, run_arm, settings, split, write_rows

PLANTS = ("slates", "teacher")
LIMIT = 2.0
"""Points by which a label's mean probability may move away from its true share."""


def planted_project(folder: Path, base: Path, parts: Split, seed: int, recipe: str, plant: str) -> str:
    """A project with a finished SFT round and the plant; gives the label."""
    from prefopt.project.project import open_project
    from prefopt.rounds.starting import start_next

    left = Counter(problem["label"] for problem in parts.pool)
    label = max(sorted(left), key=lambda name: left[name])
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder, ignore=shutil.ignore_patterns("identity.txt", "finished.txt"))
    arm = Arm((recipe,), overlap=2, min_weight=0.0)
    (folder / "prefopt.toml").write_text(settings(seed, "file", arm), encoding="utf-8")
    if plant == "slates":
        write_rows(folder / "data" / "pool.jsonl", [{"id": p["id"], "text": p["text"]} for p in parts.pool if p["label"] == label])
        text = (folder / "prefopt.toml").read_text(encoding="utf-8")
        (folder / "prefopt.toml").write_text(text.replace(f"slates = {SLATES}", f"slates = {min(SLATES, left[label])}"), encoding="utf-8")
    go_on(start_next(open_project(folder), anyway=True), lambda text: None)
    return label


def answer_and_train(folder: Path, parts: Split, seed: int, plant: str, label: str) -> str:
    """Let the teachers answer round 001, and take it to its end; gives what the stage "pair" said."""
    from feedback.simulated import Simulation, simulate_teachers
    from prefopt.project.project import open_project
    from prefopt.rounds.teachers import published_slates

    rnd, lines = open_project(folder).round(1), list[str]()
    published = published_slates(rnd)
    truth = {problem["id"]: problem["label"] for problem in parts.pool}
    simulate_teachers(published, truth, Simulation(teachers=2, error_rate=0.1, disagreement=0.05, seed=seed))
    if plant == "teacher":
        (folder / "feedback" / "teachers.csv").write_text("user,name\none-label,one-label\n", encoding="utf-8")
        source: Any = published.source
        source.enter_answers(published.slates, published.receipts, {"one-label": [always(slate, label) for slate in published.slates]})
    go_on(rnd, lines.append)
    return next(line for line in lines if line.startswith("001 pair"))


def always(slate: Any, label: str) -> Any:
    """The judgment of a teacher who knows one label."""
    from prefopt.records import Ranking

    shown = {candidate.answer.label: candidate.id for candidate in slate.candidates}
    if label not in shown:
        return Ranking(slate_id=slate.id, teacher="one-label", kind="none_right", right_label=label)
    ranks = {card: 1 if card == shown[label] else 2 for card in shown.values()}
    return Ranking(slate_id=slate.id, teacher="one-label", kind="ranked", ranks=ranks)


def measured(folder: Path, plant: str, recipe: str, label: str, said: str) -> dict[str, Any]:
    """What the round did to the label, on the hold-out."""
    from prefopt.project.project import open_project
    from prefopt.rounds.artifacts import CALIBRATION
    from prefopt.rounds.reading import read

    found = read(open_project(folder).round(1), CALIBRATION)
    count = next(count for count in found.counts if count.label == label)
    if count.parent_expected is None or count.parent_answered is None or found.parent is None:
        raise SystemExit(f"{folder}: round 001 was not compared with its parent")
    named = f"names {label} on" in said if plant == "teacher" else f"of the votes are for {label}" in said
    true, before, after = (value / found.n for value in (count.right, count.parent_expected, count.expected))
    return {
        "plant": plant,
        "recipe": recipe,
        "label": label,
        "named": named,
        "said": said,
        "true_share": true,
        "mean_probability": [before, after],
        "answered_share": [count.parent_answered / found.n, count.answered / found.n],
        "moved_points": 100 * (abs(after - true) - abs(before - true)),
        "accuracy": [found.parent.parent_accuracy, found.accuracy.value],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--recipes", nargs="+", choices=sorted(set(RECIPES) - {"sft"}), default=["consensus", "orpo", "kto", "dpo"])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "korean-mwp", help="of korean_mwp.py, whose SFT adapter is used")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    started = time.monotonic()
    parts = split(*read_problems(args.data), args.seed)
    base = args.folder / f"seed-{args.seed}" / "sft"
    run_arm(base, None, parts, args.seed, "file", Arm(), Progress(1))
    rows = []
    for plant in PLANTS:
        for recipe in args.recipes:
            folder = args.folder / f"seed-{args.seed}" / f"planted-{plant}-{recipe}"
            label = planted_project(folder, base, parts, args.seed, recipe, plant)
            row = measured(folder, plant, recipe, label, answer_and_train(folder, parts, args.seed, plant, label))
            rows.append(row)
            (before, after), true = row["mean_probability"], row["true_share"]
            print(
                f"{plant:8} {recipe:10} label {label}: {'named' if row['named'] else 'NOT NAMED'}; true share {true:.3f}, mean probability "
                f"{before:.3f} -> {after:.3f} ({row['moved_points']:+.1f} points farther), answered {row['answered_share'][0]:.3f} -> "
                f"{row['answered_share'][1]:.3f}, accuracy {row['accuracy'][0]:.3f} -> {row['accuracy'][1]:.3f}",
                flush=True,
            )
    named, moved = all(row["named"] for row in rows), max(row["moved_points"] for row in rows)
    if args.json:
        seconds = round(time.monotonic() - started, 1)
        print(json.dumps({"rows": rows, "all_named": named, "max_moved_points": moved, "seconds": seconds}, ensure_ascii=False, indent=2))
    if not named or moved > LIMIT:
        sys.exit(f"a plant was not named, or moved its label's mean probability away from its true share by more than {LIMIT:g} points")


if __name__ == "__main__":
    main()
