"""Rows of OpenAI's fine-tuning files.

    openai-chat         {"messages": [{"role", "content", "name"?, "weight"?}], "tools"?, "parallel_tool_calls"?, "functions"?}
    openai-preference   {"input": {"messages", "tools"?, "parallel_tool_calls"?}, "preferred_output": [m], "non_preferred_output": [m]}

Sources: OpenAI's guides to supervised fine-tuning and to direct preference optimization, and the schemas FineTuneChatRequestInput,
FineTunePreferenceRequestInput and FineTuneChatCompletionRequestAssistantMessage of its API reference. A supervised example ends with a
message of the assistant, and one of the assistant's messages counts in the loss. A prompt ends with the user's message, and each output is
one message of the assistant. A file has at least ten examples. `metadata` is ours; `prefopt data convert --bare` omits it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefopt.data.formats.answers import meaning
from prefopt.data.formats.messages import (
    Comparison,
    Conversation,
    check_conversation,
    check_output,
    check_prompt,
    dump,
    metadata_of,
    only,
    read_messages,
)
from prefopt.data.formats.shape_faults import Faults, ShapeError, error, fault
from prefopt.texts.personal_data import excerpt

LEAST_EXAMPLES = 10
"""Examples of a file, of either format."""
_TOOLS = ("tools", "parallel_tool_calls", "functions")


def read_chat(values: Mapping[str, Any], faults: Faults) -> Conversation | None:
    """A row of openai-chat; None where messages are missing."""
    only(values, {"messages", "metadata", *_TOOLS}, faults)
    _check_tools(values, faults)
    if values.get("messages") is None:
        faults.append(fault("key-missing", "key missing", key="messages"))
        return None
    messages = read_messages(values["messages"], "messages", faults)
    if messages:
        check_conversation(messages, faults)
    return Conversation.model_construct(messages=messages, metadata=metadata_of(values, faults))


def read_preference(values: Mapping[str, Any], faults: Faults, label_key: str) -> Comparison | None:
    """A row of openai-preference; None where one of its parts is missing."""
    parts = ("input", "preferred_output", "non_preferred_output")
    only(values, {*parts, "metadata"}, faults)
    missing = [key for key in parts if values.get(key) is None]
    faults += [fault("key-missing", "key missing", key=key) for key in missing]
    given = values.get("input")
    if not isinstance(given, dict):
        faults += [] if given is None else [fault("type-wrong", "not object", where="input")]
        return None
    only(given, {"messages", *_TOOLS[:2]}, faults, "input")
    _check_tools(given, faults, "input.")
    if given.get("messages") is None:
        faults.append(fault("key-missing", "key missing", key="input.messages"))
    if missing or given.get("messages") is None:
        return None
    prompt, preferred, rejected = (
        read_messages(value, where, faults)
        for value, where in ((given["messages"], "input.messages"), (values[parts[1]], parts[1]), (values[parts[2]], parts[2]))
    )
    metadata = metadata_of(values, faults)
    comparison = Comparison.model_construct(prompt=prompt, preferred=preferred, rejected=rejected, metadata=metadata)
    check_comparison(comparison, faults, label_key, parts[1:])
    return comparison


def check_comparison(comparison: Comparison, faults: Faults, label_key: str, names: tuple[str, ...] = ("chosen", "rejected")) -> None:
    """The rules of a preference: a prompt that ends with the user's message, one answer each, and answers that differ in meaning."""
    if comparison.prompt:
        check_prompt(comparison.prompt, faults)
    if any(m.weight is not None for m in (*comparison.prompt, *comparison.preferred, *comparison.rejected)):
        faults.append(fault("chat-weight", "no field", name="weight", shape="a preference"))
    for output, name in zip((comparison.preferred, comparison.rejected), names, strict=True):
        check_output(output, name, faults)
    if not comparison.preferred or not comparison.rejected:
        return
    first, second = ([(m.role, meaning(m.content, label_key)) for m in part] for part in (comparison.preferred, comparison.rejected))
    if first == second:
        faults.append(fault("preference-equal", "equal", text=excerpt(comparison.preferred[-1].content, 60)))


def write_chat(conversation: Conversation) -> dict[str, Any]:
    """A conversation as a row of openai-chat. Raises ShapeError for one that the provider would refuse."""
    row = {"messages": dump(conversation.messages)}
    if any(m.thinking is not None for m in conversation.messages):
        raise ShapeError(fault("key-unknown", "key unknown", key="thinking", known="role, content, name, weight"))
    faults: Faults = []
    read_chat(row, faults)
    return _checked(row, faults, conversation.metadata)


def write_preference(comparison: Comparison, label_key: str) -> dict[str, Any]:
    """A comparison as a row of openai-preference. Raises ShapeError for one that the provider would refuse."""
    parts = (comparison.prompt, comparison.preferred, comparison.rejected)
    prompt, preferred, rejected = (dump(part) for part in parts)
    row = {"input": {"messages": prompt}, "preferred_output": preferred, "non_preferred_output": rejected}
    if any(m.thinking is not None for part in parts for m in part):
        raise error("key-unknown", "key unknown", key="thinking", known="role, content, name, weight")
    faults: Faults = []
    read_preference(row, faults, label_key)
    return _checked(row, faults, comparison.metadata)


def left_out(values: Mapping[str, Any]) -> list[str]:
    """Keys of tools with nothing in them, which are not written again."""
    given = values["input"] if isinstance(values.get("input"), dict) else values
    return [key for key in _TOOLS if given.get(key) is not None]


def _checked(row: dict[str, Any], faults: Faults, metadata: dict[str, Any] | None) -> dict[str, Any]:
    if faults:
        raise ShapeError(faults[0])
    return row if metadata is None else {**row, "metadata": metadata}


def _check_tools(values: Mapping[str, Any], faults: Faults, where: str = "") -> None:
    for key in ("tools", "functions"):
        given = values.get(key)
        if given is not None and not isinstance(given, list):
            faults.append(fault("type-wrong", "not object", where=f"{where}{key}"))
        elif given:
            faults.append(fault("chat-tools", "tools", where=f"{where}{key}"))
    parallel = values.get("parallel_tool_calls")
    if parallel is not None and not isinstance(parallel, bool):
        faults.append(fault("type-wrong", "not boolean", where=f"{where}parallel_tool_calls", found=repr(parallel)[:40]))
