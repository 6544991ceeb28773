"""A policy: a base model with an adapter that scores labels and writes reasons and answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from prefopt.config import AnswerSettings, ModelSettings, PromptSettings
from prefopt.errors import ModelError
from prefopt.io.leaving import refuse_problems
from prefopt.model.adapter_card import adapter_id
from prefopt.model.adapters import load_adapter
from prefopt.model.backends import Backend, InProcess, Remote, Sampling
from prefopt.model.chat import renderer_for
from prefopt.model.far import Far, open_far
from prefopt.model.generation import AnswerGrammar, seed_of
from prefopt.model.harmony import CLOSING_QUOTE, Renderer
from prefopt.model.harmony_parse import parse_final
from prefopt.model.load import Base, load_base
from prefopt.model.out_of_memory import free_bytes
from prefopt.model.posterior import LabelTree
from prefopt.model.posteriors import Posteriors, normalized
from prefopt.model.servers import Servers
from prefopt.protocols import OnStep, ignore_steps
from prefopt.records import MAX_REASON, Answer, Problem
from prefopt.taxonomy import Taxonomy
from prefopt.texts.personal_data import personal_data

ATTEMPTS = 4
"""Times that a text is sampled before it is given up because it does not end or is not clean text."""
_CONTROL_LIKE = re.compile(r"<\|[a-z_]*\|>")
_UNCLEAN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffd]")


@dataclass
class Policy:
    """Scores labels and generates texts."""

    base: Base | None
    """Weights and tokenizer; None where servers compute."""
    model: Any
    """The base, or the PeftModel around it; None where servers compute."""
    renderer: Renderer
    adapter_id: str
    unfinished: int = 0
    """Reasons that were given up since the policy was opened."""
    retried: int = 0
    """Texts that were sampled again since the policy was opened."""
    free_bytes: int | None = None
    """Bytes free on the GPU beside base and adapter, less a reserve, as measured when they were loaded; None on a CPU."""
    far: Far | None = None
    """The servers that compute (model.server); None to compute in this process."""

    @classmethod
    def open(cls, model: ModelSettings, adapter: Path | None, prompt: PromptSettings, answer: AnswerSettings, taxonomy: Taxonomy) -> Policy:
        """A base and an adapter, with `adapter` None the base alone, whose id is "base". Raises ModelError.

        With model.server no weights are loaded: the tokenizer makes the prompts, and the servers compute.
        """
        name = "base" if adapter is None else adapter_id(adapter)
        if model.server:
            far = open_far(model, adapter)
            return cls(None, None, renderer_for(far.tokenizer, prompt, answer, taxonomy), name, far=far)
        base = load_base(model)
        renderer = renderer_for(base.tokenizer, prompt, answer, taxonomy)
        lm = base.model if adapter is None else load_adapter(base, adapter, trainable=False)
        return cls(base, lm, renderer, name, free_bytes=free_bytes(lm))

    def close(self) -> None:
        """Unload the adapter from the servers that loaded it for this policy; this also happens when the policy is dropped."""
        if isinstance(backend := self.__dict__.get("_backend"), Remote):  # if anything was computed
            backend.servers.close()

    @property
    def server(self) -> str:
        """URLs of the servers that compute; empty for this process."""
        return self.far.urls if self.far else ""

    @property
    def taxonomy(self) -> Taxonomy:
        """The labels."""
        return self.renderer.taxonomy

    @cached_property
    def tree(self) -> LabelTree:
        """Prefix tree of the labels' tokens, each label followed by the closing quote of its JSON string."""
        closing = self.renderer.encode(CLOSING_QUOTE)
        return LabelTree([[*self.renderer.label_ids(label), *closing] for label in self.taxonomy.ids])

    def posterior(
        self,
        problems: Sequence[Problem],
        *,
        analyses: int = 0,
        batch_size: int = 16,
        memory_mb: int = 0,
        seed: int = 0,
        temperature: float = 1.0,
        analysis_tokens: int = 512,
        on_step: OnStep = ignore_steps,
    ) -> Posteriors:
        """Posterior of every problem.

        Args:
            problems: one per row of the result.
            analyses: 0 to score at low effort without an analysis; S to average over S analyses sampled at the settings' effort.
            batch_size: problems per forward pass, or in work at each server.
            memory_mb: MiB that scoring in this process may use in addition to the weights; 0: what is free on a GPU, no limit on a CPU.
            seed: with the problem's id and the number of the draw, seeds an analysis.
            temperature: of the analyses.
            analysis_tokens: length limit of an analysis.
            on_step: progress.

        Raises:
            ModelError: a problem does not fit into prompt.max_tokens; a likelihood is not finite; the server fails.
            DataError: personal data in a problem, where a server computes.
        """
        ids = tuple(problem.id for problem in problems)
        self.refuse_long(problems)
        refuse_problems(problems, self.server)
        scoring: dict[str, Any] = {"batch_size": batch_size, "memory_mb": memory_mb, "on_step": on_step}
        opening = self.renderer.label_opening
        if not analyses:
            prompts = [[*self.renderer.prompt(problem, with_reason=False), *opening] for problem in problems]
            likelihoods = self._backend.log_likelihoods(prompts, self.tree, **scoring)
            return Posteriors(ids, *normalized(likelihoods))
        starts = [self.renderer.prompt(problem, with_reason=True) for problem in problems]
        draws, masses, unfinished = [], [], 0
        for draw in range(analyses):
            labels = [(seed, problem.id, "analysis", draw) for problem in problems]
            begun = [[*start, *self.renderer.channel("analysis")] for start in starts]
            texts = self._texts(begun, labels, temperature, analysis_tokens, batch_size, on_step, f"analyses {draw + 1}/{analyses}")
            unfinished += sum(text is None for text in texts)
            prompts = [[*s, *self.renderer.analysis_of(t or ()), *opening] for s, t in zip(starts, texts, strict=True)]
            log_probs, mass = normalized(self._backend.log_likelihoods(prompts, self.tree, **scoring))
            draws.append(log_probs)
            masses.append(mass)
        stacked = np.stack(draws)
        mean = np.logaddexp.reduce(stacked, axis=0) - np.log(analyses)  # log of the mean probability
        return Posteriors(ids, mean, np.mean(masses, axis=0), stacked, unfinished)

    def propose(
        self,
        requests: Sequence[tuple[Problem, Sequence[str]]],
        *,
        temperature: float = 0.8,
        with_reason: bool = True,
        reason_tokens: int = 160,
        seed: int = 0,
        batch_size: int = 16,
        on_step: OnStep = ignore_steps,
    ) -> list[list[Answer]]:
        """Write an answer for each problem and each of its labels: a sampled reason, and the other fields decoded under a grammar.

        A reason that does not end within `reason_tokens` is sampled again, up to ATTEMPTS times in all. If none ends, the answer has
        reason None and `unfinished` counts it; texts are never truncated.

        Args:
            requests: problems, each with the labels to justify.
            temperature: of the reasons.
            with_reason: False to write answers without reasons.
            reason_tokens: length limit of a reason.
            seed: with the problem's id and the label, seeds a reason.
            batch_size: texts per forward pass, or in work at each server.
            on_step: progress.

        Returns:
            One list per request, in the order of its labels.

        Raises:
            ModelError: a problem does not fit into prompt.max_tokens; the server fails.
            DataError: personal data in a problem, where a server writes.
        """
        self.refuse_long([problem for problem, _ in requests])
        refuse_problems([problem for problem, _ in requests], self.server)
        flat = [(problem, label) for problem, labels in requests for label in labels]
        reasons: list[list[int] | None] = [None] * len(flat)
        if with_reason:
            prompts = [[*self.renderer.explain_prompt(p, label), *self.renderer.channel("final")] for p, label in flat]
            seeds = [(seed, problem.id, "reason", label) for problem, label in flat]
            reasons = self._texts(prompts, seeds, temperature, reason_tokens, batch_size, on_step, "reasons")
        starts = [self.renderer.prompt(problem, with_reason=False) for problem, _ in flat]
        labels = [label for _, label in flat]
        answers = self._finish(starts, labels, [self._clean(r) for r in reasons], batch_size, on_step)
        self.unfinished += sum(answer.reason is None for answer in answers) if with_reason else 0
        left = iter(answers)
        return [[next(left) for _ in labels] for _, labels in requests]

    def answer(
        self,
        problems: Sequence[Problem],
        *,
        with_reason: bool = False,
        temperature: float = 0.8,
        reason_tokens: int = 512,
        seed: int = 0,
        batch_size: int = 16,
        on_step: OnStep = ignore_steps,
    ) -> list[Answer]:
        """Classify: the most probable label of the whole taxonomy, then the other fields decoded under a grammar.

        Args:
            problems: one per answer.
            with_reason: sample an analysis first and score the labels after it.
            temperature: of the analyses.
            reason_tokens: length limit of an analysis.
            seed: with the problem's id, seeds an analysis.
            batch_size: problems per forward pass.
            on_step: progress.

        Raises:
            ModelError: an analysis did not end in any attempt; a problem does not fit into prompt.max_tokens; the server fails.
        """
        self.refuse_long(problems)
        refuse_problems(problems, self.server)
        starts = [self.renderer.prompt(problem, with_reason=with_reason) for problem in problems]
        reasons: list[str | None] = [None] * len(problems)
        if with_reason:
            begun = [[*start, *self.renderer.channel("analysis")] for start in starts]
            seeds = [(seed, problem.id, "answer") for problem in problems]
            texts = self._texts(begun, seeds, temperature, reason_tokens, batch_size, on_step, "analyses")
            absent = [problem.id for problem, text in zip(problems, texts, strict=True) if text is None]
            if absent:
                raise ModelError(
                    f"{len(absent)} analyses did not end within {reason_tokens} tokens, first that of problem {absent[0]}",
                    hint="raise reason_tokens, or answer without reasons",
                )
            starts = [[*s, *self.renderer.analysis_of(t or ())] for s, t in zip(starts, texts, strict=True)]
            reasons = [self._clean(text) for text in texts]
        scored = [[*start, *self.renderer.label_opening] for start in starts]
        likelihoods = self._backend.log_likelihoods(scored, self.tree, batch_size=batch_size, memory_mb=0, on_step=on_step)
        labels = [self.taxonomy.ids[i] for i in likelihoods.argmax(axis=1)]
        return self._finish(starts, labels, reasons, batch_size, on_step)

    def nats_per_token(self, texts: Sequence[list[int]], *, batch_size: int = 16, on_step: OnStep = ignore_steps) -> np.ndarray:
        """Mean negative log-likelihood of each text's tokens after its first: float64 [N], in nats. Raises as `posterior`."""
        return self._backend.nats(texts, batch_size=batch_size, on_step=on_step)

    def refuse_long(self, problems: Sequence[Problem]) -> None:
        """Raise ModelError for the first problem whose prompt and label exceed prompt.max_tokens. Prompts are never truncated."""
        limit = self.renderer.settings.max_tokens
        for problem in problems:
            size = len(self.renderer.prompt(problem, with_reason=False)) + len(self.renderer.label_opening) + max(self.tree.depths) + 1
            if size > limit:
                raise ModelError(
                    f"problem {problem.id}: its prompt with a label takes {size} tokens, and prompt.max_tokens is {limit}",
                    hint="shorten the problem, or raise max_tokens under [prompt] in prefopt.toml",
                )

    def _finish(
        self, starts: Sequence[list[int]], labels: Sequence[str], reasons: Sequence[str | None], batch_size: int, on_step: OnStep
    ) -> list[Answer]:
        """Answers with given labels and reasons, the other fields decoded; `starts` end where the final message begins."""
        closing = self.renderer.encode(CLOSING_QUOTE)
        prompts = [
            [*start, *self.renderer.label_opening, *self.renderer.label_ids(label), *closing]
            for start, label in zip(starts, labels, strict=True)
        ]
        levels = [self.taxonomy[label].levels for label in labels]
        rests = self._backend.finish(prompts, levels, batch_size=batch_size, on_step=on_step)
        return [self._answer(*parts) for parts in zip(labels, rests, reasons, strict=True)]

    def _answer(self, label: str, rest: Sequence[int], reason: str | None) -> Answer:
        opening = self.renderer.answer_json(Answer(label=label)).removesuffix("}")
        parsed = parse_final(opening + self.renderer.decode(rest), self.renderer.answer, self.taxonomy, reason)
        concepts = tuple(dict.fromkeys(concept.strip() for concept in parsed.concepts if not personal_data(concept)))
        return parsed.model_copy(update={"concepts": concepts})

    def _texts(
        self,
        prompts: Sequence[list[int]],
        seeds: Sequence[tuple[object, ...]],
        temperature: float,
        max_tokens: int,
        batch_size: int,
        on_step: OnStep,
        note: str,
    ) -> list[list[int] | None]:
        """Sample a text after each prompt.

        Args:
            prompts: token ids.
            seeds: parts of each text's seed; the attempt is added.
            temperature: of the sampling.
            max_tokens: length limit of a text.
            batch_size: texts per forward pass.
            on_step: progress.
            note: shown with the progress.

        Returns:
            Token ids; None for a text that did not end as clean text in any attempt.
        """
        texts: list[list[int] | None] = [None] * len(prompts)
        for attempt in range(ATTEMPTS):
            rows = [i for i, text in enumerate(texts) if text is None]
            if not rows:
                break
            self.retried += len(rows) if attempt else 0
            sampling = Sampling(temperature, max_tokens, self._ends, self._banned)
            written = self._backend.sample(
                [prompts[i] for i in rows],
                [seed_of(*seeds[i], attempt) for i in rows],
                sampling,
                batch_size=batch_size,
                on_step=on_step,
                note=f"{note}, attempt {attempt + 1}" if attempt else note,
            )
            for i, text in zip(rows, written, strict=True):
                if self._clean(text) is not None:
                    texts[i] = text
        return texts

    def _clean(self, ids: Sequence[int] | None) -> str | None:
        """A reason's text without anything like a control token; None if it is unusable or has personal data."""
        if ids is None:
            return None
        text = _CONTROL_LIKE.sub("", self.renderer.decode(ids)).strip()
        return text if text and len(text) <= MAX_REASON and not _UNCLEAN.search(text) and not personal_data(text) else None

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        return (*self.renderer.stop_ids, self.renderer.end_id)

    @cached_property
    def _banned(self) -> list[int]:
        """Control tokens that do not end a text, and columns of the logits without a token."""
        control = set(self.renderer.tokenizer.get_added_vocab().values()) | set(range(len(self.renderer.tokenizer), self.vocabulary_size))
        return sorted(i for i in control - set(self._ends) if i < self.vocabulary_size)

    @cached_property
    def vocabulary_size(self) -> int:
        """Width of the logits; models pad it beyond the tokenizer's size."""
        return self.far.vocabulary if self.far else int(self.model.get_output_embeddings().weight.shape[0])

    @cached_property
    def _backend(self) -> Backend:
        if self.far is None:
            return InProcess(self.model, self.grammar, self.free_bytes)
        far, name = self.far, self.far.served_as or self.adapter_id
        return Remote(Servers(far.urls, name, far.adapter, self.renderer), self.grammar, far.unexpanded)

    @cached_property
    def grammar(self) -> AnswerGrammar:
        """Grammar of the final JSON after the label."""
        return AnswerGrammar(self.renderer.tokenizer, self.vocabulary_size, self.renderer.answer)
