"""Export an adapter for other programs, and measure whether it computes the same there.

The exported files are read as other programs read them: an adapter by stock PEFT on the base that transformers dequantizes, a merged
checkpoint by transformers. The logits are compared with those of prefopt's own model, and the card records the difference.
"""

from __future__ import annotations

import gc
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.io.files import replacing
from prefopt.model.adapter_card import CARD, CONFIG, WEIGHTS, AdapterCard, Parity, adapter_id, read_card, write_card
from prefopt.model.adapters import load_adapter
from prefopt.model.load import device_of, dtype_of, load_base, model_config, model_folder
from prefopt.model.merge import merge_adapter
from prefopt.model.plan import machine_at_hand
from prefopt.protocols import OnStep, ignore_steps

Layout = Literal["peft", "bfloat16", "float32", "mxfp4"]
LIMIT = 1e-4
"""Largest difference of two logits in float32 at which an export counts as equal."""
_POSITIONS = 64
"""Positions compared at the end of each prompt; each takes the memory of one row of logits."""


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
    on_step: OnStep = ignore_steps,
) -> Exported:
    """Write an adapter in the stock PEFT layout, or its base with the adapter merged in. The folder appears complete or not at all.

    Args:
        settings: the base model.
        adapter: an adapter that prefopt saved.
        out: the folder to make; must not exist.
        layout: "peft", or a layout of `merge_adapter`.
        prompts: token ids to measure parity on; empty to skip the measurement.
        on_step: progress.

    Raises:
        ModelError: `out` exists; the whole model, which the comparison needs, does not fit into memory; a float32 logit differs by more
            than LIMIT (then nothing is written); as load_adapter and merge_adapter.
    """
    if layout not in get_args(Layout):
        raise ModelError(f"{layout!r} is not a layout", hint=f"use one of {', '.join(get_args(Layout))}")
    if out.exists():
        raise ModelError(f"{out} already exists", hint="give the path of a new folder")
    base, card = model_folder(settings.path), read_card(adapter)
    exact = _unrounded(settings)
    if prompts:
        _refuse_too_large(exact, base)
    with replacing(out) as folder:
        ours = _own_logits(exact, adapter, prompts, on_step) if prompts else []
        size, lost = _write(base, adapter, folder, layout)
        parity = _compare(ours, _reader(exact, base, folder, layout), layout, prompts, on_step) if prompts else None
        card = card.model_copy(update={"parity": parity})
        if layout != "peft":
            card = ExportCard(**card.model_dump(), adapter=adapter_id(adapter), layout=layout, lost=lost)
        write_card(folder / CARD, card)
        (folder / "README.md").write_text(_readme(base, card, layout, lost, parity), encoding="utf-8")
    return Exported(out, layout, size, lost, parity)


def _unrounded(settings: ModelSettings) -> ModelSettings:
    """The base as it was shipped: other programs load it without NF4, whose rounding is not the adapter's."""
    gpt_oss = model_config(model_folder(settings.path)).model_type == "gpt_oss"
    return settings.model_copy(update={"nf4_attention": False, "quantized": settings.quantized and gpt_oss})


def _write(base: Path, adapter: Path, folder: Path, layout: Layout) -> tuple[int, float | None]:
    """Write the weights; returns their bytes and Merged.lost."""
    if layout == "peft":
        folder.mkdir(parents=True)
        for name in (WEIGHTS, CONFIG):
            shutil.copyfile(adapter / name, folder / name)
        return (folder / WEIGHTS).stat().st_size, None
    merged = merge_adapter(base, adapter, folder, layout=layout)
    return merged.bytes, merged.lost


def _refuse_too_large(settings: ModelSettings, base: Path) -> None:
    """Raise ModelError if the dequantized model does not fit into the memory of this machine."""
    from transformers import AutoModelForCausalLM

    config = model_config(base)
    if getattr(config, "quantization_config", None) is not None:
        del config.quantization_config
    with torch.device("meta"):
        weights = sum(p.numel() for p in AutoModelForCausalLM.from_config(config).parameters())
    machine = machine_at_hand(settings)
    need = weights * dtype_of(settings).itemsize
    if need > machine.bytes:
        raise ModelError(
            f"the comparison needs the whole model in {dtype_of(settings)}, {need / 2**30:.1f} GiB, and {machine.name} has "
            f"{machine.bytes / 2**30:.1f} GiB",
            hint="export on a larger machine, or skip the comparison: --no-check",
        )


def _own_logits(settings: ModelSettings, adapter: Path, prompts: Sequence[Sequence[int]], on_step: OnStep) -> list[Tensor]:
    logits = _logits(load_adapter(load_base(settings), adapter, trainable=False), prompts, on_step, "logits of prefopt's model")
    gc.collect()  # the model has reference cycles, and the next model needs its memory
    return logits


def _reader(settings: ModelSettings, base: Path, folder: Path, layout: Layout) -> Callable[[], Any]:
    """Loads the exported model as other programs do."""
    if layout == "mxfp4":  # transformers' MXFP4 kernels need a GPU; our loader reads the same bytes anywhere
        return lambda: load_base(settings.model_copy(update={"path": str(folder)})).model
    if layout == "peft":
        from peft import PeftModel

        return lambda: PeftModel.from_pretrained(_stock(base, settings), folder)
    return lambda: _stock(folder, settings)


def _stock(path: Path, settings: ModelSettings) -> Any:
    """A checkpoint as transformers loads it, with MXFP4 dequantized."""
    from transformers import AutoModelForCausalLM, Mxfp4Config

    config = model_config(path)
    options: dict[str, Any] = {}
    if getattr(config, "quantization_config", None) is not None:
        options["quantization_config"] = Mxfp4Config(dequantize=True)
    dtype = dtype_of(settings)
    with _quiet():
        model = AutoModelForCausalLM.from_pretrained(
            path, dtype=dtype, local_files_only=True, trust_remote_code=False, use_safetensors=True, attn_implementation="eager", **options
        )
    return model.to(device=device_of(settings), dtype=dtype)  # transformers ignores `dtype` and dequantizes to bfloat16, which is exact


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence transformers' warning about dequantizing, which is intended here, and its progress bars."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@torch.no_grad()
def _logits(model: Any, prompts: Sequence[Sequence[int]], on_step: OnStep, note: str) -> list[Tensor]:
    """Logits at the last positions of each prompt, float32 [up to 64, V] in main memory."""
    model.eval()
    device = next(model.parameters()).device
    tails = []
    for number, prompt in enumerate(prompts, 1):
        logits = model(torch.tensor([list(prompt)], device=device)).logits
        tails.append(logits[0, -_POSITIONS:].float().cpu())
        on_step(number, len(prompts), note)
    return tails


def _compare(ours: list[Tensor], read: Callable[[], Any], layout: Layout, prompts: Sequence[Sequence[int]], on_step: OnStep) -> Parity:
    """Compare our logits with those of the model that `read` loads. Raises ModelError as export_adapter."""
    against = {"peft": "stock PEFT on the dequantized base", "mxfp4": "the merged checkpoint"}.get(
        layout, "transformers on the merged checkpoint"
    )
    model = read()
    dtype = next(p.dtype for p in model.parameters() if p.is_floating_point())
    theirs = _logits(model, prompts, on_step, f"logits by {against}")
    del model
    gc.collect()
    a, b = torch.cat(ours), torch.cat(theirs)
    size = min(a.shape[1], b.shape[1])  # one of them may pad its vocabulary
    p, q = (x[:, :size].double().log_softmax(dim=1) for x in (a, b))
    parity = Parity(
        against=against,
        prompts=len(prompts),
        positions=len(a),
        dtype=str(dtype).removeprefix("torch."),
        max_difference=float((a[:, :size] - b[:, :size]).abs().max()),
        kl=float((p.exp() * (p - q)).sum(dim=1).mean()),
        same_top=float((a.argmax(dim=1) == b.argmax(dim=1)).double().mean()),
    )
    if layout in ("peft", "float32") and dtype == torch.float32 and parity.max_difference > LIMIT:
        raise ModelError(
            f"{against} differs from prefopt's model by {parity.max_difference:.2g} in a logit (the limit is {LIMIT:g}), so nothing was "
            "written",
            hint="install the versions of transformers and PEFT in constraints.txt; others are not tested",
        )
    return parity


def _readme(base: Path, card: AdapterCard, layout: Layout, lost: float | None, parity: Parity | None) -> str:
    what = "Adapter (stock PEFT layout)" if layout == "peft" else f"Merged checkpoint ({layout})"
    how = f"round {card.round}, recipe {card.recipe}, rank {card.rank}, alpha {card.alpha}, {card.variant}"
    where = "attention and experts" if card.experts else "attention"
    lines = ["---", "library_name: " + ("peft" if layout == "peft" else "transformers"), "---", "", f"# {what}", ""]
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
    if layout == "peft":
        lines += ["```python", "from peft import PeftModel", "", "model = PeftModel.from_pretrained(base_model, folder)", "```", ""]
    return "\n".join(lines)
