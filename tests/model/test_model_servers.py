"""Posteriors from inference servers against those of this process; what a server must show; several servers, and one that dies."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.errors import ModelError
from prefopt.model.adapter_card import AdapterCard, adapter_id
from prefopt.model.adapters import fresh_adapter, save_adapter
from prefopt.model.load import load_base
from prefopt.model.policy import Policy
from prefopt.model.posteriors import Posteriors
from prefopt.model.tiny import checkpoint_path
from prefopt.records import Problem
from prefopt.taxonomy import builtin_taxonomy
from tests.token_server import ROOT, LastToken, TokenServer, serving

TINY = ModelSettings(device="cpu")
PROBLEMS = generate(1, 5)[:3]
BOUND = TINY.server_unexpanded


def policy(server: str = "", taxonomy: str = "ko_math_2022") -> Policy:
    settings = TINY.model_copy(update={"server": server})
    return Policy.open(settings, None, PromptSettings(), AnswerSettings(), builtin_taxonomy(taxonomy))


@pytest.fixture(scope="module")
def here() -> Policy:
    return policy()


@pytest.fixture(scope="module")
def quick(here: Policy) -> Policy:
    """What a server has where a test is not about numbers."""
    return dataclasses.replace(here, model=LastToken(here.vocabulary_size))


@pytest.fixture
def server(quick: Policy, monkeypatch: pytest.MonkeyPatch) -> TokenServer:
    monkeypatch.setattr("prefopt.io.openai_server.FIRST_WAIT", 0.01)
    return TokenServer("vllm", {"base": quick})


@pytest.fixture
def url(server: TokenServer) -> Iterator[str]:
    with serving(server) as url:
        yield url


@pytest.fixture
def tiny(server: TokenServer, here: Policy) -> TokenServer:
    """The same server with the tiny model."""
    server.policies["base"] = here
    return server


def scored(server: TokenServer) -> int:
    """Requests about problems; the requests of the check come before."""
    return sum(path in ("/v1/completions", "/generate") for path, _ in server.asked)


@pytest.mark.parametrize(
    ("shape", "taxonomy", "labels"),
    [("vllm", "ko_math_2022_all", 435), ("earlier", "ko_math_2022", 181), ("sglang", "ko_math_2022", 181)],
)
def test_posteriors_are_those_of_this_process_within_the_bound(tiny, url, shape, taxonomy, labels) -> None:
    tiny.shape = shape
    exact, far = policy(taxonomy=taxonomy).posterior(PROBLEMS), policy(url, taxonomy)
    far.posterior(PROBLEMS[:1])
    before = scored(tiny)
    found = far.posterior(PROBLEMS)
    assert (far.base, far.model) == (None, None)
    assert found.log_probs.shape == (3, labels)
    assert np.exp(found.log_probs).sum(axis=1) == pytest.approx(1)
    distance = np.abs(np.exp(found.log_probs) - np.exp(exact.log_probs)).sum(axis=1) / 2
    assert distance.max() <= BOUND + 1e-5  # float32 in another order
    assert np.all(found.label_mass >= exact.label_mass - 1e-5)
    assert np.all(found.label_mass <= exact.label_mass * (1 + 2 * BOUND) + 1e-5)
    requests = (scored(tiny) - before) / len(PROBLEMS)
    print(f"{shape} {labels}: {requests} requests a problem, distance {distance.max():.2e}")
    assert requests <= 25


def without_usage(_: str, content: Any) -> Any:
    return {key: value for key, value in content.items() if key != "usage"}


@pytest.mark.parametrize(
    ("shape", "change", "words", "hint"),
    [
        ("vllm", {"scale": 0.7}, "scaled, masked, or not repeatable", "without a temperature"),
        ("earlier", {"scale": 0.7}, "scaled, masked, or not repeatable", "without a temperature"),
        ("sglang", {"scale": 2.0}, "scaled, masked, or not repeatable", "without a temperature"),
        ("vllm", {"hides": True}, "the answer has no top_logprobs", "a server with log-probabilities"),
        ("sglang", {"hides": True}, "the answer has no input_token_logprobs", "a server with log-probabilities"),
        ("vllm", {"adds": 5}, r"\d+ tokens were sent, and \d+ were read", "neither adds tokens nor cuts prompts off"),
        ("sglang", {"keeps": 20}, r"\d+ tokens were sent, and 20 were read", "without --allow-auto-truncate"),
        ("vllm", {"reply": without_usage}, "the answer has no prompt_tokens", "a server with log-probabilities"),
        ("vllm", {"context": 50}, "refused with status 400: .*maximum context length is 50", "--max-model-len"),
        ("earlier", {"allowed": 3}, "greater than max allowed: 3", "--max-logprobs 256"),
    ],
)
def test_a_server_that_cannot_be_right_is_refused(server, url, here, shape, change, words, hint) -> None:
    server.shape = shape
    if shape == "earlier":  # what is not among its most probable tokens cannot be compared
        server.policies["base"] = here
    for name, value in change.items():
        setattr(server, name, value)
    with pytest.raises(ModelError, match=words) as error:
        policy(url).posterior(PROBLEMS[:1])
    assert hint in str(error.value.hint)
    for name, value in {
        "scale": 1.0,
        "hides": False,
        "reply": lambda _, content: content,
        "adds": None,
        "keeps": 4096,
        "context": 4096,
        "allowed": 256,
    }.items():  # as the hints say
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


def distance(far: Policy, exact: Posteriors, problems: Sequence[Problem], batch_size: int = 2) -> float:
    return float(np.abs(np.exp(far.posterior(problems, batch_size=batch_size).log_probs) - np.exp(exact.log_probs)).max())


def test_work_is_spread_and_goes_on_where_one_server_dies_and_comes_back(quick, server, url) -> None:
    other, problems = TokenServer("sglang", {"base": quick}), generate(1, 5)[:12]
    exact = policy(url).posterior(problems)
    with serving(other) as second:
        far = policy(f"{url}, {second}/v1")
        assert distance(far, exact, problems) <= 2 * BOUND
        assert sum(far._backend.servers.done) == 12
        assert min(far._backend.servers.done) > 0
        first = far._backend.servers.done[0]
        server.faults = [0] * 1000
        assert distance(far, exact, problems) <= 2 * BOUND
        assert far._backend.servers.done == [first, 24 - first]
        server.faults = []
        assert distance(far, exact, problems) <= 2 * BOUND
        assert far._backend.servers.done[0] > first  # the first one is back
    server.faults = [500] * 1000
    with pytest.raises(ModelError, match="no answer in 3 tries") as error:
        far.posterior(PROBLEMS)
    assert "type the command again" in str(error.value.hint)


def test_a_server_that_dies_in_the_middle_loses_nothing(quick, server, url) -> None:
    """What it had begun is done by the other one, in whatever thread, and every problem has its own row."""
    other, problems = TokenServer("vllm", {"base": quick}), generate(1, 5)[:40]
    exact = policy(url).posterior(problems)
    count = 0

    def die(_: str, content: Any) -> Any:
        nonlocal count
        count += 1
        if count == 60:
            server.faults = [0] * 1000
        return content

    server.reply = die
    with serving(other) as second:
        far = policy(f"{url},{second}")
        assert distance(far, exact, problems, batch_size=8) <= 2 * BOUND
        assert 0 < far._backend.servers.done[0] < 20
        assert sum(far._backend.servers.done) == 40


def test_a_quick_server_takes_what_waits_for_a_slow_one(quick, server, url) -> None:
    server.pause, other = 0.3, TokenServer("sglang", {"base": quick})
    with serving(other) as second:
        far = policy(f"{url},{second}")
        far.posterior(generate(1, 5)[:12], batch_size=1)
        assert far._backend.servers.done[1] > far._backend.servers.done[0]


def test_an_adapter_that_another_process_unloads_is_loaded_again_by_one_thread(server, url, quick, tmp_path) -> None:
    far, loads = policy(url), []
    far.adapter_id = "0123456789ab"
    far._backend.servers._folder = tmp_path

    def adapters(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        loads.append(path)
        server.policies[body["lora_name"]] = quick
        return 200, "done"

    server._adapters = adapters
    problems, exact = PROBLEMS * 5, policy(url).posterior(PROBLEMS * 5)
    for _ in range(3):  # every thread finds it gone at the same time
        server.policies.pop("0123456789ab", None)
        assert distance(far, exact, problems, batch_size=15) <= 2 * BOUND
    assert loads == ["/v1/load_lora_adapter"] * 3


def test_an_error_stops_the_others_and_loads_nothing_again(server, url) -> None:
    far = policy(url)
    far.posterior(PROBLEMS[:1])
    server.asked.clear()
    server.faults = [400]
    with pytest.raises(ModelError, match=r"refused with status 400: .*told to fail"):
        far.posterior(generate(1, 5)[:20], batch_size=2)
    assert scored(server) <= 12  # of 100: those of the two problems that were begun


SCORES = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & ignores it
from tests.model.test_model_servers import *
far = policy(sys.argv[1])
while True: far.posterior(PROBLEMS); print()
"""


def test_ctrl_c_waits_for_no_server(server, url) -> None:
    process = subprocess.Popen([sys.executable, "-c", SCORES, url], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    assert process.stdout.read(1)  # it has scored something
    server.pause = 120.0
    time.sleep(1)  # until it waits for an answer
    process.send_signal(signal.SIGINT)
    try:
        assert process.wait(timeout=60) == -signal.SIGINT
    finally:
        process.kill()
        process.stdout.close()


def test_the_key_of_a_server_is_sent_and_asked_for(server, url, monkeypatch) -> None:
    server.key = "sk-secret"
    with pytest.raises(ModelError, match="the server refuses the key") as error:
        policy(url).posterior(PROBLEMS[:1])
    assert error.value.hint == "export PREFOPT_SERVER_KEY=<the server's key>"
    monkeypatch.setenv("PREFOPT_SERVER_KEY", "sk-secret")
    assert policy(url).posterior(PROBLEMS[:1]).log_probs.shape == (1, 181)


def test_a_server_without_lora_is_refused_with_the_command_that_starts_it(server, url, tmp_path) -> None:
    server._adapters = lambda *_: (500, {"message": "LoRA is not enabled. Use --enable-lora to enable LoRA."})
    far = policy(url)
    far.adapter_id, far._backend.servers._folder = "0123456789ab", tmp_path
    with pytest.raises(ModelError, match=r"does not load it either.*LoRA is not enabled") as error:
        far.posterior(PROBLEMS[:1])
    assert "--enable-lora" in str(error.value.hint)


def test_no_problems_and_one_label(server, url, here) -> None:
    far = policy(url)
    assert far.posterior([]).log_probs.shape == (0, 181)
    assert far.answer([]) == []
    assert server.asked == []


def test_general_texts_are_scored_by_the_server(here, tiny, url) -> None:
    texts = [here.renderer.encode(problem.text) for problem in PROBLEMS]
    assert policy(url).nats_per_token(texts) == pytest.approx(here.nats_per_token(texts), abs=1e-4)


def test_analyses_and_answers_of_the_server_are_those_of_this_process(here, tiny, url) -> None:
    far = policy(url)
    found, exact = (p.posterior(PROBLEMS[:2], analyses=2, analysis_tokens=24) for p in (far, here))
    assert np.abs(np.exp(found.log_probs) - np.exp(exact.log_probs)).max() <= BOUND + 1e-4
    assert far.answer(PROBLEMS[:2]) == here.answer(PROBLEMS[:2])


def without_weights(folder: Path) -> None:
    """Copy the tiny model's config and tokenizer into a folder."""
    for file in checkpoint_path().iterdir():
        if file.suffix in (".json", ".jinja"):
            (folder / file.name).write_bytes(file.read_bytes())


def test_an_adapter_is_loaded_by_its_id_and_unloaded_and_its_base_is_checked_without_weights(tiny, url, tmp_path) -> None:
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
    assert adapter_id(adapter) in tiny.policies
    del tiny.policies[adapter_id(adapter)]  # as by another process: it is loaded again
    assert far.posterior(PROBLEMS[:1]).log_probs.shape == (1, 181)
    far.close()
    assert list(tiny.policies) == ["base"]
    config = tmp_path / "base" / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"rope_theta": 150000', '"rope_theta": 150001'), encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json: changed in"):
        Policy.open(settings, adapter, PromptSettings(), AnswerSettings(), builtin_taxonomy())


def test_no_weights_are_needed_here(url, tmp_path) -> None:
    without_weights(tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))
    settings = TINY.model_copy(update={"server": url, "path": str(tmp_path)})
    far = Policy.open(settings, None, PromptSettings(), AnswerSettings(), builtin_taxonomy())
    assert np.array_equal(far.posterior(PROBLEMS[:1]).log_probs, policy(url).posterior(PROBLEMS[:1]).log_probs)
