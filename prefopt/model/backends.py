"""Where texts are written: in this process, or by any server that speaks OpenAI's completions interface (vLLM, SGLang). One port, two ends.

Labels are always scored in this process. A server writes the long part: sampled reasons and analyses, and the JSON after the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from prefopt.errors import ModelError
from prefopt.io.openai_server import Hints, OpenAiServer
from prefopt.model.generation import AnswerGrammar, ConstrainedText, SampledText, write
from prefopt.model.harmony import Renderer
from prefopt.protocols import OnStep


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
        self._server = OpenAiServer(url, Hints(unreachable="start the server, or leave model.server empty"), tries=3)
        self._model, self._renderer, self._grammar = adapter, renderer, grammar
        served = [str(entry.get("id")) for entry in self._server.ask("GET", "/v1/models").get("data", [])]
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
                    f"{self._server.url}: its answer {text[:80]!r} is not what the grammar allows",
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
        told = self._server.ask("POST", "/v1/completions", {"model": self._model, "n": 1, "skip_special_tokens": False, **body})
        choices = told.get("choices")
        if not isinstance(choices, list) or not choices or not {"text", "finish_reason"} <= choices[0].keys():
            raise ModelError(f"{self._server.url}: an answer without choices: {str(told)[:200]}")
        choice: dict[str, Any] = choices[0]
        return choice
