"""A thousand answers of the shipped tiny model, and the same texts through a server with OpenAI's completions interface."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from prefopt.config import AnswerSettings, ModelSettings, PromptSettings
from prefopt.curricula.generator.problem_generator import generate
from prefopt.errors import DataError, ModelError
from prefopt.model.generation import AnswerGrammar
from prefopt.model.policy import Policy
from prefopt.records import Problem
from prefopt.taxonomy import builtin_taxonomy
from tests.token_server import TokenServer, serving
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


def test_an_answer_without_fields_is_written_without_the_model(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text as the grammar's, and a level where a label has one."""
    requests = [(problem, ["[2수01-05]"]) for problem in generate(1, 5)[:2]]
    fields = AnswerSettings(fields=())
    bare = Policy.open(TINY, None, PROMPT, fields, builtin_taxonomy())
    grammar = AnswerGrammar(bare.renderer.tokenizer, 8192, fields)
    forced = grammar.forced(("A",))
    assert forced is not None
    assert grammar.allows(bare.renderer.decode(forced), ("A",))
    monkeypatch.setattr("prefopt.model.backends.write", None)
    assert [answer.label for (answer,) in bare.propose(requests, with_reason=False)] == ["[2수01-05]"] * 2
    of_levels = AnswerGrammar(bare.renderer.tokenizer, 8192, AnswerSettings(fields=("level",)))
    assert of_levels.forced(("A",)) is None
    assert of_levels.forced(()) == forced


@pytest.fixture
def server(policy: Policy) -> Iterator[tuple[str, TokenServer]]:
    """URL of a server for one test, and the server, which the test tells to fail."""
    kind = TokenServer("vllm", {"base": policy})
    with serving(kind) as url:
        yield f"{url}/v1", kind


REQUESTS = [(problem, ["[2수01-05]", "[9수04-05]"]) for problem in generate(1, 5)[:2]]


def test_a_server_writes_what_the_process_writes(policy: Policy, server: tuple[str, TokenServer]) -> None:
    url, kind = server
    far = opened(url)
    assert far.propose(REQUESTS, reason_tokens=96, seed=1) == policy.propose(REQUESTS, reason_tokens=96, seed=1)
    assert {body["model"] for _, body in kind.asked if "model" in body} == {"base"}
    assert far.answer([REQUESTS[0][0]]) == policy.answer([REQUESTS[0][0]])


def test_a_text_that_does_not_end_is_sampled_again_with_another_seed_and_counted(server: tuple[str, TokenServer]) -> None:
    url, kind = server
    far = opened(url)
    (answers,) = far.propose([(REQUESTS[0][0], ["[2수01-05]"])], reason_tokens=2)
    assert answers[0].reason is None
    assert (far.retried, far.unfinished) == (3, 1)
    sampled = [body["seed"] for _, body in kind.asked if "seed" in body]
    assert len(sampled) == len(set(sampled)) == 4


def test_a_request_to_a_busy_server_is_repeated(server: tuple[str, TokenServer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefopt.io.openai_server.FIRST_WAIT", 0.01)
    url, kind = server
    far = opened(url)
    kind.faults += [503, 429]
    assert far.answer([REQUESTS[0][0]])
    kind.faults += [503, 503, 503]
    with pytest.raises(ModelError, match=r"no answer in 3 tries .status 503"):
        far.answer([REQUESTS[0][0]])
    assert far.answer([REQUESTS[0][0]])  # it is back
    kind.faults += [400]
    with pytest.raises(ModelError, match="refused with status 400"):
        far.answer([REQUESTS[0][0]])


def test_a_problem_with_personal_data_is_not_sent(server: tuple[str, TokenServer]) -> None:
    url, kind = server
    far = opened(url)
    for text in (text for planted in KINDS for _, text, _ in list(spellings(planted))[::12]):
        problem = Problem(id="q", text=text)
        with pytest.raises(DataError, match="personal data in problem 'q'"):
            far.propose([REQUESTS[0], (problem, ["[2수01-05]", "[9수04-05]"])], reason_tokens=8)
        with pytest.raises(DataError, match="nothing was sent to"):
            far.answer([problem])
        for analyses in (0, 1):
            with pytest.raises(DataError, match="nothing was sent to"):
                far.posterior([problem], analyses=analyses)
    assert kind.asked == []


def test_instructions_with_personal_data_are_not_sent(server: tuple[str, TokenServer]) -> None:
    url, kind = server
    prompt = PROMPT.model_copy(update={"instructions": "문의: 010-1234-5678"})
    far = Policy.open(TINY.model_copy(update={"server": url}), None, prompt, AnswerSettings(), builtin_taxonomy())
    with pytest.raises(DataError, match="personal data in prompt 1: phone; prompt 2"):
        far.propose(REQUESTS, reason_tokens=8)
    assert kind.asked == []


def test_a_reason_with_personal_data_is_sampled_again_and_given_up(policy: Policy) -> None:
    ids = policy.renderer.encode("담임: 김민수, 010-1234-5678")
    assert policy._clean(ids) is None
    assert policy._clean(policy.renderer.encode("두 수를 더한다.")) == "두 수를 더한다."


def test_a_server_that_ignores_the_grammar_is_refused(server: tuple[str, TokenServer]) -> None:
    url, kind = server
    kind.keeps_to_grammar = False
    with pytest.raises(ModelError, match="is not what the grammar allows"):
        opened(url).answer([REQUESTS[0][0]])


def test_a_missing_server_and_a_server_of_another_adapter_are_refused(
    policy: Policy, server: tuple[str, TokenServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefopt.io.openai_server.FIRST_WAIT", 0.01)
    url, kind = server
    kind.policies = {"0123456789ab": policy}
    with pytest.raises(ModelError, match="serves other, 0123456789ab, and not the adapter base"):
        opened(url).answer([REQUESTS[0][0]])
    with pytest.raises(ModelError, match="no answer in 3 tries"):
        opened("http://127.0.0.1:9").answer([REQUESTS[0][0]])
