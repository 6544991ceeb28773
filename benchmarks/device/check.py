r"""One check of a machine with a GPU: does it load and train, is the memory plan right, how fast is it. At most 8 minutes, one JSON file.

    python benchmarks/device/check.py [--shape 20b] [--device cuda] [--minutes 8] [--only NAME,NAME] [--out device_check.json] \
        [--logs FOLDER]

Nothing is downloaded: the model has the shape of gpt-oss and random weights. Every step is a process of its own with a limit, in the order
of their worth; one that fails or runs out of time says so, and the next begins. The file is written after each step, so that a check that
is cut off has written what it had found. --logs keeps all that each step printed, for a machine that is gone when it is read.
`--shape small --device cpu` runs all of it on a CPU, to try the program.

    machine     versions; GB/s of a copy, TFLOP/s of a product in bfloat16
    tests       tests/gpu
    load        seconds, bytes by data type, allocated GiB
    train       SFT and DPO steps: tokens/s, share of the product's rate (MFU), peak and planned GiB
    launches    of one SFT step: kernels, device time, the kernels that take most of it
    posterior   problems/s and peak GiB, 435 labels after 600 tokens of prompt
    generate    tokens/s and ms a token step, of requests in one batch
    stock       the SFT and DPO steps of transformers and PEFT on bfloat16 experts
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STEPS = {"machine": 40, "tests": 120, "load": 40, "train": 100, "launches": 60, "posterior": 60, "generate": 50, "stock": 110}
"""Seconds that each step may take."""
_LAST, _FEWEST = 5, 15  # seconds to print and write the end; a step is not begun with less


def main() -> None:
    """Run the steps, write the file, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=("20b", "120b", "small"), default="20b")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--only", default=",".join(STEPS))
    parser.add_argument("--out", type=Path, default=Path("device_check.json"))
    parser.add_argument("--logs", type=Path)
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(STEPS):
        parser.error(f"no step {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}")
    if options.device == "cpu" and options.shape != "small":
        parser.error("on a CPU, use --shape small")
    print(json.dumps(check(names, options.shape, options.device, 60 * options.minutes, options.out, options.logs)))


def check(names: Sequence[str], shape: str, device: str, seconds: float, out: Path, logs: Path | None = None) -> dict[str, Any]:
    """What the steps found, by name; `out` has it after each of them, and the folder `logs` what each printed."""
    end = time.monotonic() + seconds - _LAST
    found: dict[str, Any] = {"shape": shape, "device": device, "steps": {}}
    for name in names:
        left = end - time.monotonic()
        command = [sys.executable, str(ROOT / "benchmarks" / "device" / "steps.py"), name, shape]
        hidden = {"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}
        log = logs / f"{name}.log" if logs else None
        step = run(command, min(STEPS[name], left), hidden, log) if left > _FEWEST else {"failed": "not begun: no time was left"}
        found["steps"][name] = step
        print(f"{name}: {json.dumps(step)}", file=sys.stderr, flush=True)
        out.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


def run(command: Sequence[str], seconds: float, environment: Mapping[str, str], log: Path | None = None) -> dict[str, Any]:
    """What a program printed as lines of JSON, put together; "failed" says why there is no more. What it started ends with it.

    All that it printed is written to the file `log`.
    """
    begin = time.monotonic()
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as file:
        variables = {**os.environ, "PYTHONPATH": paths, "PYTHONUNBUFFERED": "1", **environment}
        child = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT, env=variables, start_new_session=True)
        try:
            code: int | None = child.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            code = None
        file.seek(0)
        text = file.read()
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text, encoding="utf-8")
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    found: dict[str, Any] = {}
    for line in lines:
        found |= facts(line)
    if code != 0:
        why = f"stopped after {seconds:.0f} s" if code is None else f"exit code {code}"
        found["failed"] = f"{why}: {' | '.join(line for line in lines[-6:] if not facts(line))[-700:]}"
    return found | {"seconds": round(time.monotonic() - begin, 1)}


def facts(line: str) -> dict[str, Any]:
    """An object of JSON in a line of its own; {} in any other line."""
    if not line.startswith("{"):
        return {}
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    main()
