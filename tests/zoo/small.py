"""A tiny random checkpoint of any causal LM of transformers: config.json, safetensors, and a byte-level tokenizer with a chat template."""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, PreTrainedConfig, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

from tests.zoo.shrink import VOCABULARY, small_config
from tools.tiny_gpt_oss.train_tokenizer import CONTROL

TEXTS = [
    '{"standard":"[2수01-05]","level":"B","difficulty":2,"concepts":["덧셈","뺄셈"]}'
    " 두 자리 수의 덧셈과 뺄셈을 한다. 사과가 몇 개 남았는가?",
    '{"standard":"[4수02-11]","level":"A","difficulty":5,"concepts":["분수","소수"]}'
    " 분모가 같은 분수의 크기를 비교한다. 이 문제를 분류한다.",
    '{"standard":"[6수03-04]","level":"C","difficulty":1,"concepts":["넓이"]}'
    " 직사각형의 넓이를 구하는 방법을 설명하라. 까닭을 두세 문장으로.",
    "Classify the problem by its achievement standard. The answer is a JSON object with these fields. Labels: name, level, reason.",
] * 3
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PAD, START, END = "<|pad|>", "<|im_start|>", "<|im_end|>"


@lru_cache(maxsize=2)
def _trained(harmony: bool) -> str:
    special = [PAD, START, END, *(CONTROL if harmony else ())]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 8, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return str(tokenizer.to_str())


def make_tokenizer(*, harmony: bool = False, pad: str | None = PAD) -> PreTrainedTokenizerFast:
    """Byte-level BPE; token 0 pads, 1 begins and 2 ends a message.

    Args:
        harmony: with the control tokens of gpt-oss, whose prompts have no other form.
        pad: the padding token, or None for a tokenizer without one.
    """
    names = {"bos_token": START, "eos_token": "<|return|>" if harmony else END} | ({} if pad is None else {"pad_token": pad})
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(_trained(harmony)), clean_up_tokenization_spaces=False, **names)
    if not harmony:
        tokenizer.chat_template = TEMPLATE
    return tokenizer


def build(config: PreTrainedConfig, seed: int = 0) -> nn.Module:
    """The causal LM of a configuration, or the model of images and text where it has none, with random float32 weights.

    It is laid out on the meta device first, so that no large one is filled.

    Raises:
        ValueError: it has more than four million weights, so the configuration is not small.
    """
    kind = AutoModelForCausalLM if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING else AutoModelForImageTextToText
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.device("meta"):
            size = sum(p.numel() for p in kind.from_config(config).parameters())
        if size > 4_000_000:
            raise ValueError(f"{size} weights are not small")
        torch.manual_seed(seed)
        model = kind.from_config(config, dtype=torch.float32)
    _randomize(model, torch.Generator().manual_seed(seed + 1))
    return model.eval().requires_grad_(False)  # type: ignore[no-any-return]  # transformers has no types


@torch.no_grad()
def _randomize(model: nn.Module, chance: torch.Generator) -> None:
    """Wider matrices than the library's, and norms, biases and sinks that differ from 0 and 1, so that leaving any of them out shows."""

    def noise(tensor: torch.Tensor, std: float) -> torch.Tensor:
        return torch.randn(tensor.shape, generator=chance) * std

    embeddings = {id(module.weight) for module in (model.get_input_embeddings(), model.get_output_embeddings()) if module is not None}
    for name, parameter in sorted(model.named_parameters()):
        if not parameter.is_floating_point():
            continue
        if id(parameter) in embeddings:
            parameter.copy_(noise(parameter, 0.3))
        elif parameter.dim() >= 2 and not any(part in name for part in ("conv", "A_log", "scale")):
            parameter.copy_(noise(parameter, 1.0 / min(parameter.shape[-1], parameter.shape[-2]) ** 0.5))
        else:
            parameter.add_(noise(parameter, 0.1))
    for name, buffer in sorted(model.named_buffers()):
        if "e_score_correction_bias" in name:
            buffer.add_(noise(buffer, 0.1))


def make_checkpoint(
    path: Path, model_type: str, *, seed: int = 0, pad: str | None = PAD, vocabulary: int | None = None, **changes: Any
) -> Path:
    """A folder as the hub has it.

    Args:
        path: the folder.
        model_type: the library's name of the architecture.
        seed: of the weights.
        pad: padding token of the tokenizer.
        vocabulary: rows of the embedding, where they are not as many as usual.
        changes: settings of the text model.
    """
    if vocabulary is not None:
        changes["vocab_size"] = vocabulary
    model = build(small_config(model_type, **changes), seed)
    with torch.no_grad():
        if not model(input_ids=torch.arange(3, 43)[None]).logits.isfinite().all():
            raise ValueError("its logits are not finite")
    model.save_pretrained(path)
    make_tokenizer(harmony=model_type == "gpt_oss", pad=pad).save_pretrained(path)
    return path
