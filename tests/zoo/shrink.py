"""Small configurations of every causal LM of transformers: one rule per name of a setting, not one configuration per architecture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from transformers import PreTrainedConfig
from transformers.models.auto import modeling_auto
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

VOCABULARY = 704
"""Rows of the embedding: a little more than the tokenizer has, as most checkpoints."""
WINDOW = 24
POSITIONS = 1024
LAYERS = 2

_BY_SIZE = (
    (VOCABULARY, "vocab_size vocab_size_per_layer_input n_words"),
    # widths
    (64, "hidden_size n_embd d_model embedding_size dim attention_hidden_size embed_dim conv_dim lru_width"),
    (96, "intermediate_size ffn_dim decoder_ffn_dim encoder_ffn_dim ffn_hidden_size n_inner dff dim_ff feed_forward_size"),
    (96, "intermediate_size_mlp block_ff_dim prefix_dense_intermediate_size dense_intermediate_size"),
    (32, "moe_intermediate_size shared_expert_intermediate_size shared_intermediate_size shared_experts_intermediate_size"),
    (32, "expert_ffn_hidden_size moe_shared_expert_intermediate_size"),
    (16, "hidden_size_per_layer_input"),
    (8, "laurel_rank d_rel"),
    # heads
    (4, "num_attention_heads n_head n_heads num_heads attention_heads decoder_attention_heads encoder_attention_heads"),
    (4, "swa_num_attention_heads num_decoder_attention_heads num_encoder_attention_heads linear_num_heads index_n_heads"),
    (16, "head_dim swa_head_dim v_head_dim global_head_dim dim_head kv_channels linear_head_dim d_kv index_head_dim"),
    (16, "linear_key_head_dim linear_value_head_dim attention_head_dim"),
    (2, "linear_num_key_heads"),
    (4, "linear_num_value_heads"),
    (8, "qk_rope_head_dim qk_nope_head_dim rotary_dim"),
    (16, "kv_lora_rank o_lora_rank"),
    (24, "q_lora_rank"),
    # layers
    (LAYERS, "num_hidden_layers n_layer n_layers num_layers decoder_layers encoder_layers num_decoder_layers num_encoder_layers"),
    (LAYERS, "depth num_blocks"),
    (1, "first_k_dense_replace num_dense_layers"),
    # experts
    (4, "num_experts n_routed_experts num_local_experts moe_num_experts"),
    (2, "num_experts_per_tok num_experts_per_token moe_topk moe_top_k moe_k top_k_experts n_group num_expert_group"),
    (1, "n_shared_experts num_shared_experts moe_num_shared_experts num_shared_expert topk_group"),
    # states
    (8, "mamba_d_state state_size ssm_state_size"),
    (4, "mamba_n_heads n_mamba_heads mamba_num_heads mamba_dt_rank time_step_rank"),
    (32, "mamba_d_head mamba_head_dim mamba_headdim"),
    (16, "mamba_chunk_size chunk_size block_size"),
    (128, "mamba_d_ssm"),
    (2, "n_groups"),
    # positions and windows
    (POSITIONS, "max_position_embeddings n_positions n_ctx max_seq_len model_max_length max_target_positions"),
    (POSITIONS, "max_source_positions max_sequence_length original_max_position_embeddings"),
    (WINDOW, "sliding_window window_size attention_window_size attention_chunk_size sliding_window_size local_attention"),
    (WINDOW, "keep_window_size local_attention_window_len swa_window_size"),
    (16, "index_topk"),
    # towers that text never passes through
    (32, "image_size"),
    (16, "patch_size"),
    (8, "num_mel_bins"),
    (64, "out_hidden_size vision_output_dim projection_dim"),
)
_SIZES = {name: size for size, names in _BY_SIZE for name in names.split()}
"""What a setting with this name becomes where the library's default is a larger whole number."""

_SPECIAL_IDS = {
    "pad_token_id": 0,
    **dict.fromkeys(("bos_token_id", "sep_token_id", "decoder_start_token_id", "eod_token_id"), 1),
    **dict.fromkeys(("eos_token_id", "forced_eos_token_id"), 2),
    "forced_bos_token_id": None,
}
"""Ids of the tokenizer of small.py."""

_HEAD = {"head_dim": 16}  # its default is None, which its own code does not take
OVERRIDES: dict[str, dict[str, Any]] = {
    "hunyuan_v1_dense": _HEAD,
    "hunyuan_v1_moe": _HEAD,
    "ministral": _HEAD,
    "nemotron": {"num_key_value_heads": 2},  # None by default, which its attention does not take
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2, "first_k_dense_replace": 1},  # None by default
    "lfm2_moe": {"layer_types": ["conv", "full_attention", "conv"], "num_hidden_layers": 3},  # None by default
    "lfm2": {"layer_types": ["conv", "full_attention", "conv"], "num_hidden_layers": 3},  # all full attention by default
    "dbrx": {
        "attn_config": {"rope_theta": 10000.0, "kv_n_heads": 2, "clip_qkv": 8.0},
        "ffn_config": {"hidden_size": 64, "ffn_hidden_size": 32},
    },
    "gemma3n_text": {
        "num_hidden_layers": 4,  # the last two read the keys of the first two
        "num_kv_shared_layers": 2,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "intermediate_size": [96] * 4,
        "activation_sparsity_pattern": [0.95, 0.0] * 2,
    },
    "qwen4_exp_text": {  # None by default
        "indexer_n_heads": 4,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 16,
        "indexer_budget": 16,
        "indexer_compress_ratio": 4,
        "hc_lowrank": 8,
        "ple_embed_dim": 64,
        "ngram_vocab_size_base": 512,
        "split_ngram_parts": 4,
    },
    "zamba": {  # hybrid layers share weights, and their attention is twice as wide
        "layers_block_type": ["linear_attention", "hybrid"] * 2,
        "num_hidden_layers": 4,
        "attention_hidden_size": 128,
        "attention_head_dim": 32,
    },
    "zamba2": {
        "layers_block_type": ["linear_attention", "hybrid"] * 2,
        "num_hidden_layers": 4,
        "attention_hidden_size": 128,
        "attention_head_dim": 32,
    },
    "xlstm": {"qk_dim_factor": 1.0},  # keys as wide as values, which its chunks need
    "xmod": {"default_language": "en_XX"},
    "deepseek_v2": {"num_experts_per_tok": 2},  # None by default
    "dots3_note_vision_encoder": {"adapter_in_dim": 64, "adapter_out_dim": 64},
    "dots3_note_audio_encoder": {"adapter_input_size": 64, "adapter_out_dim": 64, "downsample_hidden_size": 16},
    "jamba": {"num_hidden_layers": 4, "attn_layer_period": 2, "attn_layer_offset": 1},  # attention in one layer of eight
    "bamba": {"attn_layer_indices": [1]},  # no attention by default
    "mamba2": {"num_heads": 8, "head_dim": 16, "n_groups": 2},  # heads * head_dim = expand * hidden_size
    "falcon_h1": {"mamba_n_heads": 4, "mamba_d_head": 32},
    "granitemoehybrid": {"layer_types": ["linear_attention", "full_attention"]},
    "recurrent_gemma": {"num_hidden_layers": 3},  # attention in one layer of three
    "cohere_compass_text": {
        "rope_parameters": {kind: {"rope_type": "default", "rope_theta": 10000.0} for kind in ("full_attention", "sliding_attention")}
    },
    "xlm": {"emb_dim": 64, "causal": True},
    "roc_bert": {"pronunciation_embed_dim": 16, "shape_embed_dim": 16, "pronunciation_vocab_size": 16, "shape_vocab_size": 16},
    "rembert": {"input_embedding_size": 32, "output_embedding_size": 64},
    "longcat_flash": {"zero_expert_num": 2},
    "reformer": {"is_decoder": True, "axial_pos_embds_dim": (16, 48), "axial_pos_shape": (32, 32)},
    "xlnet": {"d_inner": 96},
}
"""What no rule above can know, with the reason."""


def names() -> list[str]:
    """model_type of every causal LM of the installed transformers."""
    return list(modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def small_config(model_type: str, **changes: Any) -> PreTrainedConfig:
    """The configuration of an architecture with small sizes and its kinds of layers.

    Args:
        model_type: the library's name.
        changes: settings of the text model that replace the small ones.
    """
    config = CONFIG_MAPPING[model_type]
    return config(**_arguments(config, model_type, changes))


def _arguments(kind: type[PreTrainedConfig], model_type: str, changes: dict[str, Any]) -> dict[str, Any]:
    own = OVERRIDES.get(model_type, {})
    nested = dict(kind.sub_configs)
    default = kind()
    settings = {name: value for name, value in vars(default).items() if not name.startswith("_")}
    settings["_per_layer"] = default.to_dict().get("per_layer_config")
    small: dict[str, Any] = {}
    text = next((name for name in ("text_config", "decoder") if name in nested), None)
    for name in nested:
        part = getattr(default, name, None)
        if isinstance(part, PreTrainedConfig):
            inner = changes if name == text else {}
            small[name] = _arguments(type(part), part.model_type, inner) | {"model_type": part.model_type}
    small |= dict(_sizes(settings, nested))
    small |= dict(_per_layer(settings, small))
    small |= {name: value for name, value in _SPECIAL_IDS.items() if name in settings}
    small |= own
    return small if text else small | changes


def _sizes(settings: dict[str, Any], nested: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if name == "is_decoder":
            yield name, True
        if name in nested or isinstance(value, bool):
            continue
        if name == "head_dim" and "qk_rope_head_dim" in settings:  # of multi-head latent attention: the part that is rotated
            yield name, 8 if value == settings["qk_rope_head_dim"] else 16
        elif name in _SIZES and isinstance(value, list) and all(isinstance(v, int) for v in value):
            yield name, [_SIZES[name]] * len(value)
        elif name in _SIZES and ((isinstance(value, int) and value > _SIZES[name]) or name == "vocab_size"):
            yield name, _SIZES[name]
        elif name in ("num_key_value_heads", "swa_num_key_value_heads", "num_global_key_value_heads") and isinstance(value, int):
            heads = settings.get("num_attention_heads") or settings.get("n_head")
            yield name, 1 if value == 1 else 4 if value == heads else 2
        elif isinstance(value, float) and name.endswith(("dropout", "pdrop", "dropout_prob", "layerdrop", "dropout_p")):
            yield name, 0.0


def _per_layer(settings: dict[str, Any], small: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Lists with one entry per layer, for layers of every kind that the default mixes; and the number of these layers."""
    count = next((n for n in ("num_hidden_layers", "n_layer", "num_layers", "n_layers") if isinstance(settings.get(n), int)), None)
    if count is None:
        return
    layers = settings[count]
    lists = {name: value for name, value in settings.items() if isinstance(value, (list, tuple)) and len(value) == layers > 2}
    kinds = {name: value for name, value in lists.items() if all(isinstance(v, str) for v in value)}
    if not kinds:
        return
    lists |= {name: small[name] for name in lists if name in small}
    exceptions: dict[str, dict[str, Any]] = {int(i): v for i, v in (settings.get("_per_layer") or {}).items()}
    together = list(zip(*kinds.values(), strict=True))
    chosen = sorted({together.index(kind) for kind in together})[:6]
    chosen += [i for i in range(layers) if i not in chosen][: max(0, LAYERS - len(chosen))]
    chosen.sort()
    yield count, len(chosen)
    for name, value in lists.items():
        yield name, [value[i] for i in chosen]
    if exceptions:
        yield "per_layer_config", {i: dict(_sizes(exceptions[layer], {})) for i, layer in enumerate(chosen) if layer in exceptions}
