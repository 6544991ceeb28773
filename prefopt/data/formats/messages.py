"""Messages of conversations, read strictly: every fault with its kind.

Source of the rules: OpenAI's API reference (create chat completion: messages; the training format of supervised fine-tuning), and the check
of formats in OpenAI's cookbook (Data preparation and analysis for chat model fine-tuning). Content is a text or a list of parts
{"type": "text", "text"}, which are joined by line breaks. Calls of tools are checked and never become part of a message here: a
classification uses none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import ConfigDict, Field

from prefopt.data.formats.shape_faults import Faults, fault
from prefopt.records import Record

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_KEYS: dict[str, frozenset[str]] = {
    "assistant": frozenset({"role", "content", "name", "weight", "refusal", "tool_calls", "function_call", "audio"}),
    "tool": frozenset({"role", "content", "tool_call_id", "name"}),
}
_OTHER_KEYS = frozenset({"role", "content", "name"})


class Message(Record):
    """One turn. `weight` 0 excludes an assistant's turn from the loss (OpenAI); None where it is not given."""

    model_config = ConfigDict(strict=True)

    role: Literal["system", "developer", "user", "assistant"]
    content: str
    name: str | None = None
    weight: Literal[0, 1] | None = None
    thinking: str | None = None
    """The assistant's reasoning before the content (TRL, transformers)."""


class Conversation(Record):
    """A supervised example: turns that end with one of the assistant."""

    messages: tuple[Message, ...] = Field(min_length=1)
    metadata: dict[str, Any] | None = None


class Comparison(Record):
    """One prompt with a preferred and a rejected answer."""

    prompt: tuple[Message, ...] = Field(min_length=1)
    preferred: tuple[Message, ...] = Field(min_length=1)
    rejected: tuple[Message, ...] = Field(min_length=1)
    metadata: dict[str, Any] | None = None


class Judgment(Record):
    """One prompt with one answer that is desirable or not."""

    prompt: tuple[Message, ...] = Field(min_length=1)
    completion: tuple[Message, ...] = Field(min_length=1)
    desirable: bool
    metadata: dict[str, Any] | None = None


def read_messages(given: Any, where: str, faults: Faults, extra: Collection[str] = ()) -> tuple[Message, ...]:
    """The messages of a list. Faults are appended to `faults`; a faulty message is kept as far as its role is known.

    Args:
        given: the value of the key.
        where: its key, for the words of faults.
        faults: of the row.
        extra: further keys of messages that the format has ("thinking").
    """
    if not isinstance(given, list):
        faults.append(fault("type-wrong", "not messages", where=where))
        return ()
    if not given:
        faults.append(fault("chat-empty", "no messages", where=where))
    read: list[Message] = []
    calls: set[str] = set()
    for number, value in enumerate(given):
        if not isinstance(value, dict):
            faults.append(fault("type-wrong", "not object", where=f"{where}.{number}"))
            continue
        message = _message(value, f"{where}.{number}", faults, extra, calls)
        if message is not None:
            read.append(message)
    return tuple(read)


def text_message(role: Literal["system", "user", "assistant"], text: Any, where: str, faults: Faults) -> tuple[Message, ...]:
    """A text as the one message of a role; empty, with a fault, where it is no text or an empty one."""
    if not isinstance(text, str):
        faults.append(fault("type-wrong", "not text", where=where))
        return ()
    if not text.strip():
        faults.append(fault("chat-empty", "empty", where=where))
    return (Message(role=role, content=text),)


def dump(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Messages as values of JSON, without what they lack."""
    return [message.model_dump(exclude_none=True) for message in messages]


def only(values: Mapping[str, Any], known: Collection[str], faults: Faults, where: str = "") -> None:
    """Faults for keys with values that are not known."""
    prefix = f"{where}." if where else ""
    for key, value in values.items():
        if key not in known and value is not None:
            skip = "" if where else str(key)
            faults.append(fault("key-unknown", "key unknown", skip=skip, key=f"{prefix}{key}", known=", ".join(sorted(known))))


def metadata_of(values: Mapping[str, Any], faults: Faults) -> dict[str, Any] | None:
    """The metadata of a row; None where there are none."""
    metadata = values.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        faults.append(fault("type-wrong", "not object", where="metadata"))
        return None
    return metadata


def check_conversation(messages: Sequence[Message], faults: Faults) -> None:
    """What every supervised example must have: a user's message, and an answer at the end that is trained on.

    Where a role is unknown, these rules are not applied: the message may be any of them.
    """
    if any(f.kind == "chat-role" for f in faults):
        return
    answers = [m for m in messages if m.role == "assistant"]
    if not any(m.role == "user" for m in messages):
        faults.append(fault("chat-no-question", "no question"))
    if not answers:
        faults.append(fault("chat-no-answer", "no answer"))
    elif messages[-1].role != "assistant":
        faults.append(fault("chat-no-answer", "answer last", role=messages[-1].role))
    elif all(m.weight == 0 for m in answers):
        faults.append(fault("chat-no-answer", "nothing trained"))


def check_prompt(prompt: Sequence[Message], faults: Faults) -> None:
    """A prompt has a user's message and ends with it."""
    if not any(m.role == "user" for m in prompt):
        faults.append(fault("chat-no-question", "no question"))
    elif prompt[-1].role != "user":
        faults.append(fault("preference-prompt", "prompt last", role=prompt[-1].role))


def check_output(output: Sequence[Message], where: str, faults: Faults) -> None:
    """An output is one message of the assistant."""
    if len(output) > 1:
        faults.append(fault("preference-output", "several answers", where=where, count=len(output)))
    for message in output[:1]:
        if message.role != "assistant":
            faults.append(fault("preference-output", "answer role", where=where, role=message.role))


def _message(value: Mapping[str, Any], where: str, faults: Faults, extra: Collection[str], calls: set[str]) -> Message | None:
    """One message; None where its role is unknown. `calls` has the ids of the calls that are not answered yet."""
    role = value.get("role")
    if role not in ROLES:
        known = ", ".join(ROLES[:4])
        what = fault("key-missing", "key missing", key=f"{where}.role") if role is None else None
        faults.append(what or fault("chat-role", "role", where=where, role=role, known=known))
        if "content" in value:
            _content(value["content"], f"{where}.content", faults, may_be_empty=False)
        return None
    only(value, _KEYS.get(role, _OTHER_KEYS) | set(extra) | {"weight"}, faults, where)
    called = _check_calls(value, role, where, faults, calls)
    content = _content(value.get("content"), f"{where}.content", faults, may_be_empty=called)
    name, weight, thinking = value.get("name"), value.get("weight"), value.get("thinking")
    if name is not None and not (isinstance(name, str) and 1 <= len(name) <= 64):
        faults.append(fault("type-wrong", "name", where=where))
        name = None
    if weight is not None and role != "assistant":
        faults.append(fault("chat-weight", "weight role", where=where, role=role))
        weight = None
    elif weight is not None and (weight not in (0, 1) or isinstance(weight, bool)):
        faults.append(fault("chat-weight", "weight value", where=where, found=repr(weight)[:40]))
        weight = None
    if thinking is not None and not isinstance(thinking, str):
        faults.append(fault("type-wrong", "not text", where=f"{where}.thinking"))
        thinking = None
    elif thinking is not None and role != "assistant":
        faults.append(fault("chat-role", "thinking role", where=where, role=role))
    counted = None if weight is None else int(weight)
    return Message.model_construct(role=role, content=content, name=name, weight=counted, thinking=thinking)


def _content(content: Any, where: str, faults: Faults, *, may_be_empty: bool) -> str:
    if isinstance(content, list):
        content = "\n".join(_part(part, f"{where}.{number}", faults) for number, part in enumerate(content))
    if content is None or (isinstance(content, str) and not content.strip()):
        if not may_be_empty:
            faults.append(fault("chat-empty", "empty", where=where))
        return content or ""
    if not isinstance(content, str):
        faults.append(fault("type-wrong", "not text", where=where))
        return ""
    return content


def _part(part: Any, where: str, faults: Faults) -> str:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        faults.append(fault("type-wrong", "part without type", where=where))
        return "-"
    if part["type"] != "text":
        faults.append(fault("chat-part", "part", where=where, found=part["type"]))
        return "-"  # a fault of its own, not an empty content
    text = part.get("text")
    if not isinstance(text, str):
        faults.append(fault("type-wrong", "part without type", where=where))
        return "-"
    only(part, {"type", "text"}, faults, where)
    return text


def _check_calls(value: Mapping[str, Any], role: str, where: str, faults: Faults, calls: set[str]) -> bool:
    """Check calls of tools and their answers. Returns whether the message is a call or a refusal and needs no content."""
    if role in ("tool", "function"):
        faults.append(fault("chat-tools", "tools", where=where))
        given = value.get("tool_call_id") if role == "tool" else value.get("name")
        if not isinstance(given, str) or given not in calls:
            faults.append(fault("chat-tool-call", "tool answer", where=where))
        return False
    calls.clear()
    if role != "assistant":
        return False
    made, legacy = value.get("tool_calls"), value.get("function_call")
    for call in made if isinstance(made, list) else []:
        if _is_call(call):
            calls.add(call["id"])
    if made is not None and not (isinstance(made, list) and made and all(_is_call(call) for call in made)):
        faults.append(fault("chat-tool-call", "tool call", where=f"{where}.tool_calls"))
    if isinstance(legacy, dict) and isinstance(legacy.get("name"), str):
        calls.add(legacy["name"])
    elif legacy is not None:
        faults.append(fault("chat-tool-call", "tool call", where=f"{where}.function_call"))
    named = [key for key in ("tool_calls", "function_call", "refusal", "audio") if value.get(key) is not None]
    if named:
        faults.append(fault("chat-tools", "tools", where=f"{where}.{named[0]}"))
    return bool(named)


def _is_call(call: Any) -> bool:
    if not isinstance(call, dict) or not isinstance(call.get("id"), str) or call.get("type") != "function":
        return False
    function = call.get("function")
    return isinstance(function, dict) and isinstance(function.get("name"), str) and isinstance(function.get("arguments"), str)
