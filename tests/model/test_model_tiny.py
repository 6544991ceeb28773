"""The shipped tiny gpt-oss in all of prefopt.model: six layers, Korean, a briefly trained adapter that stock PEFT reads."""

from __future__ import annotations

import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import GptOssForCausalLM, Mxfp4Config

from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.model.adapter_card import AdapterCard, adapter_id
from prefopt.model.adapters import fresh_adapter, load_adapter, save_adapter
from prefopt.model.harmony import Renderer
from prefopt.model.load import load_base
from prefopt.model.policy import Policy
from prefopt.records import Answer, Problem
from prefopt.taxonomy import builtin_taxonomy

TINY = ModelSettings(device="cpu")
PROBLEMS = [
    Problem(id="a", text="사과가 3개, 배가 5개 있습니다. 과일은 모두 몇 개입니까?", label="[2수01-05]", level="B", difficulty=1),
    Problem(id="b", text="반지름이 4 cm인 원의 넓이를 구하시오. (원주율: 3.14)", label="[6수03-12]", level="A", difficulty=3),
    Problem(id="c", text="주사위 한 개를 던질 때 짝수의 눈이 나올 확률을 구하시오.", label="[9수04-05]", level="C", difficulty=2),
]


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen steps of supervised training on three answers, with attention and experts adapted."""
    base = load_base(TINY)
    renderer = Renderer(base.tokenizer, PromptSettings(), AnswerSettings(), builtin_taxonomy())
    model = fresh_adapter(base, AdapterSettings(rank=4, alpha=8), seed=0).train()
    rows = []
    for problem in PROBLEMS:
        answer = Answer(label=str(problem.label), level=problem.level, difficulty=problem.difficulty, concepts=("개념",))
        prompt = renderer.prompt(problem, with_reason=False)
        rows.append((prompt, renderer.completion(answer, with_reason=False)))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-3)
    losses = []
    for _ in range(16):
        total = torch.zeros(())
        for prompt, completion in rows:
            labels = torch.tensor([[-100] * len(prompt) + completion])
            total = total + model(torch.tensor([prompt + completion]), labels=labels).loss
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(total.detach()))
    assert losses[-1] < 0.65 * losses[0]
    path = tmp_path_factory.mktemp("tiny") / "adapter"
    card = AdapterCard(parent=None, base=base.fingerprint, recipe="sft", round=0, seed=0, rank=4, alpha=8, experts=True)
    save_adapter(model, path, card)
    return path


@pytest.fixture(scope="module")
def policy(adapter: Path) -> Policy:
    return Policy.open(TINY, adapter, PromptSettings(), AnswerSettings(), builtin_taxonomy())


def test_stock_peft_reads_the_trained_adapter_and_merges_it(adapter: Path, tmp_path: Path) -> None:
    base = load_base(TINY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        full = GptOssForCausalLM.from_pretrained(
            base.path, dtype=torch.float32, attn_implementation="eager", quantization_config=Mxfp4Config(dequantize=True)
        )
    stock = PeftModel.from_pretrained(full.float().eval(), adapter).eval()
    ours = load_adapter(base, adapter, trainable=False)
    ids = torch.tensor([base.tokenizer(PROBLEMS[1].text * 6)["input_ids"]])
    with torch.no_grad():
        expected = ours(ids).logits
        assert (stock(ids).logits - expected).abs().max() <= 1e-4
        merged = stock.merge_and_unload()
        assert (merged(ids).logits - expected).abs().max() <= 1e-4
        merged.save_pretrained(tmp_path / "merged", save_original_format=False)
        again = GptOssForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32, attn_implementation="eager").eval()
        assert (again(ids).logits - expected).abs().max() <= 1e-4


def test_training_moves_the_posterior_towards_the_labels(policy: Policy) -> None:
    gold = [policy.taxonomy.index(str(p.label)) for p in PROBLEMS]
    untrained = Policy.open(TINY, None, PromptSettings(), AnswerSettings(), policy.taxonomy)
    before, after = untrained.posterior(PROBLEMS), policy.posterior(PROBLEMS)
    assert after.log_probs[range(3), gold].mean() > before.log_probs[range(3), gold].mean() + 1
    assert (after.label_mass > before.label_mass).all()
    assert np.exp(after.log_probs).sum(axis=1) == pytest.approx(np.ones(3), abs=1e-12)


def test_proposals_are_korean_and_fit_the_taxonomy(policy: Policy) -> None:
    labels = [["[2수01-05]", "[2수01-06]"], ["[6수03-12]"], ["[9수04-05]", "[9수04-01]", "[4수04-01]"]]
    proposals = policy.propose(list(zip(PROBLEMS, labels, strict=True)), seed=1)
    assert [[a.label for a in answers] for answers in proposals] == labels
    for answer in (a for answers in proposals for a in answers):
        assert answer.level in policy.taxonomy[answer.label].levels
        assert answer.reason is None or any("HANGUL SYLLABLE" in unicodedata.name(c, "") for c in answer.reason)
    assert sum(a.reason is not None for answers in proposals for a in answers) >= 3
    assert proposals == policy.propose(list(zip(PROBLEMS, labels, strict=True)), seed=1, batch_size=2)


def test_the_policy_has_the_id_of_its_adapter(policy: Policy, adapter: Path) -> None:
    assert policy.adapter_id == adapter_id(adapter)


def test_posteriors_and_answers_do_not_depend_on_the_attention_implementation(policy: Policy, adapter: Path) -> None:
    """Fused attention with the label tree's masks, and with single tokens after a cache."""
    eager = Policy.open(TINY.model_copy(update={"attention": "eager"}), adapter, PromptSettings(), AnswerSettings(), policy.taxonomy)
    assert (policy.base.attention, eager.base.attention) == ("fused_sinks", "eager")
    assert np.abs(eager.posterior(PROBLEMS).log_probs - policy.posterior(PROBLEMS).log_probs).max() <= 1e-4
    assert eager.answer(PROBLEMS) == policy.answer(PROBLEMS)
