"""What inference servers understand: next-token probabilities, the probability of a text, texts, and adapters. One class for each kind.

Prompts are token ids in every request, so that a server computes exactly the tokens of this process.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from prefopt.errors import ModelError
from prefopt.io.openai_server import OpenAiServer
from prefopt.model.engine_answers import OTHER, as_documented, log_probability, refuse_other_length, text_or_none, token_id
from prefopt.model.engine_launch import Kind
from prefopt.model.tree_search import Next

ROUNDING = 1e-6
"""Probability that a sum over float32 probabilities may lack."""
UNLOADING = 10.0
"""Seconds that a server gets for unloading an adapter, which nobody waits for."""
_PLAIN = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": -1,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
"""Named in every request: servers take what is absent from the generation_config.json of the model that they serve."""


@dataclass(frozen=True)
class Request:
    """A text to write."""

    prompt: Sequence[int]
    temperature: float
    max_tokens: int
    seed: int = 0
    ends: Sequence[int] = ()
    """Token ids that end the text; they are not part of it."""
    end_texts: Sequence[str] = ()
    """The same as the server prints them."""
    banned: Sequence[int] = ()
    """Token ids that are never sampled."""
    regex: str = ""
    """Regular expression that the text matches, in Rust's syntax; empty for none."""
    gbnf: str = ""
    """The same as a grammar of llama.cpp."""


@dataclass(frozen=True)
class Written:
    """A text that a server wrote."""

    text: str
    ended: bool
    """Whether it came to an end within the limit."""
    ids: Sequence[int] | None = None
    """Its tokens, where the server says them."""


@dataclass(frozen=True)
class Given:
    """A text as a server sees it."""

    log_probs: list[float]
    """log P of each token but the first, given those before it."""
    texts: list[str | None]
    """The server's text of each of these tokens; None where it does not say."""


class Engine(Protocol):
    """One server, which computes with one adapter."""

    server: OpenAiServer
    kind: Kind

    def served(self) -> list[str]:
        """Names of the models and adapters."""
        ...

    def load(self, adapter: str, folder: Path) -> None:
        """Load an adapter under its id. Raises RefusedError where the server does not."""
        ...

    def unload(self, adapter: str) -> None:
        """Remove an adapter that was loaded, in UNLOADING seconds. Raises as `load`, and NoAnswerError."""
        ...

    def next_tokens(self, contexts: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]]) -> list[Next]:
        """As NextTokens.next_tokens."""
        ...

    def given(self, contexts: Sequence[Sequence[int]], tokens: Sequence[int]) -> list[float]:
        """As NextTokens.given."""
        ...

    def text(self, ids: Sequence[int]) -> Given:
        """Log-probabilities of the tokens of one text."""
        ...

    def complete(self, request: Request) -> Written:
        """Continue a prompt."""
        ...


class Vllm:
    """vLLM: /v1/completions, which returns the probabilities of the very tokens that are asked for (logprob_token_ids); earlier versions
    return the `top` most probable tokens, and the probabilities of a prompt's own tokens. What a server does is found at its check.

    Args:
        server: the client.
        adapter: name of the model in requests.

    Attributes:
        chosen: how many tokens can be asked for in one request; 0 where the server returns the most probable ones.
        top: how many of these it returns.
    """

    kind: Kind = "vllm"

    def __init__(self, server: OpenAiServer, adapter: str) -> None:
        self.server, self._adapter = server, adapter
        self.chosen, self.top = 0, 20

    def served(self) -> list[str]:
        """As Engine.served."""
        return _served(self.server)

    def load(self, adapter: str, folder: Path) -> None:
        """As Engine.load; works with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True."""
        self.server.tell("/v1/load_lora_adapter", {"lora_name": adapter, "lora_path": str(folder.resolve())})

    def unload(self, adapter: str) -> None:
        """As Engine.unload."""
        self.server.tell("/v1/unload_lora_adapter", {"lora_name": adapter}, seconds=UNLOADING)

    def next_tokens(self, contexts: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]]) -> list[Next]:
        """As NextTokens.next_tokens. In a list of the most probable tokens, the others have at most the probability of the last one, and
        together at most what the listed ones leave. Several requests where one cannot ask for so many tokens.
        """
        found: list[Next] = []
        while len(found) < len(contexts):
            start, asked = len(found), set(tokens[len(found)])
            end = start + 1
            while end < len(contexts) and (not self.chosen or len(asked | set(tokens[end])) <= self.chosen):
                asked |= set(tokens[end])
                end += 1
            found += self._asked(contexts[start:end], tokens[start:end], sorted(asked))
        return found

    def _asked(self, contexts: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]], asked: list[int]) -> list[Next]:
        if 0 < self.chosen < len(asked):  # children of one node
            parts = [self._asked(contexts, tokens, asked[i : i + self.chosen]) for i in range(0, len(asked), self.chosen)]
            return [Next({t: p for part in row for t, p in part.found.items()}) for row in zip(*parts, strict=True)]
        options: dict[str, Any] = {"logprobs": 1 if self.chosen else self.top, "return_tokens_as_token_ids": True}
        if self.chosen:
            options["logprob_token_ids"] = asked
        wanted = [[t for t in row if t in asked] for row in tokens]
        return [self._next(choice, row) for choice, row in zip(self._choices(contexts, options), wanted, strict=True)]

    def _next(self, choice: dict[str, Any], wanted: Sequence[int]) -> Next:
        with as_documented(self.server.url, "top_logprobs"):
            listed = {token_id(name): log_probability(value) for name, value in choice["logprobs"]["top_logprobs"][0].items()}
        absent = sum(token not in listed for token in wanted)
        if not absent:
            return Next({token: listed[token] for token in wanted})
        if self.chosen:
            raise ModelError(f"{self.server.url}: {absent} of {len(wanted)} log-probabilities are missing", hint=OTHER)
        limit = math.log(max(0.0, 1 - math.fsum(map(math.exp, listed.values()))) + ROUNDING)
        if len(listed) >= self.top:  # the sampled token is listed, too, and may be less probable than those that are not
            limit = min(limit, sorted(listed.values())[-self.top] + math.log(absent))
        return Next({token: listed[token] for token in wanted if token in listed}, limit)

    def given(self, contexts: Sequence[Sequence[int]], tokens: Sequence[int]) -> list[float]:
        """As NextTokens.given: the token is the last one of the prompt."""
        prompts = [[*context, token] for context, token in zip(contexts, tokens, strict=True)]
        choices = self._choices(prompts, {"prompt_logprobs": 0})
        return [self._prompt(choice, prompt).log_probs[-1] for choice, prompt in zip(choices, prompts, strict=True)]

    def text(self, ids: Sequence[int]) -> Given:
        """As Engine.text."""
        return self._prompt(self._choices([ids], {"prompt_logprobs": 0})[0], ids)

    def _prompt(self, choice: dict[str, Any], ids: Sequence[int]) -> Given:
        with as_documented(self.server.url, f"prompt_logprobs of the {len(ids)} tokens that were sent"):
            rows = choice["prompt_logprobs"]
            own = [row[str(token)] for token, row in zip(ids[1:], rows[1:], strict=True)]
            return Given([log_probability(entry["logprob"]) for entry in own], [text_or_none(entry.get("decoded_token")) for entry in own])

    def _choices(self, prompts: Sequence[Sequence[int]], options: dict[str, Any]) -> list[dict[str, Any]]:
        body = {**_PLAIN, "model": self._adapter, "prompt": [list(p) for p in prompts], "max_tokens": 1, **options}
        answer = self.server.ask("POST", "/v1/completions", body)
        refuse_other_length(self.server.url, answer.get("usage"), sum(map(len, prompts)))
        with as_documented(self.server.url, f"choices for {len(prompts)} prompts"):
            found = {choice["index"]: choice for choice in answer["choices"]}
            return [found[i] for i in range(len(prompts))]

    def complete(self, request: Request) -> Written:
        """As Engine.complete."""
        grammar = {"structured_outputs": {"regex": request.regex}} if request.regex else {}
        return _completed(self.server, request, {"model": self._adapter, **grammar})


class Sglang:
    """SGLang: /generate, which returns the probabilities of the very tokens that are asked for.

    Args:
        server: the client.
        adapter: name of the adapter in requests; "base" for none.
    """

    kind: Kind = "sglang"

    def __init__(self, server: OpenAiServer, adapter: str) -> None:
        self.server, self._adapter = server, adapter
        self._lora = {} if adapter == "base" else {"lora_path": adapter}

    def served(self) -> list[str]:
        """As Engine.served."""
        return _served(self.server)

    def load(self, adapter: str, folder: Path) -> None:
        """As Engine.load; works with --enable-lora."""
        self.server.tell("/load_lora_adapter", {"lora_name": adapter, "lora_path": str(folder.resolve())})

    def unload(self, adapter: str) -> None:
        """As Engine.unload."""
        self.server.tell("/unload_lora_adapter", {"lora_name": adapter}, seconds=UNLOADING)

    def next_tokens(self, contexts: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]]) -> list[Next]:
        """As NextTokens.next_tokens; nothing is missing."""
        options = {"logprob_start_len": -1, "token_ids_logprob": [list(wanted) for wanted in tokens]}
        found = []
        for meta, wanted in zip(self._generate(contexts, options), tokens, strict=True):
            with as_documented(self.server.url, "output_token_ids_logprobs, of every token that was asked for"):
                listed = {row[1]: row[0] for row in meta["output_token_ids_logprobs"][0]}
                found.append(Next({token: log_probability(listed[token]) for token in wanted}))
        return found

    def given(self, contexts: Sequence[Sequence[int]], tokens: Sequence[int]) -> list[float]:
        """As NextTokens.given."""
        found = self.next_tokens(contexts, [[token] for token in tokens])
        return [answer.found[token] for answer, token in zip(found, tokens, strict=True)]

    def text(self, ids: Sequence[int]) -> Given:
        """As Engine.text."""
        (meta,) = self._generate([ids], {"logprob_start_len": 0, "return_text_in_logprobs": True})
        with as_documented(self.server.url, f"input_token_logprobs of the {len(ids)} tokens that were sent"):
            own = [row[:3] for token, row in zip(ids, meta["input_token_logprobs"], strict=True) if row[1] == token]
            return Given([log_probability(own[i][0]) for i in range(1, len(ids))], [text_or_none(text) for _, _, text in own[1:]])

    def _generate(self, prompts: Sequence[Sequence[int]], options: dict[str, Any]) -> list[dict[str, Any]]:
        sampling = {"max_new_tokens": 1, **_PLAIN}  # SGLang's log-probabilities are those after the temperature
        body = {"input_ids": [list(p) for p in prompts], "sampling_params": sampling, "return_logprob": True, **self._lora, **options}
        answers = self.server.ask_any("POST", "/generate", body)
        with as_documented(self.server.url, f"meta_info for {len(prompts)} prompts"):
            found: list[dict[str, Any]] = [answer["meta_info"] for _, answer in zip(prompts, answers, strict=True)]
            for meta, prompt in zip(found, prompts, strict=True):
                refuse_other_length(self.server.url, meta, len(prompt))
        return found

    def complete(self, request: Request) -> Written:
        """As Engine.complete."""
        grammar = {"regex": request.regex} if request.regex else {}
        return _completed(self.server, request, {"model": self._adapter, **self._lora, **grammar})


def _served(server: OpenAiServer) -> list[str]:
    answer = server.ask("GET", "/v1/models")
    with as_documented(server.url, "a list of models"):
        return [str(entry["id"]) for entry in answer["data"]]


def _completed(server: OpenAiServer, request: Request, more: dict[str, Any]) -> Written:
    """What /v1/completions writes. A logit bias of -100 excludes the banned ids."""
    sampled = {
        "seed": request.seed,
        "stop_token_ids": list(request.ends),
        "logit_bias": {str(token): -100 for token in request.banned},
    }
    limits = {"prompt": list(request.prompt), "temperature": request.temperature, "max_tokens": request.max_tokens}
    body = {**_PLAIN, "n": 1, "skip_special_tokens": False, **limits, **({} if request.regex else sampled), **more}
    answer = server.ask("POST", "/v1/completions", body)
    refuse_other_length(server.url, answer.get("usage"), len(request.prompt))
    with as_documented(server.url, "a text"):
        (choice,) = answer["choices"]
        text, reason = choice["text"], choice["finish_reason"]
        if not isinstance(text, str):
            raise TypeError(type(text).__name__)
        return Written(text, reason == "stop")
