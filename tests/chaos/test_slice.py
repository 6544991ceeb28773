"""Two minutes of the campaign: every stage killed at three moments, Argilla killed, bits flipped, a full disk, and more as time allows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.dying import MOMENTS
from tests.chaos.kills import FAULT, STAGES

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(1500)  # on a busy machine; the faults that come first are tried however long they take
def test_nothing_is_lost_in_a_slice_of_the_campaign() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.chaos", "--minutes", "2", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr[-4000:]
    found = json.loads(done.stdout)
    bad = {name: found[name] for name in ("lost", "tracebacks", "silent_damage", "acknowledged_lost") if found[name]}
    assert not bad, "\n".join(found["notes"])
    assert found["equal"] == found["kills"] >= len(STAGES) * len(MOMENTS)
    where = found["rows"][FAULT]["where"]
    assert {stage: where.get(f"round ({stage})", 0) >= len(MOMENTS) for stage in STAGES} == dict.fromkeys(STAGES, True)
    assert found["acknowledged"] > 0
    assert found["bit_flips"] > 0
    assert done.returncode == 0
