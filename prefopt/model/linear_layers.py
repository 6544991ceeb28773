"""The linear layers of a text decoder, each of one kind: attention, mlp, experts, router, or another token mixer.

A layer is what its class and its place say, not what it is called. Linear layers are those that stock PEFT can adapt (nn.Linear, its
four-bit versions, transformers' Conv1D) and MXFP4 stacks of experts. Vision towers, the output head and the embeddings are not among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from peft.tuners.tuners_utils import _check_lora_target_modules_mamba
from peft.utils.transformers_weight_conversion import _MODEL_TO_CONVERSION_PATTERN, _MOE_TARGET_MODULE_MAPPING
from torch import nn
from transformers.pytorch_utils import Conv1D

from prefopt.model.experts import ExpertStack
from prefopt.model.module_names import plain_path, stock_name
from prefopt.model.packed import text_config

Kind = Literal["attention", "mlp", "experts", "router", "mixer"]


_ATTENTION = re.compile(r"(?:Attention|Attn|MLA|MoA)\d*$")


_ROUTER = re.compile(r"(?:Router|Gating|Gate)$")


_MIXER = re.compile(
    r"(?:Mixer\d*|Mamba\d*|MambaLayer|ShortConv|DeltaNet|DeltaAttention|LightningAttention|LinearAttention|RecurrentBlock|Rglru|"
    r"^RwkvSelfAttention|LSTM\w{0,40}|Retention)$"
)


_MOE = re.compile(r"moe|sparse|expert", re.IGNORECASE)


OTHER_MODALITIES = re.compile(r"(?:^|\.)(?:vision|visual|image|audio|speech|video)")


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


def adaptable(model: nn.Module) -> list[Linear]:
    """Every linear layer and MXFP4 stack of the text decoder, in the model's order; `model` may be on the device "meta"."""
    prefix, decoder = text_decoder(model)
    kept_out = {id(module) for module in (_call(model, "get_output_embeddings"), _call(model, "get_input_embeddings"))}
    stem = _layer_list(model, decoder)
    found = []
    for path, module, ancestors in walk(decoder):
        outside = id(module) in kept_out or path.endswith("lm_head") or OTHER_MODALITIES.search(path)
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


def walk(root: nn.Module) -> Iterator[tuple[str, nn.Module, list[nn.Module]]]:
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


def _kind(path: str, module: nn.Module, ancestors: Sequence[nn.Module]) -> Kind:
    if any(is_mixer(a) for a in ancestors):
        return "mixer"
    if is_router(path, module, ancestors):
        return "router"
    if any(is_attention(a) for a in ancestors):
        return "attention"
    return "experts" if isinstance(module, ExpertStack) or ".experts." in f".{path}" else "mlp"


def is_mixer(module: nn.Module) -> bool:
    """Whether a module mixes tokens by something else than attention: convolution, state space, linear recurrence."""
    return bool(_MIXER.search(type(module).__name__))


def is_attention(module: nn.Module) -> bool:
    """Whether a module is attention, by the name of its class."""
    return bool(_ATTENTION.search(type(module).__name__)) and not is_mixer(module)


def is_router(path: str, module: nn.Module, ancestors: Sequence[nn.Module]) -> bool:
    """Whether a module scores experts, by its class, its owners' classes, or its name."""
    if any(_ROUTER.search(type(a).__name__) for a in (*ancestors, module)):
        return True
    last = path.rpartition(".")[2]
    inside = any(_MOE.search(type(a).__name__) or hasattr(a, "experts") for a in ancestors[1:])
    return last in _ROUTERS and (inside or last != "gate")


def _layer_list(model: nn.Module, decoder: nn.Module) -> str:
    """Path in the decoder of the list of its layers; "" where there is none."""
    count = getattr(text_config(model), "num_hidden_layers", None)
    lists = [(path, module) for path, module in decoder.named_modules() if isinstance(module, nn.ModuleList)]
    lists = [(path, module) for path, module in lists if not OTHER_MODALITIES.search(path)]
    fitting = [path for path, module in lists if len(module) == count] or [path for path, _ in lists]
    return min(fitting, key=lambda path: path.count("."), default="")


def decoder_layers(model: nn.Module) -> list[nn.Module]:
    """The layers of the text decoder; none where they are in no list."""
    _, decoder = text_decoder(model)
    path = _layer_list(model, decoder)
    return list(decoder.get_submodule(path)) if path else []  # type: ignore[call-overload]  # a ModuleList


def _index(path: str, stem: str) -> int | None:
    rest = path.removeprefix(f"{stem}.") if stem and path.startswith(f"{stem}.") else ""
    return int(rest.split(".")[0]) if rest.split(".")[0].isdigit() else None


def _call(model: Any, method: str) -> Any:
    try:
        return getattr(model, method)()
    except (AttributeError, NotImplementedError):
        return None
