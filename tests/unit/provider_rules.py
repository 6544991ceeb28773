"""The rules of OpenAI's and TRL's training files, written down from their documentation and without prefopt's code.

Sources: FineTuneChatRequestInput, FineTunePreferenceRequestInput and their messages in OpenAI's API reference; the format check of OpenAI's
cookbook (chat_finetuning_data_prep); its guides to supervised fine-tuning and direct preference optimization; TRL's dataset formats.
"""

from __future__ import annotations

import json
from typing import Any

MESSAGE_KEYS = {"role", "content", "name", "weight"}


def _content_is_there(message: dict[str, Any]) -> bool:
    content = message.get("content")
    if isinstance(content, list):
        return bool(content) and all(part["type"] == "text" and part["text"].strip() for part in content)
    return isinstance(content, str) and content.strip() != ""


def message_faults(messages: Any) -> list[str]:
    """Faults of a list of messages as the cookbook names them."""
    if not isinstance(messages, list) or not messages:
        return ["missing_messages_list"]
    faults = []
    for message in messages:
        if not isinstance(message, dict) or "role" not in message or "content" not in message:
            faults.append("message_missing_key")
            continue
        if set(message) - MESSAGE_KEYS:
            faults.append("message_unrecognized_key")
        if message["role"] not in ("system", "developer", "user", "assistant"):
            faults.append("unrecognized_role")
        if not _content_is_there(message):
            faults.append("missing_content")
        if "weight" in message and (message["role"] != "assistant" or message["weight"] not in (0, 1)):
            faults.append("weight")
    return faults


def chat_faults(row: dict[str, Any]) -> list[str]:
    """Faults of a supervised example."""
    faults = message_faults(row.get("messages"))
    if faults:
        return faults
    roles = [m["role"] for m in row["messages"]]
    if "assistant" not in roles:
        faults.append("example_missing_assistant_message")
    if roles[-1] != "assistant":
        faults.append("last_message")
    if all(m.get("weight") == 0 for m in row["messages"] if m["role"] == "assistant"):
        faults.append("nothing_trained")
    if set(row) - {"messages", "tools", "parallel_tool_calls", "functions"}:
        faults.append("key")
    return faults


def preference_faults(row: dict[str, Any]) -> list[str]:
    """Faults of a preference."""
    if set(row) != {"input", "preferred_output", "non_preferred_output"} or not isinstance(row["input"], dict):
        return ["key"]
    if set(row["input"]) - {"messages", "tools", "parallel_tool_calls"}:
        return ["key"]
    faults = [fault for key in ("preferred_output", "non_preferred_output") for fault in message_faults(row[key])]
    faults += message_faults(row["input"].get("messages"))
    if faults:
        return faults
    if row["input"]["messages"][-1]["role"] != "user":
        faults.append("last_message")
    for key in ("preferred_output", "non_preferred_output"):
        if [m["role"] for m in row[key]] != ["assistant"]:
            faults.append("output")
        if any("weight" in m for m in row[key]):
            faults.append("weight")
    first, second = (row[key][0]["content"] for key in ("preferred_output", "non_preferred_output"))
    if _same(first) == _same(second):
        faults.append("equal")
    return faults


def _same(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.strip()


def trl_faults(row: dict[str, Any]) -> list[str]:
    """Faults of a conversational row of any of TRL's types."""
    types = [{"messages"}, {"prompt", "completion"}, {"prompt", "chosen", "rejected"}, {"prompt", "completion", "label"}]
    if set(row) not in types:
        return ["type"]
    lists = [value for key, value in row.items() if key != "label"]
    if not all(isinstance(value, list) and value and all({"role", "content"} <= set(m) for m in value) for value in lists):
        return ["conversational"]
    return [] if isinstance(row.get("label", True), bool) else ["label"]
