"""The posterior of the label tree compared with scoring each label separately."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from prefopt.config import AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula import in_both_revisions
from prefopt.errors import ModelError
from prefopt.model.harmony import Renderer
from prefopt.model.load import load_base
from prefopt.model.policy import Policy
from prefopt.model.posterior import LabelTree, bytes_of_row, label_log_likelihoods
from prefopt.model.posterior_prefix import common_prefix
from prefopt.records import Problem
from prefopt.taxonomy import builtin_taxonomy, parse_taxonomy
from tests.gptoss import make_checkpoint


def prompts(lengths: tuple[int, ...]) -> list[list[int]]:
    chance = random.Random(0)
    return [[chance.randrange(3, 400) for _ in range(length)] for length in lengths]


@torch.no_grad()
def one_by_one(model: torch.nn.Module, prompt: list[int], label: list[int]) -> float:
    """log P of the label's tokens, alone in a row."""
    scores = model(torch.tensor([prompt + label])).logits[0].double().log_softmax(-1)
    return sum(float(scores[len(prompt) - 1 + k, token]) for k, token in enumerate(label))


def test_the_tree_of_three_labels() -> None:
    tree = LabelTree([[5, 6, 9], [5, 7, 9], [5, 7, 8, 9]])
    assert tree.tokens == [5, 6, 9, 7, 9, 8, 9]
    assert tree.parents == [-1, 0, 1, 0, 3, 3, 5]
    assert tree.depths == [0, 1, 2, 1, 2, 2, 3]
    assert tree.inner == [0, 1, 3, 5]
    assert tree.paths == [[0, 1, 2], [0, 3, 4], [0, 3, 5, 6]]
    assert tree.ancestry().int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 1]]


@pytest.mark.parametrize("labels", [[[1, 2], [1, 2]], [[1, 2], [1, 2, 3]], [[1, 2, 3], [1, 2]], [[], [1]]])
def test_labels_whose_tokens_begin_those_of_others_are_refused(labels: list[list[int]]) -> None:
    with pytest.raises(ModelError, match="equal or begin"):
        LabelTree(labels)


def test_all_181_labels_equal_label_by_label_scoring(gptoss_path: Path) -> None:
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    taxonomy = builtin_taxonomy()
    renderer = Renderer(base.tokenizer, PromptSettings(), AnswerSettings(), taxonomy)
    labels = [[*renderer.label_ids(label), *renderer.encode('"')] for label in taxonomy.ids]
    tree = LabelTree(labels)
    some = prompts((70, 12, 33, 34, 45))  # shorter and longer than the sliding window of 32, and unequal in a batch
    likelihoods = label_log_likelihoods(base.model, some, tree, batch_size=3)
    assert likelihoods.shape == (5, 181)
    assert likelihoods.dtype == np.float64
    for row, prompt in enumerate(some):
        for column in range(row, 181, 9):
            assert abs(likelihoods[row, column] - one_by_one(base.model, prompt, labels[column])) <= 1e-4


def test_two_revisions_of_a_curriculum_are_scored_together(gptoss_path: Path) -> None:
    """Codes in both revisions are two labels; the posterior over both sums to 1, and each label scores as if alone."""
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    rows = [f"{label.id},{label.name},2022,{label.groups[0]}" for label in builtin_taxonomy().labels]
    rows += [f"{label.id},이전 {label.name},2015,{label.groups[0]}" for label in builtin_taxonomy().labels if in_both_revisions(label.id)]
    taxonomy = parse_taxonomy("\n".join(["code,name,revision,band", *rows]), "both.csv")
    assert len(taxonomy) == 181 + 137
    settings = ModelSettings(path=str(gptoss_path), device="cpu")
    policy = Policy.open(settings, None, PromptSettings(), AnswerSettings(), taxonomy)
    problem = Problem(id="p", text="3 + 4는 얼마입니까?")
    posteriors = policy.posterior([problem])
    assert np.exp(posteriors.log_probs).sum() == pytest.approx(1)
    prompt = [*policy.renderer.prompt(problem, with_reason=False), *policy.renderer.label_opening]
    alone = {
        label: one_by_one(base.model, prompt, [*policy.renderer.label_ids(label), *policy.renderer.encode('"')])
        for label in ("2015:[2수01-01]", "2022:[2수01-01]", "2015:[9수04-09]", "2022:[9수04-09]", "2022:[4수03-15]")
        if label in taxonomy.ids
    }
    assert len(alone) == 5
    normalizer = {label: value - float(posteriors.log_probs[0, taxonomy.ids.index(label)]) for label, value in alone.items()}
    assert max(normalizer.values()) - min(normalizer.values()) <= 1e-4


def test_long_labels_cross_the_sliding_window(tmp_path: Path) -> None:
    base = load_base(ModelSettings(path=str(make_checkpoint(tmp_path / "narrow", window=4)), device="cpu"))
    labels = [[7, *([11] * k), 13] for k in range(9)]
    likelihoods = label_log_likelihoods(base.model, prompts((3, 6)), LabelTree(labels), batch_size=2)
    expected = [[one_by_one(base.model, prompt, label) for label in labels] for prompt in prompts((3, 6))]
    assert np.abs(likelihoods - np.array(expected)).max() <= 1e-4


def other_model(family: str) -> torch.nn.Module:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": 500, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2}
    sizes |= {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.2}
    if family == "llama":
        return LlamaForCausalLM(LlamaConfig(**sizes)).eval()
    return MistralForCausalLM(MistralConfig(**sizes, sliding_window=8)).eval()


@pytest.mark.parametrize("family", ["llama", "mistral"])
def test_other_architectures_equal_label_by_label_scoring(family: str) -> None:
    model = other_model(family)
    labels = [[7, 8, 13], [7, 9, 13], [9, 13]]
    likelihoods = label_log_likelihoods(model, prompts((20, 5)), LabelTree(labels), batch_size=2)
    expected = [[one_by_one(model, prompt, label) for label in labels] for prompt in prompts((20, 5))]
    assert np.abs(likelihoods - np.array(expected)).max() <= 1e-4


def test_the_result_is_in_the_given_order_for_any_batch_size(gptoss_path: Path) -> None:
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    tree = LabelTree([[7, 8, 13], [7, 9, 13], [9, 13]])
    some, steps = prompts((30, 10, 20, 10)), []
    likelihoods = label_log_likelihoods(base.model, some, tree, batch_size=3, on_step=lambda *step: steps.append(step))
    backwards = label_log_likelihoods(base.model, some[::-1], tree, batch_size=1)
    assert np.abs(likelihoods - backwards[::-1]).max() <= 1e-5
    assert steps == [(3, 4, "scoring labels"), (4, 4, "scoring labels")]


def test_blocks_of_logits_do_not_change_the_result(gptoss_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    tree = LabelTree([[a, b, c, 13] for a in range(20, 23) for b in range(30, 33) for c in range(40, 43)])
    whole = label_log_likelihoods(base.model, prompts((10, 11)), tree, batch_size=2)
    monkeypatch.setattr("prefopt.model.posterior.LOGIT_BYTES", 20_000)
    blocks = label_log_likelihoods(base.model, prompts((10, 11)), tree, batch_size=2)
    assert np.abs(whole - blocks).max() <= 1e-5


def test_a_broken_model_raises_an_error(gptoss_path: Path) -> None:
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    base.model.lm_head.weight.data.fill_(torch.nan)
    with pytest.raises(ModelError, match="not finite"):
        label_log_likelihoods(base.model, prompts((5,)), LabelTree([[1, 2], [3]]), batch_size=1)


def test_probabilities_of_a_complete_tree_sum_to_one(gptoss_path: Path) -> None:
    """Every token of the vocabulary is a label."""
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    vocabulary = base.model.lm_head.weight.shape[0]
    likelihoods = label_log_likelihoods(base.model, prompts((9, 5)), LabelTree([[t] for t in range(vocabulary)]), batch_size=2)
    assert np.exp(likelihoods).sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert all(a != b for a, b in pairwise(likelihoods[0]))


def shared(prefix: int, rests: tuple[int, ...]) -> list[list[int]]:
    """Prompts that begin with the same tokens."""
    (start,) = prompts((prefix,))
    return [start + [(7 * k + token) % 390 + 3 for token in rest] for k, rest in enumerate(prompts(rests))]


@pytest.mark.parametrize("window", [8, 32])
@pytest.mark.parametrize("prefix", [20, 70])
def test_a_shared_prefix_does_not_change_the_result(tmp_path: Path, window: int, prefix: int) -> None:
    """Prefix and prompts shorter and longer than the sliding window; one of the prompts has a single token of its own."""
    base = load_base(ModelSettings(path=str(make_checkpoint(tmp_path / "m", window=window)), device="cpu"))
    labels = [[7, *([11] * k), 13] for k in range(9)] + [[8, 9, 13]]
    some = shared(prefix, (30, 1, 12, 12, 45))
    assert len(common_prefix(some)) == prefix
    off = label_log_likelihoods(base.model, some, LabelTree(labels), batch_size=3, share_prefix=False)
    on = label_log_likelihoods(base.model, some, LabelTree(labels), batch_size=3)
    assert np.abs(on - off).max() <= 1e-4
    assert abs(on[1, 4] - one_by_one(base.model, some[1], labels[4])) <= 1e-4


def test_a_prefix_longer_than_a_chunk_does_not_change_the_result(gptoss_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    monkeypatch.setattr("prefopt.model.posterior_prefix.CHUNK", 7)
    tree, some = LabelTree([[7, 8, 13], [7, 9, 13], [9, 13]]), shared(50, (3, 9))
    off = label_log_likelihoods(base.model, some, tree, batch_size=2, share_prefix=False)
    assert np.abs(label_log_likelihoods(base.model, some, tree, batch_size=2) - off).max() <= 1e-4


@pytest.mark.parametrize("family", ["llama", "mistral"])
def test_a_shared_prefix_does_not_change_the_result_of_other_architectures(family: str) -> None:
    model, tree, some = other_model(family), LabelTree([[7, 8, 13], [7, 9, 13], [9, 13]]), shared(30, (5, 11))
    off = label_log_likelihoods(model, some, tree, batch_size=2, share_prefix=False)
    assert np.abs(label_log_likelihoods(model, some, tree, batch_size=2) - off).max() <= 1e-4


def test_a_prefix_leaves_a_token_to_each_prompt() -> None:
    start = list(range(40))
    assert common_prefix([start, start]) == start[:-1]
    assert common_prefix([[*start, 1], start]) == start[:-1]
    assert common_prefix([[*start, 1], [*start, 2]]) == start
    assert common_prefix([start]) == []
    assert common_prefix([[1, 2, 3], [1, 2, 4]]) == []  # shorter than worthwhile


def test_435_labels_one_label_and_random_trees_equal_label_by_label_scoring(gptoss_path: Path) -> None:
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    chance, some = random.Random(1), shared(20, (12, 40))
    many = {tuple(chance.randrange(20, 26) for _ in range(chance.randrange(1, 6))) for _ in range(2000)}
    labels = [[*body, 13] for body in sorted(many)[:435]]  # many share their first tokens
    assert len(labels) == 435
    for some_labels in (labels, labels[7:8], [labels[i] for i in chance.sample(range(435), 60)]):
        likelihoods = label_log_likelihoods(base.model, some, LabelTree(some_labels), batch_size=2)
        for column in range(0, len(some_labels), max(1, len(some_labels) // 12)):
            assert abs(likelihoods[1, column] - one_by_one(base.model, some[1], some_labels[column])) <= 1e-4


def test_the_memory_limit_bounds_the_batch_and_refuses_a_prompt_that_exceeds_it(gptoss_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = load_base(ModelSettings(path=str(gptoss_path), device="cpu"))
    monkeypatch.setattr("prefopt.model.posterior.CPU_ATTENTION_BYTES", 2**40)
    tree, some = LabelTree([[7, 8, 13], [9, 13]]), prompts((300,) * 6)
    row, steps = bytes_of_row(base.model, 300 + len(tree.inner), 0), []
    free = label_log_likelihoods(base.model, some, tree, batch_size=6)
    memory = -(-8 * 2 * row // (5 * 2**20))  # enough for two rows
    bounded = label_log_likelihoods(base.model, some, tree, batch_size=6, memory_mb=memory, on_step=lambda done, *_: steps.append(done))
    assert np.abs(free - bounded).max() <= 1e-5
    assert steps == [2, 4, 6]
    with pytest.raises(ModelError, match=r"takes about \d+ MiB, and posterior.memory_mb is 1"):
        label_log_likelihoods(base.model, some, tree, batch_size=6, memory_mb=1)
