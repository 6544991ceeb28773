"""Conversations and comparisons: the shapes in which other programs keep training data, and how ours map to them.

    openai-chat             {"messages": [{"role", "content", "weight"?}], "metadata"?}
    openai-preference       {"input": {"messages": […]}, "preferred_output": [message], "non_preferred_output": [message], "metadata"?}
    instruction             {"instruction", "input", "output", "metadata"?}
    trl-prompt-completion   {"prompt": [message], "completion": [message], "metadata"?}
    trl-preference          {"prompt": [message], "chosen": [message], "rejected": [message], "metadata"?}

`metadata` holds what the shape has no place for (id, family, weight …), so that a problem or a pair comes back exactly.
Sources: OpenAI's fine-tuning guide (supervised, preference), TRL's dataset formats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from prefopt.records import Answer, Pair, Problem, Record, content_id

SHAPES = ("problems", "argilla", "openai-chat", "openai-preference", "instruction", "trl-prompt-completion", "trl-preference", "pairs")
CONVERSATIONS = ("openai-chat", "instruction", "trl-prompt-completion")
COMPARISONS = ("openai-preference", "trl-preference")


T = TypeVar("T", bound=Record)


class ShapeError(ValueError):
    """A row is not of the shape it is read as, or has no equal in the shape it is to be written in."""


class Message(Record):
    """One turn. `weight` 0 keeps an assistant's turn out of the loss (OpenAI); None where it is not given."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    role: Literal["system", "developer", "user", "assistant"]
    content: str
    weight: Literal[0, 1] | None = None


class Conversation(Record):
    """Turns that end with the assistant's: an example to learn from."""

    messages: tuple[Message, ...] = Field(min_length=1)
    metadata: dict[str, Any] | None = None


class Comparison(Record):
    """One prompt with the answer that is preferred and the one that is not."""

    prompt: tuple[Message, ...] = Field(min_length=1)
    preferred: tuple[Message, ...] = Field(min_length=1)
    rejected: tuple[Message, ...] = Field(min_length=1)
    metadata: dict[str, Any] | None = None


def shape_of(values: Mapping[str, Any]) -> str:
    """The shape that a row's keys show; "problems" where they show none."""
    keys = set(values)
    if "fields" in keys and keys & {"responses", "metadata", "status"}:
        return "argilla"
    if {"problem", "chosen", "rejected"} <= keys:
        return "pairs"
    if {"input", "preferred_output", "non_preferred_output"} <= keys:
        return "openai-preference"
    if {"prompt", "chosen", "rejected"} <= keys:
        return "trl-preference"
    if {"prompt", "completion"} <= keys:
        return "trl-prompt-completion"
    if "messages" in keys:
        return "openai-chat"
    return "instruction" if {"instruction", "output"} <= keys else "problems"


def conversation_of(values: Mapping[str, Any], shape: str) -> Conversation:
    """A row of one of CONVERSATIONS. Raises ShapeError."""
    if shape == "openai-chat":
        _only(values, {"messages", "metadata"})
        return _built(Conversation, messages=values.get("messages"), metadata=values.get("metadata"))
    if shape == "trl-prompt-completion":
        _only(values, {"prompt", "completion", "metadata"})
        turns = [*_turns(values, "prompt"), *_turns(values, "completion")]
        return _built(Conversation, messages=turns, metadata=values.get("metadata"))
    if shape != "instruction":
        raise ShapeError(f"{shape} holds no conversations")
    _only(values, {"instruction", "input", "output", "metadata"})
    parts = {key: values.get(key, "") for key in ("instruction", "input", "output")}
    if any(not isinstance(v, str) for v in parts.values()):
        raise ShapeError("instruction, input and output are texts")
    asked = {"role": "user", "content": parts["input"]}
    system = {"role": "system", "content": parts["instruction"]}
    answer = {"role": "assistant", "content": parts["output"]}
    return _built(Conversation, messages=[system, asked, answer], metadata=values.get("metadata"))


def comparison_of(values: Mapping[str, Any], shape: str) -> Comparison:
    """A row of one of COMPARISONS. Raises ShapeError."""
    if shape == "openai-preference":
        _only(values, {"input", "preferred_output", "non_preferred_output", "metadata"})
        asked = values.get("input")
        if not isinstance(asked, dict):
            raise ShapeError("input is not an object with messages")
        _only({k: v for k, v in asked.items() if not (k == "tools" and v == []) and k != "parallel_tool_calls"}, {"messages"})
        prompt, keys = _turns(asked, "messages"), ("preferred_output", "non_preferred_output")
    elif shape == "trl-preference":
        _only(values, {"prompt", "chosen", "rejected", "metadata"})
        prompt, keys = _turns(values, "prompt"), ("chosen", "rejected")
    else:
        raise ShapeError(f"{shape} holds no comparisons")
    preferred, rejected = (_turns(values, key) for key in keys)
    found = _built(Comparison, prompt=prompt, preferred=preferred, rejected=rejected, metadata=values.get("metadata"))
    if found.preferred == found.rejected:
        raise ShapeError("the preferred and the other answer are the same")
    return found


def conversation_row(conversation: Conversation, shape: str) -> dict[str, Any]:
    """A conversation in a shape of CONVERSATIONS. Raises ShapeError where the shape has no place for it."""
    turns = [_dump(m) for m in conversation.messages]
    extra = {} if conversation.metadata is None else {"metadata": conversation.metadata}
    if shape == "openai-chat":
        return {"messages": turns, **extra}
    if any(m.weight is not None for m in conversation.messages):
        raise ShapeError(f"{shape} has no place for the weight of a message")
    if conversation.messages[-1].role != "assistant":
        raise ShapeError("the last message is not the assistant's")
    if shape == "trl-prompt-completion":
        if len(turns) < 2:
            raise ShapeError("there is nothing before the assistant's message")
        return {"prompt": turns[:-1], "completion": turns[-1:], **extra}
    if shape != "instruction":
        raise ShapeError(f"{shape} holds no conversations")
    if [m.role for m in conversation.messages] != ["system", "user", "assistant"]:
        raise ShapeError("instruction has a place for system, user and assistant, one of each")
    instruction, asked, answer = (m.content for m in conversation.messages)
    return {"instruction": instruction, "input": asked, "output": answer, **extra}


def comparison_row(comparison: Comparison, shape: str) -> dict[str, Any]:
    """A comparison in a shape of COMPARISONS. Raises ShapeError."""
    prompt, preferred, rejected = ([_dump(m) for m in part] for part in (comparison.prompt, comparison.preferred, comparison.rejected))
    extra = {} if comparison.metadata is None else {"metadata": comparison.metadata}
    if shape == "trl-preference":
        return {"prompt": prompt, "chosen": preferred, "rejected": rejected, **extra}
    if shape != "openai-preference":
        raise ShapeError(f"{shape} holds no comparisons")
    return {"input": {"messages": prompt}, "preferred_output": preferred, "non_preferred_output": rejected, **extra}


def problem_conversation(problem: Problem, instructions: str, label_key: str) -> Conversation:
    """A labeled problem as an example: instructions, problem, answer as JSON with the label first and the reason last."""
    if problem.label is None:
        raise ShapeError(f"problem {problem.id!r} has no label, so there is nothing to answer")
    answer = Answer(
        label=problem.label, level=problem.level, difficulty=problem.difficulty, concepts=problem.concepts, reason=problem.reason
    )
    metadata = {"id": problem.id} | problem.model_dump(mode="json", exclude_none=True, include={"family", "augmented"})
    turns = (*_prompt(problem, instructions), Message(role="assistant", content=answer_text(answer, label_key)))
    return Conversation(messages=turns, metadata=metadata)


def conversation_problem(conversation: Conversation, label_key: str) -> Problem:
    """The problem that an example was made from. Raises ShapeError where the conversation is another kind of thing."""
    text, answer = _asked(conversation.messages[:-1]), conversation.messages[-1]
    if answer.role != "assistant":
        raise ShapeError("the last message is not the assistant's")
    said, extra = text_answer(answer.content, label_key), conversation.metadata or {}
    kept = {key: extra[key] for key in ("family", "augmented") if key in extra}
    return _built(Problem, id=extra.get("id", content_id(text)), text=text, **kept, **said.model_dump(exclude_none=True))


def pair_comparison(pair: Pair, instructions: str, label_key: str) -> Comparison:
    """A preference between two answers; weight, slate, origin and what the expert said of the problem go to metadata."""
    if pair.tie:
        raise ShapeError(f"slate {pair.slate_id}: judged level, which no preference format can say")
    texts = [answer_text(answer, label_key) for answer in (pair.chosen, pair.rejected)]
    if texts[0] == texts[1]:
        raise ShapeError(f"slate {pair.slate_id}: both answers are the same")
    known = pair.problem.model_dump(mode="json", exclude_none=True, exclude={"text"})
    metadata = {"problem": known, "weight": pair.weight, "slate_id": pair.slate_id, "origin": pair.origin}
    preferred, rejected = ((Message(role="assistant", content=t),) for t in texts)
    return Comparison(prompt=_prompt(pair.problem, instructions), preferred=preferred, rejected=rejected, metadata=metadata)


def comparison_pair(comparison: Comparison, label_key: str) -> Pair:
    """The pair that a comparison was made from; one made elsewhere gets weight 1 and ids from its text. Raises ShapeError."""
    text, extra = _asked(comparison.prompt), comparison.metadata or {}
    if len(comparison.preferred) != 1 or len(comparison.rejected) != 1:
        raise ShapeError("an answer of several messages is no classification")
    known = extra.get("problem", {"id": content_id(text)})
    if not isinstance(known, dict):
        raise ShapeError("metadata.problem is not an object")
    chosen, rejected = (text_answer(m.content, label_key) for m in (comparison.preferred[0], comparison.rejected[0]))
    slate = extra.get("slate_id", content_id(text, comparison.preferred[0].content, comparison.rejected[0].content))
    problem = _built(Problem, **{**known, "text": text})
    facts = {"weight": extra.get("weight", 1.0), "origin": extra.get("origin", "votes"), "slate_id": slate}
    return _built(Pair, problem=problem, chosen=chosen, rejected=rejected, **facts)


def answer_text(answer: Answer, label_key: str) -> str:
    """An answer as JSON: the label first, the reason last."""
    values = answer.model_dump(mode="json", exclude_none=True)
    rest = {key: values[key] for key in ("level", "difficulty", "concepts", "reason") if values.get(key) not in (None, [])}
    return json.dumps({label_key: values["label"], **rest}, ensure_ascii=False, separators=(",", ":"))


def text_answer(text: str, label_key: str) -> Answer:
    """The answer in such a JSON. Raises ShapeError."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or label_key not in values:
        shown = text if len(text) <= 60 else f"{text[:57]}…"
        raise ShapeError(f"the answer is no JSON object with the key {label_key!r}: {shown!r}")
    return _built(Answer, label=values.pop(label_key), **values)


def _prompt(problem: Problem, instructions: str) -> tuple[Message, ...]:
    return Message(role="system", content=instructions), Message(role="user", content=problem.text)


def _asked(messages: tuple[Message, ...]) -> str:
    asked = [m.content for m in messages if m.role == "user"]
    if len(asked) != 1 or any(m.role == "assistant" for m in messages):
        raise ShapeError(f"a problem is one user message; there are {len(asked)}")
    return asked[0]


def _turns(values: Mapping[str, Any], key: str) -> list[Any]:
    turns = values.get(key)
    if not isinstance(turns, list):
        raise ShapeError(f"{key} is not a list of messages" if key in values else f"key {key!r} is missing")
    return turns


def _dump(message: Message) -> dict[str, Any]:
    return message.model_dump(exclude_none=True)


def _only(values: Mapping[str, Any], known: set[str]) -> None:
    unknown = [str(k) for k in values if k not in known]
    if unknown:
        raise ShapeError(f"unknown key {unknown[0]!r}; known: {', '.join(sorted(known))}")


def _built(record: type[T], **values: Any) -> T:
    from prefopt.data.formats.problem_rows import fault_of

    try:
        return record(**values)
    except (ValidationError, TypeError) as error:
        raise ShapeError(fault_of(error)) from None
