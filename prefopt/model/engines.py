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
from prefopt.model.tree_search import Next

ROUNDING = 1e-6
"""Probability that a sum over float32 probabilities may lack."""


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
    kind: str
    launch: str
    """Command that starts a server of this kind with an adapter."""

    def served(self) -> list[str]:
        """Names of the models and adapters."""
        ...

    def load(self, adapter: str, folder: Path) -> None:
        """Load an adapter under its id. Raises RefusedError where the server does not."""
        ...

    def unload(self, adapter: str) -> None:
        """Remove an adapter that was loaded. Raises as `load`."""
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

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        """Continue a prompt: the choice of /v1/completions."""
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

    kind = "vLLM"
    launch = (
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve BASE --served-model-name base --enable-lora --max-lora-rank 16 --max-logprobs 256"
    )

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
        self.server.tell("/v1/unload_lora_adapter", {"lora_name": adapter})

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
        found = choice.get("logprobs") or {}
        lists = found.get("top_logprobs") if isinstance(found, dict) else None
        if not isinstance(lists, list) or not lists or not isinstance(lists[0], dict) or not lists[0]:
            raise ModelError(
                f"{self.server.url}: the answer has no top_logprobs: {str(choice)[:200]}",
                hint='use a server with log-probabilities (vLLM, SGLang), or set model.server = "" to compute in this process',
            )
        listed = {_token_id(name, self.server.url): _number(value, self.server.url) for name, value in lists[0].items()}
        absent = sum(token not in listed for token in wanted)
        if not absent:
            return Next({token: listed[token] for token in wanted})
        if self.chosen:
            raise ModelError(
                f"{self.server.url}: {absent} of {len(wanted)} log-probabilities are missing",
                hint='use a server with log-probabilities (vLLM, SGLang), or set model.server = "" to compute in this process',
            )
        left = max(ROUNDING, 1 - math.fsum(map(math.exp, listed.values())))
        limit = min(math.log(left), min(listed.values()) + math.log(absent))
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
        rows = choice.get("prompt_logprobs")
        if not isinstance(rows, list) or len(rows) != len(ids) or not _names_all(rows[1:], ids[1:]):
            raise ModelError(
                f"{self.server.url}: prompt_logprobs are missing, or not of the {len(ids)} tokens that were sent: {str(rows)[:200]}",
                hint='use a server that takes token ids as they are (vLLM, SGLang), or set model.server = "" to compute in this process',
            )
        own = [row[str(i)] for i, row in zip(ids[1:], rows[1:], strict=True)]
        return Given([_number(entry.get("logprob"), self.server.url) for entry in own], [entry.get("decoded_token") for entry in own])

    def _choices(self, prompts: Sequence[Sequence[int]], options: dict[str, Any]) -> list[dict[str, Any]]:
        body = {"model": self._adapter, "prompt": [list(p) for p in prompts], "max_tokens": 1, "temperature": 1.0, **options}
        answer = self.server.ask("POST", "/v1/completions", body)
        choices = answer.get("choices")
        if not isinstance(choices, list) or len(choices) != len(prompts):
            raise ModelError(f"{self.server.url}: {len(prompts)} prompts were sent, the answer is {str(answer)[:200]}")
        return sorted(choices, key=lambda choice: int(choice.get("index", 0)))

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        """As Engine.complete."""
        return _completed(self.server, {"model": self._adapter, **body})


class Sglang:
    """SGLang: /generate, which returns the probabilities of the very tokens that are asked for.

    Args:
        server: the client.
        adapter: name of the adapter in requests; "base" for none.
    """

    kind = "SGLang"
    launch = "python -m sglang.launch_server --model-path BASE --served-model-name base --enable-lora --max-lora-rank 16"

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
        self.server.tell("/unload_lora_adapter", {"lora_name": adapter})

    def next_tokens(self, contexts: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]]) -> list[Next]:
        """As NextTokens.next_tokens; nothing is missing."""
        options = {"logprob_start_len": -1, "token_ids_logprob": [list(wanted) for wanted in tokens]}
        found = []
        for meta, wanted in zip(self._generate(contexts, options), tokens, strict=True):
            rows = (meta.get("output_token_ids_logprobs") or [None])[0] or []
            listed = {int(row[1]): _number(row[0], self.server.url) for row in rows}
            if not set(wanted) <= listed.keys():
                raise ModelError(
                    f"{self.server.url}: {len(set(wanted) - listed.keys())} of {len(wanted)} log-probabilities are missing",
                    hint='use a newer SGLang (token_ids_logprob), or set model.server = "" to compute in this process',
                )
            found.append(Next({token: listed[token] for token in wanted}))
        return found

    def given(self, contexts: Sequence[Sequence[int]], tokens: Sequence[int]) -> list[float]:
        """As NextTokens.given."""
        found = self.next_tokens(contexts, [[token] for token in tokens])
        return [answer.found[token] for answer, token in zip(found, tokens, strict=True)]

    def text(self, ids: Sequence[int]) -> Given:
        """As Engine.text."""
        (meta,) = self._generate([ids], {"logprob_start_len": 0, "return_text_in_logprobs": True})
        rows = meta.get("input_token_logprobs") or []
        if [int(row[1]) for row in rows] != list(ids):
            raise ModelError(
                f"{self.server.url}: input_token_logprobs are missing, or not of the {len(ids)} tokens that were sent",
                hint='use a server that takes token ids as they are (vLLM, SGLang), or set model.server = "" to compute in this process',
            )
        return Given([_number(row[0], self.server.url) for row in rows[1:]], [row[2] for row in rows[1:]])

    def _generate(self, prompts: Sequence[Sequence[int]], options: dict[str, Any]) -> list[dict[str, Any]]:
        sampling = {"max_new_tokens": 1, "temperature": 1.0}  # SGLang's log-probabilities are those after the temperature
        body = {"input_ids": [list(p) for p in prompts], "sampling_params": sampling, "return_logprob": True, **self._lora, **options}
        answers = self.server.ask_any("POST", "/generate", body)
        if not isinstance(answers, list) or len(answers) != len(prompts) or not all("meta_info" in answer for answer in answers):
            raise ModelError(f"{self.server.url}: {len(prompts)} prompts were sent, the answer is {str(answers)[:200]}")
        return [answer["meta_info"] for answer in answers]

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        """As Engine.complete."""
        return _completed(self.server, {"model": self._adapter, **self._lora, **body})


def _served(server: OpenAiServer) -> list[str]:
    return [str(entry.get("id")) for entry in server.ask("GET", "/v1/models").get("data", [])]


def _completed(server: OpenAiServer, body: dict[str, Any]) -> dict[str, Any]:
    answer = server.ask("POST", "/v1/completions", {"n": 1, "skip_special_tokens": False, **body})
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not {"text", "finish_reason"} <= choices[0].keys():
        raise ModelError(f"{server.url}: the answer has no choices: {str(answer)[:200]}")
    choice: dict[str, Any] = choices[0]
    return choice


def _names_all(rows: Sequence[Any], ids: Sequence[int]) -> bool:
    """Whether each row of prompt_logprobs has its token."""
    return all(isinstance(row, dict) and str(i) in row for row, i in zip(rows, ids, strict=True))


def _token_id(name: str, url: str) -> int:
    """ "token_id:123" -> 123."""
    kind, _, number = name.partition(":")
    if kind != "token_id" or not number.isdigit():
        raise ModelError(
            f"{url}: the answer names the token {name[:40]!r} and not its id (return_tokens_as_token_ids)",
            hint='use a server that names tokens by their ids (vLLM), or set model.server = "" to compute in this process',
        )
    return int(number)


def _number(value: Any, url: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or math.isnan(value) or value > 1e-3:
        raise ModelError(f"{url}: {value!r} is not a log-probability")
    return min(float(value), 0.0)
