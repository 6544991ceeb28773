"""The load benchmark runs at a small size and prints its figures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "argilla_load.py"


def test_a_small_run_has_no_errors_and_loses_nothing() -> None:
    shape = ["--records", "150", "--teachers", "4", "--answers", "4", "--pause", "0", "--search-records", "600", "--json"]
    done = subprocess.run([sys.executable, str(BENCHMARK), *shape], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["errors"], figures["lost"], figures["records"], figures["teachers"], figures["answers"]) == (0, 0, 150, 4, 16), figures
    assert 0 < figures["submit_p50_ms"] <= figures["submit_p95_ms"]
    assert figures["queue_p50_ms"] > 0
    assert figures["login_p95_ms"] > 0
    assert 0 < figures["search_cpu_ms"] < 500, "with 600 records; a search reads all texts once"
    assert 50 < figures["server_rss_mb"] < 300
