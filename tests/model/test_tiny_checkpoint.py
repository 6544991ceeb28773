"""The shipped tiny gpt-oss: OpenAI's layout, a tokenizer for our texts, and a model pretrained on generated problems."""

from __future__ import annotations

import importlib
import json
import math
import sys

import pytest
import torch
from safetensors import safe_open
from tokenizers import Tokenizer
from transformers import GptOssConfig
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssRotaryEmbedding

from prefopt.config import INSTRUCTIONS_KO, ModelSettings
from prefopt.curricula.generator.problem_generator import generate, generate_with_answers
from prefopt.data.checks.taxonomy_checks import taxonomy_faults
from prefopt.model.tiny import checkpoint_path
from prefopt.taxonomy import builtin_taxonomy
from tools.tiny_gpt_oss.conversations import SYSTEM, conversations
from tools.tiny_gpt_oss.train_tokenizer import CONTROL, STOPS, VOCABULARY


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.from_file(str(checkpoint_path() / "tokenizer.json"))


@pytest.fixture(scope="module")
def config():
    return json.loads((checkpoint_path() / "config.json").read_text(encoding="utf-8"))


def test_the_checkpoint_is_small():
    assert sum(file.stat().st_size for file in checkpoint_path().iterdir()) < 8_000_000


def test_experts_are_stored_as_blocks_and_scales_and_the_rest_in_bfloat16(config):
    experts, hidden, inner = config["num_local_experts"], config["hidden_size"], config["intermediate_size"]
    with safe_open(checkpoint_path() / "model.safetensors", "pt") as weights:
        slices = {name: weights.get_slice(name) for name in list(weights.keys())}
        shapes = {name: (tuple(part.get_shape()), part.get_dtype()) for name, part in slices.items()}
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}.mlp.experts."
        assert shapes[prefix + "gate_up_proj_blocks"] == ((experts, 2 * inner, hidden // 32, 16), "U8")
        assert shapes[prefix + "gate_up_proj_scales"] == ((experts, 2 * inner, hidden // 32), "U8")
        assert shapes[prefix + "down_proj_blocks"] == ((experts, hidden, inner // 32, 16), "U8")
        assert shapes[prefix + "down_proj_scales"] == ((experts, hidden, inner // 32), "U8")
    others = {dtype for name, (_, dtype) in shapes.items() if not name.endswith(("_blocks", "_scales"))}
    assert others == {"BF16"}


def test_config_is_that_of_a_gpt_oss(config):
    assert config["model_type"] == "gpt_oss"
    assert config["layer_types"] == ["sliding_attention", "full_attention"] * 3
    assert config["quantization_config"]["quant_method"] == "mxfp4"
    assert config["router_aux_loss_coef"] == 0.0


def test_positions_are_those_of_plain_rope_under_the_name_that_inference_servers_need(config):
    read = GptOssConfig(**config)
    assert (read.rope_parameters["rope_type"], read.rope_parameters["factor"]) == ("yarn", 1.0)
    plain = GptOssConfig(**config | {"rope_parameters": {"rope_type": "default", "rope_theta": 150000.0}})
    found, wanted = GptOssRotaryEmbedding(read), GptOssRotaryEmbedding(plain)
    assert torch.equal(found.inv_freq, wanted.inv_freq)
    assert found.attention_scaling == wanted.attention_scaling == 1.0


def test_generation_stops_at_the_three_stop_tokens(tokenizer):
    generation = json.loads((checkpoint_path() / "generation_config.json").read_text(encoding="utf-8"))
    assert generation["eos_token_id"] == [tokenizer.token_to_id(token) for token in STOPS]


def test_decoding_restores_any_text(tokenizer):
    assert tokenizer.get_vocab_size() == VOCABULARY
    for text in ("뷁궯 힣가 漢字 🙂 naïve\n\ttab", "민준이는 3/4 cm²를 √2+π와 비교한다.", '{"standard":"[2수01-05]"}', " 2026-01-01 "):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_control_tokens_are_single_and_prompt_texts_take_few_tokens(tokenizer):
    for token in CONTROL:
        assert tokenizer.encode(token).ids == [tokenizer.token_to_id(token)]
    assert len(tokenizer.encode(SYSTEM.format(effort="low")).ids) <= 12
    assert len(tokenizer.encode(f"# Instructions\n\n{INSTRUCTIONS_KO}").ids) <= 40
    assert len(tokenizer.encode('{"standard":"').ids) == 1


def test_every_code_is_two_tokens_in_any_context(tokenizer):
    for label in builtin_taxonomy():
        ids = tokenizer.encode(label.id).ids
        assert len(ids) == 2
        piece = tokenizer.encode(f'{{"standard":"{label.id}","level":"B"').ids
        assert piece[1:3] == ids


def test_korean_takes_few_tokens(tokenizer):
    texts = [p.text for p in generate(2, seed=77)]
    assert sum(len(tokenizer.encode(t).ids) for t in texts) / sum(map(len, texts)) < 0.7
    syllables = [chr(c) for c in range(0xAC00, 0xD7A4) if len(chr(c).encode("euc_kr")) == 2]
    assert len(syllables) == 2350
    assert max(len(tokenizer.encode(s).ids) for s in syllables) <= 2


def test_the_model_predicts_conversations_about_new_problems():
    from prefopt.model.load import load_base
    from tools.tiny_gpt_oss.pretrain import loss_of, render

    base = load_base(ModelSettings(path="tiny", dtype="float32"))
    tokenizer = Tokenizer.from_file(str(checkpoint_path() / "tokenizer.json"))
    codes = [p.label for p in generate(1, 0)][::8]
    talks = conversations(generate_with_answers(2, seed=123, codes=codes), builtin_taxonomy(), seed=123)
    rows = [render(talk, tokenizer) for talk in talks]
    loss = loss_of(base.model, rows, pad=0).item()
    assert loss < 0.25 * math.log(VOCABULARY), f"mean loss {loss:.2f}; a model that knows nothing has {math.log(VOCABULARY):.2f}"


def test_the_tiny_tokenizer_gives_every_shipped_label_its_own_tokens():
    from prefopt.config import AnswerSettings, PromptSettings
    from prefopt.data.checks.token_lengths import open_lengths
    from prefopt.model.tiny import checkpoint_path

    everything = builtin_taxonomy("ko_math_2022_all")
    renderer = open_lengths(checkpoint_path(), PromptSettings(), AnswerSettings(), everything).renderer
    assert [f for f in taxonomy_faults(everything, renderer.label_ids) if f.error] == []


@pytest.mark.parametrize("program", ["pretrain", "probe"])
def test_the_programs_that_rebuild_the_checkpoint_start(program, monkeypatch, capsys):
    module = importlib.import_module(f"tools.tiny_gpt_oss.{program}")
    monkeypatch.setattr(sys, "argv", [program, "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 0
    assert f"python -m tools.tiny_gpt_oss.{program}" in capsys.readouterr().out
