"""Conversations of several turns to token ids, and which of the ids a loss is taken on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from prefopt.errors import ModelError


@dataclass(frozen=True)
class Message:
    """One turn. System and developer texts come from the settings and are no messages."""

    role: Literal["user", "assistant"]
    content: str
    thinking: str | None = None
    """The assistant's analysis before it."""
    weight: Literal[0, 1] = 1
    """Of an assistant's turn: 0 keeps it out of the loss."""


@dataclass(frozen=True)
class Rendered:
    """Ids, and for each whether the loss counts it."""

    ids: list[int]
    trained: list[bool]

    def labels(self, ignored: int = -100) -> list[int]:
        """The ids with `ignored` where the loss does not count."""
        return [token if counts else ignored for token, counts in zip(self.ids, self.trained, strict=True)]


class Pieces:
    """Ids under construction."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._trained: list[bool] = []

    def add(self, ids: Sequence[int], *, trained: bool = False) -> None:
        """Append ids, all of them in or out of the loss."""
        self._ids += ids
        self._trained += [trained] * len(ids)

    def rendered(self) -> Rendered:
        """What has been added."""
        return Rendered(self._ids, self._trained)


def check_turns(messages: Sequence[Message]) -> None:
    """Raise ModelError for a conversation that no model would have: turns must alternate, from a user's to an assistant's."""
    if not messages:
        raise ModelError("a conversation without messages")
    for number, message in enumerate(messages):
        expected = "assistant" if number % 2 else "user"
        if message.role != expected:
            raise ModelError(f"message {number + 1} is of role {message.role!r}, and the turn is the {expected}'s", hint="turns alternate")
        if message.weight not in (0, 1):
            raise ModelError(f"message {number + 1} has weight {message.weight!r}; 0 or 1 is meant")
        if message.role == "user" and message.thinking is not None:
            raise ModelError(f"message {number + 1} is the user's and has a thinking", hint="thinking belongs to the assistant")
    if messages[-1].role != "assistant":
        raise ModelError(f"message {len(messages)}, the last, is the user's: there is nothing to train on")
    if not any(message.role == "assistant" and message.weight for message in messages):
        raise ModelError("every assistant message has weight 0: there is nothing to train on")
