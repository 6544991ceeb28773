"""Settings that an architecture's default leaves off, and tokenizers that do not fit."""

from __future__ import annotations

from typing import Any

_ROPE = {"rope_theta": 10000.0}
_LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
_LONG = {"short_factor": [1.0] * 8, "long_factor": [4.0] * 8, "original_max_position_embeddings": 64}

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    # logits that are scaled or capped after the head
    "granite, logits divided": ("granite", {"logits_scaling": 8.0, "embedding_multiplier": 12.0, "residual_multiplier": 0.22}),
    "granitemoe, logits divided": ("granitemoe", {"logits_scaling": 6.0}),
    "hyperclovax, logits divided": ("hyperclovax", {"logits_scaling": 4.0}),
    "cohere, logits multiplied": ("cohere", {"logit_scale": 0.5}),
    "cohere2, logits multiplied": ("cohere2", {"logit_scale": 2.0}),
    "gemma2, low caps": ("gemma2", {"final_logit_softcapping": 3.0, "attn_logit_softcapping": 5.0}),
    "gemma3_text, caps": ("gemma3_text", {"final_logit_softcapping": 3.0, "attn_logit_softcapping": 5.0}),
    "gemma3, caps in a nested config": ("gemma3", {"final_logit_softcapping": 3.0}),
    "falcon_h1, multipliers": ("falcon_h1", {"lm_head_multiplier": 0.3, "embedding_multiplier": 3.0, "attention_out_multiplier": 0.5}),
    "mpt, logits multiplied": ("mpt", {"logit_scale": 0.3}),
    # heads
    "llama, tied": ("llama", {"tie_word_embeddings": True}),
    "qwen3, tied": ("qwen3", {"tie_word_embeddings": True}),
    "gemma, untied": ("gemma", {"tie_word_embeddings": False}),
    "gpt2, untied": ("gpt2", {"tie_word_embeddings": False}),
    "phimoe, head with bias": ("phimoe", {"lm_head_bias": True}),
    # windows, positions
    "mistral, no window": ("mistral", {"sliding_window": None}),
    "qwen2, window in the second layer": ("qwen2", {"use_sliding_window": True, "max_window_layers": 1, "layer_types": None}),
    "qwen3, windows": ("qwen3", {"use_sliding_window": True, "max_window_layers": 0, "layer_types": None}),
    "smollm3, no positions in the second layer": ("smollm3", {"no_rope_layers": [1, 0]}),
    "falcon, alibi": ("falcon", {"alibi": True}),
    "falcon, new decoder": ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "llama, linear rope": ("llama", {"rope_parameters": _ROPE | {"rope_type": "linear", "factor": 4.0}}),
    "llama, dynamic rope": ("llama", {"rope_parameters": _ROPE | {"rope_type": "dynamic", "factor": 4.0}, "max_position_embeddings": 64}),
    "llama, yarn": ("llama", {"rope_parameters": _ROPE | {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}}),
    "llama, llama3 rope": ("llama", {"rope_parameters": _ROPE | {"rope_type": "llama3"} | _LLAMA3}),
    "phi3, longrope": ("phi3", {"rope_parameters": _ROPE | {"rope_type": "longrope"} | _LONG, "original_max_position_embeddings": 64}),
    "gpt2, fewer positions than tokens": ("gpt2", {"n_positions": 48}),
    "opt, fewer positions than tokens": ("opt", {"max_position_embeddings": 48}),
    # experts
    "doge, experts": ("doge", {"is_moe": True, "num_experts": 16, "num_experts_per_tok": 2}),
    "mixtral, router with noise": ("mixtral", {"router_jitter_noise": 0.3}),
    "opt, layers left out at random": ("opt", {"layerdrop": 0.5}),
    # models that see what follows
    "bert, encoder": ("bert", {"is_decoder": False}),
    "roberta, encoder": ("roberta", {"is_decoder": False}),
    "gemma3_text, bidirectional": ("gemma3_text", {"use_bidirectional_attention": True}),
    # tokenizers
    "llama, ids beyond the embedding": ("llama", {"vocabulary": 480}),
    "llama, no padding token": ("llama", {"pad": None, "pad_token_id": None}),
    "mamba, no padding token": ("mamba", {"pad": None, "pad_token_id": None}),
    "llama, the end token pads": ("llama", {"pad": "<|im_end|>", "pad_token_id": 2}),
    "gpt2, the end token pads": ("gpt2", {"pad": "<|im_end|>", "pad_token_id": 2}),
}
"""Name -> the architecture and what make_checkpoint changes."""
