"""The Triton kernels, without a GPU: right under Triton's interpreter, and compiled for three generations of GPUs without spills."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

BOUND = {"torch.float32": 2e-6, "torch.bfloat16": 3e-3}
"""Norm of the difference as a share of the norm; one rounding to bfloat16 gives 1.7e-3, and gradients of LoRA have two."""


def printed_by(module: str, *arguments: str, **environment: str) -> Any:
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    return json.loads(subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True).stdout)


def test_kernels_are_exact_under_the_interpreter() -> None:
    found = printed_by("tests.kernels.interpreted", TRITON_INTERPRET="1")
    assert len(found["write_out"]) == 18
    assert set(found["write_out"].values()) == {0.0}  # every code and scale, to the bit
    assert found["codes"] == {"torch.float32": 0.0, "torch.bfloat16": 0.0}
    for dtype, bound in BOUND.items():
        shares = found["shares"][dtype]
        assert len(shares) == 6
        assert {name: each for name, each in shares.items() if max(map(max, each)) >= bound} == {}


@pytest.mark.parametrize("capability", ["80", "90", "120"])
def test_kernels_compile_without_spills(capability: str) -> None:
    found = printed_by("tests.kernels.compile_for", capability)
    assert len(found) == 19
    assert {kernel: facts["spilled"] for kernel, facts in found.items()} == dict.fromkeys(found, 0)
