"""Adapters of gpt-oss that store experts one by one, or under the names of a training service, in the layout of stock PEFT.

PEFT's `target_parameters` has one A and one B for all experts of a layer, and one pair for gate and up together. Services return a pair for
every expert (`experts.7.gate_proj`), or one of three dimensions for every projection (`experts.w1`). Gate and up have an A each there, so
their common pair has both ranks: A is one above the other, and B is zero where it would mix them. The product is the same.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft.utils.other import get_pattern_key
from torch import Tensor

from prefopt.errors import ModelError
from prefopt.model.adapter_weights import tables_refused
from prefopt.model.linear_layers import Linear

STEM = "base_model.model."
Shape = tuple[int, ...]
Part = Literal["gate", "up", "gate_up", "down"]

_KEY = re.compile(r"(?:base_model\.model\.)?(?P<path>[\w.]+?)\.lora_(?P<side>[AB])(?:\.default)?\.weight")
_EXPERT = re.compile(r"(?P<stem>[\w.]+\.experts)(?:\.(?P<index>\d+))?\.(?P<name>\w+)")
_PARTS: Mapping[str, Part] = {
    **dict.fromkeys(("gate_proj", "w_gate", "w1"), "gate"),
    **dict.fromkeys(("up_proj", "w_up", "w3"), "up"),
    **dict.fromkeys(("down_proj", "w_down", "w2"), "down"),
    "gate_up_proj": "gate_up",
}
_ROWS: Mapping[Part, slice] = {"gate": slice(0, None, 2), "up": slice(1, None, 2), "gate_up": slice(None), "down": slice(None)}
"""Rows of the parameter that a projection computes: gpt-oss interleaves gate and up."""
_HINT = "download the whole folder of the adapter again"
_SELECTING = ("target_parameters", "exclude_modules", "layers_to_transform", "layers_pattern", "use_dora")


@dataclass(frozen=True)
class Sizes:
    """Sizes of a gpt-oss."""

    experts: int
    hidden: int
    inner: int

    def of(self, part: Part) -> tuple[int, int]:
        """Inputs and outputs of a projection of one expert."""
        return {
            "gate": (self.hidden, self.inner),
            "up": (self.hidden, self.inner),
            "gate_up": (self.hidden, 2 * self.inner),
            "down": (self.inner, self.hidden),
        }[part]


@dataclass(frozen=True)
class _Pair:
    """A and B of one module of the file: of a linear layer, of one expert, or of all experts."""

    path: str
    a: str
    b: str
    rank: int
    scale: float


@dataclass(frozen=True)
class _Stack:
    """The pairs that become those of one parameter of all experts of a layer."""

    parts: Mapping[Part, Sequence[_Pair]]
    """In the order of experts, or the one pair of all."""
    rank: int
    alpha: int
    scale: float


@dataclass(frozen=True)
class Restacking:
    """How the weights of a file become those of stock PEFT's layout."""

    config: Mapping[str, Any]
    """adapter_config.json, as PEFT would have written it for these modules."""
    linear: Mapping[str, _Pair]
    stacks: Mapping[str, _Stack]
    """Path of the parameter in transformers' own model -> its pairs."""
    sizes: Sizes
    notes: tuple[str, ...]
    """What people should know."""

    def apply(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weights in float32 under `base_model.model.PATH.lora_A.weight` and `lora_B`, PATH as in transformers' own model."""
        made = {f"{STEM}{path}.lora_A.weight": weights[pair.a].float() for path, pair in self.linear.items()}
        made |= {f"{STEM}{path}.lora_B.weight": weights[pair.b].float() for path, pair in self.linear.items()}
        for path, stack in self.stacks.items():
            made[f"{STEM}{path}.lora_A.weight"], made[f"{STEM}{path}.lora_B.weight"] = self._stacked(stack, weights)
        return made

    def _stacked(self, stack: _Stack, weights: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """A [experts · rank, in], expert-major, and B [out, rank · experts], rank-major."""
        count = self.sizes.experts
        _, rows = self.sizes.of("down" if "down" in stack.parts else "gate_up")
        downs, ups, start = [], torch.zeros(count, rows, stack.rank), 0
        for part, pairs in stack.parts.items():
            a, b = (_of_all([weights[key] for key in keys], count) for keys in zip(*((pair.a, pair.b) for pair in pairs), strict=True))
            ups[:, _ROWS[part], start : start + a.shape[1]] = b * (pairs[0].scale / stack.scale)
            downs.append(a)
            start += a.shape[1]
        return torch.cat(downs, dim=1).flatten(0, 1), ups.permute(1, 2, 0).flatten(1).contiguous()


def _of_all(tensors: Sequence[Tensor], experts: int) -> Tensor:
    """[experts, …] in float32 of one tensor an expert, or of one of all."""
    if len(tensors) > 1 or tensors[0].dim() == 2:
        return torch.stack([tensor.float() for tensor in tensors])
    return tensors[0].float().expand(experts, -1, -1)


def restacking(
    source: Path, said: Mapping[str, Any], shapes: Mapping[str, Shape], known: Sequence[Linear], config: Any
) -> Restacking | None:
    """How a file that stores experts apart is read; None where its keys are PEFT's own or the base is no gpt-oss.

    Args:
        source: folder of the adapter, for messages.
        said: its adapter_config.json, as read_peft_config.
        shapes: key -> shape of every tensor of the file.
        known: the linear layers and stacks of the base.
        config: transformers' configuration of the base.

    Raises:
        ModelError: a key is unknown, missing, or of a shape that base and rank do not have; the configuration selects modules in a way
            that cannot be read together with such keys; the head or the embeddings are adapted.
    """
    if config.model_type != "gpt_oss" or not any(_is_foreign(key) for key in shapes):
        return None
    for field in _SELECTING:
        if said[field]:
            raise ModelError(
                f"{source}: {field} = {said[field]!r} cannot be read together with experts that are stored one by one",
                hint=f"make the adapter without {field}",
            )
    sizes = Sizes(config.num_local_experts, config.hidden_size, config.intermediate_size)
    linear, experts = _pairs(source, said, shapes, known, sizes)
    _refuse_missing(source, said, linear, experts, known)
    stacks = dict(_stacks(source, said, experts))
    changed = {
        "target_modules": sorted(linear),
        "target_parameters": sorted(stacks, reverse=True),  # gate_up_proj before down_proj, the order in which PEFT nests them
        "rank_pattern": {**{path: pair.rank for path, pair in linear.items()}, **{path: stack.rank for path, stack in stacks.items()}},
        "alpha_pattern": {
            **{path: _alpha(said, pair.path) for path, pair in linear.items()},
            **{path: stack.alpha for path, stack in stacks.items()},
        },
    }
    both = [stack.rank for stack in stacks.values() if {"gate", "up"} <= stack.parts.keys()]
    notes = ("experts that the file stores apart were stacked" + (f"; gate and up together have rank {max(both)}" if both else ""),)
    return Restacking({**said, **changed}, linear, stacks, sizes, notes if stacks else ())


def _is_foreign(key: str) -> bool:
    found = _KEY.fullmatch(key)
    if found is None:
        return False
    expert = _EXPERT.fullmatch(found["path"])
    return (expert is not None and expert["name"] in _PARTS) or ".attn." in found["path"] or "unembed_tokens" in found["path"]


def _pairs(
    source: Path, said: Mapping[str, Any], shapes: Mapping[str, Shape], known: Sequence[Linear], sizes: Sizes
) -> tuple[dict[str, _Pair], dict[str, dict[Part, dict[int | None, _Pair]]]]:
    """The pairs of linear layers by path, and those of experts by `…experts`, projection, and expert (None: of all)."""
    sides: dict[str, dict[str, str]] = defaultdict(dict)
    for key in sorted(shapes):
        found = _KEY.fullmatch(key)
        if found is None or found["side"] in sides[found["path"]]:
            raise _unknown(source, key)
        sides[found["path"]][found["side"]] = key
    layers = {item.stock_name for item in known if not item.is_stack}
    stems = {item.stock_name.rpartition(".")[0] for item in known if item.is_stack}
    linear: dict[str, _Pair] = {}
    experts: dict[str, dict[Part, dict[int | None, _Pair]]] = defaultdict(lambda: defaultdict(dict))
    for path, keys in sides.items():
        name = path.replace(".attn.", ".self_attn.").replace("unembed_tokens", "lm_head")
        if len(keys) != 2:
            raise ModelError(f"{source}: {next(iter(keys.values()))} has no counterpart: A and B belong together", hint=_HINT)
        if re.search(r"(?:^|\.)(?:lm_head|embed_tokens)$", name):
            raise tables_refused(source, path)
        rank = _rank(said, path)
        pair = _Pair(path, keys["A"], keys["B"], rank, _alpha(said, path) / (math.sqrt(rank) if said["use_rslora"] else rank))
        expert = _EXPERT.fullmatch(name)
        if name in layers:
            linear[name] = pair
            if len(shapes[pair.a]) != 2 or shapes[pair.a][0] != rank:
                raise _shape(source, pair.a, shapes[pair.a], f"[{rank}, …]")
        elif expert is not None and expert["stem"] in stems and expert["name"] in _PARTS:
            part, index = _PARTS[expert["name"]], None if expert["index"] is None else int(expert["index"])
            _refuse_shapes(source, pair, shapes, sizes, part, whole=index is None)
            if index in experts[expert["stem"]][part]:
                raise _unknown(source, pair.a)
            experts[expert["stem"]][part][index] = pair
        else:
            raise _unknown(source, pair.a)
    for stem, parts in experts.items():
        _refuse_experts(source, stem, parts, sizes.experts)
    return linear, {stem: dict(parts) for stem, parts in experts.items()}


def _refuse_shapes(source: Path, pair: _Pair, shapes: Mapping[str, Shape], sizes: Sizes, part: Part, *, whole: bool) -> None:
    inputs, outputs = sizes.of(part)
    for key, last in ((pair.a, (pair.rank, inputs)), (pair.b, (outputs, pair.rank))):
        allowed = [(sizes.experts, *last), (1, *last)] if whole else [last]
        if shapes[key] not in allowed:
            raise _shape(source, key, shapes[key], str(list(allowed[0])))


def _refuse_experts(source: Path, stem: str, parts: Mapping[Part, Mapping[int | None, _Pair]], count: int) -> None:
    """Raise ModelError where a layer's experts are not all there, or come twice."""
    if "gate_up" in parts and ("gate" in parts or "up" in parts):
        raise _unknown(source, next(iter(parts["gate_up"].values())).a)
    for part, found in parts.items():
        if set(found) == {None}:
            continue
        absent, extra = sorted(set(range(count)) - set(found)), [index for index in found if index is None or index >= count]
        if extra:
            raise _unknown(source, found[extra[0]].a)
        if absent:
            raise ModelError(
                f"{source}: {len(absent)} of {count} experts of {stem} have no weights for {part} (the first is expert {absent[0]})",
                hint=_HINT,
            )


def _refuse_missing(
    source: Path,
    said: Mapping[str, Any],
    linear: Mapping[str, _Pair],
    experts: Mapping[str, Mapping[Part, Mapping[int | None, _Pair]]],
    known: Sequence[Linear],
) -> None:
    """Raise ModelError where a layer lacks what others have, or target_modules names what no layer has."""
    leaves = {path.rpartition(".")[2] for path in linear}
    parts = {part for found in experts.values() for part in found}
    wanted = {item.stock_name for item in known if not item.is_stack and item.stock_name.rpartition(".")[2] in leaves}
    wanted |= {f"{item.stock_name.rpartition('.')[0]}.{part}" for item in known if item.is_stack for part in parts}
    found = set(linear) | {f"{stem}.{part}" for stem, its in experts.items() for part in its}
    absent = sorted(wanted - found)
    named = said["target_modules"]
    if isinstance(named, (list, tuple, set)):
        ends = {str(name).rpartition(".")[2] for name in named}
        absent += sorted({str(_PARTS.get(end, end)) for end in ends} - leaves - parts)
    if absent:
        raise ModelError(f"{source}: the weights are incomplete: {len(absent)} modules have none (the first is {absent[0]})", hint=_HINT)


def _stacks(
    source: Path, said: Mapping[str, Any], experts: Mapping[str, Mapping[Part, Mapping[int | None, _Pair]]]
) -> Iterator[tuple[str, _Stack]]:
    """Path of a parameter, and the pairs that become its own."""
    for stem, parts in experts.items():
        for parameter, names in (("gate_up_proj", ("gate", "up", "gate_up")), ("down_proj", ("down",))):
            pairs = {
                part: [found[index] for index in sorted(found, key=lambda i: i or 0)] for part, found in parts.items() if part in names
            }
            if not pairs:
                continue
            for part, its in pairs.items():
                if len({(pair.rank, pair.scale) for pair in its}) > 1:
                    raise ModelError(
                        f"{source}: experts of {stem} have different ranks or alphas for {part}, and one stack has one of each",
                        hint="train the adapter with one rank and one alpha for all experts",
                    )
            rank = sum(its[0].rank for its in pairs.values())
            root = math.sqrt(rank) if said["use_rslora"] else rank
            alpha = max(1, round(next(iter(pairs.values()))[0].scale * root))
            yield f"{stem}.{parameter}", _Stack(dict(sorted(pairs.items())), rank, alpha, alpha / root)


def _rank(said: Mapping[str, Any], path: str) -> int:
    pattern = said["rank_pattern"] or {}
    return int(pattern.get(get_pattern_key(list(pattern), path), said["r"]))


def _alpha(said: Mapping[str, Any], path: str) -> int:
    pattern = said["alpha_pattern"] or {}
    return int(pattern.get(get_pattern_key(list(pattern), path), said["lora_alpha"]))


def _unknown(source: Path, key: str) -> ModelError:
    return ModelError(
        f"{source}: {key} is not a weight of LoRA on this base, or comes twice",
        hint="give the base that the adapter was trained on: set model.path, or --model",
    )


def _shape(source: Path, key: str, shape: Shape, wanted: str) -> ModelError:
    return ModelError(
        f"{source}: {key} has shape {list(shape)}; its rank on this base requires {wanted}",
        hint="give the base that the adapter was trained on: set model.path, or --model",
    )
