"""Import an adapter that stock PEFT or a training service saved: the same function with a card, so that prefopt trains it further.

PEFT itself says what its adapter_config.json means: it builds the adapter on the base without data, and every layer's rank, alpha and
variant are read from there. The logits are then compared with those of stock PEFT on the base that transformers loads.
"""

from __future__ import annotations

import gc
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from torch import Tensor
from transformers import AutoModelForCausalLM

from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.io.files import replacing
from prefopt.model.adapter_card import CARD, CONFIG, AdapterCard, Imported, Parity, adapter_id, read_card, write_card, write_json
from prefopt.model.adapter_weights import read_shapes, read_weights, refuse_tables, tables_refused, write_weights
from prefopt.model.adapters import load_adapter
from prefopt.model.hub import base_name
from prefopt.model.linear_layers import adaptable
from prefopt.model.load import Base, load_base, model_config, model_folder
from prefopt.model.module_names import own_name, plain_path, stored_path
from prefopt.model.parity import compare, logits_at_ends, refuse_difference, refuse_too_large, unrounded, with_stock_peft
from prefopt.model.peft_config import peft_lora_config, read_peft_config, stock_config
from prefopt.model.plan_bytes import empty_base
from prefopt.model.restacking import Restacking, restacking
from prefopt.model.root_scaling import fold, scaled
from prefopt.model.targets import targets_of
from prefopt.protocols import OnStep, ignore_steps

_PROMPTS, _TOKENS = 4, 48  # compared with stock PEFT
_STEM = "base_model.model."
Variant = Literal["lora", "rslora", "dora"]


@dataclass(frozen=True)
class Adapted:
    """A module that a stock adapter changes, as PEFT reads its configuration."""

    stem: str
    """Of its keys in the weights file."""
    module: str
    """Its path in transformers' own model; of experts, the parameter's."""
    rank: int
    alpha: int
    shapes: Mapping[str, tuple[int, ...]]
    """Part of the key after the stem -> shape of the tensor."""


@dataclass(frozen=True)
class Reading:
    """What a stock adapter is on a base, before its weights are read."""

    card: AdapterCard
    """Without fingerprint and parity."""
    modules: tuple[Adapted, ...]
    factors: Mapping[str, float]
    """Stem -> factor of B, where a card cannot say the scale."""
    notes: tuple[str, ...]
    """What people should know."""
    restacking: Restacking | None = None
    """Of a file that stores experts apart."""


@dataclass(frozen=True)
class ImportedAdapter:
    """An imported adapter."""

    path: Path
    card: AdapterCard
    notes: tuple[str, ...]


def read_stock_adapter(settings: ModelSettings, source: Path) -> Reading:
    """What an adapter folder of stock PEFT says on this base. Loads no weights.

    Raises:
        ModelError: the folder or a file is missing; it asks for something that prefopt does not support (named, with the reason); it
            changes what is not a linear layer of the text decoder or a stack of MXFP4 experts; PEFT cannot build it on this base.
    """
    if not source.is_dir():
        raise ModelError(f"{source}: no such adapter folder", hint="give the folder with adapter_config.json")
    said = read_peft_config(source)
    base, folder = empty_base(unrounded(settings)), model_folder(settings.path)
    apart = restacking(source, said, read_shapes(source), adaptable(base.model), model_config(folder))
    said = dict(apart.config) if apart else said
    modules = _adapted(source, said, folder)
    _refuse_foreign(source, modules, base)
    names = [own_name(module.module) for module in modules]
    targets, experts = targets_of(base.model, names)
    rank, ranks = _usual({module.module: module.rank for module in modules}, int(said["r"]))
    alpha, alphas = _usual({module.module: module.alpha for module in modules}, int(said["lora_alpha"]))
    variant: Variant = "dora" if said["use_dora"] else "rslora" if said["use_rslora"] else "lora"
    card = AdapterCard(
        parent=None,
        base="",
        recipe="import",
        round=0,
        seed=0,
        rank=rank,
        alpha=alpha,
        experts=experts,
        variant=variant,
        targets=targets,
        rank_pattern=ranks,
        alpha_pattern=alphas,
    )
    factors: dict[str, float] = {}
    if said["use_dora"] and said["use_rslora"]:  # a card has one variant, so the scale of rsLoRA becomes a part of alpha
        card, factors = fold(card, "dora", {module.stem: module.module for module in modules})
    notes = (*_notes(said, folder), *(apart.notes if apart else ()))
    return Reading(card, tuple(modules), factors, notes, apart)


def import_adapter(
    settings: ModelSettings, source: Path, out: Path, *, verify: bool = True, number: int = 0, on_step: OnStep = ignore_steps
) -> ImportedAdapter:
    """Write an adapter of stock PEFT as an adapter of prefopt. The folder appears complete or not at all.

    Args:
        settings: the base model.
        source: folder with adapter_config.json and adapter_model.safetensors.
        out: the folder to make; must not exist.
        verify: compare float32 logits with those of stock PEFT; needs the whole model, dequantized, in memory.
        number: of the round that the card names.
        on_step: progress.

    Raises:
        ModelError: as read_stock_adapter; the weights are missing, a pickle, not finite, or others than the configuration asks for; a
            logit differs by more than parity.LIMIT; the model does not fit into memory.
    """
    if out.exists():
        raise ModelError(f"{out} already exists", hint="give the path of a new folder")
    reading, folder = read_stock_adapter(settings, source), model_folder(settings.path)
    weights = _renamed(scaled(_stored(source, reading), reading.factors), reading)
    exact = unrounded(settings).model_copy(update={"dtype": "float32"}) if verify else settings
    if verify:
        refuse_too_large(exact, folder, hint="import on a larger machine, or without the comparison: --no-verify")
    base = load_base(exact)
    origin = Imported(weights=adapter_id(source), verified=verify)
    card = reading.card.model_copy(
        update={"base": base.fingerprint, "base_parts": base.identity.parts, "round": number, "imported": origin}
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as made:
        names = [own_name(module.module) for module in reading.modules]
        write_weights(made, weights)
        write_json(made / CONFIG, stock_config(card, names, base.model, base_name(settings.path)))
        write_card(made / CARD, card)
        if verify:
            stock = source if reading.restacking is None else made  # stock PEFT reads no experts that are stored apart
            card = card.model_copy(update={"parity": _parity(exact, base, stock, made, on_step)})
            write_card(made / CARD, card)
    notes = list(reading.notes)
    if (source / CARD).is_file() and (made_for := read_card(source).base) != base.fingerprint:
        notes.append(f"its {CARD} was written for the base {made_for[:12]}, and {folder} is {base.fingerprint[:12]}")
    return ImportedAdapter(out, card, tuple(notes))


def _adapted(source: Path, said: Mapping[str, Any], folder: Path) -> list[Adapted]:
    """Every module that PEFT adapts by this configuration in transformers' own model of the base."""
    model = _stock_peft(source, said, folder)
    found = []
    for name, layer in model.base_model.model.named_modules():
        if not isinstance(layer, LoraLayer):
            continue
        module = plain_path(name)
        parameter = getattr(layer, "parameter_name", None)  # of experts: PEFT wraps one parameter after the other
        stem = f"{_STEM}{name}"
        parts = {key: tuple(value.shape) for key, value in layer.named_parameters() if ".base_layer." not in f".{key}"}
        shapes = {key.replace(".default.weight", _ending(key)): shape for key, shape in parts.items() if ".default." in key}
        if "default" not in layer.r or set(shapes) - {"lora_A.weight", "lora_B.weight", "lora_magnitude_vector"}:
            raise _foreign(source, module, type(layer.get_base_layer()).__name__)
        rank, alpha = int(layer.r["default"]), int(layer.lora_alpha["default"])
        found.append(Adapted(stem, f"{module}.{parameter}" if parameter else module, rank, alpha, shapes))
    return found


def _ending(key: str) -> str:
    return "" if key.startswith("lora_magnitude_vector") else ".weight"


def _stock_peft(source: Path, said: Mapping[str, Any], folder: Path) -> Any:
    """PEFT's model without data."""
    config = model_config(folder)
    if getattr(config, "quantization_config", None) is not None:
        del config.quantization_config
    try:
        with warnings.catch_warnings(), torch.device("meta"):
            warnings.simplefilter("ignore")
            plain = {**said, "init_lora_weights": True, "inference_mode": True}  # how A and B start does not matter: they are read
            return PeftModel(AutoModelForCausalLM.from_config(config), peft_lora_config(plain))
    except ModelError:
        raise
    except Exception as error:  # whatever a configuration makes PEFT stumble over, it is one that cannot be read
        raise ModelError(
            f"{source}: stock PEFT cannot build this adapter on {folder}: {(str(error) or type(error).__name__).splitlines()[0]}",
            hint="give the base that the adapter was trained on: set model.path, or --model",
        ) from error


def _refuse_foreign(source: Path, modules: Sequence[Adapted], base: Base) -> None:
    """Raise ModelError where the adapter changes what prefopt does not adapt."""
    known = {item.stock_name for item in adaptable(base.model)}
    refuse_tables(source, [f"{module.stem}." for module in modules])
    for module in modules:
        if module.module not in known:
            raise _foreign(source, module.module, "")


def _foreign(source: Path, module: str, kind: str) -> ModelError:
    if re.search(r"(?:^|\.)(?:lm_head|embed_tokens|wte|embed_out)$", module):
        return tables_refused(source, module)
    what = f" ({kind})" if kind else ""
    return ModelError(
        f"{source}: this adapter changes {module}{what}, which is neither a linear layer of the text decoder nor a stack of MXFP4 experts",
        hint="train an adapter of other target_modules",
    )


def _usual(values: Mapping[str, int], stated: int) -> tuple[int, dict[str, int]]:
    """The stated value where a module has it, otherwise the most common one; and the modules that have another."""
    usual = stated if stated in values.values() else Counter(values.values()).most_common(1)[0][0]
    return usual, {module: value for module, value in values.items() if value != usual}


def _notes(said: Mapping[str, Any], folder: Path) -> list[str]:
    notes = []
    if said["lora_dropout"]:
        notes.append(f"lora_dropout = {said['lora_dropout']:g} is not used when prefopt trains the adapter further")
    named = said["base_model_name_or_path"]
    if named and Path(str(named)).name != folder.name:
        notes.append(f"the adapter names the base {named}, and was imported on {folder}")
    return notes


def _stored(source: Path, reading: Reading) -> dict[str, Tensor]:
    """The weights of a stock adapter in float32, which must be exactly those that its configuration asks for."""
    weights = read_weights(source)
    if reading.restacking is not None:
        by_module = reading.restacking.apply(weights)
        weights = {
            f"{module.stem}.{part}": by_module[f"{_STEM}{module.module}.{part}"] for module in reading.modules for part in module.shapes
        }
    expected = {f"{module.stem}.{part}": shape for module in reading.modules for part, shape in module.shapes.items()}
    extra, absent = sorted(weights.keys() - expected.keys()), sorted(expected.keys() - weights.keys())
    refuse_tables(source, extra)
    if extra or absent:
        raise ModelError(
            f"{source}: the weights are not those that {CONFIG} asks for: {len(absent)} are missing ({', '.join(absent[:1]) or 'none'}), "
            f"{len(extra)} are unknown ({', '.join(extra[:1]) or 'none'})",
            hint="copy the whole folder of the adapter again",
        )
    for key, shape in expected.items():
        if tuple(weights[key].shape) != shape:
            raise ModelError(
                f"{source}: {key} has shape {tuple(weights[key].shape)}; {CONFIG} on this base requires {shape}",
                hint="give the base that the adapter was trained on: set model.path, or --model",
            )
    return {key: value.float() for key, value in weights.items()}


def _renamed(weights: Mapping[str, Tensor], reading: Reading) -> dict[str, Tensor]:
    """The weights under the names that prefopt stores: the same, whatever the order in which PEFT wrapped the experts' parameters."""
    adapted = {own_name(module.module) for module in reading.modules}
    named = {}
    for module in reading.modules:
        stem = f"{_STEM}{stored_path(own_name(module.module), adapted)}"
        named.update({f"{stem}.{part}": weights[f"{module.stem}.{part}"] for part in module.shapes})
    return named


def _parity(settings: ModelSettings, base: Base, source: Path, made: Path, on_step: OnStep) -> Parity:
    """Compare the imported adapter with the stock one. Raises ModelError where they differ."""
    rows = base.model.get_input_embeddings().weight.shape[0]  # type: ignore[operator]  # a causal LM of transformers
    words = min(rows, len(base.tokenizer))
    prompts = torch.randint(words, (_PROMPTS, _TOKENS), generator=torch.Generator().manual_seed(0)).tolist()
    ours = logits_at_ends(load_adapter(base, made, trainable=False), prompts, on_step, "logits of prefopt's model")
    folder = base.path
    del base
    gc.collect()
    parity = compare(ours, lambda: with_stock_peft(folder, settings, source), "stock PEFT on the base", prompts, on_step)
    refuse_difference(parity, "the adapter was not imported")
    return parity
