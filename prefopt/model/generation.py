"""Batched generation token by token: sampled texts, and texts under a grammar.

Each request has its own random generator and its own grammar, so its text does not depend on the other requests of a batch.
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
from torch.nn.functional import pad
from transformers import PreTrainedTokenizerFast

from prefopt.config import AnswerSettings
from prefopt.errors import ModelError
from prefopt.model.decoding import Continuation, Way
from prefopt.model.out_of_memory import FittingRows
from prefopt.model.packed import causal_lm
from prefopt.model.support import support_of
from prefopt.protocols import OnStep, ignore_steps

_LETTERS = "0-9A-Za-zÀ-ÖØ-öø-ɏͰ-ϿЀ-ӿぁ-ゖァ-ヺー一-鿿가-힣"
"""Ranges, because the grammars of some servers read \\p{L} as the characters p, L and braces."""
_SIGNS = " ()~·.%°+"
_CONCEPT = rf"[{_LETTERS}][{_LETTERS}{_SIGNS}\-]{{0,19}}"
"""A generated concept: short, printable, without characters that JSON escapes."""


class Writer(Protocol):
    """Chooses the next token of each request until the request is finished."""

    def choose(self, rows: Sequence[int], logits: Tensor) -> list[int | None]:
        """Next token of each request in `rows`, from their logits [len(rows), V]; None if the request ends without this token."""
        ...

    def finished(self, row: int) -> bool:
        """Whether a request gets no more tokens."""
        ...

    def restart(self, row: int) -> None:
        """Forget what was chosen for a request; it is written once more, to the same text."""
        ...


@torch.no_grad()
def write(
    model: nn.Module, prompts: Sequence[Sequence[int]], writer: Writer, *, batch_size: int, on_step: OnStep = ignore_steps, note: str = ""
) -> list[list[int]]:
    """Generate a text after each prompt. Prompts of similar length share a batch; the result is in the given order.

    A batch for which memory runs out is written from the beginning, in halves.

    Args:
        model: a causal LM, with or without an adapter.
        prompts: token ids.
        writer: chooses the tokens and ends each text.
        batch_size: prompts per forward pass; one where padding or a cache changes the model's logits (see Support.way).
        on_step: progress.
        note: shown with the progress.

    Returns:
        Token ids of each text, without its prompt.

    Raises:
        ModelError: memory does not hold one text.
    """
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    written: list[list[int]] = [[] for _ in prompts]
    lm, way = causal_lm(model), support_of(model, max(map(len, prompts), default=0)).way
    at_once = batch_size if way == "batched" else 1
    longest = max(map(len, prompts), default=0)
    alone = f"writing one text (the longest prompt has {longest} tokens)"
    fitting = FittingRows(lm, "writing {} texts at once", alone=alone, hint="shorten the longest problem")
    done = 0
    while done < len(order):
        planned = order[done : done + fitting.at_most(at_once)]

        def attempt(count: int, planned: list[int] = planned) -> None:
            for row in planned[:count]:
                written[row] = []
                writer.restart(row)
            _write_batch(lm, planned[:count], prompts, writer, written, way)

        _, finished = fitting.run(attempt, len(planned))
        done += finished
        on_step(done, len(order), note)
    return written


def _write_batch(model: Any, rows: list[int], prompts: Sequence[Sequence[int]], writer: Writer, written: list[list[int]], way: Way) -> None:
    """Generate the texts of the prompts `rows` and append their tokens to `written`."""
    text = Continuation(model, [prompts[row] for row in rows], way)
    while True:
        chosen = writer.choose(rows, text.logits())
        for row, token in zip(rows, chosen, strict=True):
            if token is not None:
                written[row].append(token)
        unfinished = [i for i, row in enumerate(rows) if not writer.finished(row)]
        if not unfinished:
            return
        rows = [rows[i] for i in unfinished]  # finished requests leave the batch
        text.append([written[row][-1] for row in rows], unfinished)


def seed_of(*parts: object) -> int:
    """A seed of 63 bits from the text of its parts, equal on every machine."""
    digest = hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def chance(*parts: object) -> torch.Generator:
    """A random generator with seed_of(*parts) as its seed."""
    return torch.Generator().manual_seed(seed_of(*parts))


class SampledText:
    """Samples text at a temperature until an end token or `max_tokens`.

    Args:
        generators: one per request; each token takes one uniform number from it.
        temperature: above 0.
        ends: token ids that end a text; they are not part of it.
        banned: token ids that are never sampled (control tokens, columns of the logits without a token).
        max_tokens: length limit; a text that reaches it stays unfinished.

    Attributes:
        ended: for each request, whether it reached an end token.
    """

    def __init__(
        self, generators: Sequence[torch.Generator], *, temperature: float, ends: Sequence[int], banned: Sequence[int], max_tokens: int
    ) -> None:
        self._uniform = torch.stack([torch.rand(max_tokens, generator=g, dtype=torch.float64) for g in generators])
        self._temperature, self._ends, self._banned = temperature, set(ends), torch.tensor(list(banned), dtype=torch.long)
        self._step = [0] * len(generators)
        self.ended = [False] * len(generators)

    def choose(self, rows: Sequence[int], logits: Tensor) -> list[int | None]:
        """Inverse transform sampling: the first token whose cumulative probability exceeds the request's uniform number."""
        scaled = logits.float() / self._temperature
        self._banned = self._banned.to(scaled.device)  # copied once, not for every token
        scaled.index_fill_(1, self._banned, -torch.inf)
        cumulative = torch.softmax(scaled, dim=-1).double().cumsum(dim=-1)
        uniform = torch.stack([self._uniform[row, self._step[row]] for row in rows])
        target = (uniform.to(cumulative.device) * cumulative[:, -1])[:, None]  # the sum may round to a little less than 1
        tokens = torch.searchsorted(cumulative, target, right=True).clamp(max=logits.shape[1] - 1).squeeze(1).tolist()
        return [self._take(row, token) for row, token in zip(rows, tokens, strict=True)]

    def finished(self, row: int) -> bool:
        """Whether a request reached an end token or `max_tokens`."""
        return self.ended[row] or self._step[row] == self._uniform.shape[1]

    def restart(self, row: int) -> None:
        """As Writer.restart: the request gets the same random numbers."""
        self._step[row], self.ended[row] = 0, False

    def _take(self, row: int, token: int) -> int | None:
        self._step[row] += 1
        self.ended[row] = token in self._ends
        return None if self.ended[row] else token


class ConstrainedText:
    """Takes the most probable token that a request's grammar allows, until the grammar is complete.

    Args:
        matchers: one per request.
    """

    def __init__(self, matchers: Sequence[LLMatcher]) -> None:
        self._matchers = list(matchers)

    def choose(self, rows: Sequence[int], logits: Tensor) -> list[int | None]:
        """As Writer.choose. Raises ModelError if a grammar rejects its own token."""
        allowed = self._allowed([self._matchers[row] for row in rows], logits.shape[1], logits.device)
        scores = logits.float().masked_fill(~allowed, -torch.inf)
        tokens: list[int] = scores.argmax(dim=-1).tolist()
        for row, token in zip(rows, tokens, strict=True):
            matcher = self._matchers[row]
            if not matcher.consume_token(token) or matcher.is_error():
                raise ModelError(f"the answer's grammar failed: {matcher.get_error()}")
        return list(tokens)

    def finished(self, row: int) -> bool:
        """Whether the grammar is complete."""
        return bool(self._matchers[row].is_stopped())

    def restart(self, row: int) -> None:
        """As Writer.restart."""
        self._matchers[row].reset()

    @staticmethod
    def _allowed(matchers: Sequence[LLMatcher], width: int, device: torch.device) -> Tensor:
        """bool [rows, width]: the tokens that may follow. Bits are sent to the device, and unpacked there."""
        masks = np.stack([np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8) for matcher in matchers])
        packed = torch.from_numpy(masks).to(device)[:, :, None]
        bits = (packed >> torch.arange(8, dtype=torch.uint8, device=device)) & 1
        return pad(bits.flatten(1)[:, :width], (0, max(0, width - 8 * masks.shape[1]))).bool()


class AnswerGrammar:
    """Grammar of the final JSON after the label's closing quote. Every text that it allows parses and is valid for the label.

    Args:
        tokenizer: of the model.
        vocabulary: width of the model's logits.
        answer: the fields after the label.

    Attributes:
        tokenizer: the model's tokens as llguidance needs them.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, vocabulary: int, answer: AnswerSettings) -> None:
        self._fields = answer.fields
        self._encode: Callable[[str], list[int]] = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
        self.tokenizer = LLTokenizer(
            tokenizer.backend_tokenizer.to_str(), n_vocab=max(vocabulary, len(tokenizer)), eos_token=tokenizer.eos_token_id
        )
        self._matcher = lru_cache(maxsize=None)(self._build)

    def matcher(self, levels: tuple[str, ...]) -> LLMatcher:
        """A new matcher for a label with these levels; without levels, the answer has no level."""
        return self._matcher(levels).deep_copy()

    def pattern(self, levels: tuple[str, ...]) -> str:
        """The grammar as a regular expression in Rust's syntax, which inference servers use."""
        level = "|".join(_escaped(json.dumps(level, ensure_ascii=False)) for level in levels)
        fields = {
            "level": f',"level":({level})' if levels else "",
            "difficulty": ',"difficulty":[1-5]',
            "concepts": rf',"concepts":\["{_CONCEPT}"(,"{_CONCEPT}"){{0,2}}\]',
        }
        return "".join(fields[f] for f in self._fields) + r"\}"

    def gbnf(self, levels: tuple[str, ...]) -> str:
        """The same grammar as llama.cpp reads it."""
        level = " | ".join(_quoted(json.dumps(level, ensure_ascii=False)) for level in levels)
        quote, comma, brackets = _quoted('"'), _quoted(',"'), (_quoted(',"concepts":['), _quoted("]"))
        fields = {
            "level": _quoted(',"level":') + f" ({level})" if levels else "",
            "difficulty": _quoted(',"difficulty":') + " [1-5]",
            "concepts": f"{brackets[0]} {quote} concept {quote} ({comma} concept {quote}){{0,2}} {brackets[1]}",
        }
        root = " ".join([*(fields[f] for f in self._fields if fields[f]), _quoted("}")])
        return f"root ::= {root}\nconcept ::= [{_LETTERS}] [{_LETTERS}{_SIGNS}-]{{0,19}}\n"

    def forced(self, levels: tuple[str, ...]) -> list[int] | None:
        """Tokens of the only text for a label with these levels, where it has no fields to write; None otherwise."""
        return self._encode("}") if self.pattern(levels) == r"\}" else None

    def allows(self, text: str, levels: tuple[str, ...]) -> bool:
        """Whether the grammar accepts a complete text."""
        matcher = self.matcher(levels)
        ids = self._encode(text)
        return matcher.try_consume_tokens(ids) == len(ids) and bool(matcher.is_accepting())

    def _build(self, levels: tuple[str, ...]) -> LLMatcher:
        matcher = LLMatcher(self.tokenizer, LLMatcher.grammar_from_regex(self.pattern(levels)))
        if matcher.is_error():
            raise ModelError(f"the answer's grammar cannot be built for levels {', '.join(levels)}: {matcher.get_error()}")
        return matcher


def _escaped(text: str) -> str:
    """A regular expression that matches exactly this text."""
    return "".join(c if c.isalnum() else f"\\u{{{ord(c):x}}}" for c in text)


def _quoted(text: str) -> str:
    """A literal of llama.cpp's grammars."""
    return '"' + "".join(rf"\U{ord(c):08x}" if c in '"\\' or not c.isprintable() else c for c in text) + '"'
