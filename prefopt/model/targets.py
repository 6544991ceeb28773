"""The modules that an adapter changes: chosen by adapter.targets and adapter.experts, and counted as coverage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn
from transformers.pytorch_utils import Conv1D

from prefopt.config import Targets
from prefopt.errors import ModelError
from prefopt.model.linear_layers import (
    OTHER_MODALITIES,
    Kind,
    Linear,
    adaptable,
    decoder_layers,
    is_attention,
    is_mixer,
    is_router,
    text_decoder,
    walk,
)
from prefopt.model.module_names import plain_path, shortest_suffixes, stock_name
from prefopt.model.packed import text_config


@dataclass(frozen=True)
class Coverage:
    """How much of a decoder an adapter reaches."""

    covered: dict[str, int]
    """Adapted modules of each kind: attention, mlp, experts, other token mixers."""
    present: dict[str, int]
    """All modules of each kind; a stack of experts that cannot be adapted counts too."""
    layers: int
    untouched: tuple[int, ...]
    """Decoder layers without any adapted module."""
    out_of_reach: int
    """Modules that stock PEFT cannot adapt in this architecture."""
    without_attention: dict[str, int]
    """Class of the token mixer -> number of decoder layers that mix tokens by it instead of attention."""

    def line(self) -> str:
        """The coverage in one line."""
        parts = [f"{kind} {self.covered.get(kind, 0)} of {count}" for kind, count in self.present.items()]
        text = f"{sum(self.covered.values())} of {sum(self.present.values())} modules ({', '.join(parts)}) in {self.layers} layers"
        if self.untouched:
            text += f"; nothing in {len(self.untouched)} layers: {', '.join(map(str, self.untouched))}"
        if self.out_of_reach:
            text += f"; stock PEFT cannot adapt {self.out_of_reach} of them in this architecture"
        mixers = ", ".join(f"{name} in {count}" for name, count in self.without_attention.items())
        return text + (f"; layers without attention: {mixers}" if mixers else "")

    def plain(self) -> dict[str, Any]:
        """The coverage as plain values."""
        return {
            "covered": self.covered,
            "present": self.present,
            "layers": self.layers,
            "untouched_layers": list(self.untouched),
            "out_of_reach": self.out_of_reach,
            "layers_without_attention": self.without_attention,
        }


def select(model: nn.Module, targets: Targets, *, experts: bool) -> list[str]:
    """Paths of the modules to adapt, in the model's order.

    Args:
        model: a causal LM without an adapter.
        targets: "attention", "all-linear", or names of modules (the last parts of their paths; of experts' parameters too).
        experts: also every MXFP4 stack of experts.

    Raises:
        ModelError: a name matches nothing; nothing is left to adapt; a layer's attention would be adapted in part; there are no MXFP4
            experts although `experts` is set.
    """
    known = adaptable(model)
    stacks = {item.name for item in known if item.is_stack}
    if experts and not stacks:
        raise ModelError("the model has no MXFP4 experts to adapt", hint='set adapter.experts = "auto"')
    chosen = set(stacks) if experts else set()
    if isinstance(targets, str):
        kinds = ("attention",) if targets == "attention" else ("attention", "mlp", "experts", "mixer")
        linear = {item.name for item in known if item.kind in kinds and item.reached} - stacks
        if not linear:
            raise ModelError(
                f"no linear layers to adapt with adapter.targets = {targets!r}: the decoder has {_inventory(known)}",
                hint='set adapter.targets = "all-linear"' if known and targets == "attention" else "use another model",
            )
        _refuse_partial(model, linear)
        chosen |= linear
    else:
        chosen |= _named(known, targets)
    if not chosen:
        raise ModelError("adapter.targets is empty, so nothing would be adapted", hint='set adapter.targets = "attention"')
    return [item.name for item in known if item.name in chosen]


def targets_of(model: nn.Module, names: Collection[str]) -> tuple[Targets, bool]:
    """The settings adapter.targets and adapter.experts that select exactly these modules: the shortest that do."""
    known, wanted = adaptable(model), set(names)
    stacks = {item.name for item in known if item.is_stack}
    experts = bool(stacks) and stacks <= wanted
    words: tuple[Literal["attention", "all-linear"], ...] = ("attention", "all-linear")
    for word in words:
        try:
            if set(select(model, word, experts=experts)) == wanted:
                return word, experts
        except ModelError:  # not a selection of this model, or only a part of its attention
            continue
    rest = {stock_name(name) for name in wanted - (stacks if experts else set())}
    return tuple(shortest_suffixes(rest, [item.stock_name for item in known])), experts


def coverage(model: nn.Module, names: Collection[str]) -> Coverage:
    """How much of the decoder an adapter of these modules reaches; `model` has no adapter."""
    known, wanted = adaptable(model), set(names)
    adapted = [item for item in known if item.name in wanted]
    layers = decoder_layers(model)
    present = Counter(_shown(item.kind) for item in known if item.kind != "router" or item.name in wanted)
    present["experts"] += sum(len(_stacked_parameters(layer)) for layer in layers)
    mixers = [_mixer_of(layer) for layer in layers]
    touched = {item.layer for item in adapted}
    return Coverage(
        covered=dict(Counter(_shown(item.kind) for item in adapted)),
        present={kind: count for kind, count in present.items() if count},
        layers=len(layers),
        untouched=tuple(index for index in range(len(layers)) if index not in touched),
        out_of_reach=sum(not item.reached and item.kind != "router" for item in known),
        without_attention=dict(Counter(mixer for mixer in mixers if mixer is not None)),
    )


def _shown(kind: Kind) -> str:
    return "other token mixers" if kind == "mixer" else kind


def _named(known: Sequence[Linear], targets: Sequence[str]) -> set[str]:
    chosen: set[str] = set()
    for target in targets:
        matched = {item.name for item in known if item.stock_name == target or item.stock_name.endswith(f".{target}")}
        if not matched:
            ends = sorted({item.stock_name.rsplit(".", 1)[-1] for item in known})
            raise ModelError(
                f"adapter.targets names {target!r}, and no linear layer of the decoder is called so",
                hint=f"there are {', '.join(ends) or 'none'}; a name may be longer, e.g. {known[0].stock_name!r}" if known else "",
            )
        if out_of_reach := sorted(item.name for item in known if item.name in matched and not item.reached):
            raise ModelError(
                f"adapter.targets names {target!r}, and stock PEFT cannot adapt {out_of_reach[0]} in this architecture",
                hint="leave this name out of adapter.targets",
            )
        chosen |= matched
    return chosen


def _inventory(known: Sequence[Linear]) -> str:
    counts = Counter(_shown(item.kind) for item in known)
    return ", ".join(f"{count} of {kind}" for kind, count in counts.items()) or "none"


def _refuse_partial(model: nn.Module, chosen: Collection[str]) -> None:
    """Raise ModelError where an attention module has projections that LoRA cannot adapt."""
    prefix, decoder = text_decoder(model)
    hidden = getattr(text_config(model), "hidden_size", 0)
    for path, module, ancestors in walk(decoder):
        if not is_attention(module) or any(is_attention(ancestor) for ancestor in ancestors) or OTHER_MODALITIES.search(path):
            continue
        for name, parameter in module.named_parameters():
            owner = name.rpartition(".")[0]
            holder = module.get_submodule(owner)
            full = plain_path(f"{prefix}{path}.{owner}".rstrip("."))
            if ".lora_" in name:
                continue
            small = parameter.dim() < 2 or (parameter.numel() < hidden * hidden // 8 and not isinstance(holder, (nn.Linear, Conv1D)))
            if full in chosen or small or isinstance(holder, (nn.Embedding, nn.Conv1d)) or is_router(full, holder, [module]):
                continue
            raise ModelError(
                f"{prefix}{path} ({type(module).__name__}) would be adapted in part: {name} {tuple(parameter.shape)} is not a linear "
                "layer, and LoRA cannot adapt it",
                hint=f"name the modules that shall be adapted, e.g. adapter.targets = {_example(chosen)}",
            )


def _example(chosen: Collection[str]) -> str:
    ends = sorted({name.rsplit(".", 1)[-1] for name in chosen})
    return "[" + ", ".join(f'"{end}"' for end in ends) + "]"


def _stacked_parameters(layer: nn.Module) -> list[str]:
    """Weights of all experts in one parameter, which only an MXFP4 stack can adapt."""
    return [
        name for name, parameter in layer.named_parameters() if parameter.dim() == 3 and min(parameter.shape) > 1 and "conv" not in name
    ]


def _mixer_of(layer: nn.Module) -> str | None:
    """Class of what mixes tokens in a decoder layer; None where it is attention."""
    modules = list(layer.modules())
    if any(is_attention(module) for module in modules):
        return None
    return next((type(module).__name__ for module in modules if is_mixer(module)), "no token mixer")
