"""The shapes of rows: which one a row has, and its reader and writer.

Three families: examples (a problem with its answer), preferences (two answers to one problem), judged answers (one answer, desirable or
not). Rows of one family can be converted into each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from prefopt.data.formats import openai_rows, sharegpt_rows, trl_rows
from prefopt.data.formats.messages import Comparison, Conversation, Judgment, check_output, check_prompt
from prefopt.data.formats.shape_faults import Faults, ShapeError, error, fault

CONVERSATIONS = ("openai-chat", "sharegpt", "instruction", "trl-messages", "trl-prompt-completion")
COMPARISONS = ("openai-preference", "sharegpt-preference", "instruction-preference", "trl-preference")
EXAMPLES = ("problems", "argilla", *CONVERSATIONS)
PREFERENCES = ("pairs", *COMPARISONS)
JUDGED = ("judged", "trl-unpaired-preference")
SHAPES = (*EXAMPLES, *PREFERENCES, *JUDGED)
NAMED = ("trl-text", "trl-prompt-only", "trl-stepwise")
"""Shapes that are recognized, and from which no classification can be read."""

_TEMPLATE = re.compile(
    r"<\|(?:start|im_start|begin_of_text|user|system|assistant|start_header_id)\|>|<start_of_turn>|\[INST\]|### ?(?:Instruction|Response)"
)
_LISTS = ("messages", "prompt", "completion", "chosen", "rejected", "preferred_output", "non_preferred_output", "conversations")
_OBJECTS = ("metadata", "fields", "responses", "suggestions", "vectors", "answer", "chat_template_kwargs")
_TOOLS = ("tools", "functions")

Row = Conversation | Comparison | Judgment


def shape_of(values: Mapping[str, Any]) -> str:
    """Detect the shape of a row from its keys and the types of their values; "problems" where no other shape matches."""
    keys = {key for key, value in values.items() if value is not None}
    if "fields" in keys and keys & {"responses", "metadata", "status"}:
        return "argilla"
    if {"problem", "chosen", "rejected"} <= keys:
        return "pairs"
    if {"problem", "answer", "desirable"} <= keys:
        return "judged"
    if keys & {"preferred_output", "non_preferred_output"}:
        return "openai-preference"
    if "conversations" in keys:
        return "sharegpt-preference" if keys & {"chosen", "rejected"} else "sharegpt"
    if keys & {"chosen", "rejected"}:
        return "instruction-preference" if "instruction" in keys else "trl-preference"
    return _shape_of_example(values, keys)


def _shape_of_example(values: Mapping[str, Any], keys: set[str]) -> str:
    if {"prompt", "completions", "labels"} <= keys:
        return "trl-stepwise"
    if {"prompt", "completion"} <= keys:
        return "trl-unpaired-preference" if "label" in keys else "trl-prompt-completion"
    if "messages" in keys:
        return "trl-messages" if _thinks(values["messages"]) or "chat_template_kwargs" in keys else "openai-chat"
    if {"instruction", "output"} <= keys:
        return "instruction"
    if keys <= {"prompt", "metadata", *trl_rows.KEPT} and "prompt" in keys:
        return "trl-prompt-only"
    text = values.get("text")
    if keys == {"text"} and isinstance(text, str) and _TEMPLATE.search(text):
        return "trl-text"
    if any(_is_turns(value, "from") for value in values.values()):
        return "sharegpt"
    return "openai-chat" if any(_is_turns(value, "role") for value in values.values()) else "problems"


def unpacked(values: Mapping[str, Any]) -> dict[str, Any]:
    """A row with the lists of messages and the objects that a table stores as JSON text. Raises ShapeError for damaged JSON."""
    found = dict(values)
    is_record = values.get("problem") is not None
    is_preference = values.get("preferred_output") is not None
    has_texts = values.get("instruction") is not None  # its answers are texts, whatever they look like
    for key, value in values.items():
        if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
            continue
        is_object = key in _OBJECTS or (is_record and key in ("problem", "chosen", "rejected")) or (is_preference and key == "input")
        if is_object or (key in _LISTS and not has_texts):
            found[key] = _parsed(key, value, is_object=is_object)
        elif key in _TOOLS or (has_texts and key == "history"):
            found[key] = _list_of(value)
    return found


def read(values: Mapping[str, Any], shape: str, faults: Faults, label_key: str) -> Row | None:
    """Read a row of one of CONVERSATIONS, COMPARISONS or trl-unpaired-preference. Faults are appended; None where a part is missing."""
    if shape in _READERS:
        return _READERS[shape](values, faults)
    if shape in _COMPARED:
        return _COMPARED[shape](values, faults, label_key)
    if shape == "trl-unpaired-preference":
        return trl_rows.read_unpaired(values, faults)
    faults.append(named_fault(shape))
    return None


def write(row: Row, shape: str, label_key: str) -> dict[str, Any]:
    """Write a row in a shape of its family. Raises ShapeError where the shape cannot express it or its rules refuse it."""
    if isinstance(row, Conversation):
        return _WRITERS[shape](row)
    faults: Faults = []
    if isinstance(row, Judgment):
        check_prompt(row.prompt, faults)
        check_output(row.completion, "completion", faults)
    else:
        openai_rows.check_comparison(row, faults, label_key)
    if faults:
        raise ShapeError(faults[0])
    if isinstance(row, Judgment):
        return trl_rows.write_unpaired(row)
    if shape == "openai-preference":
        return openai_rows.write_preference(row, label_key)
    return _COMPARED_WRITERS[shape](row)


def named_fault(shape: str) -> Any:
    """Why no classification can be read from rows of a shape of NAMED."""
    if shape == "trl-prompt-only":
        return fault("shape-unread", "prompt alone", hint="--columns text=prompt")
    if shape == "trl-stepwise":
        return fault("shape-unread", "stepwise")
    return fault("shape-unread", "text alone", shape=shape)


def _parsed(key: str, text: str, *, is_object: bool) -> Any:
    """The value of JSON text. A text of a prompt or an answer that only looks like JSON stays a text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if is_object or text.lstrip().startswith("[{"):
            raise error("type-wrong", "not JSON", where=key) from None
        return text
    is_turn = isinstance(value, dict) and {"from", "value"} <= set(value)
    return value if is_object or is_turn or value == [] or _is_turns(value, "role") or _is_turns(value, "from") else text


def _list_of(text: str) -> Any:
    """The list of JSON text; the text where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, list) else text


def _thinks(messages: Any) -> bool:
    if isinstance(messages, str):
        return '"thinking"' in messages
    return isinstance(messages, list) and any(isinstance(m, dict) and m.get("thinking") is not None for m in messages)


def _is_turns(value: Any, key: str) -> bool:
    said = {"value"} if key == "from" else {"content", "tool_calls", "function_call"}
    return isinstance(value, list) and bool(value) and all(isinstance(turn, dict) and key in turn and said & set(turn) for turn in value)


_READERS: dict[str, Callable[[Mapping[str, Any], Faults], Conversation | None]] = {
    "openai-chat": openai_rows.read_chat,
    "sharegpt": sharegpt_rows.read_sharegpt,
    "instruction": sharegpt_rows.read_instruction,
    "trl-messages": trl_rows.read_trl_messages,
    "trl-prompt-completion": trl_rows.read_prompt_completion,
}
_COMPARED: dict[str, Callable[[Mapping[str, Any], Faults, str], Comparison | None]] = {
    "openai-preference": openai_rows.read_preference,
    "sharegpt-preference": sharegpt_rows.read_sharegpt_preference,
    "instruction-preference": sharegpt_rows.read_instruction_preference,
    "trl-preference": trl_rows.read_preference,
}
_WRITERS: dict[str, Callable[[Conversation], dict[str, Any]]] = {
    "openai-chat": openai_rows.write_chat,
    "sharegpt": sharegpt_rows.write_sharegpt,
    "instruction": sharegpt_rows.write_instruction,
    "trl-messages": trl_rows.write_trl_messages,
    "trl-prompt-completion": trl_rows.write_prompt_completion,
}
_COMPARED_WRITERS: dict[str, Callable[[Comparison], dict[str, Any]]] = {
    "sharegpt-preference": sharegpt_rows.write_sharegpt_preference,
    "instruction-preference": sharegpt_rows.write_instruction_preference,
    "trl-preference": trl_rows.write_preference,
}
