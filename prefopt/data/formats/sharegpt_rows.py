"""Rows of the formats that LLaMA-Factory and others read: ShareGPT and Alpaca.

    sharegpt                 {"conversations": [{"from": "system" | "human" | "gpt", "value"}], "system"?, "id"?}
    sharegpt-preference      {"conversations": [...], "chosen": {"from", "value"}, "rejected": {"from", "value"}}
    instruction              {"instruction", "input"?, "output", "system"?, "history"?: [[question, answer]]}
    instruction-preference   {"instruction", "input"?, "chosen", "rejected"}

With an input the instruction is the system's message and the input the user's; without one the instruction is the user's (Alpaca). Where a
row has a system or a history (LLaMA-Factory), the user's message is the instruction with the input below it.
Sources: LLaMA-Factory's data/README (Alpaca and ShareGPT formats), the README of Stanford Alpaca.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prefopt.data.formats.messages import (
    Comparison,
    Conversation,
    Message,
    check_conversation,
    metadata_of,
    only,
    read_messages,
    text_message,
)
from prefopt.data.formats.openai_rows import check_comparison
from prefopt.data.formats.shape_faults import Faults, ShapeError, error, fault

_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant", "system": "system"}
_NAMES = {"user": "human", "assistant": "gpt", "system": "system"}


def read_sharegpt(values: Mapping[str, Any], faults: Faults) -> Conversation | None:
    """A row of sharegpt; None where the conversation is missing."""
    only(values, {"conversations", "system", "tools", "id", "metadata"}, faults)
    messages = _turns(values, faults)
    if messages is None:
        return None
    if messages:
        check_conversation(messages, faults)
    return Conversation.model_construct(messages=messages, metadata=_metadata(values, faults))


def read_sharegpt_preference(values: Mapping[str, Any], faults: Faults, label_key: str) -> Comparison | None:
    """A row of sharegpt-preference; None where a part is missing."""
    only(values, {"conversations", "chosen", "rejected", "system", "tools", "id", "metadata"}, faults)
    prompt = _turns(values, faults)
    missing = [name for name in ("chosen", "rejected") if values.get(name) is None]
    faults += [fault("key-missing", "key missing", key=name) for name in missing]
    if prompt is None or missing:
        return None
    preferred, rejected = (_read([values[name]], name, faults) for name in ("chosen", "rejected"))
    metadata = _metadata(values, faults)
    comparison = Comparison.model_construct(prompt=prompt, preferred=preferred, rejected=rejected, metadata=metadata)
    check_comparison(comparison, faults, label_key)
    return comparison


def read_instruction(values: Mapping[str, Any], faults: Faults) -> Conversation | None:
    """A row of instruction; None where a part is missing."""
    only(values, {"instruction", "input", "output", "system", "history", "id", "metadata"}, faults)
    prompt = _asked(values, faults)
    answer = text_message("assistant", values["output"], "output", faults) if values.get("output") is not None else None
    if answer is None:
        faults.append(fault("key-missing", "key missing", key="output"))
    if not prompt or not answer:
        return None
    return Conversation.model_construct(messages=(*prompt, *answer), metadata=_metadata(values, faults))


def read_instruction_preference(values: Mapping[str, Any], faults: Faults, label_key: str) -> Comparison | None:
    """A row of instruction-preference; None where a part is missing."""
    only(values, {"instruction", "input", "chosen", "rejected", "system", "history", "id", "metadata"}, faults)
    prompt = _asked(values, faults)
    missing = [name for name in ("chosen", "rejected") if values.get(name) is None]
    faults += [fault("key-missing", "key missing", key=name) for name in missing]
    if not prompt or missing:
        return None
    preferred, rejected = (text_message("assistant", values[name], name, faults) for name in ("chosen", "rejected"))
    metadata = _metadata(values, faults)
    comparison = Comparison.model_construct(prompt=prompt, preferred=preferred, rejected=rejected, metadata=metadata)
    check_comparison(comparison, faults, label_key)
    return comparison


def write_sharegpt(conversation: Conversation) -> dict[str, Any]:
    """A conversation as a row of sharegpt. Raises ShapeError where the shape has no field for a value."""
    faults: Faults = []
    check_conversation(conversation.messages, faults)
    if faults:
        raise ShapeError(faults[0])
    return {"conversations": _named(conversation.messages, "sharegpt"), **_extra(conversation.metadata)}


def write_sharegpt_preference(comparison: Comparison) -> dict[str, Any]:
    """A comparison as a row of sharegpt-preference. Raises ShapeError."""
    shape = "sharegpt-preference"
    outputs = {name: _named(part, shape)[0] for name, part in (("chosen", comparison.preferred), ("rejected", comparison.rejected))}
    return {"conversations": _named(comparison.prompt, shape), **outputs, **_extra(comparison.metadata)}


def write_instruction(conversation: Conversation) -> dict[str, Any]:
    """A conversation as a row of instruction. Raises ShapeError for one that is not system, user, assistant or user, assistant."""
    faults: Faults = []
    check_conversation(conversation.messages, faults)
    if faults:
        raise ShapeError(faults[0])
    _named(conversation.messages, "instruction")
    if [m.role for m in conversation.messages][-2:] != ["user", "assistant"]:
        raise error("chat-role", "instruction roles")
    return _question(conversation.messages[:-1]) | {"output": conversation.messages[-1].content} | _extra(conversation.metadata)


def write_instruction_preference(comparison: Comparison) -> dict[str, Any]:
    """A comparison as a row of instruction-preference. Raises ShapeError."""
    for part in (comparison.prompt, comparison.preferred, comparison.rejected):
        _named(part, "instruction-preference")
    outputs = {"chosen": comparison.preferred[0].content, "rejected": comparison.rejected[0].content}
    return _question(comparison.prompt) | outputs | _extra(comparison.metadata)


def _question(prompt: Sequence[Message]) -> dict[str, Any]:
    roles = [m.role for m in prompt]
    if roles == ["user"]:
        return {"instruction": prompt[0].content}
    if roles != ["system", "user"]:
        raise error("chat-role", "instruction roles")
    return {"instruction": prompt[0].content, "input": prompt[1].content}


def _asked(values: Mapping[str, Any], faults: Faults) -> tuple[Message, ...]:
    if values.get("instruction") is None:
        faults.append(fault("key-missing", "key missing", key="instruction"))
        return ()
    asked, given = values["instruction"], values.get("input")
    has_input = given is not None and not (isinstance(given, str) and not given.strip())
    if values.get("system") or values.get("history"):
        first = text_message("system", values["system"], "system", faults) if values.get("system") else ()
        together = f"{asked}\n{given}" if has_input and isinstance(asked, str) and isinstance(given, str) else asked
        return (*first, *_history(values.get("history"), faults), *text_message("user", together, "instruction", faults))
    if not has_input:
        return text_message("user", asked, "instruction", faults)
    return (*text_message("system", asked, "instruction", faults), *text_message("user", given, "input", faults))


def _history(given: Any, faults: Faults) -> tuple[Message, ...]:
    """Earlier turns as [question, answer]."""
    if not given:
        return ()
    if not isinstance(given, list) or any(not isinstance(turn, list) or len(turn) != 2 for turn in given):
        faults.append(fault("type-wrong", "not messages", where="history"))
        return ()
    return tuple(
        message
        for number, (question, answer) in enumerate(given)
        for message in (
            *text_message("user", question, f"history.{number}.0", faults),
            *text_message("assistant", answer, f"history.{number}.1", faults),
        )
    )


def _turns(values: Mapping[str, Any], faults: Faults) -> tuple[Message, ...] | None:
    given = values.get("conversations")
    if given is None:
        faults.append(fault("key-missing", "key missing", key="conversations"))
        return None
    if values.get("tools"):
        faults.append(fault("chat-tools", "tools", where="tools"))
    system = values.get("system")
    first = text_message("system", system, "system", faults) if system else ()
    return (*first, *_read(given, "conversations", faults))


def _read(given: Any, where: str, faults: Faults) -> tuple[Message, ...]:
    """Turns with from and value, or with role and content, as messages."""
    if not isinstance(given, list):
        return read_messages(given, where, faults)
    turns: list[Any] = []
    for number, turn in enumerate(given):
        if not isinstance(turn, dict) or "from" not in turn:
            turns.append(turn)
            continue
        only(turn, {"from", "value", "weight"}, faults, f"{where}.{number}")
        name = turn["from"]
        role = _ROLES.get(name, name) if isinstance(name, str) else name
        turns.append({"role": role, "content": turn.get("value")} | ({"weight": turn["weight"]} if turn.get("weight") is not None else {}))
    return read_messages(turns, where, faults)


def _named(messages: Sequence[Message], shape: str) -> list[dict[str, Any]]:
    """Messages as turns with from and value. Raises ShapeError for what such a turn cannot have."""
    for message in messages:
        if message.role not in _NAMES:
            raise error("chat-role", "role elsewhere", role=message.role, shape=shape)
        for name in ("weight", "name", "thinking"):
            if getattr(message, name) is not None:
                raise error("chat-weight" if name == "weight" else "key-unknown", "no field", name=name, shape=shape)
    return [{"from": _NAMES[m.role], "value": m.content} for m in messages]


def _metadata(values: Mapping[str, Any], faults: Faults) -> dict[str, Any] | None:
    metadata = metadata_of(values, faults)
    return metadata if values.get("id") is None else {**(metadata or {}), "id": values["id"]}


def _extra(metadata: dict[str, Any] | None) -> dict[str, Any]:
    return {} if metadata is None else {"metadata": metadata}
