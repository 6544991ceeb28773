"""MXFP4 compared with the OCP specification in plain Python, and with transformers' own dequantization."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from prefopt.errors import ModelError
from prefopt.model.mxfp4 import dequantize, quantize


def e2m1(code: int) -> float:
    """OCP MX 1.0, table 5: sign, two exponent bits with bias 1, one mantissa bit; exponent 0 is subnormal."""
    sign, exponent, mantissa = code >> 3, (code >> 1) & 3, code & 1
    magnitude = mantissa * 0.5 if exponent == 0 else (1 + mantissa / 2) * 2.0 ** (exponent - 1)
    return -magnitude if sign else magnitude


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_byte_and_scale_has_its_value_in_the_specification(dtype: torch.dtype) -> None:
    blocks = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).repeat(1, 1, 1, 1)  # one output row of 16 groups
    for scale in (2, 100, 127, 130, 250):
        scales = torch.full((1, 1, 16), scale, dtype=torch.uint8)
        weights = dequantize(blocks, scales, dtype)[0, :, 0]  # [in]
        expected = [e2m1(nibble) * 2.0 ** (scale - 127) for byte in range(256) for nibble in (byte & 15, byte >> 4)]
        assert weights.double().tolist() == expected


def test_scale_255_is_nan() -> None:
    weights = dequantize(torch.zeros(1, 1, 1, 16, dtype=torch.uint8), torch.full((1, 1, 1), 255, dtype=torch.uint8), torch.float32)
    assert weights.isnan().all()


def test_quantizing_dequantized_weights_is_exact() -> None:
    generator = torch.Generator().manual_seed(1)
    blocks = torch.randint(0, 256, (3, 8, 2, 16), dtype=torch.uint8, generator=generator)
    scales = torch.randint(100, 150, (3, 8, 2), dtype=torch.uint8, generator=generator)
    weights = dequantize(blocks, scales, torch.float32)
    again = dequantize(*quantize(weights), torch.float32)
    assert torch.equal(weights, again)


def test_quantizing_takes_the_nearest_value() -> None:
    weights = torch.randn(2, 64, 5, generator=torch.Generator().manual_seed(2))
    blocks, scales = quantize(weights)
    ours = dequantize(blocks, scales, torch.float32)
    powers = torch.exp2(scales.double() - 127).repeat_interleave(32, dim=-1).transpose(-1, -2)  # [2, 64, 5]
    values = torch.tensor([e2m1(code) for code in range(16)], dtype=torch.float64)
    distance = (weights.double().unsqueeze(-1) - powers.unsqueeze(-1) * values).abs().amin(-1)
    assert torch.allclose((weights.double() - ours.double()).abs(), distance, atol=1e-12, rtol=0)


def test_ties_go_to_the_even_code_and_large_values_saturate() -> None:
    group = torch.zeros(32)
    ties = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, -0.75]
    group[: len(ties)] = torch.tensor(ties)
    group[30], group[31] = 6.0, 7.5  # 7.5 is above the largest value, 6; its power of two keeps the scale at 1
    ours = dequantize(*quantize(group.view(1, 32, 1)), torch.float32)[0, :, 0]
    assert ours[: len(ties)].tolist() == [0.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, -1.0]
    assert ours[30:].tolist() == [6.0, 6.0]


def test_groups_of_zeros_stay_zero() -> None:
    assert dequantize(*quantize(torch.zeros(1, 32, 2)), torch.float32).eq(0).all()


@pytest.mark.parametrize(
    ("weights", "fault"), [(torch.zeros(1, 33, 2), "multiple of 32"), (torch.full((1, 32, 1), torch.inf), "not finite")]
)
def test_weights_that_cannot_be_quantized_are_refused(weights: torch.Tensor, fault: str) -> None:
    with pytest.raises(ModelError, match=fault):
        quantize(weights)


def test_the_written_layout_is_that_of_transformers(gptoss_path: Path) -> None:
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    with safe_open(gptoss_path / "model.safetensors", framework="pt") as file:
        stem = "model.layers.1.mlp.experts.gate_up_proj"
        blocks, scales = file.get_tensor(f"{stem}_blocks"), file.get_tensor(f"{stem}_scales")
        others = {file.get_tensor(name).dtype for name in file.keys() if not name.endswith(("_blocks", "_scales"))}  # noqa: SIM118  # no mapping
    assert (blocks.shape, scales.shape) == ((4, 192, 2, 16), (4, 192, 2))
    assert others == {torch.bfloat16}
    theirs = convert_moe_packed_tensors(blocks, scales, dtype=torch.bfloat16)
    assert torch.equal(dequantize(blocks, scales, torch.bfloat16), theirs)
    assert json.loads((gptoss_path / "config.json").read_text())["quantization_config"]["quant_method"] == "mxfp4"
