"""Random tokens, and what a model's own forward pass computes for them: the measure of every other forward pass (model/support.py)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from prefopt.errors import ModelError
from prefopt.model.decoding import Continuation, Way, own_logits
from prefopt.model.head import Head, hidden_states_of
from prefopt.model.packed import inputs_device, packed_hidden, text_config
from prefopt.model.posterior_prefix import SharedPrefix

FAULTS = (AttributeError, AssertionError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""What a forward pass raises that was not written for rows like ours."""
BRANCHES, SHARED, FEWEST = (6, 9), 24, 64
"""Tokens of a prompt's two continuations, of the beginning that two prompts share, and of the shortest row."""
_TAIL = 16
"""Tokens of the second prompt after the shared beginning. It is short, so that a model which treats rows by the length of the longest one
in the batch is found out."""
_KEPT = 64
"""Most positions of a prompt that are compared, its last ones."""
_FLOAT32, _NARROW, _NARROW_LEAK = 4e-5, 0.1, 0.003
"""Differences of log-probabilities that are rounding, in nats, besides three times what the model's own forward pass varies by: the largest
one in float32, the mean one in narrower types. They grow with the log-probabilities. Where only tokens are exchanged that a result must not
depend on (the last limit), shapes are the same, and there is hardly any rounding."""


class _Own(NamedTuple):
    """One row by the model's own forward pass, the last positions of the prompt and those of the continuation."""

    log_probs: Tensor
    """Of the tokens after the first of these positions [K - 1], float32: the prompt's, then the continuation's."""
    hidden: Tensor | None
    """Last hidden states [K, H]; None where the decoder is not known."""


STEADY = {True: 1e-3, False: 0.3}
"""Noise (in float32, in narrower types) above which nothing can be measured."""


class Probe:
    """A prompt, the same prompt with a gap, and two continuations that begin alike.

    Args:
        lm: a causal LM of transformers, in eval mode.
        decoder: its part that returns last hidden states; None where it is not known.
        tokens: of the longest row, at least FEWEST.
        seed: of the random tokens.
    """

    def __init__(self, lm: Any, decoder: nn.Module | None, tokens: int, seed: int) -> None:
        self._lm, self._decoder, self._device = lm, decoder, inputs_device(lm)
        size = tokens - max(BRANCHES)
        ids = random_ids(lm, size + sum(BRANCHES) + BRANCHES[0], seed)
        trunk, first, second = ids[:size], ids[size : size + BRANCHES[0]], ids[size + BRANCHES[0] : size + sum(BRANCHES)]
        self._other = ids[-BRANCHES[0] :]
        self._prompts = (trunk, trunk[:SHARED] + trunk[-_TAIL:])
        self._branches = (first, [*first[:2], *second[2:]])
        self._kept = [min(_KEPT, len(prompt)) for prompt in self._prompts]

    @cached_property
    def _own(self) -> list[_Own]:
        """The prompt with each continuation."""
        return [self._plain(0, branch) for branch in self._branches]

    @cached_property
    def _own_of_both(self) -> list[list[_Own]]:
        """Both prompts with each continuation."""
        return [self._own, [self._plain(1, branch) for branch in self._branches]]

    def allows(self, difference: float, *, leak: bool = False) -> bool:
        """Whether a difference is rounding; of a leak, where only tokens were exchanged."""
        limit = (_FLOAT32 if self._exact else _NARROW_LEAK if leak else _NARROW) * (1 + self.magnitude / 10)
        return difference <= limit or difference <= limit + 3 * self.noise

    @cached_property
    def magnitude(self) -> float:
        """The largest log-probability that is compared, in nats; rounding grows with it."""
        return float(self._own[0].log_probs.abs().max())

    @cached_property
    def noise(self) -> float:
        """What the same row differs by in a batch of two, which is rounding in most models."""
        return self._size(self._plain(0, self._branches[0], rows=2).log_probs - self._own[0].log_probs)

    def lookahead(self) -> float:
        """How much the later tokens of a row change what is computed for the earlier ones: not at all in a causal model."""
        prompt = self._prompts[0]
        count = min(_KEPT, len(prompt) // 2)
        rows = (prompt + self._branches[0], prompt[:-count] + random_ids(self._lm, count, seed=-1) + self._other)
        kept = 2 * count + len(self._other)
        first, second = (self._log_probs(row, kept)[: count - 1] for row in rows)
        return self._size(first - second)

    def _log_probs(self, row: Sequence[int], kept: int) -> Tensor:
        """Of the row's last tokens [kept - 1], by the model's own forward pass."""
        logits = own_logits(self._lm, torch.tensor([list(row)], device=self._device), kept, use_cache=False)[0]
        return _of(logits, row[-kept + 1 :])

    def by_length(self) -> float:
        """How much the length of a row changes what is computed for its beginning."""
        first, second = (own.log_probs[: self._kept[0] - 1] for own in self._own)
        return self._size(first - second)

    def leak(self, head: Head) -> float:
        """How much another first continuation changes what is computed for the second one behind it in its row."""
        rows = [self._packed(head, (first, self._branches[1]), shared=0)[0] for first in (self._branches[0], self._other)]
        second = slice(len(self._other), None)
        return self._size(rows[0][second] - rows[1][second])

    def packed(self, head: Head, *, shared: int) -> float:
        """Difference between rows in which a prompt's continuations follow each other, and rows of their own.

        Args:
            head: of the model; turns the hidden states of both into log-probabilities.
            shared: tokens at the beginning that come from a cache.
        """
        differences = []
        for row, (found, own) in enumerate(zip(self._packed(head, self._branches, shared=shared), self._own_of_both, strict=True)):
            alone = [one.hidden[self._kept[row] - 1 : -1] for one in own if one.hidden is not None]
            expected = torch.cat([_of(head.logits(states), branch) for states, branch in zip(alone, self._branches, strict=True)])
            differences.append(found - expected)
        return self._size(torch.cat(differences))

    def _packed(self, head: Head, branches: Sequence[Sequence[int]], *, shared: int) -> list[Tensor]:
        """Log-probabilities of the branches' tokens [K], for both prompts in one batch."""
        assert self._decoder is not None  # noqa: S101 - a head is measured behind a decoder
        prefix = SharedPrefix(self._decoder, self._prompts[0][:shared])
        rests = [prompt[shared:] for prompt in self._prompts]
        *inputs, kept = (tensor.to(self._device) for tensor in _rows(rests, branches, shared))
        ids, positions, visible = inputs
        before = torch.arange(shared, device=self._device).expand(len(rests), -1)
        keys = torch.cat([before, positions], dim=1)
        hidden = packed_hidden(self._decoder, ids, positions, visible, kept, keys=keys, cache=prefix.cache())
        targets = [token for branch in branches for token in branch]
        return [_of(head.logits(states), targets) for states in hidden]

    def continued(self, way: Way) -> float:
        """Difference between a text computed token by token and at once."""
        texts = list(enumerate(self._prompts))[: 2 if way == "batched" else 1]
        text = Continuation(self._lm, [prompt for _, prompt in texts], way)
        differences = []
        for step, token in enumerate(self._branches[0][:4]):
            own = self._own_of_both if way == "batched" else [self._own]
            expected = torch.stack([own[row][0].log_probs[self._kept[row] - 1 + step] for row, _ in texts])
            differences.append(text.logits().log_softmax(-1)[:, token] - expected)
            kept = list(range(len(texts)))[-1:] if step == 1 else list(range(len(texts)))  # a finished text leaves the batch
            texts = [texts[row] for row in kept]
            text.append([token] * len(kept), kept)
        return self._size(torch.cat(differences))

    def _plain(self, prompt: int, branch: Sequence[int], rows: int = 1) -> _Own:
        """The model's own forward pass, in a batch of equal rows. Raises ModelError where the logits are not finite."""
        ids = torch.tensor([[*self._prompts[prompt], *branch]], device=self._device).expand(rows, -1)
        kept = self._kept[prompt] + len(branch)
        with hidden_states_of(self._lm if self._decoder is None else self._decoder) as seen:
            logits = own_logits(self._lm, ids, kept, use_cache=False)[0]
        if not bool(logits.isfinite().all()):
            raise ModelError(f"{type(self._lm).__name__}: its logits are not finite", hint="download the checkpoint again")
        log_probs = _of(logits, ids[0, -kept + 1 :].tolist())
        return _Own(log_probs, seen[-1][0, -kept:].clone() if self._decoder is not None else None)

    @property
    def steady(self) -> bool:
        """Whether the model computes the same for a row whatever else is in its batch."""
        return self.noise <= STEADY[self._exact] * (1 + self.magnitude / 20)

    @property
    def _exact(self) -> bool:
        return bool(self._lm.dtype == torch.float32)

    def _size(self, differences: Tensor) -> float:
        """The largest difference in float32, the mean one of narrower types, in which rounding sends single tokens to other experts."""
        found = differences.abs()
        return float(found.max() if self._exact else found.mean())


def _rows(rests: Sequence[Sequence[int]], branches: Sequence[Sequence[int]], shared: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Token ids [2, T], positions [2, T], who attends to whom [2, T, shared + T], and where tokens of branches are predicted [2, K]."""
    size = max(map(len, rests)) + sum(map(len, branches)) - len(branches)
    ids, positions = (torch.zeros(len(rests), size, dtype=torch.long) for _ in range(2))
    visible = torch.eye(size, dtype=torch.bool).repeat(len(rests), 1, 1)
    kept = []
    for row, rest in enumerate(rests):
        end = at = len(rest)
        ids[row, :end], positions[row, :end] = torch.tensor(rest), torch.arange(end)
        visible[row, :end, :end] = torch.ones(end, end, dtype=torch.bool).tril()
        columns = []
        for branch in branches:
            length = len(branch) - 1  # the last token predicts nothing
            own = slice(at, at + length)
            ids[row, own], positions[row, own] = torch.tensor(branch[:-1]), end + torch.arange(length)
            visible[row, own, :end] = True
            visible[row, own, own] = torch.ones(length, length, dtype=torch.bool).tril()
            columns += [end - 1, *range(at, at + length)]
            at += length
        kept.append(columns)
    cached = torch.ones(len(rests), size, shared, dtype=torch.bool)
    return ids, positions + shared, torch.cat([cached, visible], dim=2), torch.tensor(kept)


def _of(logits: Tensor, targets: Sequence[int]) -> Tensor:
    """Log-probabilities of targets [K], from logits [K or more, V] whose first rows predict them."""
    tokens = torch.tensor(list(targets), device=logits.device)
    return logits[: len(tokens)].log_softmax(-1).gather(1, tokens[:, None])[:, 0]


def random_ids(lm: Any, count: int, seed: int) -> list[int]:
    """Token ids that mean nothing to the model: none that its config names (padding, images, ends), and none without logits."""
    rows = int(lm.get_input_embeddings().weight.shape[0])
    logits = getattr(text_config(lm), "vocab_size", None)
    rows = min(rows, logits) if isinstance(logits, int) and logits > 0 else rows
    named = _named_ids(lm.config.to_dict())
    known = [token for token in range(min(rows, 100_000)) if token not in named]
    generator = torch.Generator().manual_seed(seed)
    return [known[i] for i in torch.randint(len(known), (count,), generator=generator).tolist()]


def _named_ids(values: Any) -> set[int]:
    if not isinstance(values, dict):
        return set()
    found = set[int]().union(*map(_named_ids, values.values()))
    for key, value in values.items():
        if str(key).endswith(("_token_id", "_token_index", "_token_ids")):
            found |= {v for v in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(v, int)}
    return found
