"""The load benchmark runs at a small shape and prints what it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "argilla_load.py"


def test_the_small_shape() -> None:
    shape = ["--records", "150", "--teachers", "4", "--answers", "4", "--json"]
    done = subprocess.run([sys.executable, str(BENCHMARK), *shape], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["errors"], told["lost"], told["records"], told["teachers"], told["answers"]) == (0, 0, 150, 4, 16), told
    assert 0 < told["submit_p50_ms"] <= told["submit_p95_ms"]
    assert told["queue_p50_ms"] > 0
    assert 50 < told["server_rss_mb"] < 300
