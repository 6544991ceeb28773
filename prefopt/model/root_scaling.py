"""rsLoRA as plain LoRA: readers that compute alpha / rank for every adapter then apply the same factor as those that know rsLoRA."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Literal

from torch import Tensor

from prefopt.model.adapter_card import AdapterCard
from prefopt.model.targets import stock_names


def without_root_scaling(
    weights: Mapping[str, Tensor], card: AdapterCard, parameters: Collection[str] = ()
) -> tuple[dict[str, Tensor], AdapterCard]:
    """The same function without rsLoRA: alpha becomes alpha * sqrt(rank), and B takes what a whole number cannot express.

    Args:
        weights: of an adapter, in the stock PEFT layout.
        card: of the adapter; its alpha is returned as it was where the variant is not "rslora".

        parameters: target_parameters of its adapter_config.json.

    Returns:
        the weights, and the card with the variant "lora".
    """
    if card.variant != "rslora":
        return dict(weights), card
    return fold(weights, card, "lora", parameters)


def fold(
    weights: Mapping[str, Tensor], card: AdapterCard, variant: Literal["lora", "dora"], parameters: Collection[str] = ()
) -> tuple[dict[str, Tensor], AdapterCard]:
    """As `without_root_scaling`, whatever the card's variant: the result has the one that is given."""
    plain, _ = _whole(card.alpha, card.rank)
    scaled, pattern = dict(weights), {}
    for stored, module in stock_names(weights, parameters).items():
        alpha, rest = _whole(card.alpha_of(module), card.rank_of(module))
        if alpha != plain:
            pattern[module] = alpha
        if rest != 1.0:
            key = f"{stored}.lora_B.weight"
            scaled[key] = (weights[key].double() * rest).to(weights[key].dtype)
    return scaled, card.model_copy(update={"variant": variant, "alpha": plain, "alpha_pattern": pattern})


def _whole(alpha: int, rank: int) -> tuple[int, float]:
    """The whole number nearest to alpha * sqrt(rank), at least 1, and what B has to be multiplied by in addition."""
    wanted = alpha * math.sqrt(rank)
    near = max(1, round(wanted))
    return near, 1.0 if math.isclose(near, wanted, rel_tol=1e-12) else wanted / near
