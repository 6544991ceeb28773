"""Where texts are written: in this process, or by any server that speaks OpenAI's completions interface (vLLM, SGLang). One port, two ends.

Labels are always scored in this process. A server writes the long part: sampled reasons and analyses, and the JSON after the label.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import torch
from torch import nn

from prefopt.errors import ModelError
from prefopt.model.generation import AnswerGrammar, ConstrainedText, SampledText, write
from prefopt.model.harmony import Renderer
from prefopt.protocols import OnStep

_TRIES, _WAIT = 3, 0.5  # of a request that found no answer; seconds before the next one, doubled each time
_TIMEOUT = httpx.Timeout(600.0, connect=10.0)  # a long queue is no fault


@dataclass(frozen=True)
class Sampling:
    """How a text is sampled."""

    temperature: float
    max_tokens: int
    ends: Sequence[int]
    """Ids that end it; not part of it."""
    banned: Sequence[int]
    """Ids that are never written."""


class Backend(Protocol):
    """Writes after prompts, given as token ids. Results are in the order of the prompts."""

    def sample(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], how: Sampling, *, batch_size: int, on_step: OnStep, note: str
    ) -> list[list[int] | None]:
        """Sampled texts; None where one did not end. The same seed gives the same text, whatever else is asked for."""
        ...

    def finish(
        self, prompts: Sequence[list[int]], levels: Sequence[tuple[str, ...]], *, batch_size: int, on_step: OnStep
    ) -> list[list[int]]:
        """The most probable JSON after a label's closing quote that the grammar of the label's levels allows. Raises ModelError."""
        ...


class InProcess:
    """The model in this process."""

    def __init__(self, model: nn.Module, grammar: AnswerGrammar) -> None:
        self._model, self._grammar = model, grammar

    def sample(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], how: Sampling, *, batch_size: int, on_step: OnStep, note: str
    ) -> list[list[int] | None]:
        """As Backend.sample."""
        chances = [torch.Generator().manual_seed(seed) for seed in seeds]
        writer = SampledText(chances, temperature=how.temperature, ends=how.ends, banned=how.banned, max_tokens=how.max_tokens)
        written = write(self._model, prompts, writer, batch_size=batch_size, on_step=on_step, note=note)
        return [text if ended else None for text, ended in zip(written, writer.ended, strict=True)]

    def finish(
        self, prompts: Sequence[list[int]], levels: Sequence[tuple[str, ...]], *, batch_size: int, on_step: OnStep
    ) -> list[list[int]]:
        """As Backend.finish."""
        writer = ConstrainedText([self._grammar.matcher(names) for names in levels])
        return write(self._model, prompts, writer, batch_size=batch_size, on_step=on_step, note="answers")


class Server:
    """An OpenAI-compatible server that serves the adapter under its id, so that what writes is what was asked for.

    Args:
        url: of the server, with or without /v1.
        adapter: id of the adapter, or "base".
        grammar: its regular expressions go with each request, as vLLM (structured_outputs) and SGLang (regex) read them.

    Raises:
        ModelError: nobody answers, or the server has no model of that name.
    """

    def __init__(self, url: str, adapter: str, renderer: Renderer, grammar: AnswerGrammar) -> None:
        self._url = url.rstrip("/").removesuffix("/v1")
        self._model, self._renderer, self._grammar = adapter, renderer, grammar
        self._client = httpx.Client(timeout=_TIMEOUT)
        served = [str(entry.get("id")) for entry in self._ask("GET", "/v1/models", None).get("data", [])]
        if adapter not in served:
            raise ModelError(
                f"{url} serves {', '.join(served) or 'nothing'}, and not the adapter {adapter}",
                hint=f"start it with the adapter under this name, e.g. vllm serve BASE --enable-lora --lora-modules {adapter}=FOLDER",
            )

    def sample(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], how: Sampling, *, batch_size: int, on_step: OnStep, note: str
    ) -> list[list[int] | None]:
        """As Backend.sample. Banned ids are kept out by a bias of -100."""
        bodies = [
            {
                "prompt": prompt,
                "seed": seed,
                "temperature": how.temperature,
                "max_tokens": how.max_tokens,
                "stop_token_ids": list(how.ends),
                "logit_bias": {str(token): -100 for token in how.banned},
            }
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]
        choices = self._all(bodies, batch_size, on_step, note)
        return [self._renderer.encode(str(c["text"])) if c["finish_reason"] == "stop" else None for c in choices]

    def finish(
        self, prompts: Sequence[list[int]], levels: Sequence[tuple[str, ...]], *, batch_size: int, on_step: OnStep
    ) -> list[list[int]]:
        """As Backend.finish. Raises ModelError where a text is not what the grammar allows: the server did not keep to it."""
        patterns = [self._grammar.pattern(names) for names in levels]
        bodies = [
            {"prompt": prompt, "temperature": 0.0, "max_tokens": 256, "structured_outputs": {"regex": pattern}, "regex": pattern}
            for prompt, pattern in zip(prompts, patterns, strict=True)
        ]
        texts = [str(choice["text"]) for choice in self._all(bodies, batch_size, on_step, "answers")]
        for text, names in zip(texts, levels, strict=True):
            if not self._grammar.allows(text, names):
                raise ModelError(
                    f"{self._url}: its answer {text[:80]!r} is not what the grammar allows",
                    hint="use a server with structured outputs by regular expression (vLLM, SGLang), or leave model.server empty",
                )
        return [self._renderer.encode(text) for text in texts]

    def _all(self, bodies: Sequence[dict[str, Any]], batch_size: int, on_step: OnStep, note: str) -> list[dict[str, Any]]:
        """Choice of each request, `batch_size` of them under way at once."""
        done: list[dict[str, Any]] = []
        with ThreadPoolExecutor(max_workers=batch_size) as pool:
            for choice in pool.map(self._complete, bodies):
                done.append(choice)
                on_step(len(done), len(bodies), note)
        return done

    def _complete(self, body: dict[str, Any]) -> dict[str, Any]:
        told = self._ask("POST", "/v1/completions", {"model": self._model, "n": 1, "skip_special_tokens": False, **body})
        choices = told.get("choices")
        if not isinstance(choices, list) or not choices or not {"text", "finish_reason"} <= choices[0].keys():
            raise ModelError(f"{self._url}: an answer without choices: {str(told)[:200]}")
        choice: dict[str, Any] = choices[0]
        return choice

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        fault = ""
        for wait in _waits():
            try:
                reply = self._client.request(method, self._url + path, json=body)
            except httpx.TransportError as error:
                fault = f"{type(error).__name__}: {error}"
                time.sleep(wait)
                continue
            if reply.status_code >= 500 or reply.status_code == 429:
                fault = f"status {reply.status_code}: {reply.text[:200]}"
                time.sleep(wait)
                continue
            return self._content(reply)
        raise ModelError(
            f"{self._url}{path}: no answer in {_TRIES} tries ({fault})",
            hint="start the server, or leave model.server empty",
        )

    def _content(self, reply: httpx.Response) -> dict[str, Any]:
        if reply.status_code != 200:
            raise ModelError(f"{reply.url}: refused with status {reply.status_code}: {reply.text[:200]}")
        try:
            told = reply.json()
        except ValueError:
            raise ModelError(f"{reply.url}: not JSON: {reply.text[:200]!r}") from None
        if not isinstance(told, dict):
            raise ModelError(f"{reply.url}: no JSON object: {reply.text[:200]!r}")
        return told


def _waits() -> Iterator[float]:
    """Seconds to wait after each failed try; none after the last."""
    for number in range(_TRIES):
        yield 0.0 if number == _TRIES - 1 else _WAIT * 2**number
