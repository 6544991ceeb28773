"""What a real inference server has to show to be supported: the same tests for each kind of server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx
import numpy as np
import pytest
import torch

from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.errors import ModelError
from prefopt.io.openai_server import NoAnswerError
from prefopt.model.adapter_card import AdapterCard, adapter_id
from prefopt.model.adapters import fresh_adapter, save_adapter
from prefopt.model.load import load_base
from prefopt.model.policy import Policy
from prefopt.model.posteriors import Posteriors
from prefopt.records import Answer, Problem
from prefopt.taxonomy import builtin_taxonomy

TINY = ModelSettings(device="cpu")
TAXONOMY = builtin_taxonomy()
PROBLEMS = generate(1, 5)[:2]
LONG = Problem(id="long", text="12 + 9는 얼마입니까? " * 200)


class RealServer(Protocol):
    """A process that answers at an address."""

    url: str

    def start(self) -> None:
        """Start it again on its port; returns when it answers."""
        ...

    def kill(self) -> None:
        """End it with SIGKILL."""
        ...


@dataclass
class Side:
    """A base with two adapters, and a server that computes with them."""

    base: ModelSettings
    adapters: tuple[Path, Path]
    server: RealServer
    tolerance: float
    """Largest total variation distance to the posteriors of float32 in this process."""
    tie: float
    """Nats between two tokens of which the server's rounding chooses one; infinite for a model that has not learned how JSON is spelled in
    tokens: here the grammar prescribes them, in the servers the model chooses."""
    _open: dict[Path | None, Policy] = field(default_factory=dict)

    def here(self, adapter: Path | None) -> Policy:
        """Computes in this process."""
        if adapter not in self._open:
            self._open[adapter] = opened(self.base, adapter)
        return self._open[adapter]

    def there(self, adapter: Path | None, prompt: PromptSettings | None = None) -> Policy:
        """Computes at the server."""
        return opened(self.base.model_copy(update={"server": self.server.url}), adapter, prompt)


@dataclass
class Engine:
    """One kind of server: with an adapter merged into its base, and with adapters beside their base."""

    merged: Side
    """The first adapter is merged in, and the server's model has its id."""
    beside: Side
    unknown: Mapping[str, object]
    """Path and body of a request for an adapter that is not served, and the status that it gets."""
    refusal: str
    """Regular expression of what `merged` says of the second adapter."""
    start_line: str
    """Part of the hint."""
    too_long: str
    """Part of what the server says of a prompt that is too long; its status is 400."""


def opened(base: ModelSettings, adapter: Path | None, prompt: PromptSettings | None = None) -> Policy:
    return Policy.open(base, adapter, prompt or PromptSettings(), AnswerSettings(), TAXONOMY)


def made_adapter(folder: Path, seed: int, settings: ModelSettings = TINY, *, experts: bool = True) -> Path:
    """An adapter with random B, as after training."""
    base = load_base(settings)
    model = fresh_adapter(base, AdapterSettings(rank=4, alpha=8, experts=experts), seed)
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            parameter.data.normal_(std=0.05, generator=torch.Generator().manual_seed(seed))
    save_adapter(
        model, folder, AdapterCard(parent=None, base=base.fingerprint, recipe="sft", round=0, seed=seed, rank=4, alpha=8, experts=experts)
    )
    return folder


def apart(one: Posteriors, other: Posteriors) -> float:
    """Largest total variation distance."""
    return float((np.abs(np.exp(one.log_probs) - np.exp(other.log_probs)).sum(axis=1) / 2).max())


def refuse_other_cards(here: Policy, there: Policy, tie: float, problems: Sequence[Problem] = PROBLEMS) -> None:
    """Fail where a server writes another card without a reason (which is sampled) than this process does.

    Args:
        here: computes in this process.
        there: computes at the server, with the same adapter.
        tie: nats by which two tokens may differ for which rounding decides. A grammar that is read otherwise makes many more.
        problems: that the cards are about.
    """
    requests = [(problem, [problem.label or ""]) for problem in problems]
    ours, theirs = here.propose(requests, with_reason=False), there.propose(requests, with_reason=False)
    for problem, (one,), (other,) in zip(problems, ours, theirs, strict=True):
        if one != other:
            assert gap(here, problem, one, other) <= tie, (one, other)


def gap(policy: Policy, problem: Problem, one: Answer, other: Answer) -> float:
    """Nats by which a policy prefers one of two answers with the same label at the first token where they differ."""
    renderer = policy.renderer
    start = [*renderer.prompt(problem, with_reason=False), *renderer.channel("final")]
    texts = [renderer.encode(renderer.answer_json(answer)) for answer in (one, other)]
    same = next(i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b)
    until = [[*start, *text[: same + 1]] for text in texts]
    nats = policy.nats_per_token(until) * (len(until[0]) - 1)
    return float(abs(nats[0] - nats[1]))


class EngineCases:
    """The tests. A class of a kind of server inherits them, and has a fixture `engine`."""

    def test_a_merged_model_has_our_posteriors_and_writes_our_cards(self, engine: Engine) -> None:
        side = engine.merged
        here, there = side.here(side.adapters[0]), side.there(side.adapters[0])
        exact, found = here.posterior(PROBLEMS), there.posterior(PROBLEMS)
        assert apart(exact, found) <= side.tolerance
        assert np.abs(exact.label_mass - found.label_mass).max() <= side.tolerance
        refuse_other_cards(here, there, side.tie)
        requests = [(PROBLEMS[0], [PROBLEMS[0].label or ""])]
        (with_reason,) = there.propose(requests, reason_tokens=60)[0]
        assert with_reason.reason is None or "<|" not in with_reason.reason
        texts = [there.renderer.encode(problem.text)[:12] for problem in PROBLEMS]
        assert there.nats_per_token(texts) == pytest.approx(here.nats_per_token(texts), abs=0.05)

    def test_adapters_are_switched_from_request_to_request(self, engine: Engine) -> None:
        """Also after the base and another adapter have answered about the same prompts, which the server keeps in its caches."""
        side = engine.beside
        (first, second), some = side.adapters, PROBLEMS[:1]
        policies = {adapter: side.there(adapter) for adapter in (first, None, second)}
        before = {adapter: policy.posterior(some) for adapter, policy in policies.items()}
        for adapter, found in before.items():
            assert apart(side.here(adapter).posterior(some), found) <= side.tolerance
            assert min(apart(found, other) for name, other in before.items() if name != adapter) > 2 * side.tolerance
        assert apart(policies[first].posterior(some), before[first]) <= side.tolerance
        refuse_other_cards(side.here(second), policies[second], side.tie, some)

    def test_an_adapter_that_is_not_served_and_a_prompt_that_is_too_long_are_refused(self, engine: Engine) -> None:
        side = engine.merged
        path, body, status = (engine.unknown[key] for key in ("path", "body", "status"))
        assert httpx.post(f"{side.server.url}{path}", json=body, timeout=60).status_code == status
        with pytest.raises(ModelError, match=engine.refusal) as refused:
            side.there(side.adapters[1]).posterior(PROBLEMS)
        assert engine.start_line in refused.value.hint
        with pytest.raises(ModelError, match="refused with status 400") as too_long:
            side.there(side.adapters[0], PromptSettings(max_tokens=8192)).posterior([LONG])
        assert engine.too_long in too_long.value.message
        assert "--ctx-size (llama.cpp)" in too_long.value.hint

    def test_a_server_that_is_killed_between_two_requests_is_asked_again(self, engine: Engine) -> None:
        side = engine.merged
        policy = side.there(side.adapters[0])
        before = policy.posterior(PROBLEMS[:1])
        side.server.kill()
        with pytest.raises(NoAnswerError, match="no answer in 3 tries"):
            policy.posterior(PROBLEMS[:1])
        side.server.start()
        assert apart(policy.posterior(PROBLEMS[:1]), before) <= side.tolerance


def name_of(adapter: Path) -> str:
    return adapter_id(adapter)
