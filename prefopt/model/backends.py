"""Backends that score labels and generate texts: the model in this process, or inference servers (vLLM, SGLang, llama.cpp)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from prefopt.errors import ModelError
from prefopt.model.engine_answers import OWN
from prefopt.model.engines import Request, Written
from prefopt.model.general import nats_per_token
from prefopt.model.generation import AnswerGrammar, ConstrainedText, SampledText, write
from prefopt.model.posterior import LabelTree, label_log_likelihoods
from prefopt.model.servers import Servers
from prefopt.model.tree_search import TreeSearch
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
    """Scores and continues prompts, given as token ids. Results are in the order of the prompts."""

    def log_likelihoods(
        self, prompts: Sequence[list[int]], tree: LabelTree, *, batch_size: int, memory_mb: int, on_step: OnStep
    ) -> NDArray[np.float64]:
        """log P(label | prompt) of each prompt and label, float64 [N, L].

        Args:
            prompts: token ids up to the start of a label.
            tree: the labels' tokens.
            batch_size: prompts at once.
            memory_mb: as for label_log_likelihoods, in this process.
            on_step: progress.

        Raises:
            ModelError: a likelihood is not finite, or the server fails.
        """
        ...

    def nats(self, texts: Sequence[list[int]], *, batch_size: int, on_step: OnStep) -> NDArray[np.float64]:
        """Mean negative log-probability of each text's tokens after the first, float64 [N]. Raises as log_likelihoods."""
        ...

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

    def __init__(self, model: nn.Module, grammar: AnswerGrammar, free_bytes: int | None = None) -> None:
        self._model, self._grammar, self._free_bytes = model, grammar, free_bytes

    def log_likelihoods(
        self, prompts: Sequence[list[int]], tree: LabelTree, *, batch_size: int, memory_mb: int, on_step: OnStep
    ) -> NDArray[np.float64]:
        """As Backend.log_likelihoods, with one forward pass per batch."""
        limits: dict[str, Any] = {"batch_size": batch_size, "memory_mb": memory_mb, "free_bytes": self._free_bytes}
        return label_log_likelihoods(self._model, prompts, tree, **limits, on_step=on_step)

    def nats(self, texts: Sequence[list[int]], *, batch_size: int, on_step: OnStep) -> NDArray[np.float64]:
        """As Backend.nats, one text at a time."""
        return nats_per_token(self._model, texts, on_step)

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
        forced = [self._grammar.forced(names) for names in levels]
        free = [row for row, tokens in enumerate(forced) if tokens is None]
        writer = ConstrainedText([self._grammar.matcher(levels[row]) for row in free])
        begun = [prompts[row] for row in free]
        left = iter(write(self._model, begun, writer, batch_size=batch_size, on_step=on_step, note="answers") if free else ())
        return [next(left) if tokens is None else tokens for tokens in forced]


class Remote:
    """Inference servers with the adapter under its id.

    Args:
        servers: all with the same adapter.
        grammar: sent with each request, as a regular expression or as llama.cpp has it.
        unexpanded: largest total variation distance of a posterior to the exact one.
    """

    def __init__(self, servers: Servers, grammar: AnswerGrammar, unexpanded: float) -> None:
        self.servers, self._grammar, self._unexpanded = servers, grammar, unexpanded

    def log_likelihoods(
        self, prompts: Sequence[list[int]], tree: LabelTree, *, batch_size: int, memory_mb: int, on_step: OnStep
    ) -> NDArray[np.float64]:
        """As Backend.log_likelihoods, within the bound; `batch_size` prompts are in work at each server."""
        search = TreeSearch(tree, self._unexpanded)
        rows = self.servers.each(
            prompts,
            lambda engine, i: search.log_likelihoods(prompts[i], engine),
            at_once=batch_size,
            on_step=on_step,
            note="scoring labels",
        )
        found = np.stack(rows) if rows else np.empty((0, len(tree)))
        if not np.isfinite(found).all():
            raise ModelError(f"{self.servers.urls}: a label's likelihood is not finite: the model or its adapter is broken")
        return found

    def nats(self, texts: Sequence[list[int]], *, batch_size: int, on_step: OnStep) -> NDArray[np.float64]:
        """As Backend.nats."""
        work: dict[str, Any] = {"at_once": batch_size, "on_step": on_step, "note": "rehearsal texts"}
        return np.array(self.servers.each(texts, lambda engine, i: -float(np.mean(engine.text(texts[i]).log_probs)), **work))

    def sample(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], how: Sampling, *, batch_size: int, on_step: OnStep, note: str
    ) -> list[list[int] | None]:
        """As Backend.sample."""
        renderer = self.servers.renderer
        ends = [renderer.decode([token]) for token in how.ends]
        requests = [
            Request(prompt, how.temperature, how.max_tokens, seed, ends=how.ends, end_texts=ends, banned=how.banned)
            for prompt, seed in zip(prompts, seeds, strict=True)
        ]
        written = self._all(requests, batch_size, on_step, note)
        return [list(renderer.encode(w.text) if w.ids is None else w.ids) if w.ended else None for w in written]

    def finish(
        self, prompts: Sequence[list[int]], levels: Sequence[tuple[str, ...]], *, batch_size: int, on_step: OnStep
    ) -> list[list[int]]:
        """As Backend.finish. Raises ModelError for a text that the grammar does not allow, i.e. if the server ignores the grammar."""
        forced = [self._grammar.forced(names) for names in levels]
        free = [row for row, tokens in enumerate(forced) if tokens is None]
        requests = [
            Request(prompts[row], 0.0, 256, regex=self._grammar.pattern(levels[row]), gbnf=self._grammar.gbnf(levels[row])) for row in free
        ]
        texts = [written.text for written in self._all(requests, batch_size, on_step, "answers")]
        for text, row in zip(texts, free, strict=True):
            if not self._grammar.allows(text, levels[row]):
                raise ModelError(
                    f"{self.servers.urls}: the answer {text[:80]!r} is not what the grammar allows",
                    hint=f"use a server with structured outputs (vLLM, SGLang, llama.cpp), or {OWN}",
                )
        left = iter(texts)
        return [self.servers.renderer.encode(next(left)) if tokens is None else tokens for tokens in forced]

    def _all(self, requests: Sequence[Request], batch_size: int, on_step: OnStep, note: str) -> list[Written]:
        """What answers each request, with `batch_size` requests in flight at each server."""
        prompts = [request.prompt for request in requests]
        return self.servers.each(prompts, lambda engine, i: engine.complete(requests[i]), at_once=batch_size, on_step=on_step, note=note)
