"""What the recipes do before a model is touched: options, order of KTO's rows, weights."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prefopt.cli.settings_page import options_toml
from prefopt.errors import TrainingError
from prefopt.protocols import Recipe

NAMES = ("sft", "dpo", "orpo", "kto")
TRL = {"engine": "trl", "loss_weights": [1.0]}


@pytest.mark.parametrize("name", NAMES)
def test_the_shown_options_are_toml_of_the_defaults_with_a_description_each(name: str) -> None:
    recipe = import_module(f"recipes.{name}").recipe
    shown = options_toml(recipe)
    parsed = tomllib.loads(shown)
    assert list(parsed) != list(recipe.Config.model_fields), "a recipe's own options come first"
    assert set(parsed) == set(recipe.Config.model_fields)
    assert recipe.Config.model_validate(parsed) == recipe.Config()
    blocks = shown.split("\n\n")
    assert f"[recipes.{name}]" in blocks[0]
    assert all(block.startswith("# ") for block in blocks), "each option has a description"


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_satisfies_the_port_and_is_named_after_its_file(name: str) -> None:
    module = import_module(f"recipes.{name}")
    assert isinstance(module.recipe, Recipe)
    assert module.recipe.name == name
    assert [value for value in vars(module).values() if isinstance(value, Recipe) and not isinstance(value, type)] == [module.recipe]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"loss": ["sigmoid"], "loss_weights": [1.0, 0.5]}, "2 numbers for the 1 losses"),
        ({"loss": ["sft"], "loss_weights": [1.0]}, "prefers nothing"),
        ({"label_smoothing": 0.1}, "use robust"),
        (TRL | {"loss": ["aot"]}, "aot sorts the pairs of an update: set weighted = false and gradient_accumulation_steps = 1"),
        (TRL | {"loss": ["aot_unpaired"], "weighted": False}, "aot_unpaired sorts"),
        ({"bta": 0.1}, "bta"),
        ({"loss": ["ipo"], "loss_weights": [1.0]}, 'ipo is a loss of TRL alone; set engine = "trl"'),
        ({"engine": "trl", "loss": ["davidson", "sft"]}, "TRL has no margin and no losses of ties"),
        ({"engine": "trl", "margin": 0.5}, "TRL has no margin"),
        (TRL | {"loss": ["exo_pair"]}, "needs label_smoothing of 0.0001 or more"),
        ({"loss": ["sft", "sft", "sigmoid"], "loss_weights": [1.0, 0.5, 1.0]}, "names one twice"),
        ({"loss_weights": [0.0, 1.0]}, "prefer nothing"),
        ({"loss_weights": [0.0, 0.0]}, "prefer nothing"),
        ({"loss_weights": [-1.0, 0.0]}, "greater than or equal to 0"),
        ({"loss": ["robust"], "loss_weights": [1.0], "label_smoothing": 0.4999999}, "less than or equal to 0.45"),
        ({"lr_scheduler_type": "constant", "warmup_ratio": 0.1}, "has no warm-up"),
    ],
)
def test_dpo_options_that_would_do_nothing_are_refused(options: dict[str, object], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        import_module("recipes.dpo").recipe.Config.model_validate(options)


def rows_of(counts: list[int]) -> list[dict[str, object]]:
    """counts[p] rows of prompt p."""
    return [{"id": f"p{p}", "prompt_ids": [p], "completion_ids": [p, i]} for p, count in enumerate(counts) for i in range(count)]


@settings(deadline=None)  # the first call imports
@given(st.lists(st.integers(1, 4), min_size=10, max_size=40), st.integers(4, 16), st.integers(0, 5))
@example([1] * 9 + [4], 10, 0)  # batches of 10 and 3: the last one takes one row of the four, not two
def test_no_kto_row_follows_one_of_the_same_prompt(counts: list[int], size: int, seed: int) -> None:
    from recipes.sampler import deal_batches, with_mismatched_answers

    rows = rows_of(counts)
    batches = deal_batches(rows, size, seed)
    assert sorted(row["completion_ids"] for batch in batches for row in batch) == sorted(row["completion_ids"] for row in rows)
    assert all(len(batch) == len(batches[0]) for batch in batches[:-1])
    assert 2 <= len(batches[-1]) <= len(batches[0])
    for batch in batches:
        for row in with_mismatched_answers(batch):
            assert row["KL_completion_ids"][0] != row["prompt_ids"][0], "the KL sample is another problem's answer"


def test_kto_refuses_one_row_and_one_problem() -> None:
    from recipes.sampler import deal_batches

    with pytest.raises(TrainingError, match="one judged answer"):
        deal_batches(rows_of([1]), 8, 0)
    with pytest.raises(TrainingError, match="problem p0 has 4 of the 5"):
        deal_batches(rows_of([4, 1]), 8, 0)


def test_kto_order_depends_on_the_seed_alone() -> None:
    from recipes.sampler import deal_batches

    rows = rows_of([2] * 20)
    assert deal_batches(rows, 8, 1) == deal_batches(rows, 8, 1)
    assert deal_batches(rows, 8, 1) != deal_batches(rows, 8, 2)


@settings(deadline=None)  # the first call imports
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([1.0, 2 / 3, 1 / 3])), min_size=2, max_size=60))
def test_kto_weights_bring_the_ratio_into_the_band(rows: list[tuple[bool, float]]) -> None:
    from recipes.kto import class_weights

    desirable, weights = [d for d, _ in rows], [w for _, w in rows]
    if len(set(desirable)) == 1:
        with pytest.raises(TrainingError, match="KTO needs both kinds"):
            class_weights(desirable, weights)
        return
    own = class_weights(desirable, weights)
    good, bad = sum(w for w, d in zip(own, desirable, strict=True) if d), sum(w for w, d in zip(own, desirable, strict=True) if not d)
    assert max(own) <= 4
    if max(own) < 4:
        assert 1 - 1e-9 <= good / bad <= 4 / 3 + 1e-9
    assert sum(own) / len(own) == pytest.approx(1)


def test_kto_weights_by_hand() -> None:
    from recipes.kto import class_weights

    assert class_weights([True, False], [0.7, 0.7]) == [1.0, 1.0]
    # 1 desirable to 3 undesirable: the desirable row counts threefold, and the mean of (3, 1, 1, 1) is 1.5
    assert class_weights([True, False, False, False], [1.0] * 4) == pytest.approx([2.0, 2 / 3, 2 / 3, 2 / 3])
    # 4 to 1: allowed is 4/3, so desirable rows count a third, and the mean of (1/3 four times, 1) is 7/15
    assert class_weights([True] * 4 + [False], [1.0] * 5) == pytest.approx([5 / 7] * 4 + [15 / 7])


def test_no_kto_row_weighs_more_than_four_times_the_mean_and_the_missed_band_is_named() -> None:
    from recipes.kto import class_facts, class_weights

    # 3 of 63: without a limit each of the three would weigh 10.5; 12 of the total of 63 are theirs, the others share 51
    desirable = [True] * 3 + [False] * 60
    own = class_weights(desirable, [1.0] * 63)
    assert own == pytest.approx([4.0] * 3 + [51 / 60] * 60)
    facts, warning = class_facts(desirable, own)
    assert facts == {"classes/ratio": pytest.approx(12 / 51), "classes/heaviest_rows": 3}
    assert "3 of 63 judged answers are desirable" in warning
    assert "0.24" in warning
    # 31.5 * (0.8, 0.1, 0.1) is 25.2, 3.15, 3.15; with 25.2 cut to 4 the others share 59 as they shared 37.8, and 3.15 becomes 4.9: cut, too
    own = class_weights(desirable, [0.8, 0.1, 0.1] + [1.0] * 60)
    assert own == pytest.approx([4.0] * 3 + [51 / 60] * 60)
    assert class_facts([True, False], class_weights([True, False], [1.0, 1.0]))[1] == ""


def test_equal_weights_become_exactly_one() -> None:
    from recipes.tokenization import unit_mean

    assert unit_mean([0.7] * 3) == [1.0] * 3
    assert unit_mean([1.0, 0.5]) == pytest.approx([4 / 3, 2 / 3])


def test_a_row_weight_scales_what_flows_back_and_nothing_else() -> None:
    import torch

    from recipes.trl_weights import weigh

    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    w = torch.tensor([1.0, 0.25, 2.0])
    weighed = weigh(x, w)
    assert torch.equal(weighed, x)
    (weighed**2).sum(1).exp().mean().backward()
    by_hand = w[:, None] * 2 * x.detach() * (x.detach() ** 2).sum(1).exp()[:, None] / 3
    torch.testing.assert_close(x.grad, by_hand)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=80), st.integers(1, 8), st.integers(0, 3))
@settings(deadline=None)  # the first call imports
def test_sft_takes_every_row_once_an_epoch(lengths: list[int], size: int, epoch: int) -> None:
    from recipes.sampler import LengthGroupedSampler

    order = LengthGroupedSampler(lengths, size, seed=1)
    order.set_epoch(epoch)
    assert sorted(order) == list(range(len(lengths)))
    assert list(order) == list(order)


def test_sft_pads_less_than_a_random_order_and_differs_between_epochs() -> None:
    import random

    from recipes.sampler import LengthGroupedSampler

    lengths = [random.Random(i).randint(90, 220) for i in range(400)]
    order = LengthGroupedSampler(lengths, 16, seed=1)
    first = list(order)
    order.set_epoch(1)
    assert list(order) != first

    def padded(indices: list[int]) -> int:
        return sum(16 * max(lengths[i] for i in indices[k : k + 16]) for k in range(0, 400, 16))

    assert padded(first) < 0.8 * padded(list(range(400)))


def test_presets_keep_the_rows_of_an_update() -> None:
    from prefopt.plugins import find_recipe, options
    from prefopt.presets import GIB, PRESETS

    assert list(PRESETS) == list(GIB)
    for preset in PRESETS.values():
        for name, wanted in preset["recipes"].items():
            recipe = find_recipe(name, Path())
            ours, default = options(recipe.Config, wanted, "preset"), recipe.Config()
            assert ours.batch_size * ours.gradient_accumulation_steps == default.batch_size * default.gradient_accumulation_steps


def test_pairs_without_a_preferred_answer_are_left_out_by_every_loss_that_needs_one() -> None:
    from recipes.tokenization import without_even_splits, without_ties
    from tests.recipes.recipe_cases import pair

    clear, old = pair(0).model_copy(update={"share": 0.75}), pair(1, weight=0.25)
    tie, split = (
        pair(2).model_copy(update={"share": 0.5, "tie": True}),
        pair(3).model_copy(update={"share": 0.5, "tie": True, "split": True}),
    )
    assert [round(p.net, 6) for p in (clear, old, tie, split)] == [0.5, 0.25, 0, 0]
    assert without_ties([clear, tie, old, split]) == [clear, old]
    assert without_even_splits([clear, tie, old, split]) == [clear, tie, old]
    with pytest.raises(TrainingError, match="all 2 pairs are ties"):
        without_ties([tie, split])
    with pytest.raises(TrainingError, match="the votes split evenly on all 1 pairs"):
        without_even_splits([split])
