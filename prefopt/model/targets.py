"""The layers that LoRA adapts: chosen from the text decoder by what they are, not by what they are called.

A decoder's linear layers are those that stock PEFT can adapt (nn.Linear, its four-bit versions, transformers' Conv1D). Each is of one kind:
attention, mlp, experts, router, or another token mixer (convolution, state space, linear recurrence). Vision towers, the output head and
the embeddings are never among them. MXFP4 stacks of experts go by the names of the parameters that stock PEFT sees in their place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from peft.tuners.tuners_utils import _check_lora_target_modules_mamba
from peft.utils.transformers_weight_conversion import _MODEL_TO_CONVERSION_PATTERN, _MOE_TARGET_MODULE_MAPPING
from torch import nn
from transformers.pytorch_utils import Conv1D

from prefopt.config import Targets
from prefopt.errors import ModelError
from prefopt.model.experts import ExpertStack

Kind = Literal["attention", "mlp", "experts", "router", "mixer"]
PARAMETERS = {"gate_up": "gate_up_proj", "down": "down_proj"}
"""Name of an MXFP4 stack -> name of the parameter that holds the same weights in transformers' own model."""

_ATTENTION = re.compile(r"(?:Attention|Attn|MLA|MoA)\d*$")
_ROUTER = re.compile(r"(?:Router|Gating|Gate)$")
_MIXER = re.compile(
    r"(?:Mixer\d*|Mamba\d*|MambaLayer|ShortConv|DeltaNet|DeltaAttention|LightningAttention|LinearAttention|RecurrentBlock|Rglru|"
    r"^RwkvSelfAttention|LSTM\w*|Retention)$"
)
_MOE = re.compile(r"moe|sparse|expert", re.IGNORECASE)
_OTHER_MODALITIES = re.compile(r"(?:^|\.)(?:vision|visual|image|audio|speech|video)")
_ROUTERS = ("gate", "router", "wg", "shared_expert_gate")  # names of linear layers that score experts


@dataclass(frozen=True)
class Linear:
    """A linear layer of the decoder, or a stack of experts."""

    name: str
    """Its path in the causal LM."""
    kind: Kind
    layer: int | None
    """Index of its decoder layer; None outside the layers."""
    is_stack: bool = False
    """Whether it is a stack of MXFP4 experts."""
    reached: bool = True
    """Whether stock PEFT can adapt it; if not, no setting adapts it."""

    @property
    def stock_name(self) -> str:
        """Its path in transformers' own model: for a stack of experts, that of the parameter."""
        return stock_name(self.name)


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


def stock_name(name: str) -> str:
    """A module's path in our model -> its path in transformers' own; only stacks of experts differ."""
    stem, _, last = name.rpartition(".")
    return f"{stem}.{PARAMETERS[last]}" if stem.endswith(".experts") and last in PARAMETERS else name


def own_name(name: str) -> str:
    """The reverse of `stock_name`."""
    stem, _, last = name.rpartition(".")
    ours = {parameter: stack for stack, parameter in PARAMETERS.items()}
    return f"{stem}.{ours[last]}" if stem.endswith(".experts") and last in ours else name


def stored_path(name: str, adapted: Collection[str]) -> str:
    """A module's path in our model -> its path in the stock PEFT layout.

    PEFT nests the wrappers of two parameters of the same module: the first, gate_up_proj, is inside and gets `experts.base_layer`. Where
    only one of them is adapted, it has no other wrapper around it.

    Args:
        name: of the module.
        adapted: paths of all modules of the adapter.
    """
    stem, _, last = name.rpartition(".")
    if not (stem.endswith(".experts") and last in PARAMETERS):
        return name
    return f"{stem}.base_layer" if last == "gate_up" and f"{stem}.down" in adapted else stem


def stock_names(keys: Iterable[str], parameters: Collection[str] = ()) -> dict[str, str]:
    """Stem of every module in an adapter's file, e.g. "base_model.model.x.q_proj" -> the module's path in transformers' own model.

    Args:
        keys: of the file.
        parameters: target_parameters of adapter_config.json, which tell one adapted parameter of the experts from the other.
    """
    stems = {key.split(".lora_")[0] for key in keys}
    named = {}
    for stem in sorted(stems):
        path = stem.removeprefix("base_model.model.")
        if path.endswith(".experts.base_layer"):
            path = f"{path.removesuffix('.base_layer')}.gate_up_proj"
        elif path.endswith(".experts"):
            alone = any(f"{path}.gate_up_proj".endswith(f".{end}") for end in parameters) and f"{stem}.base_layer" not in stems
            path += ".gate_up_proj" if alone else ".down_proj"
        named[stem] = path
    return named


def adaptable(model: nn.Module) -> list[Linear]:
    """Every linear layer and MXFP4 stack of the text decoder, in the model's order; `model` may be on the device "meta"."""
    prefix, decoder = text_decoder(model)
    kept_out = {id(module) for module in (_call(model, "get_output_embeddings"), _call(model, "get_input_embeddings"))}
    stem = _layer_list(model, decoder)
    found = []
    for path, module, ancestors in _walk(decoder):
        outside = id(module) in kept_out or path.endswith("lm_head") or _OTHER_MODALITIES.search(path)
        if isinstance(module, (nn.Linear, Conv1D, ExpertStack)) and not outside:
            name = f"{prefix}{path}"
            stack = isinstance(module, ExpertStack)
            reached = stack or _peft_reaches(model, path)
            found.append(Linear(name, _kind(path, module, ancestors), _index(path, stem), stack, reached))
    return found


def text_decoder(model: nn.Module) -> tuple[str, nn.Module]:
    """The decoder of text, and the prefix of its modules' paths in the causal LM ("" or ending in a point)."""
    decoder = _call(model, "get_decoder")
    if isinstance(decoder, nn.Linear):  # a head that happens to be called decoder
        decoder = getattr(model, str(getattr(model, "base_model_prefix", "")), None)
    if decoder is None or decoder is model:
        return "", model
    name = next(name for name, module in model.named_modules() if module is decoder)
    return f"{name}.", decoder


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
        raise ModelError("the model has no MXFP4 experts to adapt", hint="set adapter.experts = false")
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


def shortest_suffixes(chosen: Collection[str], known: Collection[str], least: int = 1) -> list[str]:
    """Last parts of dotted names, as few as possible (from `least` on), that end the chosen names and no other known one; sorted."""
    others = [name.split(".") for name in set(known) - set(chosen)]
    for parts in range(least, max((name.count(".") + 1 for name in chosen), default=1)):
        ends = {tuple(name.split(".")[-parts:]) for name in chosen}
        if not any(tuple(name[-parts:]) in ends for name in others):
            return sorted(".".join(end) for end in ends)
    return sorted(chosen)


def coverage(model: nn.Module, names: Collection[str]) -> Coverage:
    """How much of the decoder an adapter of these modules reaches; `model` has no adapter."""
    known, wanted = adaptable(model), set(names)
    adapted = [item for item in known if item.name in wanted]
    _, decoder = text_decoder(model)
    layers = _layers(model, decoder)
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


def _peft_reaches(model: nn.Module, path: str) -> bool:
    """Whether stock PEFT adapts a linear layer of this name.

    It refuses layers of Mamba whose owners use the weight without calling the layer. Where transformers fused the experts of an
    architecture, it takes the names of a dense MLP for those of the experts.
    """
    last = path.rpartition(".")[2]
    try:
        _check_lora_target_modules_mamba(LoraConfig(), model, last)
    except ValueError:
        return False
    kind: Any = model.config
    pattern = _MODEL_TO_CONVERSION_PATTERN.get(kind.model_type, "")
    return last not in _MOE_TARGET_MODULE_MAPPING.get(pattern, {})


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
    hidden = getattr(_text_config(model), "hidden_size", 0)
    for path, module, ancestors in _walk(decoder):
        if not _is_attention(module) or any(_is_attention(ancestor) for ancestor in ancestors) or _OTHER_MODALITIES.search(path):
            continue
        for name, parameter in module.named_parameters():
            owner = name.rpartition(".")[0]
            holder = module.get_submodule(owner)
            full = plain_path(f"{prefix}{path}.{owner}".rstrip("."))
            if ".lora_" in name:
                continue
            small = parameter.dim() < 2 or (parameter.numel() < hidden * hidden // 8 and not isinstance(holder, (nn.Linear, Conv1D)))
            if full in chosen or small or isinstance(holder, (nn.Embedding, nn.Conv1d)) or _is_router(full, holder, [module]):
                continue
            raise ModelError(
                f"{prefix}{path} ({type(module).__name__}) would be adapted in part: {name} {tuple(parameter.shape)} is not a linear "
                "layer, and LoRA cannot adapt it",
                hint=f"name the modules that shall be adapted, e.g. adapter.targets = {_example(chosen)}",
            )


def _example(chosen: Collection[str]) -> str:
    ends = sorted({name.rsplit(".", 1)[-1] for name in chosen})
    return "[" + ", ".join(f'"{end}"' for end in ends) + "]"


def _walk(root: nn.Module) -> Iterator[tuple[str, nn.Module, list[nn.Module]]]:
    """Path, module and ancestors (from the root) of every module; one that is used twice comes once, as in named_modules.

    A layer that has LoRA comes under its own path, with the base's module; LoRA's matrices do not come.
    """
    at: dict[str, nn.Module] = {}
    for full, module in root.named_modules():
        path = plain_path(full)
        if ".lora_" in full or (isinstance(module, LoraLayer) and path == full):
            continue
        at[path] = module
        parts = path.split(".") if path else []
        yield path, module, [at[".".join(parts[:end])] for end in range(len(parts))]


def plain_path(path: str) -> str:
    """A module's path without what PEFT inserts where it has an adapter."""
    return path.replace(".base_layer", "")


def _kind(path: str, module: nn.Module, ancestors: Sequence[nn.Module]) -> Kind:
    if any(_is_mixer(a) for a in ancestors):
        return "mixer"
    if _is_router(path, module, ancestors):
        return "router"
    if any(_is_attention(a) for a in ancestors):
        return "attention"
    return "experts" if isinstance(module, ExpertStack) or ".experts." in f".{path}" else "mlp"


def _is_mixer(module: nn.Module) -> bool:
    return bool(_MIXER.search(type(module).__name__))


def _is_attention(module: nn.Module) -> bool:
    return bool(_ATTENTION.search(type(module).__name__)) and not _is_mixer(module)


def _is_router(path: str, module: nn.Module, ancestors: Sequence[nn.Module]) -> bool:
    if any(_ROUTER.search(type(a).__name__) for a in (*ancestors, module)):
        return True
    last = path.rpartition(".")[2]
    inside = any(_MOE.search(type(a).__name__) or hasattr(a, "experts") for a in ancestors[1:])
    return last in _ROUTERS and (inside or last != "gate")


def _stacked_parameters(layer: nn.Module) -> list[str]:
    """Weights of all experts in one parameter, which only an MXFP4 stack can adapt."""
    return [
        name for name, parameter in layer.named_parameters() if parameter.dim() == 3 and min(parameter.shape) > 1 and "conv" not in name
    ]


def _mixer_of(layer: nn.Module) -> str | None:
    """Class of what mixes tokens in a decoder layer; None where it is attention."""
    modules = list(layer.modules())
    if any(_is_attention(module) for module in modules):
        return None
    return next((type(module).__name__ for module in modules if _is_mixer(module)), "no token mixer")


def _layer_list(model: nn.Module, decoder: nn.Module) -> str:
    """Path in the decoder of the list of its layers; "" where there is none."""
    count = getattr(_text_config(model), "num_hidden_layers", None)
    lists = [(path, module) for path, module in decoder.named_modules() if isinstance(module, nn.ModuleList)]
    lists = [(path, module) for path, module in lists if not _OTHER_MODALITIES.search(path)]
    fitting = [path for path, module in lists if len(module) == count] or [path for path, _ in lists]
    return min(fitting, key=lambda path: path.count("."), default="")


def _layers(model: nn.Module, decoder: nn.Module) -> list[nn.Module]:
    path = _layer_list(model, decoder)
    return list(decoder.get_submodule(path)) if path else []  # type: ignore[call-overload]  # a ModuleList


def _index(path: str, stem: str) -> int | None:
    rest = path.removeprefix(f"{stem}.") if stem and path.startswith(f"{stem}.") else ""
    return int(rest.split(".")[0]) if rest.split(".")[0].isdigit() else None


def _text_config(model: Any) -> Any:
    config = model.config
    return config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config


def _call(model: Any, method: str) -> Any:
    try:
        return getattr(model, method)()
    except (AttributeError, NotImplementedError):
        return None
