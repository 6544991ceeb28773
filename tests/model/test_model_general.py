"""Nats per token of general texts compared with transformers' own loss, and the paired change."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from prefopt.calibration.comparison import general_ability
from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.model.general import nats_per_token
from prefopt.model.load import load_base
from tests.gptoss import dequantized


def test_nats_per_token_are_the_loss_of_transformers(gptoss_path: Path) -> None:
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    chance = random.Random(0)
    texts = [[chance.randrange(3, 400) for _ in range(length)] for length in (2, 9, 50)]  # 50 is longer than the window of 32
    nats = nats_per_token(base.model, texts, block=7)
    reference = dequantized(gptoss_path)
    for value, ids in zip(nats, texts, strict=True):
        row = torch.tensor([ids])
        assert value == pytest.approx(float(reference(row, labels=row).loss), abs=1e-4)


def test_a_broken_model_raises_an_error(gptoss_path: Path) -> None:
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    base.model.lm_head.weight.data.fill_(torch.nan)
    with pytest.raises(ModelError, match="not finite"):
        nats_per_token(base.model, [[5, 6, 7]])


def test_the_change_is_computed_in_pairs() -> None:
    rng = np.random.default_rng(0)
    parent = rng.normal(3, 1, size=60)
    ability = general_ability(parent + rng.normal(0.1, 0.05, size=60), parent, confidence=0.95)
    assert ability.change.low > 0.05
    assert ability.change.high - ability.change.low < 0.1 * (ability.nats.high - ability.nats.low)
    assert general_ability(parent, None, confidence=0.95).change is None
