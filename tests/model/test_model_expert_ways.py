"""The choice between the ways of computing experts on a GPU: by times, the same at every load, and the same for a resumed run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from prefopt.config import ModelSettings
from prefopt.model import expert_ways
from prefopt.model.expert_ways import ALWAYS, COUNTS, choose_ways, fused_rows, in_words, kept_choice, measured, plan_ways
from prefopt.model.experts import FUSED_ROWS, ExpertStack
from prefopt.model.load import load_base
from prefopt.model.mxfp4 import quantize
from recipes.checkpoints import compute_experts_as


def stacks() -> list[ExpertStack]:
    random = torch.Generator().manual_seed(0)
    return [ExpertStack(*quantize(torch.randn(4, *sizes, generator=random))) for sizes in ((32, 64), (32, 40))]


def times(grouped: float, fused: list[float]) -> Callable[[Callable[[], Tensor]], float]:
    """Seconds of products as `measured` asks for them: grouped, then fused, of both stacks, for each count."""
    answers: Iterator[float] = iter([seconds for each in fused for _ in range(2) for seconds in (grouped, each)])
    return lambda product: 0 * float(product().float().sum()) + next(answers)


def test_the_quicker_way_is_chosen_up_to_the_last_count_at_which_it_was_quicker() -> None:
    quick, slow, both = 0.5, 2.0, stacks()
    for last, expected in ((0, 0), (1, 4), (3, 64), (len(COUNTS), ALWAYS)):
        found = measured(both, torch.float32, times(1.0, [quick] * last + [slow] * (len(COUNTS) - last)))
        assert found == expected
    assert measured(both, torch.float32, times(1.0, [1.0] * len(COUNTS))) == 0  # a tie
    assert {stack.way for stack in both} == {"auto"}
    assert [in_words(rows) for rows in (0, 64, ALWAYS)] == [
        "written out",
        "decoded while they are multiplied up to 64 rows, else written out",
        "decoded while they are multiplied",
    ]


def test_a_product_that_differs_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefopt.model.experts.fused_product", lambda *inputs: inputs[0].new_ones(len(inputs[0]), inputs[1].out_features))
    with pytest.raises(ValueError, match=r"a product of 4 rows differs by .* of its norm"):
        measured(stacks(), torch.float32, lambda _: 1.0)


def test_a_load_chooses_what_was_measured_first(
    gptoss_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The choice is measured here on a CPU, in both ways, with their real times."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = load_base(ModelSettings(path=str(gptoss_path), device="cpu")).model
    both = [module for module in model.modules() if isinstance(module, ExpertStack)][:2]
    assert kept_choice("a card", both, torch.float32) is None
    choose_ways(model, "a card")
    first = kept_choice("a card", both, torch.float32)
    assert first is not None
    assert set(fused_rows(model)) == {first}
    assert f"measured on a card: experts are {in_words(first)}" in caplog.text
    monkeypatch.setattr(expert_ways, "measured", lambda *_: pytest.fail("measured again"))
    choose_ways(model, "a card")
    assert set(fused_rows(model)) == {first}
    plan_ways(model, "cuda", torch.float32, None, "a card")
    assert set(fused_rows(model)) == {first}
    plan_ways(model, "cuda", torch.float32, None, "another card")
    assert set(fused_rows(model)) == {FUSED_ROWS}


@pytest.mark.parametrize(
    ("error", "rows", "said"),
    [
        (
            RuntimeError("no kernel"),
            0,
            "experts cannot be decoded while they are multiplied, so they are written out: no kernel",
        ),
        (torch.OutOfMemoryError("CUDA out of memory"), FUSED_ROWS, "a card has no memory to measure experts in"),
    ],
)
def test_a_card_on_which_nothing_can_be_measured_is_named(
    error: Exception,
    rows: int,
    said: str,
    gptoss_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(expert_ways, "measured", fail)
    model = load_base(ModelSettings(path=str(gptoss_path), device="cpu")).model
    with caplog.at_level(logging.WARNING):
        choose_ways(model, "a card")
    assert set(fused_rows(model)) == {rows}
    assert said in caplog.text
    assert list(tmp_path.rglob("ways/*")) == []  # it is tried again at the next load


def test_a_resumed_run_computes_experts_as_it_began(gptoss_path: Path, tmp_path: Path) -> None:
    model = load_base(ModelSettings(path=str(gptoss_path), device="cpu")).model
    expert_ways.use_fused_rows(model, [64] * len(fused_rows(model)))
    compute_experts_as(tmp_path, model, resumed=False)
    expert_ways.use_fused_rows(model, [0] * len(fused_rows(model)))  # measured again, on another card
    compute_experts_as(tmp_path, model, resumed=True)
    assert set(fused_rows(model)) == {64}
    expert_ways.use_fused_rows(model, [0] * len(fused_rows(model)))
    compute_experts_as(tmp_path, model, resumed=False)  # from the beginning
    assert set(fused_rows(model)) == {0}
