"""While one process works on a round, another one is refused. What a killed one leaves: tests/chaos."""

from __future__ import annotations

import subprocess
import sys
import time

from tests.e2e.small import run


def test_a_second_process_is_refused_while_one_works(trained_project):
    first = subprocess.Popen(
        [sys.executable, "-m", "prefopt", "round"], cwd=trained_project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        while not (trained_project / "rounds" / "001" / ".sample.partial").exists():
            assert first.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        second = run(trained_project, "round", expect=1)
        assert str(first.pid) in second.stderr
    finally:
        first.kill()
        first.wait()
