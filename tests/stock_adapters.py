"""Adapters as stock PEFT makes them, with random weights as after training, and small dense bases for them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    DeepseekV3Config,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    Phi3Config,
    PreTrainedConfig,
    PreTrainedModel,
)

from tests.gptoss import VOCABULARY, make_tokenizer

SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
}


def configs() -> dict[str, PreTrainedConfig]:
    """Small configurations whose attention has other names than q_proj, k_proj, v_proj and o_proj, and of Llama, which has these."""
    few = {"num_key_value_heads": 2}
    mla = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 16}
    moe = {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 32}
    return {
        "llama": LlamaConfig(**SMALL, **few),
        "phi3": Phi3Config(**SMALL, **few),
        "gpt2": GPT2Config(n_embd=64, n_layer=3, n_head=4, n_positions=512, vocab_size=VOCABULARY, bos_token_id=0, eos_token_id=0),
        "gpt_neox": GPTNeoXConfig(**SMALL),
        "deepseek_v3": DeepseekV3Config(**SMALL, **mla, **moe, num_key_value_heads=4, first_k_dense_replace=1),
    }


def make_dense(path: Path, config: PreTrainedConfig) -> Path:
    """A random checkpoint with a tokenizer."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() >= 2:
                parameter.normal_(std=0.05)
    model.save_pretrained(path)
    make_tokenizer().save_pretrained(path)
    return path


def randomize(model: PeftModel, seed: int = 1) -> PeftModel:
    """Weights as after training: no B is zero, and DoRA's lengths are not those of the base."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            parameter.data.copy_(0.05 * torch.randn(parameter.shape, generator=generator))
        elif ".lora_magnitude_vector." in name:
            parameter.data.mul_(1 + 0.1 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def make_stock_adapter(model: PreTrainedModel, path: Path, **options: Any) -> Path:
    """Make an adapter by PEFT on transformers' own model, and save it as PEFT does."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT comments on its own defaults
        adapted = randomize(get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **options)))
        adapted.save_pretrained(path, save_embedding_layers=False)
    return path


def stock(model: PreTrainedModel, path: Path) -> PeftModel:
    """An adapter as PEFT loads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return PeftModel.from_pretrained(model, path).eval()
