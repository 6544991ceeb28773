"""What an adapter is, without loading weights: its card or its adapter_config.json, its base, and the layers that it reaches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefopt.config import ModelSettings
from prefopt.model.adapter_card import CARD, adapter_id, where_adapted
from prefopt.model.adapter_import import read_stock_adapter
from prefopt.model.adapters import chosen_modules
from prefopt.model.parity import unrounded
from prefopt.model.peft_config import agreed_card, read_peft_config
from prefopt.model.plan_bytes import empty_base
from prefopt.model.targets import coverage


def summary(settings: ModelSettings, path: Path) -> dict[str, Any]:
    """The facts about an adapter, for people and for scripts.

    Args:
        settings: its base.
        path: a folder that prefopt or stock PEFT saved.

    Raises:
        ModelError: as agreed_card and read_stock_adapter.
    """
    own = (path / CARD).is_file()
    card = agreed_card(path) if own else read_stock_adapter(settings, path).card
    base = empty_base(unrounded(settings))
    covered = coverage(base.model, chosen_modules(base, card))
    said = read_peft_config(path)
    maker = f"prefopt, round {card.round}, recipe {card.recipe}" if own else f"PEFT {said['peft_version'] or 'of an unknown version'}"
    facts = {
        "adapter": adapter_id(path),
        "made by": maker,
        "base": said["base_model_name_or_path"],
        "fingerprint of the base": card.base or None,
        "parent": card.parent,
        "rank": card.rank,
        "alpha": card.alpha,
        "variant": card.variant,
        "experts": card.experts,
        "targets": card.targets if isinstance(card.targets, str) else list(card.targets),
        "other ranks": dict(card.rank_pattern),
        "other alphas": dict(card.alpha_pattern),
        "on": where_adapted(card.targets, card.experts),
        "adapted": covered.line(),
        "coverage": covered.plain(),
    }
    if card.imported is not None:
        facts["imported from"] = f"{card.imported.weights}, {'compared' if card.imported.verified else 'not compared'} with stock PEFT"
    if card.parity is not None:
        facts["logit difference"] = f"{card.parity.max_difference:.1e} to {card.parity.against}"
    return facts
