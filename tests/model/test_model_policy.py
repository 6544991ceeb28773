"""Scoring and generation with a whole policy: every answer parses, no text is truncated, no request depends on others in its batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from llguidance import LLMatcher

from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.errors import ModelError
from prefopt.model.adapter_card import AdapterCard, adapter_id
from prefopt.model.adapters import fresh_adapter, save_adapter
from prefopt.model.generation import ConstrainedText, SampledText, chance, write
from prefopt.model.harmony_parse import parse_final
from prefopt.model.load import load_base
from prefopt.model.policy import Policy
from prefopt.records import Answer, Problem
from prefopt.taxonomy import Taxonomy, builtin_taxonomy, parse_taxonomy

PROMPT = PromptSettings(instructions="분류하라.")  # short: the tokenizer of these tests is nearly byte by byte
PROBLEMS = [Problem(id=f"p{i}", text="사과 3개 " * (1 + i % 3) + f"더하기 {i}?") for i in range(6)]


def settings(path: Path) -> ModelSettings:
    return ModelSettings(path=str(path), device="cpu")


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return builtin_taxonomy()


@pytest.fixture(scope="module")
def policy(gptoss_path: Path, taxonomy: Taxonomy) -> Policy:
    return Policy.open(settings(gptoss_path), None, PROMPT, AnswerSettings(), taxonomy)


@pytest.fixture(scope="module")
def talker(gptoss_path: Path, taxonomy: Taxonomy) -> Policy:
    """A policy that samples short texts of digits and letters: its head is set by hand, its random numbers are real."""
    policy = Policy.open(settings(gptoss_path), None, PROMPT, AnswerSettings(), taxonomy)
    head = policy.base.model.lm_head
    bias = torch.full((head.out_features,), -30.0)
    bias[[policy.renderer.encode(c)[0] for c in "abcdefg0123"]] = 0.0
    bias[policy.renderer.stop_ids[0]] = 1.0
    head.bias = torch.nn.Parameter(bias, requires_grad=False)
    return policy


def test_posterior_is_normalized_and_follows_the_label_strings(policy: Policy) -> None:
    posteriors = policy.posterior(PROBLEMS, batch_size=4)
    assert posteriors.problem_ids == tuple(p.id for p in PROBLEMS)
    assert posteriors.log_probs.shape == (6, 181)
    assert np.exp(posteriors.log_probs).sum(axis=1) == pytest.approx(np.ones(6), abs=1e-12)
    renderer, row, column = policy.renderer, 2, 17
    prompt = [*renderer.prompt(PROBLEMS[row], with_reason=False)]
    whole = [*prompt, *renderer.completion(Answer(label=policy.taxonomy.ids[column]), with_reason=False)]
    opening = len(prompt) + len(renderer.label_opening)
    with torch.no_grad():
        scores = policy.model(torch.tensor([whole])).logits[0].double().log_softmax(-1)
    alone = sum(float(scores[i - 1, whole[i]]) for i in range(opening, len(whole)))
    assert posteriors.log_probs[row, column] + np.log(posteriors.label_mass[row]) == pytest.approx(alone, abs=1e-4)
    assert posteriors.single is posteriors.log_probs


def test_analyses_are_averaged_in_probability_space(talker: Policy) -> None:
    posteriors = talker.posterior(PROBLEMS[:3], analyses=3, batch_size=2, seed=1)
    assert posteriors.draws is not None
    assert posteriors.draws.shape == (3, 3, 181)
    assert posteriors.unfinished == 0
    assert np.exp(posteriors.log_probs) == pytest.approx(np.exp(posteriors.draws).mean(axis=0), abs=1e-12)
    assert np.array_equal(posteriors.single, posteriors.draws[0])
    assert not np.allclose(posteriors.draws[0], posteriors.draws[1])
    again = talker.posterior(PROBLEMS[:3][::-1], analyses=3, batch_size=3, seed=1)
    assert np.abs(again.log_probs[::-1] - posteriors.log_probs).max() < 1e-4


def test_proposals_have_the_requested_labels_and_parse(talker: Policy) -> None:
    requests = [(problem, list(talker.taxonomy.ids[i : i + 1 + i % 4])) for i, problem in enumerate(PROBLEMS)]
    before = talker.unfinished
    proposals = talker.propose(requests, reason_tokens=64, seed=3, batch_size=4)
    assert [[a.label for a in answers] for answers in proposals] == [labels for _, labels in requests]
    assert talker.unfinished == before
    for answers in proposals:
        for answer in answers:
            assert answer.reason
            assert set(answer.reason) <= set("abcdefg0123")
            assert answer.level in talker.taxonomy[answer.label].levels
            assert answer.difficulty in range(1, 6)
            assert 1 <= len(answer.concepts) <= 3
            assert talker.renderer.parse(talker.renderer.completion(answer, with_reason=True)) == answer
    reasons = [a.reason for answers in proposals for a in answers]
    assert len(set(reasons)) > len(reasons) / 2


def test_proposals_do_not_depend_on_batches_or_order(talker: Policy) -> None:
    requests = [(problem, ["[2수01-05]", "[9수04-02]"]) for problem in PROBLEMS]
    first = talker.propose(requests, reason_tokens=48, seed=3, batch_size=12)
    other = talker.propose(requests[::-1], reason_tokens=48, seed=3, batch_size=5)
    assert first == other[::-1]
    assert first != talker.propose(requests, reason_tokens=48, seed=4, batch_size=12)


def test_a_reason_that_does_not_end_is_counted_and_not_truncated(policy: Policy) -> None:
    before = policy.unfinished
    notes: list[str] = []
    proposals = policy.propose([(PROBLEMS[0], ["[2수01-05]"])], reason_tokens=8, on_step=lambda done, total, note: notes.append(note))
    assert proposals[0][0].reason is None
    assert proposals[0][0].level is not None
    assert policy.unfinished == before + 1
    assert notes == ["reasons", "reasons, attempt 2", "reasons, attempt 3", "reasons, attempt 4", "answers"]


def test_answers_are_the_most_probable_labels(talker: Policy) -> None:
    best = talker.posterior(PROBLEMS).log_probs.argmax(axis=1)
    answers = talker.answer(PROBLEMS, batch_size=4)
    assert [a.label for a in answers] == [talker.taxonomy.ids[i] for i in best]
    assert all(a.reason is None for a in answers)
    assert all(a.reason for a in talker.answer(PROBLEMS, with_reason=True, batch_size=4))


def test_an_answer_whose_analysis_does_not_end_is_refused(policy: Policy) -> None:
    with pytest.raises(ModelError, match="1 analyses did not end within 8 tokens, first that of problem p0"):
        policy.answer(PROBLEMS[:1], with_reason=True, reason_tokens=8)


def test_generation_with_a_cache_equals_generation_without(policy: Policy) -> None:
    """Left padding, the cache of a sliding window, and rows that leave the batch, compared with a whole forward pass per token."""
    prompts = [policy.renderer.prompt(p, with_reason=False) for p in PROBLEMS[:4]]

    class Greedy:
        def __init__(self) -> None:
            self.left = [3, 12, 7, 12]

        def choose(self, rows: list[int], logits: torch.Tensor) -> list[int]:
            for row in rows:
                self.left[row] -= 1
            return logits.argmax(-1).tolist()

        def finished(self, row: int) -> bool:
            return self.left[row] == 0

        def restart(self, row: int) -> None:
            pass

    written = write(policy.model, prompts, Greedy(), batch_size=4)
    assert [len(text) for text in written] == [3, 12, 7, 12]
    for prompt, text in zip(prompts, written, strict=True):
        row = list(prompt)
        for token in text:
            with torch.no_grad():
                scores = policy.model(torch.tensor([row])).logits[0, -1]
            assert scores.max() - scores[token] <= 1e-4
            row.append(token)


def test_sampling_follows_the_probabilities() -> None:
    logits = torch.log(torch.tensor([0.1, 0.0, 0.6, 0.3]))
    count = 4000
    writer = SampledText([chance("test", i) for i in range(count)], temperature=1.0, ends=[9], banned=[], max_tokens=1)
    tokens = writer.choose(range(count), logits.expand(count, 4).clone())
    share = np.bincount(np.array(tokens), minlength=4) / count
    assert share == pytest.approx([0.1, 0.0, 0.6, 0.3], abs=0.03)  # more than three standard errors
    assert share[1] == 0
    banned = SampledText([chance("test", i) for i in range(50)], temperature=1.0, ends=[9], banned=[2], max_tokens=1)
    assert 2 not in banned.choose(range(50), logits.expand(50, 4).clone())


def test_a_lower_temperature_sharpens_the_distribution() -> None:
    logits = torch.tensor([[0.0, 1.0]]).expand(2000, 2)
    shares = []
    for temperature in (0.5, 2.0):
        writer = SampledText([chance(i) for i in range(2000)], temperature=temperature, ends=[9], banned=[], max_tokens=1)
        shares.append(np.mean(writer.choose(range(2000), logits.clone())))
    assert shares == pytest.approx([1 / (1 + np.exp(-2)), 1 / (1 + np.exp(-0.5))], abs=0.04)


def test_a_thousand_random_answers_all_parse(policy: Policy) -> None:
    """The grammar with random logits: whatever the model prefers, every answer parses and is valid for its label."""
    labels = [policy.taxonomy.ids[i % 181] for i in range(1000)]
    writer = ConstrainedText([policy.grammar.matcher(policy.taxonomy[label].levels) for label in labels])
    texts: list[list[int]] = [[] for _ in labels]
    rows, noise = list(range(1000)), torch.Generator().manual_seed(0)
    while rows:
        chosen = writer.choose(rows, torch.randn(len(rows), policy.vocabulary_size, generator=noise))
        for row, token in zip(rows, chosen, strict=True):
            assert token is not None
            texts[row].append(token)
        rows = [row for row in rows if not writer.finished(row)]
    openings = [policy.renderer.answer_json(Answer(label=label)).removesuffix("}") for label in labels]
    finals = [opening + policy.renderer.decode(text) for opening, text in zip(openings, texts, strict=True)]
    answers = [parse_final(final, policy.renderer.answer, policy.taxonomy, None) for final in finals]
    assert [a.label for a in answers] == labels
    assert all(a.level in policy.taxonomy[a.label].levels and a.concepts for a in answers)
    assert {a.difficulty for a in answers} == {1, 2, 3, 4, 5}


def test_labels_without_levels_and_with_odd_names_are_answered(gptoss_path: Path) -> None:
    taxonomy = parse_taxonomy('code,name,levels\n더하기-빼기,덧셈,\n"비, (비율)",비,"하 (1)|상+"\n', source="test.csv")
    policy = Policy.open(settings(gptoss_path), None, PROMPT, AnswerSettings(label_key="type"), taxonomy)
    first, second = policy.propose([(PROBLEMS[0], list(taxonomy.ids))], reason_tokens=8)[0]
    assert first.level is None
    assert second.level in ("하 (1)", "상+")


def test_answers_without_further_fields_are_partial(gptoss_path: Path, taxonomy: Taxonomy) -> None:
    policy = Policy.open(settings(gptoss_path), None, PROMPT, AnswerSettings(fields=()), taxonomy)
    assert policy.answer(PROBLEMS[:2])[0].partial


def test_a_policy_with_an_adapter_has_its_id(gptoss_path: Path, taxonomy: Taxonomy, tmp_path: Path, policy: Policy) -> None:
    base = load_base(settings(gptoss_path))
    model = fresh_adapter(base, AdapterSettings(rank=2, alpha=4), 0)
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            parameter.data.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    card = AdapterCard(parent=None, base=base.fingerprint, recipe="sft", round=0, seed=0, rank=2, alpha=4, experts=True)
    save_adapter(model, tmp_path / "adapter", card)
    adapted = Policy.open(settings(gptoss_path), tmp_path / "adapter", PROMPT, AnswerSettings(), taxonomy)
    assert adapted.adapter_id == adapter_id(tmp_path / "adapter")
    assert policy.adapter_id == "base"
    assert np.abs(adapted.posterior(PROBLEMS[:2]).log_probs - policy.posterior(PROBLEMS[:2]).log_probs).max() > 1e-3


def test_a_failing_grammar_raises_an_error(policy: Policy) -> None:
    matcher: LLMatcher = policy.grammar.matcher(("A",))
    matcher.consume_token(policy.renderer.encode("x")[0])
    with pytest.raises(ModelError, match="grammar failed"):
        ConstrainedText([matcher]).choose([0], torch.zeros(1, policy.vocabulary_size))


def test_a_problem_that_does_not_fit_is_refused_by_name(policy: Policy) -> None:
    long = [*PROBLEMS[:2], Problem(id="book", text="가나다라 " * 900)]
    for ask in (policy.posterior, policy.answer, lambda problems: policy.propose([(p, ["[2수01-05]"]) for p in problems])):
        with pytest.raises(ModelError, match=r"problem book: its prompt with a label takes \d+ tokens, and prompt.max_tokens is 2048"):
            ask(long)


def test_without_reasons_none_is_sampled_and_none_counted(policy: Policy) -> None:
    before = policy.unfinished
    notes: list[str] = []
    ((answer,),) = policy.propose([(PROBLEMS[0], ["[2수01-05]"])], with_reason=False, on_step=lambda done, total, note: notes.append(note))
    assert answer.reason is None
    assert policy.unfinished == before
    assert notes == ["answers"]
