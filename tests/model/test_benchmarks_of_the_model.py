"""Benchmarks of the model print every key on a small shape; those of the large shapes need a GPU."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


def benchmark(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "gpt_oss_shape.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT)


def test_the_small_shape_runs_on_a_cpu() -> None:
    done = benchmark("--shape=small", "--tokens=64", "--steps=1", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    for key in ("peak_gib", "tokens_per_s", "mfu", "launches"):
        assert report[f"stock_{key}"] > 0
        assert report[key] > 0
    assert report["device"]
    assert report["sft_loss"] == pytest.approx(math.log(4096), rel=0.1)  # random weights predict uniformly


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_the_20b_shape_is_refused_without_a_gpu() -> None:
    done = benchmark("--json")
    assert done.returncode == 1
    assert "no CUDA device" in done.stderr


def test_the_forward_passes_of_the_tiny_model_agree() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "forward_passes.py"), "--tokens", "128", "200", "--draws", "1", "--json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        cwd=ROOT,
    )
    rows = json.loads(done.stdout)["rows"]
    assert [row["tokens"] for row in rows] == [128, 200]
    for row in rows:
        assert row["quick"]
        assert max(row[name] for name in ("exchanged", "leak", "by_length", "packed", "prefix", "generated")) < 1e-4
