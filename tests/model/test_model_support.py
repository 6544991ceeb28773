"""What is right on a model is measured: hybrids fall back, models that look ahead are refused, and every fallback is the model's own."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import (
    BertConfig,
    BertLMHeadModel,
    GPT2Config,
    GPT2LMHeadModel,
    Lfm2Config,
    Lfm2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
)

from prefopt.config import ModelSettings
from prefopt.errors import ModelError
from prefopt.model import support_probe
from prefopt.model.general import nats_per_token
from prefopt.model.generation import SampledText, chance, write
from prefopt.model.load import load_base
from prefopt.model.posterior import LabelTree, label_log_likelihoods
from prefopt.model.support import support_of

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 90,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LABELS = [[5, 6, 9], [5, 7, 9], [5, 7, 8, 9], [11, 9]]


def random_model(kind: Any, config: Any) -> Any:
    torch.manual_seed(0)
    model = kind(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.normal_(std=0.2)
    return model


def prompts(*lengths: int) -> list[list[int]]:
    chance = random.Random(0)
    shared = [chance.randrange(12, 90) for _ in range(20)]
    return [shared + [chance.randrange(12, 90) for _ in range(length)] for length in lengths]


def hybrid() -> Any:
    """Convolutions and attention in turns."""
    return random_model(Lfm2ForCausalLM, Lfm2Config(**SIZES, layer_types=["conv", "full_attention"]))


@torch.no_grad()
def own(model: Any, prompt: list[int], label: list[int]) -> float:
    """log P of the label's tokens by the model's own forward pass of one row."""
    scores = model(torch.tensor([prompt + label])).logits[0].double().log_softmax(-1)
    return sum(float(scores[len(prompt) - 1 + k, token]) for k, token in enumerate(label))


def test_models_of_attention_alone_share_prompts() -> None:
    support = support_of(random_model(LlamaForCausalLM, LlamaConfig(**SIZES)))
    assert (support.packed, support.prefix, support.way) == ("", "", "batched")
    assert support.describe()["engines"] == "prompt_sharing, trl"


def test_a_hybrid_is_scored_label_by_label_as_the_model_itself_does() -> None:
    model, some = hybrid(), prompts(3, 30, 11)
    support = support_of(model)
    assert "several answers to one prompt in one row" in support.packed
    assert support.describe()["engines"].startswith("trl (in Lfm2ForCausalLM")
    notes: list[str] = []
    found = label_log_likelihoods(model, some, LabelTree(LABELS), batch_size=3, on_step=lambda _done, _all, note: notes.append(note))
    expected = np.array([[own(model, prompt, label) for label in LABELS] for prompt in some])
    assert np.abs(found - expected).max() <= 1e-5
    assert set(notes) == {"scoring labels one by one"}


def test_texts_of_a_hybrid_are_those_of_whole_rows() -> None:
    model, some = hybrid(), prompts(3, 30, 11)
    sampled = SampledText([chance(row) for row in range(3)], temperature=1.0, ends=[2], banned=[0, 1], max_tokens=8)
    written = write(model, some, sampled, batch_size=3)
    plain = SampledText([chance(row) for row in range(3)], temperature=1.0, ends=[2], banned=[0, 1], max_tokens=8)
    for row, prompt in enumerate(some):
        text: list[int] = []
        while not plain.finished(row):
            with torch.no_grad():
                (token,) = plain.choose([row], model(torch.tensor([prompt + text]), use_cache=False).logits[:, -1])
            text += [] if token is None else [token]
        assert written[row] == text


class HiddenWindow(LlamaForCausalLM):
    """A window of 150 tokens that no config names."""

    def forward(self, input_ids: Tensor, **inputs: Any) -> Any:
        if input_ids.shape[1] > 150:
            ones = torch.ones(input_ids.shape[1], input_ids.shape[1], dtype=torch.bool)
            inputs["attention_mask"] = (ones.tril() & ones.triu(-149))[None, None]
        return super().forward(input_ids=input_ids, **inputs)


def test_longer_rows_are_compared_before_they_are_computed() -> None:
    model = random_model(HiddenWindow, LlamaConfig(**SIZES))
    assert support_of(model).packed == ""
    some = prompts(170)
    found = label_log_likelihoods(model, some, LabelTree(LABELS), batch_size=1)
    expected = np.array([[own(model, some[0], label) for label in LABELS]])
    assert np.abs(found - expected).max() <= 1e-5
    assert support_of(model).packed


def test_a_model_that_looks_ahead_is_refused() -> None:
    config = BertConfig(**{**SIZES, "num_key_value_heads": 4}, is_decoder=False)
    with pytest.raises(ModelError, match="later tokens change the log-probabilities of earlier ones"):
        support_of(random_model(BertLMHeadModel, config))


def test_rows_beyond_the_positions_are_refused() -> None:
    config = GPT2Config(n_embd=32, n_layer=2, n_head=4, vocab_size=90, n_positions=100, bos_token_id=1, eos_token_id=2)
    model = random_model(GPT2LMHeadModel, config)
    tree = LabelTree(LABELS)
    label_log_likelihoods(model, prompts(70), tree, batch_size=1)
    for fails in (
        lambda: label_log_likelihoods(model, prompts(90), tree, batch_size=1),
        lambda: nats_per_token(model, prompts(90)),
    ):
        with pytest.raises(ModelError, match=r"a row has \d+ tokens, and GPT2LMHeadModel has 100 positions") as raised:
            fails()
        assert "max_tokens = 100 under [prompt]" in raised.value.hint


def test_measuring_changes_nothing() -> None:
    model = random_model(LlamaForCausalLM, LlamaConfig(**SIZES, attention_dropout=0.1))
    model.train()
    model.model.norm.eval()
    before, state = {name: value.clone() for name, value in model.named_parameters()}, torch.get_rng_state()
    support_of(model)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training
    assert not model.model.norm.training
    assert all(torch.equal(value, before[name]) and value.grad is None for name, value in model.named_parameters())


def test_a_measurement_is_kept_for_the_same_model_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = with_tokenizer(tmp_path / "one", 263)
    other = with_tokenizer(tmp_path / "other", 264)
    settings = ModelSettings(path=str(folder), device="cpu", quantized=False)
    first = support_of(load_base(settings).model, 200)
    probes: list[int] = []
    plain = support_probe.Probe.__init__
    monkeypatch.setattr(support_probe.Probe, "__init__", lambda self, *given: (probes.append(given[2]), plain(self, *given))[1])
    again = load_base(settings)
    second = support_of(again.model, 200)
    assert probes == [], "nothing was measured again"
    assert (second.packed, second.prefix, second.way, second.tokens) == (first.packed, first.prefix, first.way, first.tokens)
    assert second.decoder is again.model.get_decoder()  # type: ignore[operator]  # a causal LM of transformers
    support_of(again.model, 260)
    assert set(probes) == {325}, "longer rows are measured"
    probes.clear()
    loaded(other)
    load_base(settings.model_copy(update={"dtype": "bfloat16"}))
    load_base(settings.model_copy(update={"attention": "eager"}))
    assert probes.count(128) >= 3, "another base, another type, another attention"


def with_tokenizer(folder: Path, rows: int, **settings: Any) -> Path:
    """A llama with an embedding of some rows, and the tests' tokenizer of 263 tokens."""
    from transformers import AutoTokenizer

    from tests.recipes.recipe_cases import write_tokenizer

    random_model(LlamaForCausalLM, LlamaConfig(**{**SIZES, "vocab_size": rows})).save_pretrained(folder)
    write_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for name, value in settings.items():
        setattr(tokenizer, name, value)
    tokenizer.save_pretrained(folder)
    return folder


def loaded(folder: Path) -> Any:
    return load_base(ModelSettings(path=str(folder), device="cpu", quantized=False))


def test_tokens_without_an_embedding_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"the tokenizer has \d+ tokens that the model has no embedding for \(ids from 200"):
        loaded(with_tokenizer(tmp_path / "few", 200))


def test_padding_that_is_missing_is_the_end_token(tmp_path: Path) -> None:
    base = loaded(with_tokenizer(tmp_path / "none", 263, pad_token=None))
    assert base.tokenizer.pad_token_id == base.tokenizer.eos_token_id is not None
