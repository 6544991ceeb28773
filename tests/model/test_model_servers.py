"""Posteriors from inference servers against those of this process; what a server must show; several servers, and one that dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.errors import ModelError
from prefopt.model.adapter_card import AdapterCard, adapter_id
from prefopt.model.adapters import fresh_adapter, save_adapter
from prefopt.model.load import load_base
from prefopt.model.policy import Policy
from prefopt.model.posterior import LabelTree
from prefopt.model.tiny import checkpoint_path
from prefopt.model.tree_search import Next, TreeSearch
from prefopt.taxonomy import builtin_taxonomy
from tests.token_server import TokenServer, serving

TINY = ModelSettings(device="cpu")
PROBLEMS = generate(1, 5)[:3]
BOUND = TINY.server_unexpanded


def policy(server: str = "", taxonomy: str = "ko_math_2022") -> Policy:
    settings = TINY.model_copy(update={"server": server})
    return Policy.open(settings, None, PromptSettings(), AnswerSettings(), builtin_taxonomy(taxonomy))


@pytest.fixture(scope="module")
def here() -> Policy:
    return policy()


@pytest.fixture
def server(here: Policy, monkeypatch: pytest.MonkeyPatch) -> TokenServer:
    monkeypatch.setattr("prefopt.io.openai_server.FIRST_WAIT", 0.01)
    return TokenServer("vllm", {"base": here})


@pytest.fixture
def url(server: TokenServer) -> Iterator[str]:
    with serving(server) as url:
        yield url


def scored(server: TokenServer) -> int:
    """Requests about problems; the requests of the check come before."""
    return sum(path in ("/v1/completions", "/generate") for path, _ in server.asked)


@pytest.mark.parametrize(
    ("shape", "taxonomy", "labels"),
    [
        ("vllm", "ko_math_2022", 181),
        ("vllm", "ko_math_2022_all", 435),
        ("earlier", "ko_math_2022", 181),
        ("sglang", "ko_math_2022_all", 435),
    ],
)
def test_posteriors_are_those_of_this_process_within_the_bound(server, url, shape, taxonomy, labels) -> None:
    server.shape = shape
    exact, far = policy(taxonomy=taxonomy).posterior(PROBLEMS), policy(url, taxonomy)
    far.posterior(PROBLEMS[:1])
    before = scored(server)
    found = far.posterior(PROBLEMS)
    assert (far.base, far.model) == (None, None)
    assert found.log_probs.shape == (3, labels)
    assert np.exp(found.log_probs).sum(axis=1) == pytest.approx(1)
    distance = np.abs(np.exp(found.log_probs) - np.exp(exact.log_probs)).sum(axis=1) / 2
    assert distance.max() <= BOUND + 1e-5  # float32 in another order
    assert np.all(found.label_mass >= exact.label_mass - 1e-5)
    assert np.all(found.label_mass <= exact.label_mass * (1 + 2 * BOUND) + 1e-5)
    requests = (scored(server) - before) / len(PROBLEMS)
    print(f"{shape} {labels}: {requests} requests a problem, distance {distance.max():.2e}")
    assert requests <= 25


class Drawn:
    """A distribution over token sequences, with what it was asked for."""

    def __init__(self, tree: LabelTree, seed: int, concentration: float, listed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.tree, self.listed, self.concentration, self.known = tree, listed, concentration, {}
        self.calls = 0

    def row(self, context: tuple[int, ...]) -> np.ndarray:
        if context not in self.known:
            self.known[context] = np.log(self.draw.dirichlet(np.full(8, self.concentration)) + 1e-300)
        return self.known[context]

    def next_tokens(self, contexts, tokens):
        self.calls += 1
        found = []
        for context, wanted in zip(contexts, tokens, strict=True):
            row = self.row(tuple(context))
            top = set(np.argsort(-row)[: self.listed].tolist())
            left = np.log(max(1e-6, 1 - np.exp(row[list(top)]).sum()))
            found.append(Next({t: float(row[t]) for t in wanted if t in top}, left))
        return found

    def given(self, contexts, tokens):
        self.calls += 1
        return [float(self.row(tuple(c))[t]) for c, t in zip(contexts, tokens, strict=True)]


@pytest.mark.parametrize("bound", [1e-1, 1e-2, 1e-4, 1e-9])
@pytest.mark.parametrize("listed", [2, 8])
def test_the_distance_is_within_the_bound_for_any_distribution(bound: float, listed: int) -> None:
    rng = np.random.default_rng(7)
    for seed in range(25):
        labels = {(*(int(t) for t in rng.integers(0, 7, rng.integers(1, 4))), 7) for _ in range(40)}
        tree = LabelTree(sorted(labels))
        source = Drawn(tree, seed, float(rng.choice([0.05, 0.5, 5.0])), listed)
        found = TreeSearch(tree, bound, width=5).log_likelihoods((), source)
        exact = np.array([sum(source.row(tuple(label[:i]))[t] for i, t in enumerate(label)) for label in sorted(labels)])
        mine, true = np.exp(found - np.logaddexp.reduce(found)), np.exp(exact - np.logaddexp.reduce(exact))
        assert np.abs(mine - true).sum() / 2 <= bound * (1 + 1e-6)
        assert np.logaddexp.reduce(exact) <= np.logaddexp.reduce(found) + 1e-9
        assert np.exp(np.logaddexp.reduce(exact) - np.logaddexp.reduce(found)) >= 1 - bound * (1 + 1e-6)


def test_a_wide_bound_asks_for_less() -> None:
    tree = LabelTree([[a, b, 7] for a in range(7) for b in range(7)])
    calls = []
    for bound in (0.5, 1e-12):
        source = Drawn(tree, 1, 0.1, 8)
        TreeSearch(tree, bound, width=2).log_likelihoods((), source)
        calls.append(source.calls)
    assert calls[0] < calls[1] / 2


@pytest.mark.parametrize(
    ("shape", "change", "words", "hint"),
    [
        ("vllm", {"scale": 0.7}, "as the next token: scaled, masked, or not repeatable", "without a temperature"),
        ("earlier", {"scale": 0.7}, "as the next token: scaled, masked, or not repeatable", "without a temperature"),
        ("sglang", {"scale": 2.0}, "as the next token: scaled, masked, or not repeatable", "without a temperature"),
        ("vllm", {"hides": True}, "the answer has no top_logprobs", "a server with log-probabilities"),
        ("sglang", {"hides": True}, "are missing", "use a"),
        ("vllm", {"adds": 5}, "not of the .* tokens that were sent", "takes token ids as they are"),
        ("earlier", {"allowed": 3}, "greater than max allowed: 3", "--max-logprobs 256"),
    ],
)
def test_a_server_that_cannot_be_right_is_refused(server, url, shape, change, words, hint) -> None:
    server.shape = shape
    for name, value in change.items():
        setattr(server, name, value)
    with pytest.raises(ModelError, match=words) as error:
        policy(url).posterior(PROBLEMS[:1])
    assert hint in str(error.value.hint)
    for name, value in {"scale": 1.0, "hides": False, "adds": None, "allowed": 256}.items():  # as the hints say
        setattr(server, name, value)
    assert policy(url).posterior(PROBLEMS[:1]).log_probs.shape == (1, 181)


def test_a_tokenizer_that_differs_is_refused(server, url, here, monkeypatch) -> None:
    far = policy(url)
    ids = here.renderer.encode("final")[0]
    decode = far.renderer.decode
    monkeypatch.setattr(far.renderer, "decode", lambda some: "other" if list(some) == [ids] else decode(some))
    with pytest.raises(ModelError, match=r"token .* is 'other' here and '.*' there") as error:
        far.posterior(PROBLEMS[:1])
    assert "its own tokenizer" in str(error.value.hint)


def test_work_is_spread_and_goes_on_where_one_server_dies(here, server, url) -> None:
    other = TokenServer("sglang", {"base": here})
    with serving(other) as second:
        far = policy(f"{url}, {second}/v1")
        alone = here.posterior(PROBLEMS)
        found = far.posterior(PROBLEMS, batch_size=2)
        assert far._backend.servers.done == [2, 1]
        server.faults = [0] * 1000
        again = far.posterior(PROBLEMS, batch_size=2)
        assert far._backend.servers.done == [2, 4]
        server.faults = []
        assert np.abs(np.exp(far.posterior(PROBLEMS).log_probs) - np.exp(alone.log_probs)).max() <= BOUND + 1e-5
        assert far._backend.servers.done == [4, 5]  # the first one is back
    for result in (found, again):
        assert np.abs(np.exp(result.log_probs) - np.exp(alone.log_probs)).max() <= BOUND + 1e-5
    server.faults = [500] * 1000
    with pytest.raises(ModelError, match="no answer in 3 tries") as error:
        far.posterior(PROBLEMS)
    assert "type the command again" in str(error.value.hint)


def test_general_texts_are_scored_by_the_server(here, url) -> None:
    texts = [here.renderer.encode(problem.text) for problem in PROBLEMS]
    assert policy(url).nats_per_token(texts) == pytest.approx(here.nats_per_token(texts), abs=1e-4)


def test_analyses_and_answers_of_the_server_are_those_of_this_process(here, url) -> None:
    far = policy(url)
    found, exact = (p.posterior(PROBLEMS[:2], analyses=2, analysis_tokens=24) for p in (far, here))
    assert np.abs(np.exp(found.log_probs) - np.exp(exact.log_probs)).max() <= BOUND + 1e-4
    assert far.answer(PROBLEMS[:2]) == here.answer(PROBLEMS[:2])


def without_weights(folder: Path) -> None:
    """Copy the tiny model's config and tokenizer into a folder."""
    for file in checkpoint_path().iterdir():
        if file.suffix in (".json", ".jinja"):
            (folder / file.name).write_bytes(file.read_bytes())


def test_an_adapter_is_loaded_by_its_id_and_unloaded_and_its_base_is_checked_without_weights(server, url, tmp_path) -> None:
    base = load_base(TINY)
    card = AdapterCard(
        parent=None,
        base=base.fingerprint,
        base_parts=dict(base.identity.parts),
        recipe="sft",
        round=0,
        seed=0,
        rank=4,
        alpha=8,
        experts=True,
    )
    adapter = tmp_path / "adapter"
    save_adapter(fresh_adapter(base, AdapterSettings(rank=4, alpha=8), seed=0), adapter, card)
    (tmp_path / "base").mkdir()
    without_weights(tmp_path / "base")
    settings = TINY.model_copy(update={"server": url, "path": str(tmp_path / "base")})
    far = Policy.open(settings, adapter, PromptSettings(), AnswerSettings(), builtin_taxonomy())
    assert far.posterior(PROBLEMS[:1]).log_probs.shape == (1, 181)
    assert adapter_id(adapter) in server.policies
    del server.policies[adapter_id(adapter)]  # as by another process: it is loaded again
    assert far.posterior(PROBLEMS[:1]).log_probs.shape == (1, 181)
    far.close()
    assert list(server.policies) == ["base"]
    config = tmp_path / "base" / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"rope_theta": 150000', '"rope_theta": 150001'), encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json: changed in"):
        Policy.open(settings, adapter, PromptSettings(), AnswerSettings(), builtin_taxonomy())


def test_no_weights_are_needed_here(here, url, tmp_path) -> None:
    without_weights(tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))
    settings = TINY.model_copy(update={"server": url, "path": str(tmp_path)})
    far = Policy.open(settings, None, PromptSettings(), AnswerSettings(), builtin_taxonomy())
    assert far.posterior(PROBLEMS[:1]).log_probs.argmax() == here.posterior(PROBLEMS[:1]).log_probs.argmax()
