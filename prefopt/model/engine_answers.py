"""Reading what inference servers answer: an answer that has another form is refused in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefopt.errors import ModelError

OWN = 'set model.server = "" (and no engine for prefopt serve) to compute in this process'
OTHER = f"use a server with log-probabilities (vLLM, SGLang, llama.cpp), or {OWN}"


@contextmanager
def as_documented(url: str, what: str) -> Iterator[None]:
    """Around reading an answer: say in words that it has another form, or that something is missing."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{url}: the answer has no {what} ({type(error).__name__}: {str(error)[:100]})", hint=OTHER) from None


def refuse_other_length(url: str, usage: Any, tokens: int) -> None:
    """Raise ModelError where a server has not read the tokens that were sent: cut off, or with some of its own; or does not say."""
    with as_documented(url, "prompt_tokens, the number of tokens that were read"):
        read = usage["prompt_tokens"]
    if read != tokens:
        raise ModelError(
            f"{url}: {tokens} tokens were sent, and {read!r:.20} were read",
            hint="start the server so that it neither adds tokens nor cuts prompts off (SGLang: without --allow-auto-truncate)",
        )


def token_id(name: str) -> int:
    """ "token_id:123" -> 123."""
    kind, _, number = name.partition(":")
    if kind != "token_id":
        raise ValueError(f"{name!r:.40} is not the id of a token")
    return int(number)


def log_probability(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or math.isnan(value) or value > 1e-3:
        raise ValueError(f"{value!r:.40} is not a log-probability")
    return min(float(value), 0.0)


def text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
