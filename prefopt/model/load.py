"""Load a base model from a folder or the Hub and count its bytes by data type.

gpt-oss in the hub's layout is read tensor by tensor into frozen MXFP4 experts, so a stack of experts in bfloat16 never exists. Any other
causal LM is loaded by transformers, in NF4 by bitsandbytes if model.quantized is set.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.model.attention import register_fused_sinks
from prefopt.model.checkpoint import open_checkpoint
from prefopt.model.expert_ways import choose_ways
from prefopt.model.experts import ExpertStack
from prefopt.model.few_launches import launch_less
from prefopt.model.gptoss import fill_gpt_oss
from prefopt.model.grouped import scratch_of
from prefopt.model.harmony import control_ids
from prefopt.model.head import keep_logits_in_float32
from prefopt.model.hub import hub_model, snapshot
from prefopt.model.hub_errors import no_such_folder
from prefopt.model.identity import BaseIdentity, identify
from prefopt.model.identity_parts import read_json
from prefopt.model.out_of_memory import memory_explained
from prefopt.model.placement import visible_gpus
from prefopt.model.refusals import in_words, refuse_absurd_sizes
from prefopt.model.support import keep_support, support_of
from prefopt.model.tiny import checkpoint_path
from prefopt.model.tokenizer import complete_padding, read_tokenizer
from prefopt.protocols import OnStep, ignore_steps

_ONLY_IN_TRAINING = ("router_jitter_noise", "input_jitter_noise", "moe_jitter_eps", "layerdrop", "decoder_layerdrop")
"""Noise by which a model computes something else in training than it is evaluated by. Of dropout, trainers decide."""
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Base:
    """A frozen base model in eval mode, with its tokenizer."""

    model: nn.Module
    tokenizer: PreTrainedTokenizerFast
    path: Path
    identity: BaseIdentity
    bytes_by_dtype: dict[str, int]
    """Bytes of the parameters and buffers by data type: "mxfp4", "nf4", or the name of a torch dtype."""
    source: str = ""
    """model.path as the settings have it, by which an adapter names its base; empty: the folder."""

    @property
    def fingerprint(self) -> str:
        """Identifies weights, configuration, tokenizer, template and generation settings, wherever the folder is; 64 hex digits."""
        return self.identity.id

    @property
    def device(self) -> torch.device:
        """Device of the embeddings, where inputs go."""
        return next(self.model.parameters()).device

    @property
    def attention(self) -> str:
        """Attention implementation: "eager", "sdpa", or "fused_sinks"."""
        return str(self.model.config._attn_implementation)  # type: ignore[union-attr]  # a causal LM of transformers

    def describe(self) -> str:
        """Bytes by dtype in one line."""
        total = sum(self.bytes_by_dtype.values())
        parts = [f"{name} {size / 2**20:.1f} MiB ({size / total:.0%})" for name, size in self.bytes_by_dtype.items()]
        return f"{self.path.name}: {total / 2**20:.1f} MiB: {', '.join(parts)}; attention {self.attention}"


def load_base(settings: ModelSettings, on_step: OnStep = ignore_steps) -> Base:
    """Load the base model that the settings name; `on_step` gets the progress of a download.

    Raises:
        ModelError: a file is missing, truncated or of the wrong shape; the folder has only pickle files; the tokenizer of a gpt-oss lacks
            the Harmony tokens, or has tokens that the model has no embedding for; the model is not a causal LM of plain token ids;
            `quantized` is set and the weights are not quantized; memory does not hold them.
    """
    path = model_folder(settings.path, on_step)
    with memory_explained(f"loading {path}", hint=f"free memory, or take what `prefopt plan {settings.path}` says fits this machine"):
        return _load(path, settings)


def _load(path: Path, settings: ModelSettings) -> Base:
    checkpoint = open_checkpoint(path)
    device, dtype = device_of(settings), dtype_of(settings)
    config, tokenizer = model_config(path), read_tokenizer(path)
    if config.model_type == "gpt_oss":
        control_ids(tokenizer)
    identity = identify(checkpoint, config, tokenizer)
    four_bit = config.model_type == "gpt_oss" if settings.quantized == "auto" else settings.quantized
    shipped = config.model_type == "gpt_oss" and checkpoint.has_suffix("_blocks")
    if settings.device == "spread" and not shipped:
        raise ModelError(
            f'{path}: model.device is "spread", which works only for gpt-oss in its shipped layout', hint='set model.device = "auto"'
        )
    if shipped:
        devices, free_bytes = visible_gpus() if settings.device == "spread" else ([device], [])
        model = fill_gpt_oss(
            checkpoint,
            config,
            devices,
            dtype,
            free_bytes=free_bytes,
            nf4_attention=settings.nf4_attention,
            attention=attention_of(settings, config),
        )
    elif four_bit:
        model = _load_nf4(path, config, device, dtype, attn_implementation=attention_of(settings, config))
    else:
        model = _load_plain(path, config, device, dtype, attn_implementation=attention_of(settings, config))
    model.requires_grad_(False)
    model.eval()
    if config.model_type == "gpt_oss" and device.type == "cuda":
        compute_on_cuda(model)
    keep_logits_in_float32(model)
    _keep_nf4_trainable(model)
    complete_padding(tokenizer, model, path)
    sizes = bytes_by_dtype(model)
    if four_bit:
        refuse_unquantized(model, path, nf4_attention=settings.nf4_attention)
    keep_support(model, identity.id)
    support_of(model)  # before anything is computed with it
    return Base(model, tokenizer, path, identity, sizes, settings.path)


def compute_on_cuda(model: nn.Module) -> None:
    """Let a filled gpt-oss on CUDA devices compute there as prefopt does: few launches, and experts in the way that was measured.

    Args:
        model: in evaluation mode, without an adapter; changed in place.
    """
    launch_less(model)
    _fit_scratch(model)
    choose_ways(model)


def _keep_nf4_trainable(model: nn.Module) -> None:
    """On some CPUs bitsandbytes repacks NF4 weights at the first pass in eval mode, and then cannot train with them: not here."""
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False  # type: ignore[assignment]  # an attribute of bitsandbytes' Linear4bit


def _fit_scratch(model: nn.Module) -> None:
    """Let experts take as much memory at a time as their card has for it."""
    for module in model.modules():
        if isinstance(module, ExpertStack):
            module.scratch = scratch_of(torch.cuda.get_device_properties(module.blocks.device).total_memory)


def identity_of(path: Path) -> BaseIdentity:
    """The identity of the base in a folder, without loading it. Raises ModelError as load_base."""
    return identify(open_checkpoint(path), model_config(path), read_tokenizer(path))


def model_folder(path: str, on_step: OnStep = ignore_steps) -> Path:
    """The checkpoint folder that model.path names. A model on the Hub is downloaded if it is not in the cache.

    Raises:
        ModelError: there is none, or it cannot be downloaded.
    """
    if path == "tiny":
        return checkpoint_path()
    model = hub_model(path)
    if model is not None:
        return snapshot(model, on_step)
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise no_such_folder(path)
    return folder.resolve()


def device_of(settings: ModelSettings) -> torch.device:
    """The device that the settings name, the first of several. Raises ModelError if CUDA is requested and absent."""
    cuda = torch.cuda.is_available()
    if settings.device in ("cuda", "spread") and not cuda:
        raise ModelError(f"model.device is {settings.device}, and torch sees no CUDA device", hint='set model.device = "auto" or "cpu"')
    return torch.device("cuda" if cuda and settings.device != "cpu" else "cpu")


def dtype_of(settings: ModelSettings) -> torch.dtype:
    """Data type of all weights that are not quantized."""
    if settings.dtype != "auto":
        return _DTYPES[settings.dtype]
    return torch.bfloat16 if device_of(settings).type == "cuda" else torch.float32


def model_config(path: Path) -> Any:
    """config.json as transformers reads it. Raises ModelError if it is missing or invalid."""
    if not (path / "config.json").is_file():
        raise ModelError(f"{path}: no config.json", hint="set model.path to a folder in the layout of the Hugging Face hub")
    read_json(path / "config.json")
    with in_words(f"{path / 'config.json'}: transformers cannot read it"):
        config = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    refuse_absurd_sizes(path, config)
    if hasattr(config, "router_aux_loss_coef"):
        config.router_aux_loss_coef = 0.0  # the hub's config.json has 0.9, and trainers would add the router's loss to ours
        config.output_router_logits = False
    for name in _ONLY_IN_TRAINING:
        always = name == "router_jitter_noise" and config.model_type == "phimoe"  # Phi-3.5-MoE routes by it in evaluation, too
        if hasattr(config, name) and not always:
            setattr(config, name, 0.0)
    return config


def attention_of(settings: ModelSettings, config: Any, *, planned_on: str | None = None) -> str:
    """transformers' name for the attention implementation: "eager", "sdpa", or our own for gpt-oss.

    transformers' fast kernels either ignore the sinks of gpt-oss or cannot train, so gpt-oss uses prefopt.model.attention.

    Args:
        settings: `attention` chooses between eager and fused attention; auto is eager where there is no fused one.
        config: of the model.
        planned_on: device type that a model without data represents; None for a model with data.
    """
    if settings.attention == "eager" or (settings.attention == "auto" and not _has_fused_attention(config)):
        return "eager"
    return register_fused_sinks(planned_on=planned_on) if config.model_type == "gpt_oss" else "sdpa"


def _has_fused_attention(config: Any) -> bool:
    """Whether prefopt (gpt-oss) or transformers computes this model's attention by torch's fused kernels."""
    if config.model_type == "gpt_oss":
        return True
    found = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)
    kinds = found if isinstance(found, (list, tuple)) else [found]
    return all(getattr(kind, "_supports_sdpa", True) for kind in kinds)


def _load_plain(path: Path, config: Any, device: torch.device, dtype: torch.dtype, **options: Any) -> nn.Module:
    with in_words(f"{path}: transformers cannot load this model"), _without_bars():
        model = AutoModelForCausalLM.from_pretrained(
            path,
            config=config,
            dtype=dtype,
            device_map={"": device},
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            **options,
        )
    return model  # type: ignore[no-any-return]  # transformers is not followed by mypy


@contextmanager
def _without_bars() -> Iterator[None]:
    """Turn transformers' progress bars off: commands show their own progress, and a log file is no terminal."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _load_nf4(path: Path, config: Any, device: torch.device, dtype: torch.dtype, **options: Any) -> nn.Module:
    if config.model_type == "gpt_oss":
        raise ModelError(
            f"{path}: the experts of this gpt-oss checkpoint are not in four bits (no *_blocks), so the run would not be QLoRA",
            hint="use the checkpoint in its shipped MXFP4 layout, or set model.quantized = false",
        )
    from transformers import BitsAndBytesConfig

    quantization = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )
    return _load_plain(path, config, device, dtype, quantization_config=quantization, **options)


def _storages(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """(data type, tensor) of everything a model stores: "mxfp4", "nf4" or a torch dtype's name."""
    for module in model.modules():
        quantized = isinstance(module, ExpertStack)
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            if quantized:
                yield "mxfp4", tensor
            elif type(tensor).__name__ == "Params4bit":
                yield "nf4", tensor
                yield from (("nf4", extra) for extra in _nf4_constants(tensor))
            else:
                yield str(tensor.dtype).removeprefix("torch."), tensor


def _nf4_constants(weight: Any) -> list[torch.Tensor]:
    """Scales of an NF4 weight, and the scales of its scales; bitsandbytes keeps them outside parameters and buffers."""
    state = getattr(weight, "quant_state", None)
    nested = getattr(state, "state2", None)
    scales = [getattr(state, "absmax", None), getattr(nested, "absmax", None)]
    return [t for t in scales if isinstance(t, torch.Tensor)]


def bytes_by_dtype(model: nn.Module) -> dict[str, int]:
    """Bytes of each data type, largest first; a storage shared by several tensors counts once."""
    sizes: dict[str, int] = {}
    counted: set[int] = set()
    for kind, tensor in _storages(model):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in counted:
            counted.add(storage.data_ptr())
            sizes[kind] = sizes.get(kind, 0) + storage.nbytes()
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def refuse_unquantized(model: Any, path: Path, *, nf4_attention: bool = False) -> None:
    """Raise ModelError unless a model may be called quantized (QLoRA).

    Its experts must be in four bits; so must its linear layers if it has no MXFP4 experts. Embeddings, head, routers and norms may be
    wider, and with MXFP4 experts the attention too.

    Args:
        model: a loaded causal LM.
        path: named in the error.
        nf4_attention: require the attention in NF4, too.
    """
    kernels = {id(p) for m in model.modules() if isinstance(m, (nn.Conv1d, nn.Conv2d, nn.Conv3d)) for p in m.parameters(recurse=False)}
    stacks = [(name, p) for name, p in model.named_parameters() if p.dim() >= 3 and p.is_floating_point() and id(p) not in kernels]
    if stacks:
        size = sum(p.nbytes for _, p in stacks)
        raise ModelError(
            f"{path}: {size / 2**30:.2f} GiB of experts are in {stacks[0][1].dtype}, not in four bits (first: {stacks[0][0]})",
            hint="set model.quantized = false, or use a checkpoint whose experts are quantized",
        )
    wide = [name for name, m in model.named_modules() if type(m) is nn.Linear and ".self_attn." in name]
    if nf4_attention and wide:
        raise ModelError(f"{path}: {len(wide)} linear layers of the attention are not in NF4, first {wide[0]}")
    kinds = {kind for kind, _ in _storages(model)}
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    plain = [name for name, m in model.named_modules() if type(m) is nn.Linear and m is not head]
    if "mxfp4" not in kinds and (plain or "nf4" not in kinds):
        raise ModelError(
            f"{path}: {len(plain)} linear layers are not in four bits, first {plain[0] if plain else 'none found'}",
            hint="set model.quantized = false",
        )
