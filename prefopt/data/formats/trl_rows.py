"""Rows of TRL's dataset types.

    trl-messages                 {"messages": [m], "chat_template_kwargs"?}; an assistant's message may have a thinking
    trl-prompt-completion        {"prompt", "completion"}
    trl-preference               {"prompt", "chosen", "rejected"}, or {"chosen", "rejected"} that begin with the same messages
    trl-unpaired-preference      {"prompt", "completion", "label": true | false}

Each part is a list of messages (conversational) or a text (standard), and rows are written as lists of messages. Source: TRL's guide
"Dataset formats and types". Where chosen and rejected hold the prompt, it is what both begin with (trl.extract_prompt), also beside a
prompt that is a text, as in UltraFeedback. For texts the longest common beginning is not the prompt: "The sky is blue." and "The sky is
black." share "The sky is bl". They are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefopt.data.formats.messages import (
    Comparison,
    Conversation,
    Judgment,
    Message,
    check_conversation,
    check_output,
    check_prompt,
    dump,
    metadata_of,
    only,
    read_messages,
    text_message,
)
from prefopt.data.formats.openai_rows import check_comparison
from prefopt.data.formats.shape_faults import Faults, ShapeError, error, fault
from prefopt.texts.same_text import key

KEPT = ("id", "prompt_id", "score_chosen", "score_rejected", "source")
"""Columns of public files that are kept as metadata."""


def read_trl_messages(values: Mapping[str, Any], faults: Faults) -> Conversation | None:
    """A row of trl-messages; None where messages are missing."""
    only(values, {"messages", "metadata", "chat_template_kwargs", *KEPT}, faults)
    if values.get("messages") is None:
        faults.append(fault("key-missing", "key missing", key="messages"))
        return None
    messages = read_messages(values["messages"], "messages", faults, extra=("thinking",))
    if messages:
        check_conversation(messages, faults)
    return Conversation.model_construct(messages=messages, metadata=_metadata(values, faults, ("chat_template_kwargs", *KEPT)))


def read_prompt_completion(values: Mapping[str, Any], faults: Faults) -> Conversation | None:
    """A row of trl-prompt-completion; None where a part is missing."""
    only(values, {"prompt", "completion", "metadata", *KEPT}, faults)
    parts = _parts(values, ("prompt", "completion"), faults)
    if parts is None:
        return None
    prompt, completion = parts
    if prompt and completion:
        check_conversation((*prompt, *completion), faults)
    return Conversation.model_construct(messages=(*prompt, *completion), metadata=_metadata(values, faults))


def read_preference(values: Mapping[str, Any], faults: Faults, label_key: str) -> Comparison | None:
    """A row of trl-preference; None where a part is missing or the prompt cannot be known."""
    only(values, {"prompt", "chosen", "rejected", "metadata", "messages", *KEPT}, faults)
    chosen, rejected, prompt = (values.get(name) for name in ("chosen", "rejected", "prompt"))
    if isinstance(chosen, list) and isinstance(rejected, list) and not isinstance(prompt, list):
        parts = _implicit(values, faults)
    elif prompt is None and isinstance(chosen, str) and isinstance(rejected, str):
        faults.append(fault("preference-prompt", "texts without prompt"))
        return None
    else:
        parts = _parts(values, ("prompt", "chosen", "rejected"), faults)
    if values.get("messages") not in (None, chosen):
        faults.append(fault("key-unknown", "messages differ"))
    if parts is None:
        return None
    asked, preferred, other = parts
    comparison = Comparison.model_construct(prompt=asked, preferred=preferred, rejected=other, metadata=_metadata(values, faults))
    check_comparison(comparison, faults, label_key)
    return comparison


def read_unpaired(values: Mapping[str, Any], faults: Faults) -> Judgment | None:
    """A row of trl-unpaired-preference; None where a part is missing."""
    only(values, {"prompt", "completion", "label", "metadata", *KEPT}, faults)
    label = _boolean(values.get("label"))
    if values.get("label") is None:
        faults.append(fault("key-missing", "key missing", key="label"))
    elif label is None:
        faults.append(fault("type-wrong", "not boolean", where="label", found=repr(values["label"])[:40]))
    parts = _parts(values, ("prompt", "completion"), faults)
    if parts is None:
        return None
    prompt, completion = parts
    if prompt:
        check_prompt(prompt, faults)
    check_output(completion, "completion", faults)
    return Judgment.model_construct(prompt=prompt, completion=completion, desirable=bool(label), metadata=_metadata(values, faults))


def write_trl_messages(conversation: Conversation) -> dict[str, Any]:
    """A conversation as a row of trl-messages. Raises ShapeError where TRL has no field for a value."""
    _refuse(conversation, "trl-messages")
    return {"messages": dump(conversation.messages), **_extra(conversation.metadata)}


def write_prompt_completion(conversation: Conversation) -> dict[str, Any]:
    """A conversation as a row of trl-prompt-completion. Raises ShapeError where it has no answer at its end or TRL has no field."""
    _refuse(conversation, "trl-prompt-completion")
    turns = dump(conversation.messages)
    return {"prompt": turns[:-1], "completion": turns[-1:], **_extra(conversation.metadata)}


def write_preference(comparison: Comparison) -> dict[str, Any]:
    """A comparison as a row of trl-preference."""
    prompt, preferred, rejected = (dump(part) for part in (comparison.prompt, comparison.preferred, comparison.rejected))
    return {"prompt": prompt, "chosen": preferred, "rejected": rejected, **_extra(comparison.metadata)}


def write_unpaired(judgment: Judgment) -> dict[str, Any]:
    """A judged answer as a row of trl-unpaired-preference."""
    row = {"prompt": dump(judgment.prompt), "completion": dump(judgment.completion), "label": judgment.desirable}
    return row | _extra(judgment.metadata)


def _implicit(values: Mapping[str, Any], faults: Faults) -> tuple[tuple[Message, ...], ...] | None:
    """Prompt, chosen and rejected, where the lists hold the prompt, or where the prompt is a text beside them."""
    chosen, rejected = (read_messages(values[name], name, faults, extra=("thinking",)) for name in ("chosen", "rejected"))
    given = values.get("prompt")
    if given is not None and not isinstance(given, str):
        faults.append(fault("type-wrong", "not messages", where="prompt"))
        return None
    if not chosen or not rejected:
        return None
    shared = 0
    while shared < min(len(chosen), len(rejected)) - 1 and chosen[shared] == rejected[shared]:
        shared += 1
    if shared == 0 and isinstance(given, str):
        return text_message("user", given, "prompt", faults), chosen, rejected
    if shared == 0:
        faults.append(fault("preference-prompt", "no common prompt"))
        return None
    prompt = chosen[:shared]
    if given is not None and key(given) not in (key(prompt[-1].content), key("\n".join(m.content for m in prompt))):
        faults.append(fault("preference-prompt", "prompt differs"))
    return prompt, chosen[shared:], rejected[shared:]


def _parts(values: Mapping[str, Any], names: tuple[str, ...], faults: Faults) -> tuple[tuple[Message, ...], ...] | None:
    """The parts of a row as messages: all of them lists of messages, or all of them texts."""
    missing = [name for name in names if values.get(name) is None]
    faults += [fault("key-missing", "key missing", key=name) for name in missing]
    if missing:
        return None
    texts = [name for name in names if isinstance(values[name], str)]
    if texts and any(isinstance(values[name], list) for name in names):
        faults.append(fault("type-wrong", "texts and messages", where=texts[0]))
        return None
    if not texts:
        return tuple(read_messages(values[name], name, faults, extra=("thinking",)) for name in names)
    return tuple(text_message("user" if name == "prompt" else "assistant", values[name], name, faults) for name in names)


def _boolean(value: Any) -> bool | None:
    """True or false, also as cells of tables have them."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _metadata(values: Mapping[str, Any], faults: Faults, kept: tuple[str, ...] = KEPT) -> dict[str, Any] | None:
    metadata = metadata_of(values, faults)
    found = {name: values[name] for name in kept if values.get(name) is not None}
    return {**(metadata or {}), **found} if found else metadata


def _extra(metadata: dict[str, Any] | None) -> dict[str, Any]:
    return {} if metadata is None else {"metadata": metadata}


def _refuse(conversation: Conversation, shape: str) -> None:
    faults: Faults = []
    check_conversation(conversation.messages, faults)
    if faults:
        raise ShapeError(faults[0])
    if len(conversation.messages) < 2:
        raise error("chat-no-question", "no question")
    if any(m.weight is not None for m in conversation.messages):
        raise error("chat-weight", "no field", name="weight", shape=shape)
