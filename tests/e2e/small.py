"""A small project, the command line as a process, and simulated teachers."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

from prefopt.io.jsonl import write_rows
from prefopt.taxonomy import builtin_taxonomy

SETTINGS = """\
[project]
name = "small"

[data]
holdout_share = 0.3

[sample]
slates = 12
candidates = 3
reason_tokens = 64

[feedback]
source = "file"
overlap = 2

[calibrate]
bootstrap = 200

[round]
recipes = ["dpo", "orpo", "kto"]

[recipes.sft]
learning_rate = 6e-3
num_train_epochs = 3
batch_size = 16
gradient_accumulation_steps = 1
explain_share = 0.3
reason_share = 0.0
gradient_checkpointing = false

# One short pass over a round's own rows: the loop is what is tested here.
[recipes.dpo]
start = "parent"
rehearse_examples = 0
rehearse_preferences = 0
num_train_epochs = 1
learning_rate = 1e-3
batch_size = 4
gradient_accumulation_steps = 1
save_steps = 2

[recipes.orpo]
start = "parent"
rehearse_examples = 0
rehearse_preferences = 0
num_train_epochs = 1
learning_rate = 5e-5
gradient_accumulation_steps = 1

[recipes.kto]
start = "parent"
rehearse_examples = 0
rehearse_preferences = 0
num_train_epochs = 1
learning_rate = 2e-5
gradient_accumulation_steps = 1
"""


def run(
    folder: Path, *words: str, expect: int | None = 0, module: str = "prefopt", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One command in a folder; its exit code is checked unless `expect` is None."""
    command = [sys.executable, *(["-m", module] if not module.endswith(".py") else [module]), *words]
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, **(env or {})}, timeout=400, check=False
    )
    assert expect is None or result.returncode == expect, f"{words} ended with {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


def simulate(folder: Path, number: int, *more: str) -> None:
    """Let simulated teachers answer every slate of a round."""
    words = [
        "--round",
        str(number),
        "--truth",
        "data/truth.jsonl",
        "--teachers",
        "2",
        "--error-rate",
        "0.1",
        "--disagreement",
        "0.05",
        "--seed",
        "3",
    ]
    run(folder, "teachers", "simulate", *words, *more)


STANDARDS = "2수01-01 2수01-03 2수01-06 2수01-08 2수01-10 2수02-01 2수03-01 2수03-07 2수03-09 2수03-13 2수04-02 4수01-01"


def write_small_project(folder: Path, settings: str = SETTINGS) -> Path:
    """12 standards of 2 bands, 8 gold problems and about 3 pool problems each, none of the pool of a held-out family."""
    from prefopt.curricula.generator.problem_generator import generate
    from prefopt.project.families import kin
    from prefopt.project.holdout import default_split

    taxonomy = builtin_taxonomy()
    codes = [f"[{code}]" for code in STANDARDS.split()]
    gold = generate(8, 21, codes)
    seen = {p.text for p in gold}
    drawn = [p for p in generate(10, 22, codes) if p.text not in seen]
    leaks = {link.used for link in kin(default_split(gold, 0.3)[1], drawn)}
    pool = [p for i, p in enumerate(drawn) if i not in leaks][::2]
    (folder / "data").mkdir(parents=True)
    write_rows(folder / "data" / "gold.jsonl", gold)
    names = {p.id: f"pool-{i:03d}" for i, p in enumerate(pool)}
    write_rows(folder / "data" / "pool.jsonl", [type(p)(id=names[p.id], text=p.text, family=p.family) for p in pool])
    truth = "".join(json.dumps({"id": names[p.id], "label": p.label}, ensure_ascii=False) + "\n" for p in pool)
    (folder / "data" / "truth.jsonl").write_text(truth, encoding="utf-8")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["code", "name", "revision", "band", "domain", "levels"])
    writer.writerows([x.code, x.name, x.revision, *x.groups, "|".join(x.levels)] for x in taxonomy if x.id in codes)
    (folder / "taxonomy.csv").write_text(text.getvalue(), encoding="utf-8")
    (folder / "prefopt.toml").write_text(settings, encoding="utf-8")
    return folder
