"""Adapters: made, loaded, saved. On disk they have the stock PEFT layout, so that PEFT, vLLM and others read them, and a card beside it.

In memory LoRA on experts sits on our MXFP4 stacks (`experts.gate_up`, `experts.down`); on disk it has the names that PEFT's
`target_parameters` gives to the same weights on a dequantized gpt-oss (`experts.base_layer` for gate_up, `experts` for down).
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
from prefopt.model.experts import ExpertStack, LoraExpertStack
from prefopt.model.load import Base
from prefopt.records import Record

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
EXPERT_PARAMETERS = ("mlp.experts.gate_up_proj", "mlp.experts.down_proj")
WEIGHTS, CONFIG, CARD = "adapter_model.safetensors", "adapter_config.json", "prefopt.json"


class Parity(Record):
    """How far a model is from another that should be the same: logits at the same positions of the same prompts."""

    against: str
    """What was compared with base and adapter as prefopt holds them, e.g. "stock PEFT on the dequantized base"."""
    prompts: Annotated[int, Field(ge=1)]
    positions: Annotated[int, Field(ge=1)]
    dtype: str
    max_difference: Annotated[float, Field(ge=0)]
    """Of two logits."""
    kl: float
    """Mean Kullback-Leibler divergence of the next token's distributions, in nats; rounding may leave it a little below 0."""
    same_top: Annotated[float, Field(ge=0, le=1)]
    """Share of positions at which both find the same token the most likely."""


class AdapterCard(Record):
    """Where an adapter comes from and what it fits; prefopt.json in its folder."""

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
    """Measured when it was exported."""

    @property
    def scaling(self) -> float:
        """What B times A is multiplied by."""
        return self.alpha / (math.sqrt(self.rank) if self.variant == "rslora" else self.rank)


def lora_config(base: Base, rank: int, alpha: int, *, experts: bool, variant: str = "lora", trainable: bool = True) -> LoraConfig:
    """LoRA on attention and, where asked, on MXFP4 experts. Raises ModelError where the base has no such layers, or for DoRA on experts."""
    names = [name for name, _ in base.model.named_modules()]
    targets = [name for name in ATTENTION if any(n.endswith(f".self_attn.{name}") for n in names)]
    if not targets:
        raise ModelError(f"{base.path}: no attention projections named {', '.join(ATTENTION)}; this architecture cannot be adapted yet")
    pattern = rf"self_attn\.(?:{'|'.join(targets)})"
    if experts and variant == "dora":
        raise ModelError(
            "DoRA needs whole weights, and those of MXFP4 experts never exist", hint="set adapter.experts = false, or another variant"
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
    config._register_custom_module({ExpertStack: LoraExpertStack})
    return config


def fresh_adapter(base: Base, settings: AdapterSettings, seed: int) -> PeftModel:
    """An untrained float32 adapter "default". Its B is zero: the model says what the base says. The global random state is untouched."""
    _refuse_second(base)
    config = lora_config(base, settings.rank, settings.alpha, experts=settings.experts, variant=settings.variant)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = PeftModel(base.model, config)
    return _in_float32(model)


def load_adapter(base: Base, path: Path, *, trainable: bool, name: str = "default") -> PeftModel:
    """The base with an adapter from a folder.

    Raises:
        ModelError: a file is missing or broken, the adapter was made for another base (both fingerprints are named), ranks or targets do
            not match its weights, or a weight is not finite.
    """
    _refuse_second(base)
    card = _card_for(base, path)
    config = lora_config(base, card.rank, card.alpha, experts=card.experts, variant=card.variant, trainable=trainable)
    with torch.random.fork_rng():
        model = _in_float32(PeftModel(base.model, config, adapter_name=name))
    _fill(model, path, name)
    return model.train(trainable)


def add_adapter(model: PeftModel, base: Base, path: Path, *, name: str) -> None:
    """Load another adapter beside those that a model has: frozen, not active. Costs the adapter's own bytes. Raises as `load_adapter`."""
    card = _card_for(base, path)
    active = model.active_adapter
    with torch.random.fork_rng():
        model.add_adapter(name, lora_config(base, card.rank, card.alpha, experts=card.experts, variant=card.variant, trainable=False))
    _in_float32(model)
    _fill(model, path, name)
    model.set_adapter(active)


@contextmanager
def weights_of(model: PeftModel, base: Base, path: Path, *, name: str = "default") -> Iterator[None]:
    """Inside, an adapter of the model has the weights of a folder in place of its own: no second adapter lies in memory. Raises as
    `load_adapter`."""
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
    """Save one adapter in the stock PEFT layout, with its card. The same weights always give the same bytes.

    Raises:
        ModelError: a weight is not finite.
    """
    weights = {_on_disk(key, name): tensor.detach().to("cpu", torch.float32).contiguous() for key, tensor in _parameters(model, name)}
    for key, tensor in weights.items():
        _refuse_broken(key, tensor, path)
    path.mkdir(parents=True, exist_ok=True)
    (path / WEIGHTS).write_bytes(save(dict(sorted(weights.items())), metadata={"format": "pt"}))
    _write_json(path / CONFIG, _stock_config(model, name, card))
    write_card(path / CARD, card)


def adapter_id(path: Path) -> str:
    """12 hex digits of the content of the weights."""
    file = path / WEIGHTS
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()[:12]
    except OSError:
        raise ModelError(f"{path}: no adapter there ({WEIGHTS} is missing)") from None


def write_card(file: Path, card: AdapterCard) -> None:
    """Write a card as `read_card` reads it; what was not measured is left out."""
    _write_json(file, card.model_dump(exclude={"parity"} if card.parity is None else None))


def read_card(path: Path) -> AdapterCard:
    """The card of an adapter. Raises ModelError where it is missing or broken."""
    file = path / CARD
    try:
        return AdapterCard.model_validate_json(file.read_bytes())
    except OSError:
        raise ModelError(f"{path}: no {CARD}, so its base and parent are unknown", hint="use an adapter that prefopt saved") from None
    except ValidationError as error:
        raise ModelError(f"{file}: not an adapter's card: {error.errors()[0]['msg']} at {error.errors()[0]['loc']}") from None


def _card_for(base: Base, path: Path) -> AdapterCard:
    if not path.is_dir():
        raise ModelError(f"{path}: no such adapter folder")
    card = read_card(path)
    if card.base != base.fingerprint:
        raise ModelError(
            f"{path}: this adapter was made for the base {card.base[:12]}, and {base.path} is {base.fingerprint[:12]}",
            hint="set model.path to the base it was trained on, or start again with `prefopt sft`",
        )
    return card


def _refuse_second(base: Base) -> None:
    if any(isinstance(module, LoraExpertStack) or hasattr(module, "lora_A") for module in base.model.modules()):
        raise ModelError("this base already carries an adapter", hint="load the base again, or use add_adapter() on the model that has one")


def _in_float32(model: PeftModel) -> PeftModel:
    """Keep every LoRA weight in float32: in bfloat16 most updates at learning rates near 1e-6 round to nothing."""
    for key, parameter in model.named_parameters():
        if ".lora_" in key:
            parameter.data = parameter.data.float()
    return model


def _parameters(model: PeftModel, name: str) -> list[tuple[str, torch.nn.Parameter]]:
    pattern = re.compile(rf"\.lora_(?:[AB]|magnitude_vector)\.{re.escape(name)}\.weight$")
    found = [(key, p) for key, p in model.named_parameters() if pattern.search(key)]
    if not found:
        raise ModelError(f"the model has no adapter {name!r}; it has {', '.join(model.peft_config)}")
    return found


def _on_disk(key: str, name: str) -> str:
    """Key of a parameter in memory -> its key in the stock PEFT layout."""
    key = key.replace(f".lora_magnitude_vector.{name}.weight", ".lora_magnitude_vector").replace(f".{name}.weight", ".weight")
    return key.replace(".experts.gate_up.", ".experts.base_layer.").replace(".experts.down.", ".experts.")


def _fill(model: PeftModel, path: Path, name: str) -> None:
    try:
        stored = load_file(path / WEIGHTS)
    except FileNotFoundError:
        raise _no_weights(path) from None
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path / WEIGHTS}: cut off or no safetensors file: {error}") from error
    slots = {_on_disk(key, name): parameter for key, parameter in _parameters(model, name)}
    if stored.keys() != slots.keys():
        extra, absent = sorted(stored.keys() - slots.keys()), sorted(slots.keys() - stored.keys())
        _refuse_tables(path, extra)
        raise ModelError(
            f"{path}: the targets do not match the card: {len(absent)} weights are missing ({', '.join(absent[:1]) or 'none'}), "
            f"{len(extra)} have no place ({', '.join(extra[:1]) or 'none'})"
        )
    for key, parameter in slots.items():
        if stored[key].shape != parameter.shape:
            raise ModelError(
                f"{path}: {key} has shape {tuple(stored[key].shape)}; rank {model.peft_config[name].r} on this base "
                f"wants {tuple(parameter.shape)}"
            )
        _refuse_broken(key, stored[key], path)
        with torch.no_grad():
            parameter.copy_(stored[key])


def _no_weights(path: Path) -> ModelError:
    pickled = path / "adapter_model.bin"
    if pickled.exists():
        text = f"{path}: its weights are a pickle ({pickled.name}), which can run code when read, so it is refused"
        return ModelError(text, hint="save it as safetensors on a machine you trust")
    return ModelError(f"{path}: {WEIGHTS} is missing")


def _refuse_tables(path: Path, extra: list[str]) -> None:
    """Adapters of the output head or the embeddings are another thing than a missing target: no recipe would train them."""
    tables = [key for key in extra if re.search(r"\.(?:lm_head|embed_tokens|wte)\.", key)]
    if tables:
        raise ModelError(
            f"{path}: it adapts the head or the embeddings ({tables[0]}); log-probabilities are computed from the head's own weight, "
            "so it would be read and not used",
            hint="train one on attention and experts alone",
        )


def _refuse_broken(key: str, tensor: Tensor, path: Path) -> None:
    if not bool(torch.isfinite(tensor).all()):
        raise ModelError(f"{path}: {key} holds values that are not finite", hint="the training diverged: lower the learning rate")


def _stock_config(model: PeftModel, name: str, card: AdapterCard) -> dict[str, Any]:
    """adapter_config.json as PEFT would write it for a dequantized base."""
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
    return {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True, default=str) + "\n", encoding="utf-8")
