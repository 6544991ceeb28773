"""The check of a machine with a GPU, tried on a CPU: its steps end within their limits, and their numbers arrive in one file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.device import check

PROGRAM = [sys.executable, str(check.ROOT / "benchmarks" / "device" / "check.py")]


def test_a_slice_of_the_check_runs_on_a_cpu(tmp_path: Path) -> None:
    out = tmp_path / "check.json"
    options = ["--shape=small", "--device=cpu", "--only=posterior", f"--out={out}", f"--logs={tmp_path / 'logs'}"]
    done = subprocess.run([*PROGRAM, *options], capture_output=True, text=True, check=True, timeout=300)
    found = json.loads(out.read_text(encoding="utf-8"))
    assert json.loads(done.stdout) == found
    assert list(found["steps"]) == ["posterior"]
    for key in ("problems_per_s_2", "problems_per_s_4"):
        assert found["steps"]["posterior"][key] > 0
    assert not any("failed" in step for step in found["steps"].values())
    assert '"problems_per_s_4"' in (tmp_path / "logs" / "posterior.log").read_text(encoding="utf-8")


def test_the_bytes_of_a_loaded_model_are_told_by_type(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.device.steps import load

    load("small")
    found = json.loads(capsys.readouterr().out)
    assert found["bytes_by_dtype"]["mxfp4"] == 4 * 8 * 3 * 256 * 256 * 17 // 32  # layers, experts, 17 bytes for 32 weights


def test_a_step_that_takes_too_long_is_stopped_with_what_it_started() -> None:
    """Numbers printed before are kept. The child's own child would hold the output open."""
    program = "import subprocess, sys; print('{\"first\": 1}', flush=True); print('then', flush=True); subprocess.run(['sleep', '600'])"
    found = check.run([sys.executable, "-c", program], 5, {})
    assert (found["first"], found["failed"]) == (1, "stopped after 5 s: then")


def test_a_step_that_fails_says_how() -> None:
    found = check.run([sys.executable, "-c", "print('[1]'); print('{broken'); raise SystemExit('no device')"], 60, {})
    assert found["failed"] == "exit code 1: [1] | {broken | no device"


def test_no_step_is_begun_without_time(tmp_path: Path) -> None:
    found = check.check(["machine", "load"], "small", "cpu", 10, tmp_path / "check.json")
    assert found["steps"] == {name: {"failed": "not begun: no time was left"} for name in ("machine", "load")}


@pytest.mark.parametrize(("options", "why"), [(["--only=speed"], "no step speed"), (["--device=cpu"], "use --shape small")])
def test_what_cannot_be_checked_is_refused(options: list[str], why: str) -> None:
    done = subprocess.run([*PROGRAM, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert why in done.stderr


def test_operations_of_a_token_are_those_of_the_weights_it_meets() -> None:
    """gpt-oss-20b: 24 layers, each with 64 + 8 heads of size 64, twice, and 4 experts of 3 x 2,880 x 2,880, at two operations a weight."""
    from transformers import GptOssConfig

    from benchmarks.gpt_oss_shape import flops_per_token

    config = GptOssConfig(num_hidden_layers=24, num_local_experts=32)
    assert flops_per_token(config) == 2 * 24 * (2 * 72 * 64 * 2880 + 4 * 3 * 2880 * 2880)
