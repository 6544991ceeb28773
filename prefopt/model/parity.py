"""Compare prefopt's model with the same model in stock libraries: logits at the same positions of the same prompts."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.model.adapter_card import Parity
from prefopt.model.adapters import load_adapter
from prefopt.model.decoding import own_logits as own_last
from prefopt.model.head import Head, hidden_states_of
from prefopt.model.load import device_of, dtype_of, load_base, model_config, model_folder
from prefopt.model.out_of_memory import memory_explained
from prefopt.model.packed import causal_lm, inputs_device
from prefopt.model.plan import machine_at_hand
from prefopt.model.support import support_of
from prefopt.protocols import OnStep, ignore_steps

LIMIT = 1e-4
"""Largest difference of two logits in float32 at which two models count as equal."""
_POSITIONS = 64
"""Positions compared at the end of each prompt; each takes the memory of one row of logits."""


def unrounded(settings: ModelSettings) -> ModelSettings:
    """The base as it was shipped: other programs load it without NF4, whose rounding is not the adapter's."""
    gpt_oss = model_config(model_folder(settings.path)).model_type == "gpt_oss"
    return settings.model_copy(update={"nf4_attention": False, "quantized": settings.quantized and gpt_oss})


def refuse_too_large(settings: ModelSettings, base: Path, *, hint: str) -> None:
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
            hint=hint,
        )


def own_logits(settings: ModelSettings, adapter: Path, prompts: Sequence[Sequence[int]], on_step: OnStep = ignore_steps) -> list[Tensor]:
    """Logits of prefopt's own model with an adapter, by the function that labels are scored with: as `logits_at_ends`."""
    model = load_adapter(load_base(settings), adapter, trainable=False)
    head = support_of(model).head
    logits = logits_at_ends(model, prompts, on_step, "logits of prefopt's model", head)
    del model
    gc.collect()  # the model has reference cycles, and the next model needs its memory
    return logits


def with_stock_peft(base: Path, settings: ModelSettings, adapter: Path) -> Any:
    """An adapter as PEFT itself loads it, on the base that transformers loads."""
    from peft import PeftModel

    with _quiet():
        return PeftModel.from_pretrained(stock_model(base, settings), adapter)


def stock_model(path: Path, settings: ModelSettings) -> Any:
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
def logits_at_ends(model: Any, prompts: Sequence[Sequence[int]], on_step: OnStep, note: str, head: Head | None = None) -> list[Tensor]:
    """Logits at the last positions of each prompt, float32 [up to 64, V] in main memory: by the model itself, or by a head of ours."""
    model.eval()
    tails = []
    for number, prompt in enumerate(prompts, 1):
        hint = "free memory, or leave the comparison out: --no-check for an export, --no-verify for an import"
        with memory_explained(f"comparing models on a prompt of {len(prompt)} tokens", hint=hint):
            ids = torch.tensor([list(prompt)], device=inputs_device(model))
            if head is None:
                logits = model(ids).logits[0, -_POSITIONS:].float()
            else:
                with hidden_states_of(support_of(model).parts[0]) as seen:
                    own_last(causal_lm(model), ids, 1, use_cache=False)
                logits = head.logits(seen[-1][0, -_POSITIONS:])
            tails.append(logits.cpu())
        on_step(number, len(prompts), note)
    return tails


def compare(
    ours: Sequence[Tensor], read: Callable[[], Any], against: str, prompts: Sequence[Sequence[int]], on_step: OnStep = ignore_steps
) -> Parity:
    """Compare logits of `own_logits` with those of the model that `read` loads, which is called `against`."""
    model = read()
    dtype = next(p.dtype for p in model.parameters() if p.is_floating_point())
    theirs = logits_at_ends(model, prompts, on_step, f"logits by {against}")
    del model
    gc.collect()
    a, b = torch.cat(list(ours)), torch.cat(theirs)
    size = min(a.shape[1], b.shape[1])  # one of them may pad its vocabulary
    if not bool(torch.isfinite(a).all() & torch.isfinite(b).all()):
        raise ModelError(f"logits are not finite, so prefopt's model cannot be compared with {against}", hint="try another adapter")
    p, q = (x[:, :size].double().log_softmax(dim=1) for x in (a, b))
    return Parity(
        against=against,
        prompts=len(prompts),
        positions=len(a),
        dtype=str(dtype).removeprefix("torch."),
        max_difference=float((a[:, :size] - b[:, :size]).abs().max()),
        kl=float((p.exp() * (p - q)).sum(dim=1).mean()),
        same_top=float((a.argmax(dim=1) == b.argmax(dim=1)).double().mean()),
    )


def refuse_difference(parity: Parity, consequence: str) -> None:
    """Raise ModelError where two models that should be equal differ by more than LIMIT in a float32 logit."""
    if parity.dtype == "float32" and not parity.max_difference <= LIMIT:
        raise ModelError(
            f"{parity.against} differs from prefopt's model by {parity.max_difference:.2g} in a logit (the limit is {LIMIT:g}), so "
            f"{consequence}",
            hint="install the versions of transformers and PEFT in constraints.txt; others are not tested",
        )
