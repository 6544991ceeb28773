"""adapter_config.json: what stock PEFT says of an adapter. Written for every adapter, and read with every one: it must agree with the card.

What PEFT can say and prefopt cannot compute is refused by name; nothing in the file is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from peft import LoraConfig
from peft.tuners.tuners_utils import check_target_module_exists
from torch import nn
from transformers.pytorch_utils import Conv1D

from prefopt.errors import ModelError
from prefopt.io.strict import json_value
from prefopt.model.adapter_card import CONFIG, AdapterCard, read_card
from prefopt.model.experts import ExpertStack
from prefopt.model.module_names import plain_path, shortest_suffixes, stock_name

EXPERT_PARAMETERS = ("mlp.experts.gate_up_proj", "mlp.experts.down_proj")

_READ = {"r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "use_dora", "target_modules", "target_parameters"} | {
    "exclude_modules",
    "layers_to_transform",
    "layers_pattern",
    "fan_in_fan_out",
    "init_lora_weights",
    "peft_type",
    "task_type",
}
"""Fields that decide what the adapter computes, and are read."""
_NO_MATTER = {"base_model_name_or_path", "revision", "inference_mode", "peft_version", "auto_mapping", "runtime_config"} | {
    "lora_dropout",  # of the training that made the adapter
    "qalora_group_size",  # of use_qalora
    "megatron_core",  # of megatron_config
    "ensure_weight_tying",  # of modules_to_save
}
_REASONS = {
    "modules_to_save": "whole copies of these modules belong to the adapter, and prefopt trains and scores LoRA alone",
    "trainable_token_indices": "rows of the embedding belong to the adapter, and prefopt trains and scores LoRA alone",
    "bias": "bias terms of the base belong to the adapter, and prefopt trains and scores LoRA alone",
    "lora_bias": "LoRA layers with a bias term are not supported",
    "layer_replication": "the adapter is of a model with repeated layers",
    "megatron_config": "layers of Megatron are not supported",
    "loftq_config": "the adapter belongs to a base whose weights LoftQ changed",
    "use_qalora": "QALoRA pools the inputs of A",
    "alora_invocation_tokens": "the adapter is active only after certain tokens",
    "use_bdlora": "block-diagonal matrices are not supported",
    "arrow_config": "the adapter is a router of other adapters",
    "velora_config": "VeLoRA compresses what the backward pass needs",
    "monteclora_config": "the matrices are drawn from a distribution",
    "kasa_config": "KaSA changes the base's weights",
}
_PLAIN_STARTS = (True, False, "gaussian", "orthogonal")
"""Values of init_lora_weights that leave the base as it is."""


def read_peft_config(path: Path) -> dict[str, Any]:
    """adapter_config.json of a folder, of a kind that prefopt can compute.

    Raises:
        ModelError: the file is missing or not JSON; it is of another method than LoRA; it asks for something that prefopt does not
            support, or that the installed PEFT does not know.
    """
    file = path / CONFIG
    try:
        config = json_value(file.read_bytes(), is_finite=False)
    except FileNotFoundError:
        raise ModelError(f"{path}: {CONFIG} is missing", hint="copy the whole folder of the adapter") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: {error}", hint="copy the file again") from None
    if not isinstance(config, dict):
        raise ModelError(f"{file}: not a JSON object", hint="copy the file again")
    _refuse_unsupported(file, config)
    _refuse_odd_values(file, config)
    return _defaults() | config


def _refuse_unsupported(file: Path, config: Mapping[str, Any]) -> None:
    kind = config.get("peft_type", "LORA")
    if kind != "LORA":
        raise ModelError(f"{file}: peft_type is {kind!r}, and prefopt reads LORA only", hint="train a LoRA adapter")
    if (task := config.get("task_type")) not in (None, "CAUSAL_LM"):
        raise ModelError(f"{file}: task_type is {task!r}, and prefopt reads CAUSAL_LM only", hint="train an adapter of a causal LM")
    defaults = _defaults()
    for key, value in config.items():
        if key in _READ or key in _NO_MATTER or value == defaults.get(key) or (key != "bias" and not value):
            continue
        if key not in defaults:
            raise ModelError(
                f"{file}: {key} = {value!r} is a field that the installed PEFT {_version()} does not know",
                hint="make the adapter without this option, or pip install --upgrade prefopt",
            )
        reason = _REASONS.get(key, "prefopt does not compute it")
        raise ModelError(f"{file}: {key} = {value!r} is not supported: {reason}", hint=f"train the adapter without {key}")
    start = config.get("init_lora_weights", True)
    if start not in _PLAIN_STARTS:
        raise ModelError(
            f"{file}: init_lora_weights = {start!r} is not supported: it changes the base's weights before training, and the adapter "
            "belongs to the changed ones",
            hint="save it with PEFT's path_initial_model_for_weight_conversion, which makes a plain LoRA adapter of it",
        )


def _refuse_odd_values(file: Path, config: Mapping[str, Any]) -> None:
    """Ranks and alphas must be whole numbers from 1 on."""
    values = [("r", config.get("r", 8)), ("lora_alpha", config.get("lora_alpha", 8))]
    for pattern in ("rank_pattern", "alpha_pattern"):
        found = config.get(pattern) or {}
        if not isinstance(found, dict):
            raise ModelError(f"{file}: {pattern} is not a table of names and numbers", hint="copy the file again")
        values += [(f"{pattern} of {key}", value) for key, value in found.items()]
    for name, value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value) or value < 1:
            raise ModelError(
                f"{file}: {name} is {value!r}; whole numbers from 1 on are supported", hint="train the adapter with such a number"
            )


def _defaults() -> dict[str, Any]:
    plain: dict[str, Any] = LoraConfig().to_dict()
    return plain | {"runtime_config": None, "peft_type": "LORA"}


def _version() -> str:
    from peft import __version__

    return str(__version__)


def peft_lora_config(config: Mapping[str, Any]) -> LoraConfig:
    """The fields of adapter_config.json as PEFT's own configuration, as it is when PEFT loads the adapter.

    Raises:
        ModelError: PEFT refuses the configuration.
    """
    known = {field.name for field in fields(LoraConfig)} - {"peft_type", "runtime_config"}
    try:
        return LoraConfig(**{key: value for key, value in config.items() if key in known})
    except (ValueError, TypeError, ImportError) as error:
        raise ModelError(f"PEFT refuses {CONFIG}: {error}", hint="restore the file") from error


def agreed_card(path: Path) -> AdapterCard:
    """The card in an adapter's folder, where adapter_config.json says the same.

    Raises:
        ModelError: as read_card and read_peft_config; the two files disagree on rank, alpha, their patterns, or the variant.
    """
    card = read_card(path)
    said = read_peft_config(path)
    wanted = lora_fields(card)
    for key, value in wanted.items():
        found = said[key] or type(value)()
        if found != value:
            raise ModelError(
                f"{path}: {CONFIG} says {key} = {found!r}, and the card says {value!r}",
                hint=_restore(path),
            )
    return card


def _restore(path: Path) -> str:
    return f"restore the file that was changed, or make an adapter of what {CONFIG} says: prefopt adapter import {path} --out NEW_FOLDER"


def refuse_other_targets(path: Path, names: Collection[str], model: nn.Module) -> None:
    """Raise ModelError where adapter_config.json does not select exactly these modules of our model."""
    wanted = {stock_name(name) for name in names}
    try:
        found = selected(read_peft_config(path), model)
    except (TypeError, re.error) as error:  # target_modules or layers_to_transform of a wrong type, or no regular expression
        raise ModelError(f"{path / CONFIG}: its targets cannot be read: {error}", hint=_restore(path)) from error
    if wanted != found:
        extra, absent = sorted(found - wanted), sorted(wanted - found)
        what = f"does not select {absent[0]}" if absent else f"also selects {extra[0]}"
        raise ModelError(
            f"{path}: target_modules and target_parameters of {CONFIG} do not select what the card says: it {what} "
            f"({len(absent)} missing, {len(extra)} more)",
            hint=_restore(path),
        )


def selected(said: Mapping[str, Any], model: nn.Module) -> set[str]:
    """Paths of what a configuration selects in transformers' own model: modules, and parameters of experts."""
    config = peft_lora_config(said)
    every, head = stock_modules(model), _head_of(model)
    if isinstance(config.target_modules, str) and config.target_modules.lower() == "all-linear":
        found = {name for name, module in every.items() if isinstance(module, (nn.Linear, Conv1D)) and module is not head}
    elif config.target_modules:
        found = {name for name in every if name and _is_target(config, name)}
    else:
        found = set()
    ends = tuple(said.get("target_parameters") or ())
    return found | {name for name in expert_parameters(model) if any(name == end or name.endswith(f".{end}") for end in ends)}


def _is_target(config: LoraConfig, name: str) -> bool:
    found = check_target_module_exists(config, name)
    return found is True or isinstance(found, re.Match)  # an excluded module gives an object of another type


def _head_of(model: Any) -> nn.Module | None:
    head: nn.Module | None = model.get_output_embeddings()
    return head


def stock_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Path -> module as transformers' own model has them: without LoRA and without our stacks of experts."""
    modules: dict[str, nn.Module] = {}
    for path, module in model.named_modules():
        if ".lora_" not in path and not isinstance(module, ExpertStack) and not hasattr(module, "base_layer"):
            modules[plain_path(path)] = module
    return {path: module for path, module in modules.items() if not path.endswith((".experts.gate_up", ".experts.down"))}


def expert_parameters(model: nn.Module) -> list[str]:
    """Paths of the parameters that hold the weights of our stacks of experts in transformers' own model."""
    return [stock_name(plain_path(path)) for path, module in model.named_modules() if isinstance(module, ExpertStack)]


def stock_config(card: AdapterCard, names: Iterable[str], model: nn.Module, base: tuple[str, str | None]) -> dict[str, Any]:
    """adapter_config.json, as PEFT would write it for transformers' own model of this base.

    Args:
        card: of the adapter.
        names: paths of the adapted modules in our model.
        model: our causal LM, with or without the adapter.
        base: id or folder of the base model, and its revision.
    """
    every, stacks = stock_modules(model), expert_parameters(model)
    targets = {stock_name(name) for name in names}
    experts = targets & set(stacks)
    whole = experts == set(stacks) and all(name.endswith(EXPERT_PARAMETERS) for name in stacks)
    config = LoraConfig(
        target_modules=shortest_suffixes(targets - experts, list(every)),
        target_parameters=(list(EXPERT_PARAMETERS) if whole else shortest_suffixes(experts, stacks, least=3)) if experts else None,
        fan_in_fan_out=any(_is_conv1d(every.get(name)) for name in targets),
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
        inference_mode=True,
        base_model_name_or_path=base[0],
        revision=base[1],
        **lora_fields(card),
    ).to_dict()
    return {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}  # equal sets give equal bytes


def _is_conv1d(module: Any) -> bool:
    """Whether a layer is transformers' Conv1D on disk; in NF4 it is a linear layer that remembers it."""
    return isinstance(module, Conv1D) or getattr(module, "source_cls", None) is Conv1D


def lora_fields(card: AdapterCard) -> dict[str, Any]:
    """What a card says, in the names of PEFT."""
    return {
        "r": card.rank,
        "lora_alpha": card.alpha,
        "rank_pattern": dict(card.rank_pattern),
        "alpha_pattern": dict(card.alpha_pattern),
        "use_rslora": card.variant == "rslora",
        "use_dora": card.variant == "dora",
    }


def named_base(path: Path) -> str:
    """The base that an adapter names, where it is a folder on this machine; otherwise "". Raises as read_peft_config."""
    named = str(read_peft_config(path)["base_model_name_or_path"] or "")
    return named if named and Path(named).is_dir() else ""
