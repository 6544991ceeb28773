"""The whole loop on real Korean word problems, through the command line.

    python benchmarks/korean_mwp.py [--data FILE] [--json] [--keep DIR] [--seed 7]

3,000 word problems in 8 types (jkc-ai, MIT), duplicates removed: 300 labelled for SFT, 600 held out, three rounds of 150 slates from the
rest (DPO, ORPO, KTO), ranked by three simulated teachers who err in 10 % of their judgements. The model is the tiny gpt-oss that comes with
prefopt. Beside it: character TF-IDF with logistic regression, given the 300 labels, and given in addition the label that most teachers
put first on each slate. Prints accuracy, Brier score and debiased ECE per round with bootstrap intervals, whatever they are.

With --json the last thing on stdout is one object: rounds (list of round, recipe, accuracy, accuracy_low, accuracy_high, brier,
ece_debiased, verdict), baseline_accuracy, baseline_accuracy_with_rankings, labels_used, slates_used, seconds.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "mwp-korean-2021" / "public_mwp_data.json"
LABELLED, HELD_OUT, SLATES, ROUNDS = 300, 600, 150, ("dpo", "orpo", "kto")

SETTINGS = """\
[project]
name = "korean-mwp"
seed = {seed}

[prompt]
instructions = "수학 문장제를 읽고 유형 하나로 분류한다. 답은 JSON으로만 쓴다."

[answer]
label_key = "type"
fields = []

[data]
holdout_file = "data/holdout.jsonl"

[sample]
slates = {slates}
candidates = 4
reasons = false

[feedback]
source = "{source}"
overlap = 3

[round]
recipes = {recipes}

[recipes.sft]
learning_rate = 6e-3
epochs = 6
batch_size = 16
accumulate = 1
gradient_checkpointing = false

[recipes.dpo]
learning_rate = 5e-4
batch_size = 8
accumulate = 1
gradient_checkpointing = false

[recipes.orpo]
learning_rate = 5e-4
batch_size = 8
accumulate = 1
gradient_checkpointing = false

[recipes.kto]
learning_rate = 5e-4
batch_size = 16
accumulate = 1
gradient_checkpointing = false
"""


def read_problems(path: Path, seed: int) -> list[dict[str, str]]:
    """Problems in a seeded order, without duplicates (same text but for spaces). The file has a byte-order mark."""
    rows = json.loads(path.read_text(encoding="utf-8-sig"))
    unique: dict[str, dict[str, str]] = {}
    for key, row in rows.items():
        unique.setdefault(" ".join(row["question"].split()), {"id": f"mwp-{int(key):04d}", "text": row["question"], "label": row["class"]})
    problems = sorted(unique.values(), key=lambda r: r["id"])
    random.Random(seed).shuffle(problems)
    return problems


def write_project(folder: Path, problems: list[dict[str, str]], seed: int, source: str) -> dict[str, list[dict[str, str]]]:
    """Files of the project; gives the three parts with their labels."""
    parts = {
        "gold": problems[:LABELLED],
        "holdout": problems[LABELLED : LABELLED + HELD_OUT],
        "pool": problems[LABELLED + HELD_OUT :],
    }
    (folder / "data").mkdir(parents=True)
    types = sorted({p["label"] for p in problems})
    (folder / "taxonomy.csv").write_text("code,name\n" + "".join(f"{t},{t}\n" for t in types), encoding="utf-8")
    for name, rows in parts.items():
        shown = [{k: v for k, v in r.items() if name != "pool" or k != "label"} for r in rows]
        write_rows(folder / "data" / f"{name}.jsonl", shown)
    write_rows(folder / "data" / "truth.jsonl", [{"id": r["id"], "label": r["label"]} for r in parts["pool"]])
    settings = SETTINGS.format(seed=seed, slates=SLATES, source=source, recipes=json.dumps(ROUNDS))
    (folder / "prefopt.toml").write_text(settings, encoding="utf-8")
    return parts


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")


def prefopt(folder: Path, *words: str, allowed: tuple[int, ...] = (0,)) -> str:
    """One command, as typed; its output goes to stderr as it comes."""
    print(f"$ prefopt {' '.join(words)}", file=sys.stderr, flush=True)
    result = subprocess.run([sys.executable, "-m", "prefopt", *words], cwd=folder, text=True, stdout=subprocess.PIPE, check=False)
    if "--json" not in words:
        print(result.stdout, end="", file=sys.stderr, flush=True)
    if result.returncode not in allowed:
        raise SystemExit(f"prefopt {' '.join(words)} ended with {result.returncode}")
    return result.stdout


def run_loop(folder: Path, source: str, seed: int) -> list[dict[str, object]]:
    """SFT and three rounds; gives the rows of `prefopt round list`."""
    if source == "argilla":
        prefopt(folder, "argilla", "up", "--detach")
    try:
        prefopt(folder, "sft")
        for number in range(1, len(ROUNDS) + 1):
            prefopt(folder, "round", allowed=(3,))
            prefopt(
                folder, "teachers", "simulate", "--round", str(number), "--truth", "data/truth.jsonl", "--teachers", "3",
                "--error-rate", "0.1", "--disagreement", "0.05", "--seed", str(seed),
            )  # fmt: skip
            prefopt(folder, "round")
    finally:
        if source == "argilla":
            prefopt(folder, "argilla", "down")
    return list(json.loads(prefopt(folder, "round", "list", "--json"))["rounds"])


def labels_by_teachers(folder: Path) -> dict[str, str]:
    """Problem id -> the label that most teachers put first, or named as right, over all rounds; ties give none."""
    found: dict[str, str] = {}
    for round_ in sorted((folder / "rounds").glob("[0-9]*")):
        slates = round_ / "sample" / "candidates.jsonl"
        if not slates.exists():
            continue
        shown = {s["id"]: s for s in map(json.loads, slates.read_text(encoding="utf-8").splitlines())}
        votes: dict[str, Counter[str]] = {}
        for r in map(json.loads, (round_ / "collect" / "rankings.jsonl").read_text(encoding="utf-8").splitlines()):
            slate = shown[r["slate_id"]]
            labels = {c["id"]: c["answer"]["label"] for c in slate["candidates"]}
            best = [labels[c] for c, rank in r.get("ranks", {}).items() if rank == min(r["ranks"].values())]
            best += [r["right_label"]] if r.get("right_label") else []
            if len(best) == 1:
                votes.setdefault(slate["problem"]["id"], Counter())[best[0]] += 1
        for problem, count in votes.items():
            (label, n), *rest = count.most_common()
            if not rest or rest[0][1] < n:
                found[problem] = label
    return found


def baselines(parts: dict[str, list[dict[str, str]]], extra: dict[str, str]) -> tuple[float, float]:
    """Accuracy of TF-IDF + logistic regression on the hold-out: with the SFT labels, and with the teachers' labels in addition."""
    from prefopt.calibration.baseline import tfidf_baseline

    test = [(p["text"], p["label"]) for p in parts["holdout"]]
    gold = [(p["text"], p["label"]) for p in parts["gold"]]
    more = [(p["text"], extra[p["id"]]) for p in parts["pool"] if p["id"] in extra]

    def accuracy(train: list[tuple[str, str]]) -> float:
        texts, labels = zip(*train, strict=True)
        test_texts, test_labels = zip(*test, strict=True)
        return tfidf_baseline(texts, labels, test_texts, test_labels).accuracy.value

    return accuracy(gold), accuracy(gold + more)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", type=Path, help="make the project here and keep it")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--source", choices=("argilla", "file"), default="argilla")
    args = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary) / "korean-mwp"
        parts = write_project(folder, read_problems(args.data, args.seed), args.seed, args.source)
        rows = run_loop(folder, args.source, args.seed)
        extra = labels_by_teachers(folder)
    plain, with_rankings = baselines(parts, extra)
    result = {
        "rounds": rows,
        "baseline_accuracy": plain,
        "baseline_accuracy_with_rankings": with_rankings,
        "labels_used": len(parts["gold"]),
        "slates_used": len(ROUNDS) * SLATES,
        "seconds": round(time.monotonic() - started, 1),
    }
    print("| round | recipe | accuracy | 95 % interval | Brier | debiased ECE | decision |\n|---|---|---|---|---|---|---|")
    for r in rows:
        interval = f"{r['accuracy_low']:.3f}-{r['accuracy_high']:.3f}"
        scores = f"{r['accuracy']:.3f} | {interval} | {r['brier']:.3f} | {r['ece_debiased']:.3f}"
        print(f"| {r['round']:03d} | {r['recipe']} | {scores} | {r['verdict']} |")
    print(f"| TF-IDF + logistic regression, {len(parts['gold'])} labels | | {plain:.3f} | | | | |")
    print(f"| the same, and {len(extra)} labels of the simulated teachers | | {with_rankings:.3f} | | | | |")
    if args.json:
        print(json.dumps(result, ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main()
