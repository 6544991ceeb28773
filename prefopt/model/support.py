"""Which of prefopt's forward passes are right on a model: measured on the model itself, once, before anything is computed with them.

prefopt shares prompts between answers, labels and problems, and computes logits only where they are used. That is exact for models whose
tokens meet in attention alone, and wrong for those that mix neighboring tokens in other ways (convolutions, recurrent states), that place
tokens by their column, or whose window or logits are described in a way that nobody foresaw. No list of architectures stays complete, so
each forward pass is compared with the model's own on random tokens; what differs is not used. A model may change its ways with length (a
sliding window, a choice of the best keys): before longer rows are computed, rows of their length are compared.
"""

from __future__ import annotations

import hashlib
import json
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from prefopt.errors import ModelError
from prefopt.model.decoding import WAYS, Way, own_logits
from prefopt.model.file_facts import keep, recall
from prefopt.model.head import Head, measure_head
from prefopt.model.out_of_memory import is_out_of_memory, memory_explained
from prefopt.model.packed import causal_lm, inputs_device, longest_row, refuse_beyond
from prefopt.model.support_probe import FAULTS, FEWEST, SHARED, Probe, random_ids

_VERSION = 1
"""Increased when what is measured, or what it allows, changes."""
_TOKENS = 128
"""Tokens of the rows that are compared at first."""
_ROWS_IN_TRAINING, _LAST = 4, 16
"""Rows on which training is compared with evaluation (noise may leave a short row alone), and positions of each, its last ones."""
_DRAWS = 9
"""Draws of random tokens that decide where one of the first differs."""
_ODD = 0.25
"""Share of the draws that may differ: a token between two experts goes to the other one by rounding."""


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

    @property
    def parts(self) -> tuple[nn.Module, Head]:
        """Decoder and head. Raises ModelError where only the model itself can make logits."""
        if self.decoder is None or self.head is None:
            raise ModelError(self.packed)
        return self.decoder, self.head

    def describe(self) -> dict[str, str]:
        """For people: how labels are scored, which engines train, how texts are generated."""
        ways = {
            "batched": "several texts at once",
            "cached": "one text at a time (padding changes this model's logits)",
            "whole": "one text at a time, each token from the first one on (this model's cache changes its logits)",
        }
        return {
            "labels are scored": f"one by one: {self.packed}" if self.packed else "all at once",
            "engines": f"trl ({self.packed})" if self.packed else "prompt_sharing, trl",
            "texts are generated": ways[self.way],
        }


_KNOWN: weakref.WeakKeyDictionary[nn.Module, Support] = weakref.WeakKeyDictionary()
_NAMES: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()
"""Names of models whose measurements are kept in the user's cache."""


def keep_support(lm: nn.Module, base: str) -> None:
    """From now on, take what was measured on this model from the user's cache, and keep what is measured there.

    Args:
        lm: a causal LM of transformers.
        base: id of its content (identity.BaseIdentity).
    """
    model: Any = lm
    device = inputs_device(lm)
    parts = {
        "version": _VERSION,
        "base": base,
        "class": type(lm).__name__,
        "dtypes": sorted({str(parameter.dtype) for parameter in lm.parameters()}),
        "attention": str(model.config._attn_implementation),
        "device": device.type if device.type == "cpu" else torch.cuda.get_device_name(device),
        "arithmetic": [torch.__version__, transformers.__version__, torch.backends.cpu.get_cpu_capability()],
    }
    _NAMES[lm] = "support/" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def support_of(model: Any, tokens: int = 0) -> Support:
    """What is right on a causal LM of transformers, with or without an adapter; measured at the first call, in some twenty short forward
    passes, and again, in fewer, before rows that are longer; or as it was measured before (keep_support).

    Args:
        model: the model.
        tokens: of the longest row that will be computed.

    Raises:
        ModelError: the model has fewer positions; it cannot compute plain token ids, or later tokens change what it computes for earlier
            ones; memory does not hold rows of that length.
    """
    lm = causal_lm(model)
    known = _KNOWN.get(lm)
    if known is None or known.tokens < tokens:
        positions = refuse_beyond(lm, tokens)
        doing = f"comparing {type(lm).__name__}'s forward passes on rows of up to {min(max(tokens, _TOKENS), positions)} tokens"
        with memory_explained(doing, hint="free memory, or keep rows shorter: max_tokens under [prompt]"), quiet_model(lm):
            if known is None:
                known = _recalled(lm) or _measured(lm, None, min(_TOKENS, positions))
            if known.tokens < tokens:
                known = _measured(lm, known, min(tokens + tokens // 4, positions))
            _KNOWN[lm] = known
    return known


def _recalled(lm: nn.Module) -> Support | None:
    """What was measured on this model before, with its decoder and head as they are now; None where nothing was."""
    found = recall(_NAMES[lm]) if lm in _NAMES else None
    if found is None or found.keys() != {"packed", "prefix", "way", "tokens"}:
        return None
    decoder, head = _parts(lm)
    way = next(way for way in WAYS if way == found["way"])
    return Support(decoder, head, found["packed"], found["prefix"], way, int(found["tokens"]))


def _kept(lm: nn.Module, support: Support) -> Support:
    """The same, kept in the user's cache where the model has a name there."""
    if lm in _NAMES:
        facts = {"packed": support.packed, "prefix": support.prefix, "way": support.way, "tokens": str(support.tokens)}
        keep(_NAMES[lm], facts)
    return support


@contextmanager
def quiet_model(lm: nn.Module) -> Iterator[None]:
    """Inside, no module is in training mode, no gradient is computed, and torch's random state is kept."""
    training = [module for module in lm.modules() if module.training]
    lm.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng():
            yield
    finally:
        for module in training:
            module.training = True


def _measured(lm: Any, shorter: Support | None, tokens: int) -> Support:
    """Support for rows of a length.

    Args:
        lm: in eval mode.
        shorter: what was found for shorter rows; only what was right for them is measured.
        tokens: of the longest row.
    """
    name = type(lm).__name__
    if longest_row(lm) < FEWEST:
        raise ModelError(f"{name} has {longest_row(lm)} positions, and a prompt with its answer takes at least {FEWEST}")
    decoder, head = (shorter.decoder, shorter.head) if shorter else _parts(lm)
    draws = _Draws(lm, decoder, tokens)
    with _plain_ids(lm):
        steady = draws.first.steady
    if not steady:
        raise ModelError(
            f"{name}: the log-probabilities of a row change with what else is in its batch (by {draws.first.noise:.2g} nats)",
            hint="set model.path to another causal language model",
        )
    if draws.differ(Probe.lookahead, first=2, leak=True) is not None:
        raise ModelError(
            f"{name}: in rows of {tokens} tokens, later tokens change the log-probabilities of earlier ones; it is not causal there",
            hint="set model.path to a causal language model (a decoder)",
        )
    if (why := draws.differ(Probe.by_length, first=2)) is not None:
        raise ModelError(
            f"{name}: three tokens appended to rows of {tokens} tokens {why} for the tokens before them",
            hint="set model.path to another causal language model, or keep rows shorter: max_tokens under [prompt]",
        )
    packed = shorter.packed if shorter else ""
    prefix = shorter.prefix if shorter else ""
    if head is None:
        packed = f"{name} makes logits in a way that prefopt does not know"
    elif not packed:
        why = draws.differ(lambda probe: probe.leak(head), leak=True) or draws.differ(lambda probe: probe.packed(head, shared=0))
        packed = f"in {name}, several answers to one prompt in one row {why}" if why else ""
    if not packed and not prefix and head is not None:
        prefix = draws.differ(lambda probe: probe.packed(head, shared=SHARED)) or ""
    for way in WAYS[WAYS.index(shorter.way) if shorter else 0 :]:
        if draws.differ(lambda probe, way=way: probe.continued(way)) is None:  # type: ignore[misc]  # mypy infers no type for a default
            return _kept(lm, Support(decoder, head, packed, packed or prefix, way, tokens))
    raise ModelError(f"{name}: logits of rows computed twice differ", hint="set model.path to another causal language model")


def refuse_other_in_training(model: Any) -> None:
    """Raise ModelError where a model without dropout computes something else while it trains: it would be trained as another one than it
    is evaluated as. With dropout, the trainers' own checks decide.
    """
    lm = causal_lm(model)
    if any("drop" in str(name) and value for name, value in _settings(lm.config.to_dict())):
        return
    ids = torch.tensor([random_ids(lm, FEWEST, seed=seed) for seed in range(_ROWS_IN_TRAINING)], device=inputs_device(lm))
    with quiet_model(lm):
        evaluated = own_logits(lm, ids, _LAST, use_cache=False).log_softmax(-1)
        lm.train()
        try:
            trained = own_logits(lm, ids, _LAST, use_cache=False).log_softmax(-1)
        except FAULTS as error:
            if is_out_of_memory(error):
                raise
            raise ModelError(
                f"{type(lm).__name__} cannot train on rows of any length: {type(error).__name__}: {str(error).splitlines()[0][:200]}",
                hint="set model.path to another causal language model",
            ) from error
        finally:
            lm.eval()
    difference = float((trained - evaluated).abs().mean())
    if not difference <= (1e-4 if lm.dtype == torch.float32 else 0.2):
        apart = f"log-probabilities differ by {difference:.2g} nats"
        raise ModelError(
            f"{type(lm).__name__} computes something else while it trains than afterwards: {apart}",
            hint="set model.path to a model that routes no token and leaves out no layer at random",
        )


def _settings(values: Any) -> Iterator[tuple[Any, Any]]:
    """Names and values of a config, nested ones included."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _settings(value)
        else:
            yield name, value


class _Draws:
    """Probes of one model and length."""

    def __init__(self, lm: Any, decoder: nn.Module | None, tokens: int) -> None:
        self._make = lru_cache(maxsize=None)(lambda seed: Probe(lm, decoder, tokens, seed))

    @property
    def first(self) -> Probe:
        """The first draw."""
        return self._make(0)

    def differ(self, difference: Callable[[Probe], float], first: int = 1, *, leak: bool = False) -> str | None:
        """None if a forward pass agrees with the model's own in the first draws; otherwise how it differs, decided by more draws."""
        found: list[float] = []
        wrong = 0
        while len(found) < (_DRAWS if wrong else first):
            probe = self._make(len(found))
            try:
                found.append(difference(probe))
            except FAULTS as error:
                if is_out_of_memory(error):
                    raise  # it says nothing about the model
                return f"cannot be computed ({type(error).__name__})"
            wrong += not probe.allows(found[-1], leak=leak)
        return f"change log-probabilities by {max(found):.2g} nats" if wrong > _ODD * len(found) else None


def _parts(lm: Any) -> tuple[nn.Module | None, Head | None]:
    """Decoder and head. Raises ModelError where the model cannot compute plain token ids."""
    ids = torch.tensor([random_ids(lm, SHARED, seed=0)], device=inputs_device(lm))
    with _plain_ids(lm):
        decoder = _decoder(lm, ids)
        return decoder, None if decoder is None else measure_head(lm, decoder, ids)


@contextmanager
def _plain_ids(lm: Any) -> Iterator[None]:
    """Around the model's own forward pass of token ids: say in words what an unknown architecture raises."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # whatever that is
        if is_out_of_memory(error):
            raise
        raise ModelError(
            f"{type(lm).__name__} cannot compute plain token ids: {type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}",
            hint="set model.path to a causal language model of transformers that takes texts alone",
        ) from error


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
