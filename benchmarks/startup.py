"""How long prefopt takes to start: `import prefopt` against bare Python, and `prefopt --help` against `trl --help`.

    python benchmarks/startup.py [--repeats 40] [--json]

The four commands run in turn, once per repeat, after one untimed run of each, so that what else the machine does meets all of them alike.
CPU time is user plus system time of the process; wall time is printed next to it and depends on the load of the machine. Values are
medians over repeats; intervals are 95 % percentile bootstrap intervals over whole repeats (10,000 draws). Keys of --json without a prefix
are CPU seconds, those with `wall_` are wall-clock seconds; `_low` and `_high` are the ends of the interval.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BIN = Path(sys.executable).parent
COMMANDS = {
    "python": [sys.executable, "-c", "pass"],
    "import_prefopt": [sys.executable, "-c", "import prefopt"],
    "help": [str(BIN / "prefopt"), "--help"],
    "trl_help": [str(BIN / "trl"), "--help"],
}
DRAWS = 10_000


def run(command: list[str]) -> tuple[float, float]:
    """CPU and wall-clock seconds of one run of a command. Raises RuntimeError where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} exited with code {process.returncode}")
    return usage.ru_utime + usage.ru_stime, wall


def measure(repeats: int) -> NDArray[np.float64]:
    """[2, R, C] CPU and wall-clock seconds of C commands in R interleaved repeats."""
    for command in COMMANDS.values():
        run(command)
    rows = [[run(command) for command in COMMANDS.values()] for _ in range(repeats)]
    return np.moveaxis(np.array(rows), 2, 0)


def statistics(seconds: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Statistics [...] of the median seconds [..., C] of the commands."""
    python, imported, help_, trl = np.moveaxis(seconds, -1, 0)
    return {"import_prefopt_extra_s": imported - python, "help_s": help_, "trl_help_s": trl, "help_ratio": help_ / trl}


def summarize(seconds: NDArray[np.float64], prefix: str, seed: int = 0) -> dict[str, float]:
    """Each statistic of [R, C] seconds with its bootstrap interval."""
    rng = np.random.default_rng(seed)
    draws = np.median(seconds[rng.integers(len(seconds), size=(DRAWS, len(seconds)))], axis=1)
    drawn = statistics(draws)
    found = {}
    for name, value in statistics(np.median(seconds, axis=0)).items():
        low, high = np.quantile(drawn[name], [0.025, 0.975])
        found |= {f"{prefix}{name}": float(value), f"{prefix}{name}_low": float(low), f"{prefix}{name}_high": float(high)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cpu, wall = measure(options.repeats)
    found = {
        **summarize(cpu, ""),
        **summarize(wall, "wall_"),
        "repeats": options.repeats,
        "trl": version("trl"),
        "python": sys.version.split()[0],
    }
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(f"Python {found['python']}, TRL {found['trl']}, {options.repeats} repeats; median [95 % interval]")
    labels = {
        "import_prefopt_extra_s": "import prefopt, beyond bare Python",
        "help_s": "prefopt --help",
        "trl_help_s": "trl --help",
        "help_ratio": "prefopt --help / trl --help",
    }
    for name, label in labels.items():
        unit = "" if name == "help_ratio" else " s"
        cells = [f"{found[p + name]:.3f}{unit} [{found[p + name + '_low']:.3f}, {found[p + name + '_high']:.3f}]" for p in ("", "wall_")]
        print(f"{label:<36} CPU {cells[0]:<26} wall {cells[1]}")


if __name__ == "__main__":
    main()
