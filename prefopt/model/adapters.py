"""Create, load and save LoRA adapters. On disk they have the stock PEFT layout, which PEFT, vLLM and others read, plus a card.

In memory, LoRA on experts is attached to our MXFP4 stacks (`experts.gate_up`, `experts.down`). On disk its weights have the names that
PEFT's `target_parameters` gives them on a dequantized gpt-oss (`experts.base_layer` for gate_up, `experts` for down).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from peft.tuners.lora import LoraLayer
from torch import nn
from transformers.pytorch_utils import Conv1D

from prefopt.config import AdapterSettings
from prefopt.errors import ModelError
from prefopt.model.adapter_card import CARD, CONFIG, AdapterCard, write_card, write_json
from prefopt.model.adapter_weights import read_weights, refuse_tables, write_weights
from prefopt.model.experts import ExpertStack, LoraExpertStack
from prefopt.model.hub import base_name
from prefopt.model.identity import refuse_other_base
from prefopt.model.load import Base
from prefopt.model.module_names import own_name, plain_path, stock_name, stored_path
from prefopt.model.peft_config import agreed_card, refuse_other_targets, stock_config
from prefopt.model.targets import select


def lora_config(base: Base, shape: AdapterSettings | AdapterCard, *, trainable: bool = True) -> LoraConfig:
    """PEFT's configuration of LoRA on the modules that settings or a card name: linear layers, and MXFP4 experts if requested.

    Args:
        base: the model that gets the adapter.
        shape: rank, alpha, variant and targets; of a card also the modules with another rank or alpha.
        trainable: False for inference.

    Raises:
        ModelError: as targets.select; `shape` has DoRA on experts.
    """
    if shape.variant == "dora" and adapts_experts(base.model, shape):
        raise ModelError(
            "DoRA needs whole weights, and MXFP4 experts are never dequantized as a whole",
            hint="set adapter.experts = false, or another adapter.variant",
        )
    names = chosen_modules(base, shape)
    patterns: dict[str, Any] = shape.patterns if isinstance(shape, AdapterCard) else {}
    name, revision = base_name(base.source or str(base.path))
    config = LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,
        **{kind: {re.escape(own_name(key)): value for key, value in found.items()} for kind, found in patterns.items()},
        target_modules=names,
        fan_in_fan_out=any(isinstance(base.model.get_submodule(name), Conv1D) for name in names),
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
        use_rslora=shape.variant == "rslora",
        use_dora=shape.variant == "dora",
        inference_mode=not trainable,
        base_model_name_or_path=name,
        revision=revision,
    )
    config._register_custom_module({ExpertStack: LoraExpertStack})  # private, yet documented by PEFT as the way to add a layer type
    return config


def chosen_modules(base: Base, shape: AdapterSettings | AdapterCard) -> list[str]:
    """Paths of the modules that settings or a card name. Raises ModelError as targets.select, with the base's path."""
    try:
        return select(base.model, shape.targets, experts=adapts_experts(base.model, shape))
    except ModelError as error:
        raise ModelError(f"{base.path}: {error.message}", hint=error.hint) from None


def adapts_experts(model: nn.Module, shape: AdapterSettings | AdapterCard) -> bool:
    """Whether settings or a card ask for the experts of a model. auto: it has MXFP4 experts, and the variant can adapt them."""
    if shape.experts != "auto":
        return shape.experts
    return shape.variant != "dora" and any(isinstance(module, ExpertStack) for module in model.modules())


def fresh_adapter(base: Base, settings: AdapterSettings, seed: int) -> PeftModel:
    """The base with an untrained float32 adapter "default". B is zero, so the model computes what the base computes.

    Args:
        base: gets the adapter; must not have one.
        settings: rank, alpha, targets and variant.
        seed: of A's initial values; torch's global random state is not changed.

    Raises:
        ModelError: as lora_config; the base already has an adapter.
    """
    _refuse_second(base)
    names, config = chosen_modules(base, settings), lora_config(base, settings)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = PeftModel(base.model, config)
    _refuse_other_modules(model, "default", names)
    return _in_float32(model)


def load_adapter(base: Base, path: Path, *, trainable: bool, name: str = "default") -> PeftModel:
    """The base with an adapter from a folder.

    Raises:
        ModelError: a file is missing or broken, the adapter was trained on another base, or a file of the base has changed since (it is
            named); its weights do not match rank or targets, or a weight is not finite.
    """
    _refuse_second(base)
    card = _card_for(base, path)
    names, config = chosen_modules(base, card), lora_config(base, card, trainable=trainable)
    with torch.random.fork_rng():  # PEFT draws A at random before it is overwritten
        model = _in_float32(PeftModel(base.model, config, adapter_name=name))
    _refuse_other_modules(model, name, names)
    _fill(model, path, name)
    return model.train(trainable)


def add_adapter(model: PeftModel, base: Base, path: Path, *, name: str) -> None:
    """Load a further adapter into a model: frozen, and not active. Takes the adapter's own bytes. Raises as `load_adapter`."""
    card = _card_for(base, path)
    active = model.active_adapter
    with torch.random.fork_rng():
        model.add_adapter(name, lora_config(base, card, trainable=False))
    _in_float32(model)
    _fill(model, path, name)
    model.set_adapter(active)


@contextmanager
def weights_of(model: PeftModel, base: Base, path: Path, *, name: str = "default") -> Iterator[None]:
    """Give an adapter of the model the weights of a folder while the body runs, then restore its own.

    Needs one copy of the adapter's weights, instead of a second adapter with its own place in every layer. Raises as `load_adapter`.
    """
    _refuse_other_shape(model, name, _card_for(base, path), path)
    own = [(parameter, parameter.detach().clone()) for _, parameter in _parameters(model, name)]
    try:
        _fill(model, path, name)
        yield
    finally:
        with torch.no_grad():
            for parameter, value in own:
                parameter.copy_(value)


def save_adapter(model: PeftModel, path: Path, card: AdapterCard, *, name: str = "default") -> None:
    """Save one adapter in the stock PEFT layout, with its card. Equal weights give equal bytes.

    Raises:
        ModelError: a weight is not finite.
    """
    weights = {key: tensor.detach().to("cpu", torch.float32).contiguous() for key, tensor in _on_disk(model, name).items()}
    write_weights(path, weights)
    ours = model.peft_config[name]
    base = (ours.base_model_name_or_path, ours.revision)
    write_json(path / CONFIG, stock_config(card, adapted_modules(model, name), model.get_base_model(), base))
    write_card(path / CARD, card)


def _card_for(base: Base, path: Path) -> AdapterCard:
    if not path.is_dir():
        raise ModelError(f"{path}: no such adapter folder")
    card = agreed_card(path)
    refuse_other_base(path, card.base, card.base_parts, base.path, base.identity)
    refuse_other_targets(path, chosen_modules(base, card), base.model)
    return card


def _refuse_second(base: Base) -> None:
    if any(isinstance(module, LoraExpertStack) or hasattr(module, "lora_A") for module in base.model.modules()):
        raise ModelError("this base already has an adapter", hint="load the base again, or call add_adapter() on the adapted model")


def _in_float32(model: PeftModel) -> PeftModel:
    """Convert every LoRA weight to float32: in bfloat16, most updates at learning rates near 1e-6 round to zero."""
    for key, parameter in model.named_parameters():
        if ".lora_" in key:
            parameter.data = parameter.data.float()
    return model


def _parameters(model: PeftModel, name: str) -> list[tuple[str, torch.nn.Parameter]]:
    """Name and parameter of everything that an adapter trains."""
    pattern = re.compile(rf"\.lora_(?:[AB]|magnitude_vector)\.{re.escape(name)}\.weight$")
    parameters = [(key, p) for key, p in model.named_parameters() if pattern.search(key)]
    if not parameters:
        raise ModelError(f"the model has no adapter {name!r}; it has {', '.join(model.peft_config)}")
    return parameters


def _on_disk(model: PeftModel, name: str) -> dict[str, torch.nn.Parameter]:
    """Every parameter that an adapter trains, by its name in the stock PEFT layout."""
    found = _parameters(model, name)
    adapted = {plain_path(key.split(".lora_")[0]) for key, _ in found}
    named = {}
    for key, parameter in found:
        path, _, rest = key.partition(".lora_")
        rest = rest.replace(f"magnitude_vector.{name}.weight", "magnitude_vector").replace(f".{name}.weight", ".weight")
        named[f"{stored_path(plain_path(path), adapted)}.lora_{rest}"] = parameter
    return named


def _refuse_other_modules(model: PeftModel, name: str, names: list[str]) -> None:
    """Raise ModelError where PEFT adapted other modules than it was asked to: it rewrites the names of some architectures."""
    wanted, found = set(names), adapted_modules(model, name)
    if wanted != found:
        different = sorted(wanted ^ found)
        raise ModelError(
            f"stock PEFT adapts other modules of this architecture than it is asked to: {len(different)} differ, first {different[0]}",
            hint="set adapter.targets to a list of other names",
        )


def adapted_modules(model: PeftModel, name: str = "default") -> set[str]:
    """Paths of the modules that an adapter of the model changes."""
    return {plain_path(key.split(".lora_")[0]).removeprefix("base_model.model.") for key, _ in _parameters(model, name)}


def _refuse_other_shape(model: PeftModel, name: str, card: AdapterCard, path: Path) -> None:
    """Raise ModelError where an adapter of the model multiplies its weights by another factor than those of a card."""
    for key, module in model.get_base_model().named_modules():
        if not isinstance(module, LoraLayer) or name not in module.scaling:
            continue
        wanted = card.scaling_of(stock_name(plain_path(key)))
        if not math.isclose(module.scaling[name], wanted):
            raise ModelError(
                f"{path}: {key} is scaled by {wanted:g}, and in the adapter that takes its weights by {module.scaling[name]:g}",
                hint="both adapters must have the same rank, alpha and variant: train them with the same [adapter]",
            )


def _fill(model: PeftModel, path: Path, name: str) -> None:
    """Copy the weights of a folder into an adapter of the model."""
    stored = read_weights(path)
    slots = _on_disk(model, name)
    if stored.keys() != slots.keys():
        extra, absent = sorted(stored.keys() - slots.keys()), sorted(slots.keys() - stored.keys())
        refuse_tables(path, extra)
        raise ModelError(
            f"{path}: the targets do not match the card: {len(absent)} weights are missing ({', '.join(absent[:1]) or 'none'}), "
            f"{len(extra)} are unknown ({', '.join(extra[:1]) or 'none'})"
        )
    for key, parameter in slots.items():
        if stored[key].shape != parameter.shape:
            raise ModelError(
                f"{path}: {key} has shape {tuple(stored[key].shape)}; rank {model.peft_config[name].r} on this base "
                f"requires {tuple(parameter.shape)}"
            )
        with torch.no_grad():
            parameter.copy_(stored[key])
