"""rsLoRA as plain LoRA: readers that compute alpha / rank for every adapter then apply the same factor as those that know rsLoRA."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Literal

from torch import Tensor

from prefopt.model.adapter_card import AdapterCard
from prefopt.model.module_names import stock_names


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
    plain, factors = fold(card, "lora", stock_names(weights, parameters))
    return scaled(weights, factors), plain


def fold(card: AdapterCard, variant: Literal["lora", "dora"], modules: Mapping[str, str]) -> tuple[AdapterCard, dict[str, float]]:
    """A card of an adapter that is scaled by alpha / sqrt(rank) -> the card of one that is scaled by alpha / rank.

    Args:
        card: its variant does not matter.
        variant: of the result.
        modules: stem of each module in the weights file -> its path in transformers' own model.

    Returns:
        the card, and for each stem the factor of B; 1 where the new alpha is exact.
    """
    plain, _ = _whole(card.alpha, card.rank)
    pattern, factors = {}, {}
    for stem, module in modules.items():
        alpha, factors[stem] = _whole(card.alpha_of(module), card.rank_of(module))
        if alpha != plain:
            pattern[module] = alpha
    return card.model_copy(update={"variant": variant, "alpha": plain, "alpha_pattern": pattern}), factors


def scaled(weights: Mapping[str, Tensor], factors: Mapping[str, float]) -> dict[str, Tensor]:
    """The weights with every B multiplied by its factor; those with the factor 1 to the same bits."""
    changed = {f"{stem}.lora_B.weight": factor for stem, factor in factors.items() if factor != 1.0}
    return {key: (value.double() * changed[key]).to(value.dtype) if key in changed else value for key, value in weights.items()}


def _whole(alpha: int, rank: int) -> tuple[int, float]:
    """The whole number nearest to alpha * sqrt(rank), at least 1, and what B has to be multiplied by in addition."""
    wanted = alpha * math.sqrt(rank)
    near = max(1, round(wanted))
    return near, 1.0 if math.isclose(near, wanted, rel_tol=1e-12) else wanted / near
