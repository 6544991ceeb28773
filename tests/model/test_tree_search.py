"""The bound of the tree search, for any tree and any distribution that a server can have, through the answers that it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefopt.errors import ModelError
from prefopt.io.openai_server import OpenAiServer
from prefopt.model.engines import Sglang, Vllm
from prefopt.model.posterior import LabelTree
from prefopt.model.posteriors import normalized
from prefopt.model.tree_search import TreeSearch

TOKENS = 12
END = 11
"""Closes a label, so that none is a prefix of another."""
BASE = 50
"""Added to a token in requests, where 0 to 9 could be mistaken for places."""
PROMPT = (7,)
STYLES = ("even", "one", "steep", "dirichlet", "elsewhere", "impossible")


class Table:
    """Next-token distributions by context, made when they are asked for, behind the interfaces of vLLM, of an earlier vLLM, and SGLang."""

    url = "http://table"

    def __init__(self, seed: int, styles: Sequence[str], listed: int) -> None:
        self.draw, self.styles, self.listed = np.random.default_rng(seed), styles, listed
        self.known: dict[tuple[int, ...], np.ndarray] = {}
        self.requests = 0

    def row(self, context: Sequence[int]) -> np.ndarray:
        """log P of each token after a context."""
        if tuple(context) not in self.known:
            self.known[tuple(context)] = self._drawn(str(self.draw.choice(list(self.styles))))
        return self.known[tuple(context)]

    def _drawn(self, style: str) -> np.ndarray:
        if style == "even":  # nothing but ties
            scores = np.zeros(TOKENS)
        elif style == "one":  # the others have next to nothing
            scores = np.where(np.arange(TOKENS) == self.draw.integers(TOKENS), 0.0, -700.0)
        elif style == "steep":  # each a part of the one before
            scores = -float(self.draw.choice([1.0, 3.0, 7.0])) * self.draw.permutation(TOKENS)
        elif style == "elsewhere":  # nearly all is on a token that no label has
            scores = np.append(self.draw.normal(size=TOKENS - 1), 0.0)[[*range(10), 11, 10]] + np.where(np.arange(TOKENS) == 10, 25.0, 0.0)
        elif style == "impossible":  # what vLLM writes for a logarithm of 0
            scores = np.where(self.draw.random(TOKENS) < 0.5, -9999.0, 0.0)
        else:
            scores = np.log(self.draw.dirichlet(np.full(TOKENS, 0.2)) + 1e-300)
        return scores - np.logaddexp.reduce(scores)

    def ask(self, _method: str, _path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST /v1/completions."""
        self.requests += 1
        choices = []
        for place, prompt in enumerate(body["prompt"]):
            choice: dict[str, Any] = {"index": place}
            if "prompt_logprobs" in body:
                choice["prompt_logprobs"] = [None] + [
                    {str(token): {"logprob": float(self.row(prompt[:i])[token - BASE])}} for i, token in enumerate(prompt) if i
                ]
            else:
                row = self.row(prompt)
                chosen = [t - BASE for t in body.get("logprob_token_ids", [])] or np.argsort(-row, kind="stable")[: body["logprobs"]]
                sampled = int(self.draw.choice(np.flatnonzero(row > -100)))  # any token that can be; it is listed, too
                choice["logprobs"] = {"top_logprobs": [{f"token_id:{BASE + int(t)}": float(row[t]) for t in [sampled, *chosen]}]}
            choices.append(choice)
        return {"choices": choices[::-1], "usage": {"prompt_tokens": sum(map(len, body["prompt"]))}}

    def ask_any(self, _method: str, _path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        """POST /generate."""
        self.requests += 1
        return [
            {
                "meta_info": {
                    "output_token_ids_logprobs": [[[float(self.row(prompt)[t - BASE]), t, None] for t in wanted]],
                    "prompt_tokens": len(prompt),
                }
            }
            for prompt, wanted in zip(body["input_ids"], body["token_ids_logprob"], strict=True)
        ]

    def engine(self, kind: str) -> Vllm | Sglang:
        server = cast(OpenAiServer, self)
        if kind == "sglang":
            return Sglang(server, "base")
        engine = Vllm(server, "base")
        engine.chosen, engine.top = {"vllm": 128, "narrow": 3, "earlier": 0}[kind], self.listed  # 3: several requests for a node's children
        return engine

    def exact(self, labels: Sequence[Sequence[int]]) -> np.ndarray:
        """log P of each label."""
        return np.array([sum(self.row((*PROMPT, *label[:i]))[t - BASE] for i, t in enumerate(label)) for label in labels])


@st.composite
def searches(draw: st.DrawFn) -> tuple[list[tuple[int, ...]], Table, str, float, int]:
    """Labels in any order, distributions, the kind of the server, the bound, and the most prompts in a request."""
    bodies = st.lists(st.integers(0, 9), min_size=0, max_size=4).map(tuple)
    labels = draw(st.lists(bodies, min_size=1, max_size=40, unique=True))
    styles = draw(st.lists(st.sampled_from(STYLES), min_size=1, max_size=4))
    table = Table(draw(st.integers(0, 2**32)), styles, draw(st.integers(1, 5)))
    bound = draw(st.sampled_from([0.09, 1e-2, 1e-4, 1e-9]))
    kind = draw(st.sampled_from(["vllm", "narrow", "earlier", "sglang"]))
    return [tuple(BASE + t for t in (*label, END)) for label in labels], table, kind, bound, draw(st.sampled_from([1, 5, 64]))


def test_a_sampled_token_says_nothing_about_those_that_are_not_listed() -> None:
    """Of 0.4, 0.3, 0.2 and 0.1 the last one was sampled, so it is listed with the first two; the third one may still have 0.2."""

    class Fixed(Table):
        def ask(self, *_: Any) -> dict[str, Any]:
            listed = {f"token_id:{token}": float(np.log(p)) for token, p in ((50, 0.4), (51, 0.3), (53, 0.1))}
            return {"choices": [{"index": 0, "logprobs": {"top_logprobs": [listed]}}], "usage": {"prompt_tokens": 1}}

    (found,) = Fixed(0, ["even"], 2).engine("earlier").next_tokens([[1]], [[50, 51, 52]])
    assert found.rest == pytest.approx(np.log(0.2), abs=1e-4)
    assert found.rest >= np.log(0.2)


@settings(max_examples=300, deadline=None)
@given(searches())
def test_the_distance_is_within_the_bound_for_any_tree_and_distribution(search: tuple[Any, ...]) -> None:
    labels, table, kind, bound, width = search
    found = TreeSearch(LabelTree(labels), bound, width).log_likelihoods(PROMPT, table.engine(kind))
    exact = table.exact(labels)
    (mine,), (mass,) = normalized(found[None])
    (true,), (right,) = normalized(exact[None])
    assert np.abs(np.exp(mine) - np.exp(true)).sum() / 2 <= bound * (1 + 1e-6) + 1e-12
    assert right * (1 - 1e-9) <= mass  # the label mass is never too small,
    assert mass * (1 - bound) <= right * (1 + 1e-6)  # and too large by at most its share that was not asked for


@pytest.mark.parametrize("kind", ["vllm", "earlier", "sglang"])
def test_hundreds_of_labels_cost_few_requests(kind: str) -> None:
    """435 labels whose beginnings are as those of codes; a distribution as of a model that has learned them."""
    labels = [(BASE + i // 60, BASE + i // 12 % 5, BASE + i % 12 // 2, BASE + 6 + i % 2, BASE + END) for i in range(435)]
    requests = []
    for seed in range(20):
        table = Table(seed, ["dirichlet"], 8)
        TreeSearch(LabelTree(labels), 1e-4).log_likelihoods(PROMPT, table.engine(kind))
        requests.append(table.requests)
    assert sum(requests) / len(requests) <= 25
    assert max(requests) <= 40


def test_a_wide_bound_asks_for_less() -> None:
    labels = [(BASE + a, BASE + b, BASE + END) for a in range(10) for b in range(10)]
    requests = []
    for bound in (0.09, 1e-12):
        table = Table(1, ["dirichlet"], 5)
        TreeSearch(LabelTree(labels), bound, width=2).log_likelihoods(PROMPT, table.engine("sglang"))
        requests.append(table.requests)
    assert requests[0] < requests[1] / 2


@pytest.mark.parametrize("kind", ["vllm", "earlier", "sglang"])
@pytest.mark.parametrize("labels", [[(BASE, BASE + END)], [(BASE + END,)], [(BASE, BASE + 1, BASE + END), (BASE, BASE + END)]])
def test_one_label_and_labels_that_begin_others(kind: str, labels: list[tuple[int, ...]]) -> None:
    table = Table(0, ["dirichlet"], 2)
    found = TreeSearch(LabelTree(labels), 1e-9).log_likelihoods(PROMPT, table.engine(kind))
    assert found == pytest.approx(table.exact(labels))


def test_no_posterior_of_labels_that_cannot_be() -> None:
    """A server with a mask of its own; what the logarithms say is passed on, and refused where the posterior is made."""

    class Nothing(Table):
        def _drawn(self, style: str) -> np.ndarray:
            return np.full(TOKENS, -np.inf)

    found = TreeSearch(LabelTree([(BASE, BASE + END)]), 1e-4).log_likelihoods(PROMPT, Nothing(0, ["even"], 2).engine("sglang"))
    assert not np.isfinite(found).any()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [{"index": 1}]},
        {"choices": [None]},
        {"choices": [{"index": 0, "logprobs": None}]},
        {"choices": [{"index": 0, "logprobs": {"top_logprobs": []}}]},
        {"choices": [{"index": 0, "logprobs": {"top_logprobs": [None]}}]},
        {"choices": [{"index": 0, "logprobs": {"top_logprobs": [{"token_id:50": None}]}}]},
        {"choices": [{"index": 0, "logprobs": {"top_logprobs": [{"token_id:50": float("nan")}]}}]},
        {"choices": [{"index": 0, "logprobs": {"top_logprobs": [{"token_id:50": 0.5}]}}]},
        {"choices": [{"index": 0, "logprobs": {"top_logprobs": [{"token_id:50": True}]}}]},
        {"choices": [{"index": 0, "logprobs": {"top_logprobs": [{"token_id:50": "-1"}]}}]},
        {"choices": [{"index": 0, "logprobs": {"top_logprobs": [{"token_id:²": -1.0}]}}]},
        {"choices": [{"index": 0, "logprobs": {"top_logprobs": [{" cat": -1.0}]}}]},
        {"choices": [{"index": 0, "logprobs": {"top_logprobs": [{"token_id:50": -1.0}]}}], "usage": {"prompt_tokens": 2}},
        [],
        [None],
        [{}],
        [{"meta_info": None}],
        [{"meta_info": {"output_token_ids_logprobs": [[[-1.0, 51, None]]]}}],
        [{"meta_info": {"output_token_ids_logprobs": [[[None, 50, None]]]}}],
        [{"meta_info": {"output_token_ids_logprobs": [[[-1.0, 50, None]]], "prompt_tokens": 2}}],
        {"error": "\x1b[2J"},
    ],
)
def test_an_answer_of_another_form_is_an_error_in_words(answer: Any) -> None:
    class Fixed(Table):
        def ask(self, *_: Any) -> Any:
            return answer

        ask_any = ask

    engine = Fixed(0, ["even"], 1).engine("sglang" if isinstance(answer, list) or "error" in answer else "earlier")
    with pytest.raises(ModelError) as error:
        engine.next_tokens([[1, 2, 3]], [[50]])
    assert error.value.hint
    assert error.value.message.isprintable()


def test_prompts_are_answered_by_their_index_and_never_by_their_place() -> None:
    class Twice(Table):
        def ask(self, *words: Any) -> Any:
            answer = super().ask(*words)
            for choice in answer["choices"]:
                choice["index"] = 0
            return answer

    with pytest.raises(ModelError, match="no choices for 2 prompts"):
        Twice(0, ["even"], 5).engine("earlier").next_tokens([[BASE], [BASE + 1]], [[BASE], [BASE]])
