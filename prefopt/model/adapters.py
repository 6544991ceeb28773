"""Create, load and save LoRA adapters. On disk they have the stock PEFT layout, which PEFT, vLLM and others read, plus a card.

In memory, LoRA on experts is attached to our MXFP4 stacks (`experts.gate_up`, `experts.down`). On disk its weights have the names that
PEFT's `target_parameters` gives them on a dequantized gpt-oss (`experts.base_layer` for gate_up, `experts` for down).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from peft import LoraConfig, PeftModel
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from prefopt.config import AdapterSettings
from prefopt.errors import ModelError
from prefopt.io.files import write_bytes, write_text
from prefopt.model.experts import ExpertStack, LoraExpertStack
from prefopt.model.load import Base
from prefopt.records import Record

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
EXPERT_PARAMETERS = ("mlp.experts.gate_up_proj", "mlp.experts.down_proj")
WEIGHTS, CONFIG, CARD = "adapter_model.safetensors", "adapter_config.json", "prefopt.json"


class Parity(Record):
    """Difference between two models that should be equal: logits at the same positions of the same prompts."""

    against: str
    """The model that was compared with prefopt's own, e.g. "stock PEFT on the dequantized base"."""
    prompts: Annotated[int, Field(ge=1)]
    positions: Annotated[int, Field(ge=1)]
    dtype: str
    max_difference: Annotated[float, Field(ge=0)]
    """Largest difference of two logits."""
    kl: float
    """Mean Kullback-Leibler divergence of the next-token distributions, in nats; rounding can make it slightly negative."""
    same_top: Annotated[float, Field(ge=0, le=1)]
    """Share of positions at which both models rank the same token first."""


class AdapterCard(Record):
    """Origin of an adapter and the base it belongs to; prefopt.json in its folder."""

    parent: str | None
    """adapter_id of the parent; None for the base SFT stage."""
    base: str
    """Fingerprint of the base model."""
    recipe: str
    round: Annotated[int, Field(ge=0)]
    seed: int
    rank: Annotated[int, Field(ge=1)]
    alpha: Annotated[int, Field(ge=1)]
    experts: bool
    variant: Literal["lora", "rslora", "dora"] = "lora"
    parity: Parity | None = None
    """Measured when the adapter was exported."""

    @property
    def scaling(self) -> float:
        """Factor of B times A."""
        return self.alpha / (math.sqrt(self.rank) if self.variant == "rslora" else self.rank)


def lora_config(base: Base, rank: int, alpha: int, *, experts: bool, variant: str = "lora", trainable: bool = True) -> LoraConfig:
    """PEFT's configuration of LoRA on attention and, if requested, on MXFP4 experts.

    Args:
        base: the model that gets the adapter.
        rank: of every target.
        alpha: LoRA's alpha.
        experts: also adapt the experts.
        variant: "lora", "rslora" (scaling alpha / sqrt(rank)) or "dora".
        trainable: False for inference.

    Raises:
        ModelError: the base has no such layers, or `variant` is "dora" and `experts` is set.
    """
    names = [name for name, _ in base.model.named_modules()]
    targets = [name for name in ATTENTION if any(n.endswith(f".self_attn.{name}") for n in names)]
    if not targets:
        raise ModelError(f"{base.path}: no attention projections named {', '.join(ATTENTION)}; this architecture cannot be adapted yet")
    pattern = rf"self_attn\.(?:{'|'.join(targets)})"
    if experts and variant == "dora":
        raise ModelError(
            "DoRA needs whole weights, and MXFP4 experts are never dequantized as a whole",
            hint="set adapter.experts = false, or another adapter.variant",
        )
    if experts:
        if not any(isinstance(m, ExpertStack) for m in base.model.modules()):
            raise ModelError(f"{base.path}: no MXFP4 experts to adapt", hint="set adapter.experts = false")
        pattern += r"|mlp\.experts\.(?:gate_up|down)"
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=rf".*\.(?:{pattern})",
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
        use_rslora=variant == "rslora",
        use_dora=variant == "dora",
        inference_mode=not trainable,
    )
    config._register_custom_module({ExpertStack: LoraExpertStack})  # private, yet documented by PEFT as the way to add a layer type
    return config


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
    config = lora_config(base, settings.rank, settings.alpha, experts=settings.experts, variant=settings.variant)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = PeftModel(base.model, config)
    return _in_float32(model)


def load_adapter(base: Base, path: Path, *, trainable: bool, name: str = "default") -> PeftModel:
    """The base with an adapter from a folder.

    Raises:
        ModelError: a file is missing or broken, the adapter was made for another base (the message has both fingerprints), its weights do
            not match rank or targets, or a weight is not finite.
    """
    _refuse_second(base)
    card = _card_for(base, path)
    config = lora_config(base, card.rank, card.alpha, experts=card.experts, variant=card.variant, trainable=trainable)
    with torch.random.fork_rng():  # PEFT draws A at random before it is overwritten
        model = _in_float32(PeftModel(base.model, config, adapter_name=name))
    _fill(model, path, name)
    return model.train(trainable)


def add_adapter(model: PeftModel, base: Base, path: Path, *, name: str) -> None:
    """Load a further adapter into a model: frozen, and not active. Takes the adapter's own bytes. Raises as `load_adapter`."""
    card = _card_for(base, path)
    active = model.active_adapter
    with torch.random.fork_rng():
        model.add_adapter(name, lora_config(base, card.rank, card.alpha, experts=card.experts, variant=card.variant, trainable=False))
    _in_float32(model)
    _fill(model, path, name)
    model.set_adapter(active)


@contextmanager
def weights_of(model: PeftModel, base: Base, path: Path, *, name: str = "default") -> Iterator[None]:
    """Give an adapter of the model the weights of a folder while the body runs, then restore its own.

    Needs one copy of the adapter's weights, instead of a second adapter with its own place in every layer. Raises as `load_adapter`.
    """
    _card_for(base, path)
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
    weights = {_on_disk(key, name): tensor.detach().to("cpu", torch.float32).contiguous() for key, tensor in _parameters(model, name)}
    for key, tensor in weights.items():
        _refuse_broken(key, tensor, path)
    path.mkdir(parents=True, exist_ok=True)
    write_bytes(path / WEIGHTS, save(dict(sorted(weights.items())), metadata={"format": "pt"}))
    _write_json(path / CONFIG, _stock_config(model, name, card))
    write_card(path / CARD, card)


def adapter_id(path: Path) -> str:
    """First 12 hex digits of the sha256 of the weights file. Raises ModelError if there is none."""
    file = path / WEIGHTS
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:12]
    except OSError:
        raise ModelError(f"{path}: not an adapter folder ({WEIGHTS} is missing)") from None


def write_card(file: Path, card: AdapterCard) -> None:
    """Write a card for `read_card`, without `parity` if it was not measured."""
    _write_json(file, card.model_dump(exclude={"parity"} if card.parity is None else None))


def read_card(path: Path) -> AdapterCard:
    """The card in an adapter's folder. Raises ModelError if it is missing or invalid."""
    file = path / CARD
    try:
        return AdapterCard.model_validate_json(file.read_bytes())
    except OSError:
        raise ModelError(f"{path}: {CARD} is missing, so base and parent are unknown", hint="use the adapter of a round") from None
    except ValidationError as error:
        raise ModelError(f"{file}: not a valid adapter card: {error.errors()[0]['msg']} at {error.errors()[0]['loc']}") from None


def _card_for(base: Base, path: Path) -> AdapterCard:
    if not path.is_dir():
        raise ModelError(f"{path}: no such adapter folder")
    card = read_card(path)
    if card.base != base.fingerprint:
        raise ModelError(
            f"{path}: this adapter was made for the base {card.base[:12]}, and {base.path} is {base.fingerprint[:12]}",
            hint="set model.path to the base that the adapter was trained on, or start a project for the other base: prefopt init FOLDER",
        )
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


def _on_disk(key: str, name: str) -> str:
    """Name of an adapter's parameter in memory -> its name in the stock PEFT layout."""
    key = key.replace(f".lora_magnitude_vector.{name}.weight", ".lora_magnitude_vector").replace(f".{name}.weight", ".weight")
    return key.replace(".experts.gate_up.", ".experts.base_layer.").replace(".experts.down.", ".experts.")


def _fill(model: PeftModel, path: Path, name: str) -> None:
    """Copy the weights of a folder into an adapter of the model."""
    try:
        stored = load_file(path / WEIGHTS)
    except FileNotFoundError:
        raise _no_weights(path) from None
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path / WEIGHTS}: truncated, or not a safetensors file: {error}") from error
    slots = {_on_disk(key, name): parameter for key, parameter in _parameters(model, name)}
    if stored.keys() != slots.keys():
        extra, absent = sorted(stored.keys() - slots.keys()), sorted(slots.keys() - stored.keys())
        _refuse_tables(path, extra)
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
        _refuse_broken(key, stored[key], path)
        with torch.no_grad():
            parameter.copy_(stored[key])


def _no_weights(path: Path) -> ModelError:
    pickled = path / "adapter_model.bin"
    if pickled.exists():
        text = f"{path}: refused, because reading a pickle ({pickled.name}) can run code"
        return ModelError(text, hint="save it as safetensors on a machine you trust")
    return ModelError(f"{path}: {WEIGHTS} is missing")


def _refuse_tables(path: Path, extra: list[str]) -> None:
    """Refuse adapters of the output head or the embeddings, with a message of their own: scoring reads the head's own weight."""
    tables = [key for key in extra if re.search(r"\.(?:lm_head|embed_tokens|wte)\.", key)]
    if tables:
        raise ModelError(
            f"{path}: this adapter changes the head or the embeddings ({tables[0]}); log-probabilities are computed from the head's own "
            "weight, so the change would be ignored",
            hint="train an adapter on attention and experts only",
        )


def _refuse_broken(key: str, tensor: Tensor, path: Path) -> None:
    if not bool(torch.isfinite(tensor).all()):
        raise ModelError(f"{path}: {key} holds values that are not finite", hint="train it again with a lower learning_rate")


def _stock_config(model: PeftModel, name: str, card: AdapterCard) -> dict[str, Any]:
    """adapter_config.json, as PEFT would write it for a dequantized base."""
    ours = model.peft_config[name]
    names = {key.split(".lora_")[0].rsplit(".", 1)[-1] for key, _ in _parameters(model, name)}
    config = LoraConfig(
        r=ours.r,
        lora_alpha=ours.lora_alpha,
        target_modules=sorted(names & set(ATTENTION)),
        target_parameters=list(EXPERT_PARAMETERS) if card.experts else None,
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
        use_rslora=ours.use_rslora,
        use_dora=ours.use_dora,
        inference_mode=True,
    ).to_dict()
    return {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}  # equal sets give equal bytes


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_text(path, json.dumps(content, indent=2, sort_keys=True, default=str) + "\n")
