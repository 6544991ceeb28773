"""Export an adapter for other programs, and measure whether it computes the same there.

The exported files are read as other programs read them: an adapter by stock PEFT on the base that transformers dequantizes, a merged
checkpoint by transformers. The logits are compared with those of prefopt's own model, and the card records the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.io.files import make_shared, replacing, write_text
from prefopt.model.adapter_card import CARD, CONFIG, WEIGHTS, AdapterCard, Parity, adapter_id, where_adapted, write_card, write_json
from prefopt.model.adapter_weights import read_weights, write_weights
from prefopt.model.checkpoint import open_checkpoint
from prefopt.model.engine_launch import launch_of, widest
from prefopt.model.gguf_files import SUFFIX, checkpoint_parts, plain_parts, refuse_other_architecture, write_lora, write_model
from prefopt.model.hub import base_name
from prefopt.model.identity import refuse_other_base
from prefopt.model.load import identity_of, load_base, model_folder
from prefopt.model.merge import MergedTensors, merge_adapter
from prefopt.model.parity import (
    compare,
    own_logits,
    refuse_difference,
    refuse_too_large,
    stock_model,
    unrounded,
    with_stock_peft,
)
from prefopt.model.peft_config import agreed_card, lora_fields, read_peft_config
from prefopt.model.root_scaling import without_root_scaling
from prefopt.protocols import OnStep, ignore_steps

Layout = Literal["peft", "bfloat16", "float32", "mxfp4", "gguf", "gguf-lora", "gguf-base"]
COMPARED = ("peft", "bfloat16", "float32", "mxfp4")
"""Layouts that are read back and compared here; GGUF is compared where it is served (`prefopt engine check`)."""
_AGAINST: dict[str, str] = {
    "peft": "stock PEFT on the dequantized base",
    "mxfp4": "the merged checkpoint",
    "bfloat16": "transformers on the merged checkpoint",
    "float32": "transformers on the merged checkpoint",
}


class ExportCard(AdapterCard):
    """Card of a merged checkpoint: the adapter's card, and how the adapter was merged."""

    adapter: str
    """adapter_id of the merged adapter."""
    layout: Layout
    lost: float | None
    """See Merged.lost."""


@dataclass(frozen=True)
class Exported:
    """An exported folder."""

    path: Path
    layout: Layout
    bytes: int
    lost: float | None
    parity: Parity | None
    """None if no prompts were given to measure it on."""


def export_adapter(
    settings: ModelSettings,
    adapter: Path,
    out: Path,
    *,
    layout: Layout = "peft",
    prompts: Sequence[Sequence[int]] = (),
    also: Callable[[Path], str] = lambda _: "",
    on_step: OnStep = ignore_steps,
) -> Exported:
    """Write an adapter in the stock PEFT layout, or its base with the adapter merged in. The folder appears complete or not at all.

    Args:
        settings: the base model.
        adapter: an adapter that prefopt saved.
        out: the folder to make; must not exist.
        layout: "peft", a layout of `merge_adapter`, or for gpt-oss a file of llama.cpp: "gguf" (merged, experts in bfloat16), "gguf-lora"
            (the adapter), "gguf-base" (the base as it is).
        prompts: token ids to measure parity on; empty to skip the measurement, which layouts outside of COMPARED do not have.
        also: writes further files into the folder, and returns what its README says of them.
        on_step: progress.

    Raises:
        ModelError: `out` exists; the whole model, which the comparison needs, does not fit into memory; a float32 logit differs by more
            than LIMIT (then nothing is written); as load_adapter and merge_adapter.
    """
    if layout not in get_args(Layout):
        raise ModelError(f"{layout!r} is not a layout", hint=f"use one of {', '.join(get_args(Layout))}")
    if out.exists():
        raise ModelError(f"{out} already exists", hint="give the path of a new folder")
    if prompts and layout not in COMPARED:
        raise ModelError(f"{layout} is not compared here", hint="compare it where it is served: prefopt engine check")
    base, card = model_folder(settings.path), agreed_card(adapter)
    refuse_other_base(adapter, card.base, card.base_parts, base, identity_of(base))
    exact = unrounded(settings)
    if prompts:
        refuse_too_large(exact, base, hint="export on a larger machine, or skip the comparison: --no-check")
    with replacing(out) as folder:
        ours = own_logits(exact, adapter, prompts, on_step) if prompts else []
        size, lost, card = _write(settings, adapter, card, folder, layout)
        parity = compare(ours, _reader(exact, base, folder, layout), _AGAINST[layout], prompts, on_step) if prompts else None
        if parity is not None and layout in ("peft", "float32"):
            refuse_difference(parity, "nothing was written")
        card = card.model_copy(update={"parity": parity})
        if layout != "peft":
            card = ExportCard(**card.model_dump(), adapter=adapter_id(adapter), layout=layout, lost=lost)
        if layout != "gguf-base":
            write_card(folder / CARD, card)
        own = _readme(base, card, layout, lost, parity, adapter_id(adapter))
        write_text(folder / "README.md", "\n".join(part for part in (own, also(folder)) if part))
        make_shared(folder)
    return Exported(out, layout, size, lost, parity)


def _write(
    settings: ModelSettings, adapter: Path, card: AdapterCard, folder: Path, layout: Layout
) -> tuple[int, float | None, AdapterCard]:
    """Write the weights; returns their bytes, Merged.lost, and the card of what was written."""
    base = model_folder(settings.path)
    if layout == "peft":
        folder.mkdir(parents=True)
        said = read_peft_config(adapter)
        weights, card = without_root_scaling(read_weights(adapter), card, said["target_parameters"] or ())
        write_weights(folder, weights)
        name, revision = base_name(settings.path)
        said |= {**lora_fields(card), "base_model_name_or_path": name, "revision": revision}
        write_json(folder / CONFIG, {key: value for key, value in said.items() if key != "runtime_config"})
        return (folder / WEIGHTS).stat().st_size, None, card
    if layout == "gguf" or layout == "gguf-lora" or layout == "gguf-base":
        return _write_gguf(base, adapter, card, folder, layout), None, card
    merged = merge_adapter(base, adapter, folder, layout=layout)
    return merged.bytes, merged.lost, card


def _write_gguf(base: Path, adapter: Path, card: AdapterCard, folder: Path, layout: Layout) -> int:
    """Write a file of llama.cpp, which is called as the server has to call it; returns its bytes."""
    config, name = refuse_other_architecture(base), adapter_id(adapter)
    folder.mkdir(parents=True)
    if layout == "gguf-base":
        return write_model(folder / "base.gguf", base, config, checkpoint_parts(open_checkpoint(base)), base.name)
    file = folder / f"{name}{SUFFIX}"
    if layout == "gguf-lora":
        parameters = read_peft_config(adapter)["target_parameters"] or ()
        return write_lora(file, card, read_weights(adapter), list(parameters), config.num_local_experts, name)
    merged = MergedTensors(open_checkpoint(base), adapter, card)
    parts = chain.from_iterable(plain_parts(stem, shape, partial(merged.tensor, stem)) for stem, shape in merged.shapes.items())
    size = write_model(file, base, config, parts, name)
    merged.update.refuse_unused()
    return size


def _reader(settings: ModelSettings, base: Path, folder: Path, layout: Layout) -> Callable[[], Any]:
    """Loads the exported model as other programs do."""
    if layout == "mxfp4":  # transformers' MXFP4 kernels need a GPU; our loader reads the same bytes anywhere
        return lambda: load_base(settings.model_copy(update={"path": str(folder)})).model
    return (lambda: with_stock_peft(base, settings, folder)) if layout == "peft" else lambda: stock_model(folder, settings)


_WHAT: dict[str, str] = {"peft": "Adapter (stock PEFT layout)", "gguf-lora": "Adapter (GGUF)", "gguf-base": "Base of an adapter (GGUF)"}
_LIBRARY = {"peft": "peft", "gguf": "llama.cpp", "gguf-lora": "llama.cpp", "gguf-base": "llama.cpp"}


def _readme(base: Path, card: AdapterCard, layout: Layout, lost: float | None, parity: Parity | None, name: str) -> str:
    what = _WHAT.get(layout, f"Merged checkpoint ({layout})")
    how = f"round {card.round}, recipe {card.recipe}, rank {card.rank}, alpha {card.alpha}, {card.variant}"
    where = where_adapted(card.targets, card.experts)
    lines = ["---", f"library_name: {_LIBRARY.get(layout, 'transformers')}", "---", "", f"# {what}", ""]
    lines += [f"Trained by prefopt: {how}, on {where}.", f"Base: {base.name}, fingerprint {card.base}.", ""]
    if lost is not None:
        lines += [
            f"Re-quantizing changed the experts {lost:.2g} times as much as training did. Above 1, most of the training is lost.",
            "",
        ]
    if parity is None:
        lines += ["Not compared with the trained model.", ""]
    else:
        lines += [
            f"{parity.against[0].upper()}{parity.against[1:]} compared with the trained model, {parity.positions} positions of "
            f"{parity.prompts} prompts, {parity.dtype}:",
            "",
            "| largest difference of a logit | mean KL divergence, nats | same most likely token |",
            "|---|---|---|",
            f"| {parity.max_difference:.2g} | {parity.kl:.2g} | {parity.same_top:.1%} |",
            "",
        ]
    if layout not in COMPARED:
        lines += ["Compare it where it is served: `prefopt engine check URL`.", ""]
    if launch := launch_of(layout, name, rank=widest(card)):
        lines += ["```bash", launch, "```", ""]
    if layout == "peft":
        lines += ["```python", "from peft import PeftModel", "", "model = PeftModel.from_pretrained(base_model, folder)", "```", ""]
    return "\n".join(lines)
