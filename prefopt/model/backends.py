"""Backends that generate texts: this process, or a server with OpenAI's completions interface (vLLM, SGLang).

Labels are always scored in this process. A server writes the long texts: sampled reasons and analyses, and the JSON after the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from prefopt.errors import ModelError
from prefopt.io.leaving import refuse_personal
from prefopt.io.openai_server import Hints, OpenAiServer
from prefopt.model.generation import AnswerGrammar, ConstrainedText, SampledText, write
from prefopt.model.harmony import Renderer
from prefopt.protocols import OnStep


@dataclass(frozen=True)
class Sampling:
    """Options of sampling a text."""

    temperature: float
    max_tokens: int
    ends: Sequence[int]
    """Token ids that end a text; they are not part of it."""
    banned: Sequence[int]
    """Token ids that are never sampled."""


class Backend(Protocol):
    """Continues prompts, given as token ids. Results are in the order of the prompts."""

    def sample(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], how: Sampling, *, batch_size: int, on_step: OnStep, note: str
    ) -> list[list[int] | None]:
        """Sample texts.

        Args:
            prompts: token ids.
            seeds: one per prompt; a text depends on its prompt and seed only, not on the other prompts.
            how: temperature, length limit, ends and banned tokens.
            batch_size: texts at once.
            on_step: progress.
            note: shown with the progress.

        Returns:
            Token ids; None for a text that did not end within the limit.
        """
        ...

    def finish(
        self, prompts: Sequence[list[int]], levels: Sequence[tuple[str, ...]], *, batch_size: int, on_step: OnStep
    ) -> list[list[int]]:
        """Complete the JSON after a label's closing quote: the most probable tokens under the grammar of the label's levels.

        Args:
            prompts: token ids up to the closing quote.
            levels: levels of each prompt's label.
            batch_size: texts at once.
            on_step: progress.

        Raises:
            ModelError: the grammar fails, or the server does.
        """
        ...


class InProcess:
    """The model in this process."""

    def __init__(self, model: nn.Module, grammar: AnswerGrammar) -> None:
        self._model, self._grammar = model, grammar

    def sample(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], how: Sampling, *, batch_size: int, on_step: OnStep, note: str
    ) -> list[list[int] | None]:
        """As Backend.sample."""
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        writer = SampledText(generators, temperature=how.temperature, ends=how.ends, banned=how.banned, max_tokens=how.max_tokens)
        written = write(self._model, prompts, writer, batch_size=batch_size, on_step=on_step, note=note)
        return [text if ended else None for text, ended in zip(written, writer.ended, strict=True)]

    def finish(
        self, prompts: Sequence[list[int]], levels: Sequence[tuple[str, ...]], *, batch_size: int, on_step: OnStep
    ) -> list[list[int]]:
        """As Backend.finish."""
        writer = ConstrainedText([self._grammar.matcher(names) for names in levels])
        return write(self._model, prompts, writer, batch_size=batch_size, on_step=on_step, note="answers")


class Server:
    """An OpenAI-compatible server that serves the adapter under its id; the name makes sure that the right adapter writes.

    Args:
        url: of the server, with or without /v1.
        adapter: id of the adapter, or "base".
        renderer: encodes the server's texts.
        grammar: sent with each request as a regular expression, as vLLM (structured_outputs) and SGLang (regex) expect it.

    Raises:
        ModelError: the server does not answer, or has no model of that name.
    """

    def __init__(self, url: str, adapter: str, renderer: Renderer, grammar: AnswerGrammar) -> None:
        self._server = OpenAiServer(url, Hints(unreachable="start the server, or leave model.server empty"), tries=3)
        self._model, self._renderer, self._grammar = adapter, renderer, grammar
        served = [str(entry.get("id")) for entry in self._server.ask("GET", "/v1/models").get("data", [])]
        if adapter not in served:
            raise ModelError(
                f"{url} serves {', '.join(served) or 'nothing'}, and not the adapter {adapter}",
                hint=f"serve the adapter under this name, e.g. vllm serve BASE --enable-lora --lora-modules {adapter}=FOLDER",
            )

    def sample(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], how: Sampling, *, batch_size: int, on_step: OnStep, note: str
    ) -> list[list[int] | None]:
        """As Backend.sample. A logit bias of -100 excludes the banned ids."""
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
        """As Backend.finish. Raises ModelError for a text that the grammar does not allow, i.e. if the server ignores the grammar."""
        patterns = [self._grammar.pattern(names) for names in levels]
        bodies = [
            {"prompt": prompt, "temperature": 0.0, "max_tokens": 256, "structured_outputs": {"regex": pattern}, "regex": pattern}
            for prompt, pattern in zip(prompts, patterns, strict=True)
        ]
        texts = [str(choice["text"]) for choice in self._all(bodies, batch_size, on_step, "answers")]
        for text, names in zip(texts, levels, strict=True):
            if not self._grammar.allows(text, names):
                raise ModelError(
                    f"{self._server.url}: its answer {text[:80]!r} is not what the grammar allows",
                    hint="use a server with structured outputs by regular expression (vLLM, SGLang), or leave model.server empty",
                )
        return [self._renderer.encode(text) for text in texts]

    def _all(self, bodies: Sequence[dict[str, Any]], batch_size: int, on_step: OnStep, note: str) -> list[dict[str, Any]]:
        """The choice that answers each request, with `batch_size` requests in flight. Raises DataError where one has personal data."""
        refuse_personal(((f"prompt {i}", self._renderer.decode(body["prompt"])) for i, body in enumerate(bodies, 1)), self._server.url)
        done: list[dict[str, Any]] = []
        with ThreadPoolExecutor(max_workers=batch_size) as pool:
            for choice in pool.map(self._complete, bodies):
                done.append(choice)
                on_step(len(done), len(bodies), note)
        return done

    def _complete(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._server.ask("POST", "/v1/completions", {"model": self._model, "n": 1, "skip_special_tokens": False, **body})
        choices = answer.get("choices")
        if not isinstance(choices, list) or not choices or not {"text", "finish_reason"} <= choices[0].keys():
            raise ModelError(f"{self._server.url}: the answer has no choices: {str(answer)[:200]}")
        choice: dict[str, Any] = choices[0]
        return choice
