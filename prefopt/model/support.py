"""Which of prefopt's forward passes are right on a model: measured on the model itself, once, before anything is computed with them.

prefopt shares prompts between answers, labels and problems, and computes logits only where they are used. That is exact for models whose
tokens meet in attention alone, and wrong for those that mix neighboring tokens in other ways (convolutions, recurrent states), that place
tokens by their column, or whose window or logits are described in a way that nobody foresaw. No list of architectures stays complete, so
each forward pass is compared with the model's own on a few random tokens; what differs is not used.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from prefopt.errors import ModelError
from prefopt.model.decoding import WAYS, Continuation, Way
from prefopt.model.head import Head, hidden_states_of, measure_head
from prefopt.model.packed import causal_lm, inputs_device, packed_hidden, text_config
from prefopt.model.posterior_prefix import SharedPrefix

_TRUNK, _BRANCHES, _SHARED = 40, (6, 9), 24
"""Tokens of the prompt, of its two continuations, and of the beginning that two prompts share."""
_FEWEST = 64
"""Positions that a model must have."""
_TRIES = 3
"""Draws of random tokens: a difference counts if every draw has it. A token near the border between two experts differs in one."""
_CPU_WORK = 2e12
"""Parameters times tokens of a forward pass that a CPU computes in seconds; prompts longer than a window are left out above it."""
_FLOAT32, _NARROW = 2e-5, 0.05
"""Differences of log-probabilities that are rounding, in nats: the largest of float32, the mean of narrower types; and three times what
the model's own forward pass varies by with the length of its input."""


@dataclass(frozen=True)
class Support:
    """What is right on one model. A reason in words stands for what is not; "" where it is right."""

    decoder: nn.Module | None
    """The part that turns token ids into last hidden states; None where it was not found."""
    head: Head | None
    """From last hidden states to logits; None where only the model itself knows the way."""
    packed: str
    """Rows with branches (the engine prompt_sharing, the tree of labels)."""
    prefix: str
    """Keys and values of a common beginning, computed once."""
    way: Way
    """How texts are generated."""
    tokens: int
    """Tokens of the longest row that was compared."""
    window: int
    """Smallest sliding window of the config; 0 for none. Longer than `tokens` where a CPU would compute too long."""

    @property
    def rows(self) -> str:
        """Why labels are scored one by one, with the model's own forward pass; "" where the tree of labels is scored at once."""
        return self.packed

    def describe(self) -> dict[str, str]:
        """For people: how labels are scored, which engines train, how texts are generated."""
        ways = {
            "batched": "several texts at once",
            "cached": "one text at a time (padding changes this model's logits)",
            "whole": "one text at a time, each token from the first one on (this model's cache changes its logits)",
        }
        untested = self.window >= self.tokens
        return {
            "labels are scored": f"one by one: {self.packed}" if self.packed else "all at once",
            "engines": f"trl ({self.packed})" if self.packed else "prompt_sharing, trl",
            "texts are generated": ways[self.way],
            **({"not compared": f"rows longer than the sliding window of {self.window} tokens"} if untested else {}),
        }


_KNOWN: weakref.WeakKeyDictionary[nn.Module, Support] = weakref.WeakKeyDictionary()


def support_of(model: Any) -> Support:
    """What is right on a causal LM of transformers, with or without an adapter; measured at the first call, which takes a few forward
    passes.

    Raises:
        ModelError: the model cannot compute plain token ids, or later tokens change what it computes for earlier ones.
    """
    lm = causal_lm(model)
    if lm not in _KNOWN:
        with _frozen(lm):
            _KNOWN[lm] = _measured(lm)
    return _KNOWN[lm]


@contextmanager
def _frozen(lm: nn.Module) -> Iterator[None]:
    """Inside, no module is in training mode, no gradient is computed, and torch's random state is kept."""
    training = [module for module in lm.modules() if module.training]
    lm.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng():
            yield
    finally:
        for module in training:
            module.training = True


def _measured(lm: Any) -> Support:
    probe = _Probe(lm, seed=0)
    probe.refuse_lookahead()
    decoder = _decoder(lm, probe.own_ids)
    head = None if decoder is None else measure_head(lm, decoder, probe.own_ids)
    if decoder is None or head is None:
        packed = prefix = "its logits are not a function of last hidden states that prefopt knows"
    else:
        packed = _verdict(lm, lambda probe: probe.packed(decoder, head, shared=0))
        prefix = packed or _verdict(lm, lambda probe: probe.packed(decoder, head, shared=_SHARED))
    way = next((way for way in WAYS if not _verdict(lm, lambda probe, way=way: probe.continued(way))), None)  # type: ignore[misc]  # mypy infers no type for a lambda's default
    if way is None:
        raise ModelError(f"{type(lm).__name__}: computing a text token by token differs from computing it at once")
    return Support(decoder, head, packed, prefix, way, probe.tokens, probe.window)


def _verdict(lm: Any, difference: Callable[[_Probe], float]) -> str:
    """ "" if a forward pass of ours agrees with the model's own on one of the draws; otherwise what is wrong, in words."""
    why = ""
    for seed in range(_TRIES):
        probe = _Probe(lm, seed)
        try:
            found = difference(probe)
        except (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError, AssertionError) as error:
            return f"{type(lm).__name__} cannot compute several answers to one prompt in one row ({type(error).__name__})"
        if found <= probe.allowed:
            return ""
        why = f"several answers to one prompt in one row change {type(lm).__name__}'s log-probabilities by {found:.2g} nats"
    return why


def _decoder(lm: Any, ids: Tensor) -> nn.Module | None:
    """The module whose output holds the last hidden states: get_decoder() where that is it, else the last such module to finish."""
    finished: list[nn.Module] = []

    def note(module: nn.Module, _inputs: Any, output: Any) -> None:
        states = getattr(output, "last_hidden_state", None)
        if isinstance(states, Tensor) and states.shape[:2] == ids.shape:
            finished.append(module)

    hooks = [module.register_forward_hook(note) for module in lm.modules() if module is not lm]
    try:
        lm(input_ids=ids, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    named = lm.get_decoder()
    return named if any(module is named for module in finished) else finished[-1] if finished else None


class _Probe:
    """Random tokens, and what the model's own forward pass computes for them: a prompt with either of two continuations.

    Raises:
        ModelError: the model cannot compute plain token ids.
    """

    def __init__(self, lm: Any, seed: int) -> None:
        self._lm, self._device = lm, inputs_device(lm)
        self.window = _window(lm.config.to_dict())
        trunk = self.window + _TRUNK
        longest = _longest(text_config(lm))
        if longest < _FEWEST:
            raise ModelError(f"{type(lm).__name__} has {longest} positions, and a prompt with its answer takes at least {_FEWEST}")
        if trunk + max(_BRANCHES) > longest or (self._device.type == "cpu" and sum(p.numel() for p in lm.parameters()) * trunk > _CPU_WORK):
            trunk = min(_TRUNK, longest - max(_BRANCHES))
        ids = _random_ids(lm, trunk + sum(_BRANCHES), seed)
        self._trunk = ids[:trunk]
        first, second = ids[trunk : trunk + _BRANCHES[0]], ids[trunk + _BRANCHES[0] :]
        self._branches = (first, [*first[:2], *second[2:]])  # they share two tokens
        self.tokens = trunk + max(_BRANCHES)
        try:
            self._own = [self._logits([*self._trunk, *branch]) for branch in self._branches]
            # the second prompt lacks the first one's middle, so that rows have different lengths
            self._short = [*self._trunk[:_SHARED], *self._trunk[_SHARED + 7 :]]
            self._own_short = [self._logits([*self._short, *branch]) for branch in self._branches]
        except ModelError:
            raise
        except Exception as error:  # whatever an unknown architecture raises
            raise ModelError(
                f"{type(lm).__name__} cannot compute plain token ids: {type(error).__name__}: {str(error).splitlines()[0][:200]}",
                hint="set model.path to a causal language model of transformers that takes texts alone",
            ) from error
        alone, together = (self._log_probs(own[: trunk + 1], self._trunk[1:]) for own in self._own)
        self._noise = (alone - together).abs()

    @property
    def own_ids(self) -> Tensor:
        """[1, T]: the prompt with its first continuation."""
        return torch.tensor([[*self._trunk, *self._branches[0]]], device=self._device)

    @property
    def allowed(self) -> float:
        """Difference that is rounding; see _FLOAT32."""
        if self._lm.dtype == torch.float32:
            return _FLOAT32 + 3 * float(self._noise.max())
        return _NARROW + 3 * float(self._noise.mean())

    def refuse_lookahead(self) -> None:
        """Raise ModelError where a token after the prompt changes what is computed in it."""
        limit = 0.01 if self._lm.dtype == torch.float32 else 0.5
        if not float(self._noise.mean()) <= limit:
            raise ModelError(
                f"{type(self._lm).__name__}: later tokens change the log-probabilities of earlier ones (by {float(self._noise.mean()):.2g} "
                "nats), so it is not a causal language model",
                hint="set model.path to a causal language model (a decoder)",
            )

    def packed(self, decoder: nn.Module, head: Head, *, shared: int) -> float:
        """Difference between rows with branches and rows of their own; the first `shared` tokens come from a cache."""
        prompts = [prompt[shared:] for prompt in (self._trunk, self._short)]
        prefix = SharedPrefix(decoder, self._trunk[:shared])
        size = max(map(len, prompts)) + sum(_BRANCHES) - 2
        ids, positions = (torch.zeros(2, size, dtype=torch.long) for _ in range(2))
        visible = torch.eye(size, dtype=torch.bool).repeat(2, 1, 1)
        kept, targets = [], []
        for row, prompt in enumerate(prompts):
            end = len(prompt)
            visible[row, :end, :end] = torch.ones(end, end, dtype=torch.bool).tril()
            ids[row, :end], positions[row, :end] = torch.tensor(prompt), torch.arange(end)
            columns, at = [], end
            for branch in self._branches:
                length = len(branch) - 1  # the last token predicts nothing
                ids[row, at : at + length], positions[row, at : at + length] = torch.tensor(branch[:-1]), end + torch.arange(length)
                visible[row, at : at + length, :end] = True
                visible[row, at : at + length, at : at + length] = torch.ones(length, length, dtype=torch.bool).tril()
                columns += [end - 1, *range(at, at + length)]
                at += length
            kept.append(columns)
            targets.append([token for branch in self._branches for token in branch])
        before = torch.arange(shared).expand(2, -1)
        visible = torch.cat([torch.ones(2, size, shared, dtype=torch.bool), visible], dim=2)
        positions = positions + shared
        tensors = (ids, positions, visible, torch.tensor(kept))
        keys = torch.cat([before, positions], dim=1).to(self._device)
        hidden = packed_hidden(decoder, *(t.to(self._device) for t in tensors), keys=keys, cache=prefix.cache())
        differences = [self._log_probs(head.logits(hidden[row]), targets[row]) - self._expected(row, head) for row in range(2)]
        return self._size(torch.cat(differences))

    def continued(self, way: Way) -> float:
        """Difference between texts computed token by token and at once."""
        prompts = [self._trunk, self._short] if way == "batched" else [self._trunk]
        text = Continuation(self._lm, prompts, way)
        branch, differences = self._branches[0][:3], []
        for step, token in enumerate(branch):
            logits = text.logits()
            for row in range(len(prompts)):
                own = (self._own, self._own_short)[row][0][len(prompts[row]) - 1 + step]
                differences.append((logits[row].log_softmax(-1) - own.log_softmax(-1))[branch[step]])
            text.append([token] * len(prompts), range(len(prompts)))
        return self._size(torch.stack(differences))

    def _expected(self, row: int, head: Head) -> Tensor:
        """Log-probabilities of both continuations by the model's own forward pass of each alone."""
        prompt, own = ((self._trunk, self._own), (self._short, self._own_short))[row]
        pairs = zip(own, self._branches, strict=True)
        return torch.cat([self._log_probs(logits[len(prompt) - 1 : -1], branch) for logits, branch in pairs])

    def _size(self, differences: Tensor) -> float:
        """The largest difference in float32, the mean one of narrower types, in which single tokens may be routed to other experts."""
        found = differences.abs()
        return float(found.max() if self._lm.dtype == torch.float32 else found.mean())

    def _logits(self, ids: Sequence[int]) -> Tensor:
        """The model's own logits [T, V] of one row, float32."""
        logits: Tensor = self._lm(input_ids=torch.tensor([list(ids)], device=self._device), use_cache=False).logits[0].float()
        if not bool(logits.isfinite().all()):
            raise ModelError(f"{type(self._lm).__name__}: its logits are not finite", hint="download the checkpoint again")
        return logits

    def _log_probs(self, logits: Tensor, targets: Sequence[int]) -> Tensor:
        """Of the targets [K], from logits whose first K rows predict them."""
        tokens = torch.tensor(list(targets), device=logits.device)
        return logits[: len(tokens)].log_softmax(-1).gather(1, tokens[:, None])[:, 0]


def _window(values: Any) -> int:
    """The smallest sliding window or attention chunk in a config, nested ones included; 0 for none."""
    if not isinstance(values, dict):
        return 0
    found = [_window(value) for value in values.values()]
    found += [
        value
        for key, value in values.items()
        if isinstance(value, int)
        and not isinstance(value, bool)
        and value > 0
        and ("window" in str(key) or "chunk_size" in str(key))
        and not str(key).startswith(("max_window", "use_"))
    ]
    return min((value for value in found if value), default=0)


def _longest(config: Any) -> int:
    """Positions that a model has."""
    positions = getattr(config, "max_position_embeddings", None)
    return positions if isinstance(positions, int) and positions > 0 else 1 << 30


def _random_ids(lm: Any, count: int, seed: int) -> list[int]:
    """Token ids that mean nothing to the model: none that its config names (padding, images, ends)."""
    rows = int(lm.get_input_embeddings().weight.shape[0])
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
