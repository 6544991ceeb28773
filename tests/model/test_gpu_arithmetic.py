"""benchmarks/gpu_arithmetic.py: no way is faster than its floor, and decoding while multiplying is for few rows."""

from __future__ import annotations

import json

import pytest

from benchmarks import gpu_arithmetic
from benchmarks.gpu_arithmetic import CARDS, SHAPES, crossover, experts_hit, product
from prefopt.model.experts import FUSED_ROWS


def test_the_table_of_a_card(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["gpu_arithmetic.py", "--json"])
    gpu_arithmetic.main()
    found = json.loads(capsys.readouterr().out)
    for name in SHAPES:
        for task in ("train", "score", "write_1", "write_16"):
            floor = found[name][f"{task}_floor_tokens_per_s"]
            assert all(0 < found[name][f"{task}_{way}_tokens_per_s"] <= floor for way in ("grouped", "fused"))
        assert found[name]["write_16_fused_tokens_per_s"] > 2 * found[name]["write_16_grouped_tokens_per_s"]
    assert found["20b"]["train_grouped_tokens_per_s"] > found["20b"]["train_fused_tokens_per_s"]


def test_bytes_and_operations_of_a_layer() -> None:
    card, shape = CARDS["H100"], SHAPES["20b"]
    assert shape.of_experts == 32 * 3 * 2880 * 2880
    assert experts_hit(shape, 1) == pytest.approx(4)
    assert product(card, shape, 2048, "floor", 1.0) == pytest.approx(2 * 8192 * 3 * 2880**2 / 400e12)  # bound by products
    written = (17 / 32 + 2 + 2) * 32 * 3 * 2880**2 / 3e12
    assert product(card, shape, 1, "grouped", 1.0) == pytest.approx(written, rel=1e-3)  # bound by the bytes of all experts


def test_the_default_is_on_the_safe_side_of_the_crossover() -> None:
    assert crossover(CARDS["H100"], SHAPES["20b"], 0.11) >= FUSED_ROWS
    assert crossover(CARDS["H100"], SHAPES["20b"], 0.25) > 2 * FUSED_ROWS
