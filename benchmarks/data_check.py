"""Time and memory of checking and splitting many problems, through the command line.

    python benchmarks/data_check.py [--problems 100000] [--keep DIR] [--json]

The problems are generated, and copied with other numbers. `prefopt data check` (every check, tokens counted) and `prefopt data split` run
as commands. For comparison, Hugging Face `datasets` loads the same file and reads every row.

With --json the last line is one object: seconds (check and split together), peak_mb (the larger of the two), problems,
vs_plain_pass (seconds / seconds of the plain pass), check_seconds, split_seconds, plain_seconds, plain_peak_mb, findings.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from prefopt.curricula.generator.problem_generator import generate

PLAIN = """
import sys, datasets
rows = datasets.load_dataset("json", data_files=sys.argv[1], split="train", cache_dir=sys.argv[2])
print(sum(len(row["text"]) for row in rows))
"""


def write_problems(path: Path, count: int, seed: int = 7) -> None:
    """Generated problems, then copies of them with every number replaced by one of the same length."""
    rng = random.Random(seed)
    drawn = generate(6, seed)
    with path.open("w", encoding="utf-8") as file:
        for i in range(count):
            p = drawn[i % len(drawn)]
            text = (
                p.text if i < len(drawn) else re.sub(r"\d+", lambda m: str(rng.randrange(10 ** (len(m[0]) - 1), 10 ** len(m[0]))), p.text)
            )
            row = {"id": f"p{i}", "text": text, "label": p.label, "reason": p.reason, "level": p.level, "difficulty": p.difficulty}
            file.write(json.dumps({**row, "concepts": p.concepts}, ensure_ascii=False) + "\n")


def measured(command: list[str], out: Path) -> tuple[float, float]:
    """Seconds and peak MB of a command; its output goes to a file. Exit code 1 means findings."""
    started = time.monotonic()
    with out.open("wb") as file:
        process = subprocess.Popen(command, stdout=file)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="keep the files here")
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        source = folder / "problems.jsonl"
        write_problems(source, options.problems)
        prefopt = [sys.executable, "-m", "prefopt", "data"]
        plain, plain_mb = measured([sys.executable, "-c", PLAIN, str(source), str(folder / "cache")], folder / "plain.txt")
        check, check_mb = measured([*prefopt, "check", str(source), "--json"], folder / "check.json")
        split, split_mb = measured([*prefopt, "split", str(source), "--out", str(folder / "parts")], folder / "split.txt")
        found = json.loads((folder / "check.json").read_text(encoding="utf-8"))
    result = {
        "seconds": round(check + split, 1),
        "peak_mb": round(max(check_mb, split_mb)),
        "problems": options.problems,
        "vs_plain_pass": round((check + split) / plain, 2),
        "check_seconds": round(check, 1),
        "split_seconds": round(split, 1),
        "plain_seconds": round(plain, 1),
        "plain_peak_mb": round(plain_mb),
        "findings": found["kinds"],
    }
    for key, value in result.items():
        print(f"{key:<16} {value}")
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
