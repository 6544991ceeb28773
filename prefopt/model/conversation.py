"""Conversations of several turns: messages, and their token ids with a mask for the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from prefopt.errors import ModelError


@dataclass(frozen=True)
class Message:
    """One turn. System and developer texts come from the settings and are not messages."""

    role: Literal["user", "assistant"]
    content: str
    thinking: str | None = None
    """The assistant's analysis before the content."""
    weight: Literal[0, 1] = 1
    """0 excludes an assistant's turn from the loss."""


@dataclass
class Rendered:
    """Token ids of a conversation, and for each whether the loss counts it."""

    ids: list[int] = field(default_factory=list)
    trained: list[bool] = field(default_factory=list)

    def add(self, ids: Sequence[int], *, trained: bool = False) -> None:
        """Append token ids, all of them inside or outside the loss."""
        self.ids += ids
        self.trained += [trained] * len(ids)

    def labels(self, ignored: int = -100) -> list[int]:
        """The token ids, with `ignored` for those outside the loss."""
        return [token if counts else ignored for token, counts in zip(self.ids, self.trained, strict=True)]


def check_turns(messages: Sequence[Message]) -> None:
    """Raise ModelError unless turns alternate, from a user's to an assistant's, and at least one of them is trained on."""
    if not messages:
        raise ModelError("the conversation has no messages")
    for number, message in enumerate(messages):
        expected = "assistant" if number % 2 else "user"
        if message.role != expected:
            raise ModelError(
                f"message {number + 1} has role {message.role!r}; expected {expected!r}",
                hint="start with a user's message, then alternate with the assistant's",
            )
        if message.weight not in (0, 1):
            raise ModelError(f"message {number + 1} has weight {message.weight!r}; only 0 and 1 are allowed")
        if message.role == "user" and message.thinking is not None:
            raise ModelError(f"message {number + 1} is the user's and has a thinking", hint="move thinking to an assistant's message")
    if messages[-1].role != "assistant":
        raise ModelError(f"message {len(messages)}, the last, is the user's, so there is no answer to train on")
    if not any(message.role == "assistant" and message.weight for message in messages):
        raise ModelError("every assistant message has weight 0, so there is nothing to train on")
