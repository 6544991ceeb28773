"""A random gpt-oss in OpenAI's layout, small enough to be made for each test session, and transformers' own reading of it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GptOssConfig, GptOssForCausalLM, Mxfp4Config, PreTrainedTokenizerFast

from prefopt.model.mxfp4 import write_shipped_layout
from tools.tiny_gpt_oss.pretrain import YARN
from tools.tiny_gpt_oss.train_tokenizer import CONTROL

TEXTS = [
    'You are ChatGPT {"standard":"[2수01-05]","level":"B","difficulty":2,"concepts":["덧셈","뺄셈"]} analysis final assistant user'
] * 3
VOCABULARY = 640  # rows of the embedding: more than the tokenizer has, as in gpt-oss


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with the Harmony control tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False))
    tokenizer.add_special_tokens(list(CONTROL))
    names = {"bos_token": "<|startoftext|>", "eos_token": "<|return|>", "pad_token": "<|endoftext|>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **names)


def make_model(*, layers: int = 4, window: int = 32, seed: int = 0, **sizes: Any) -> GptOssForCausalLM:
    """Random weights. Router biases lie apart, so that no near-tie sends a token to another expert after a difference of 1e-7."""
    torch.manual_seed(seed)
    small = {"vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 96, "head_dim": 16}
    small |= {"num_attention_heads": 4, "num_key_value_heads": 2}
    config = GptOssConfig(
        num_hidden_layers=layers,
        num_local_experts=4,
        num_experts_per_tok=2,
        sliding_window=window,
        max_position_embeddings=4096,
        initializer_range=0.05,
        rope_parameters={"rope_type": "yarn", "rope_theta": 150000.0, **YARN},
        **{**small, **sizes},
    )
    config._attn_implementation = "eager"
    model = GptOssForCausalLM(config)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.mlp.router.bias.copy_(3 * torch.randn(config.num_local_experts))
            layer.mlp.experts.gate_up_proj_bias.normal_(std=0.1)
            layer.mlp.experts.down_proj_bias.normal_(std=0.1)
            layer.self_attn.sinks.normal_()
    return model


def make_checkpoint(path: Path, *, max_shard_bytes: int = 2**30, **sizes: Any) -> Path:
    """A folder as the hub has it: MXFP4 experts, tokenizer, config.json."""
    write_shipped_layout(make_model(**sizes), path, max_shard_bytes=max_shard_bytes)
    make_tokenizer().save_pretrained(path)
    return path


def dequantized(path: Path, dtype: torch.dtype = torch.float32) -> GptOssForCausalLM:
    """The checkpoint as transformers itself dequantizes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = GptOssForCausalLM.from_pretrained(
            path, dtype=dtype, attn_implementation="eager", quantization_config=Mxfp4Config(dequantize=True)
        )
    if dtype == torch.float32:
        model.float()  # transformers dequantizes to bfloat16, exactly, whatever it is asked
    return model.eval().requires_grad_(False)
