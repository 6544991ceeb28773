"""Names of adapted modules: in our model, in transformers' own, and in the stock PEFT layout on disk."""

from __future__ import annotations

from collections.abc import Collection, Iterable

PARAMETERS = {"gate_up": "gate_up_proj", "down": "down_proj"}
"""Name of an MXFP4 stack -> name of the parameter that holds the same weights in transformers' own model."""


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


def plain_path(path: str) -> str:
    """A module's path without what PEFT inserts where it has an adapter."""
    return path.replace(".base_layer", "")


def shortest_suffixes(chosen: Collection[str], known: Collection[str], least: int = 1) -> list[str]:
    """Last parts of dotted names, as few as possible (from `least` on), that end the chosen names and no other known one; sorted."""
    others = [name.split(".") for name in set(known) - set(chosen)]
    for parts in range(least, max((name.count(".") + 1 for name in chosen), default=1)):
        ends = {tuple(name.split(".")[-parts:]) for name in chosen}
        if not any(tuple(name[-parts:]) in ends for name in others):
            return sorted(".".join(end) for end in ends)
    return sorted(chosen)
