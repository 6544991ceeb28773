"""How many kernels a training step launches, counted on tensors without data with the code of a CUDA device."""

from __future__ import annotations

import json

import pytest

from benchmarks import launches


def test_a_step_of_the_20b_launches_few_kernels(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["launches.py", "--json"])
    launches.main()
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert 1000 < found["launches_20b_attention"] <= 3000
    assert found["launches_20b_attention"] < found["launches_20b"] <= 4000
