"""A thousand answers of the shipped tiny model, and the same texts through a server with OpenAI's completions interface."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
import torch
from llguidance import LLMatcher

from prefopt.config import AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.errors import DataError, ModelError
from prefopt.model.generation import ConstrainedText, SampledText, write
from prefopt.model.policy import Policy
from prefopt.records import Problem
from prefopt.taxonomy import builtin_taxonomy
from tests.unit.planted import KINDS, spellings

TINY = ModelSettings(device="cpu")
PROMPT = PromptSettings()


def opened(server: str = "") -> Policy:
    return Policy.open(TINY.model_copy(update={"server": server}), None, PROMPT, AnswerSettings(), builtin_taxonomy())


@pytest.fixture(scope="module")
def policy() -> Policy:
    return opened()


def test_a_thousand_answers_parse_and_their_codes_are_in_the_taxonomy(policy: Policy) -> None:
    """A hundred problems, each with its ten most probable labels of the whole taxonomy."""
    problems = generate(1, 3)[:100]
    probable = np.argsort(-policy.posterior(problems).log_probs, axis=1)[:, :10]
    requests = [(problem, [policy.taxonomy.ids[i] for i in row]) for problem, row in zip(problems, probable, strict=True)]
    proposed = policy.propose(requests, with_reason=False, batch_size=125)
    assert [[answer.label for answer in answers] for answers in proposed] == [labels for _, labels in requests]
    answers = [answer for some in proposed for answer in some]
    assert len(answers) == 1000
    for answer in answers:
        assert answer.level in policy.taxonomy[answer.label].levels
        assert policy.renderer.parse(policy.renderer.completion(answer, with_reason=False)) == answer
    assert len({answer.label for answer in answers}) > 100


class TinyServer(BaseHTTPRequestHandler):
    """A completions server on the tiny model, with the interface's names for seeds, stops, biases and regular expressions."""

    policy: Policy
    served = "base"
    faults: list[int]
    """Statuses of the first answers."""
    keeps_to_grammar = True
    requests: list[dict[str, Any]]
    lock = threading.Lock()

    def do_GET(self) -> None:  # the library's name
        self._answer(200, {"data": [{"id": "other"}, {"id": self.served}]})

    def do_POST(self) -> None:  # as above
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.lock:
            self.requests.append(body)
            if self.faults:
                self._answer(self.faults.pop(0), {"error": "busy"})
                return
            ids, reason = self._write(body)
        self._answer(200, {"choices": [{"text": self.policy.renderer.decode(ids), "finish_reason": reason}]})

    def _write(self, body: dict[str, Any]) -> tuple[list[int], str]:
        if "regex" in body and self.keeps_to_grammar:
            matcher = LLMatcher(self.policy.grammar.tokenizer, LLMatcher.grammar_from_regex(body["regex"]))
            return write(self.policy.model, [body["prompt"]], ConstrainedText([matcher]), batch_size=1)[0], "stop"
        if "regex" in body:
            return self.policy.renderer.encode(', "level": "Z"}'), "stop"
        generator = torch.Generator().manual_seed(body["seed"])
        banned = [int(token) for token in body["logit_bias"]]
        writer = SampledText(
            [generator], temperature=body["temperature"], ends=body["stop_token_ids"], banned=banned, max_tokens=body["max_tokens"]
        )
        (text,) = write(self.policy.model, [body["prompt"]], writer, batch_size=1)
        return text, "stop" if writer.ended[0] else "length"

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(policy: Policy) -> Iterator[tuple[str, type[TinyServer]]]:
    """URL of a server for one test, and its handler's class, on which the test sets faults."""
    kind = type("Handler", (TinyServer,), {"policy": policy, "faults": [], "requests": []})
    listening = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_address[1]}/v1", kind
    listening.shutdown()
    listening.server_close()


REQUESTS = [(problem, ["[2수01-05]", "[9수04-05]"]) for problem in generate(1, 5)[:2]]


def test_a_server_writes_what_the_process_writes(policy: Policy, server: tuple[str, type[TinyServer]]) -> None:
    url, kind = server
    far = opened(url)
    assert far.propose(REQUESTS, reason_tokens=96, seed=1) == policy.propose(REQUESTS, reason_tokens=96, seed=1)
    assert {body["model"] for body in kind.requests} == {"base"}
    assert far.answer([REQUESTS[0][0]]) == policy.answer([REQUESTS[0][0]])


def test_a_text_that_does_not_end_is_sampled_again_with_another_seed_and_counted(server: tuple[str, type[TinyServer]]) -> None:
    url, kind = server
    far = opened(url)
    (answers,) = far.propose([(REQUESTS[0][0], ["[2수01-05]"])], reason_tokens=2)
    assert answers[0].reason is None
    assert (far.retried, far.unfinished) == (3, 1)
    sampled = [body["seed"] for body in kind.requests if "seed" in body]
    assert len(sampled) == len(set(sampled)) == 4


def test_a_request_to_a_busy_server_is_repeated(server: tuple[str, type[TinyServer]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefopt.io.openai_server.FIRST_WAIT", 0.01)
    url, kind = server
    far = opened(url)
    kind.faults += [503, 429]
    assert far.answer([REQUESTS[0][0]])
    kind.faults += [503, 503, 503]
    with pytest.raises(ModelError, match=r"no answer in 3 tries .status 503"):
        far.answer([REQUESTS[0][0]])
    kind.faults += [400]
    with pytest.raises(ModelError, match="refused with status 400"):
        far.answer([REQUESTS[0][0]])


def test_a_problem_with_personal_data_is_not_sent(server: tuple[str, type[TinyServer]]) -> None:
    url, kind = server
    far = opened(url)
    for text in (text for planted in KINDS for _, text, _ in list(spellings(planted))[::12]):
        problem = Problem(id="q", text=text)
        with pytest.raises(DataError, match="personal data in problem 'q'"):
            far.propose([REQUESTS[0], (problem, ["[2수01-05]", "[9수04-05]"])], reason_tokens=8)
        with pytest.raises(DataError, match="nothing was sent to"):
            far.answer([problem])
        with pytest.raises(DataError, match="nothing was sent to"):
            far.posterior([problem], analyses=1)
    assert kind.requests == []
    assert far.posterior([problem]).log_probs.shape[0] == 1  # labels are scored in this process


def test_instructions_with_personal_data_are_not_sent(server: tuple[str, type[TinyServer]]) -> None:
    url, kind = server
    prompt = PROMPT.model_copy(update={"instructions": "문의: 010-1234-5678"})
    far = Policy.open(TINY.model_copy(update={"server": url}), None, prompt, AnswerSettings(), builtin_taxonomy())
    with pytest.raises(DataError, match="personal data in prompt 1: phone; prompt 2"):
        far.propose(REQUESTS, reason_tokens=8)
    assert kind.requests == []


def test_a_reason_with_personal_data_is_sampled_again_and_given_up(policy: Policy) -> None:
    ids = policy.renderer.encode("담임: 김민수, 010-1234-5678")
    assert policy._clean(ids) is None
    assert policy._clean(policy.renderer.encode("두 수를 더한다.")) == "두 수를 더한다."


def test_a_server_that_ignores_the_grammar_is_refused(server: tuple[str, type[TinyServer]]) -> None:
    url, kind = server
    kind.keeps_to_grammar = False
    with pytest.raises(ModelError, match="is not what the grammar allows"):
        opened(url).answer([REQUESTS[0][0]])


def test_a_missing_server_and_a_server_of_another_adapter_are_refused(
    server: tuple[str, type[TinyServer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefopt.io.openai_server.FIRST_WAIT", 0.01)
    url, kind = server
    kind.served = "0123456789ab"
    with pytest.raises(ModelError, match="serves other, 0123456789ab, and not the adapter base"):
        opened(url).answer([REQUESTS[0][0]])
    with pytest.raises(ModelError, match="no answer in 3 tries"):
        opened("http://127.0.0.1:9").answer([REQUESTS[0][0]])
