"""Writing token by token in batches: sampled texts, and text under a grammar.

Each request has its own seeded chance and its own grammar, so what it gets does not depend on its neighbors or their order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedTokenizerFast

from prefopt.config import AnswerSettings
from prefopt.errors import ModelError
from prefopt.model.posterior import causal_lm
from prefopt.protocols import OnStep, ignore_steps

_CONCEPT = r"[\p{L}\p{N}][\p{L}\p{N} ()~·.%°+\-]{0,19}"
"""A generated concept: short, printable, nothing that JSON has to escape."""


class Writer(Protocol):
    """Chooses the next token of each request until the request is finished."""

    def choose(self, rows: Sequence[int], logits: Tensor) -> list[int | None]:
        """Next token of the requests `rows` from their logits [len(rows), V]; None: the request ended and this token is not part of it."""
        ...

    def finished(self, row: int) -> bool:
        """Whether a request gets no more tokens."""
        ...


@torch.no_grad()
def write(
    model: nn.Module, prompts: Sequence[Sequence[int]], writer: Writer, *, batch_size: int, on_step: OnStep = ignore_steps, note: str = ""
) -> list[list[int]]:
    """What the writer chooses after each prompt. Prompts of similar length share a batch; the result is in the order given."""
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    written: list[list[int]] = [[] for _ in prompts]
    for start in range(0, len(order), batch_size):
        _write_batch(causal_lm(model), order[start : start + batch_size], prompts, writer, written)
        on_step(min(start + batch_size, len(order)), len(order), note)
    return written


def _write_batch(model: Any, rows: list[int], prompts: Sequence[Sequence[int]], writer: Writer, written: list[list[int]]) -> None:
    device = next(model.parameters()).device
    longest = max(len(prompts[row]) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long, device=device)
    seen = torch.zeros(len(rows), longest, dtype=torch.long, device=device)
    for i, row in enumerate(rows):  # padding on the left, so that the last column is everyone's last token
        ids[i, longest - len(prompts[row]) :] = torch.tensor(prompts[row], device=device)
        seen[i, longest - len(prompts[row]) :] = 1
    positions = (seen.cumsum(1) - 1).clamp(min=0)
    cache = DynamicCache(config=model.config)
    while True:
        output = model(input_ids=ids, attention_mask=seen, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1)
        chosen = writer.choose(rows, output.logits[:, -1])
        for row, token in zip(rows, chosen, strict=True):
            if token is not None:
                written[row].append(token)
        going = [i for i, row in enumerate(rows) if not writer.finished(row)]
        if not going:
            return
        if len(going) < len(rows):  # finished requests leave the batch
            kept = torch.tensor(going, device=device)
            cache.batch_select_indices(kept)
            rows, seen, positions = [rows[i] for i in going], seen[kept], positions[kept]
        ids = torch.tensor([written[row][-1] for row in rows], device=device)[:, None]
        seen = torch.cat([seen, seen.new_ones(len(rows), 1)], dim=1)
        positions = positions[:, -1:] + 1


def seed_of(*parts: object) -> int:
    """63 bits from the content of its parts, the same on every machine."""
    digest = hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def chance(*parts: object) -> torch.Generator:
    """A random generator seeded by the content of its parts."""
    return torch.Generator().manual_seed(seed_of(*parts))


class SampledText:
    """Samples ordinary text at a temperature until an end token, at most `max_tokens` tokens.

    Args:
        chances: one generator per request; a token takes one uniform number from it.
        temperature: above 0.
        ends: ids that end a text; they are not part of it.
        banned: ids that are never written (control tokens, unused rows of the vocabulary).
        max_tokens: a text longer than this is left unfinished.

    `ended[i]` says whether request i came to its end.
    """

    def __init__(
        self, chances: Sequence[torch.Generator], *, temperature: float, ends: Sequence[int], banned: Sequence[int], max_tokens: int
    ) -> None:
        self._uniform = torch.stack([torch.rand(max_tokens, generator=g, dtype=torch.float64) for g in chances])
        self._temperature, self._ends, self._banned = temperature, set(ends), list(banned)
        self._step = [0] * len(chances)
        self.ended = [False] * len(chances)

    def choose(self, rows: Sequence[int], logits: Tensor) -> list[int | None]:
        """Inverse transform sampling: the first token whose cumulative probability exceeds the request's uniform number."""
        scaled = logits.float() / self._temperature
        scaled[:, self._banned] = -torch.inf
        cumulative = torch.softmax(scaled, dim=-1).double().cumsum(dim=-1)
        uniform = torch.stack([self._uniform[row, self._step[row]] for row in rows])
        target = (uniform.to(cumulative.device) * cumulative[:, -1])[:, None]
        tokens = torch.searchsorted(cumulative, target, right=True).clamp(max=logits.shape[1] - 1).squeeze(1).tolist()
        return [self._take(row, token) for row, token in zip(rows, tokens, strict=True)]

    def finished(self, row: int) -> bool:
        """At its end, or at `max_tokens`."""
        return self.ended[row] or self._step[row] == self._uniform.shape[1]

    def _take(self, row: int, token: int) -> int | None:
        self._step[row] += 1
        self.ended[row] = token in self._ends
        return None if self.ended[row] else token


class ConstrainedText:
    """The most probable token that a request's grammar allows, until the grammar is complete."""

    def __init__(self, matchers: Sequence[LLMatcher]) -> None:
        self._matchers = list(matchers)

    def choose(self, rows: Sequence[int], logits: Tensor) -> list[int | None]:
        """As Writer.choose. Raises ModelError where the grammar breaks."""
        allowed = np.stack([self._allowed(self._matchers[row], logits.shape[1]) for row in rows])
        scores = logits.float().masked_fill(~torch.from_numpy(allowed).to(logits.device), -torch.inf)
        tokens: list[int] = scores.argmax(dim=-1).tolist()
        for row, token in zip(rows, tokens, strict=True):
            matcher = self._matchers[row]
            if not matcher.consume_token(token) or matcher.is_error():
                raise ModelError(f"the answer's grammar broke: {matcher.get_error()}")
        return list(tokens)

    def finished(self, row: int) -> bool:
        """Whether the grammar is complete."""
        return bool(self._matchers[row].is_stopped())

    @staticmethod
    def _allowed(matcher: LLMatcher, width: int) -> np.ndarray:
        bits = np.unpackbits(np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8), bitorder="little")[:width]
        return np.pad(bits, (0, width - len(bits))).astype(bool)


class AnswerGrammar:
    """Grammar of the final JSON after the label's closing quote. Every text it allows parses, and fits the label.

    Args:
        tokenizer: of the model.
        vocabulary: width of the model's logits.
        answer: the fields after the label.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, vocabulary: int, answer: AnswerSettings) -> None:
        self._fields = answer.fields
        self._encode: Callable[[str], list[int]] = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
        self._tokenizer = LLTokenizer(
            tokenizer.backend_tokenizer.to_str(), n_vocab=max(vocabulary, len(tokenizer)), eos_token=tokenizer.eos_token_id
        )
        self._matcher = lru_cache(maxsize=None)(self._build)

    def matcher(self, levels: tuple[str, ...]) -> LLMatcher:
        """A fresh matcher for a label with these levels; without levels the answer has no level."""
        return self._matcher(levels).deep_copy()

    def pattern(self, levels: tuple[str, ...]) -> str:
        """The grammar as a regular expression in the dialect of Rust, which the engines of servers read."""
        level = "|".join(_escaped(json.dumps(level, ensure_ascii=False)) for level in levels)
        fields = {
            "level": f',"level":({level})' if levels else "",
            "difficulty": ',"difficulty":[1-5]',
            "concepts": rf',"concepts":\["{_CONCEPT}"(,"{_CONCEPT}"){{0,2}}\]',
        }
        return "".join(fields[f] for f in self._fields) + r"\}"

    def allows(self, text: str, levels: tuple[str, ...]) -> bool:
        """Whether a text is a whole one of the grammar."""
        matcher = self.matcher(levels)
        ids = self._encode(text)
        return matcher.try_consume_tokens(ids) == len(ids) and bool(matcher.is_accepting())

    def _build(self, levels: tuple[str, ...]) -> LLMatcher:
        matcher = LLMatcher(self._tokenizer, LLMatcher.grammar_from_regex(self.pattern(levels)))
        if matcher.is_error():
            raise ModelError(f"the answer's grammar cannot be built for levels {', '.join(levels)}: {matcher.get_error()}")
        return matcher


def _escaped(text: str) -> str:
    """A text as a regular expression that matches it alone."""
    return "".join(c if c.isalnum() else f"\\u{{{ord(c):x}}}" for c in text)
