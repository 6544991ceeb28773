"""Convert problems and pairs to and from the training data formats of OpenAI and TRL.

    openai-chat             {"messages": [{"role", "content", "weight"?}], "metadata"?}
    openai-preference       {"input": {"messages": […]}, "preferred_output": [message], "non_preferred_output": [message], "metadata"?}
    instruction             {"instruction", "input", "output", "metadata"?}
    trl-prompt-completion   {"prompt": [message], "completion": [message], "metadata"?}
    trl-preference          {"prompt": [message], "chosen": [message], "rejected": [message], "metadata"?}

`metadata` keeps what the shape has no field for (id, family, weight …), so that the round trip of a problem or a pair is exact.
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
    """A row does not have the shape it is read as, or cannot be expressed in the shape it is written in."""


class Message(Record):
    """One turn. `weight` 0 excludes an assistant's turn from the loss (OpenAI); None where it is not given."""

    model_config = ConfigDict(strict=True)

    role: Literal["system", "developer", "user", "assistant"]
    content: str
    weight: Literal[0, 1] | None = None


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


def shape_of(values: Mapping[str, Any]) -> str:
    """Detect the shape of a row from its keys; "problems" where no other shape matches."""
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
    """Read a row of one of CONVERSATIONS. Raises ShapeError."""
    if shape == "openai-chat":
        _only(values, {"messages", "metadata"})
        return _built(Conversation, messages=values.get("messages"), metadata=values.get("metadata"))
    if shape == "trl-prompt-completion":
        _only(values, {"prompt", "completion", "metadata"})
        turns = [*_turns(values, "prompt"), *_turns(values, "completion")]
        return _built(Conversation, messages=turns, metadata=values.get("metadata"))
    if shape != "instruction":
        raise ShapeError(f"{shape} rows are not conversations")
    _only(values, {"instruction", "input", "output", "metadata"})
    parts = {key: values.get(key, "") for key in ("instruction", "input", "output")}
    if any(not isinstance(v, str) for v in parts.values()):
        raise ShapeError("instruction, input and output must be texts")
    question = {"role": "user", "content": parts["input"]}
    system = {"role": "system", "content": parts["instruction"]}
    answer = {"role": "assistant", "content": parts["output"]}
    return _built(Conversation, messages=[system, question, answer], metadata=values.get("metadata"))


def comparison_of(values: Mapping[str, Any], shape: str) -> Comparison:
    """Read a row of one of COMPARISONS. Raises ShapeError."""
    if shape == "openai-preference":
        _only(values, {"input", "preferred_output", "non_preferred_output", "metadata"})
        given = values.get("input")
        if not isinstance(given, dict):
            raise ShapeError("input is not an object with messages")
        _only({k: v for k, v in given.items() if not (k == "tools" and v == []) and k != "parallel_tool_calls"}, {"messages"})
        prompt, keys = _turns(given, "messages"), ("preferred_output", "non_preferred_output")
    elif shape == "trl-preference":
        _only(values, {"prompt", "chosen", "rejected", "metadata"})
        prompt, keys = _turns(values, "prompt"), ("chosen", "rejected")
    else:
        raise ShapeError(f"{shape} rows are not comparisons")
    preferred, rejected = (_turns(values, key) for key in keys)
    comparison = _built(Comparison, prompt=prompt, preferred=preferred, rejected=rejected, metadata=values.get("metadata"))
    if comparison.preferred == comparison.rejected:
        raise ShapeError("the preferred and the rejected answer are the same")
    return comparison


def conversation_row(conversation: Conversation, shape: str) -> dict[str, Any]:
    """Write a conversation in one of CONVERSATIONS. Raises ShapeError where the shape cannot express it."""
    turns = [_dump(m) for m in conversation.messages]
    extra = {} if conversation.metadata is None else {"metadata": conversation.metadata}
    if shape == "openai-chat":
        return {"messages": turns, **extra}
    if any(m.weight is not None for m in conversation.messages):
        raise ShapeError(f"{shape} has no field for the weight of a message")
    if conversation.messages[-1].role != "assistant":
        raise ShapeError("the last message is not the assistant's")
    if shape == "trl-prompt-completion":
        if len(turns) < 2:
            raise ShapeError("no message before the assistant's")
        return {"prompt": turns[:-1], "completion": turns[-1:], **extra}
    if shape != "instruction":
        raise ShapeError(f"{shape} rows are not conversations")
    if [m.role for m in conversation.messages] != ["system", "user", "assistant"]:
        raise ShapeError("the instruction shape takes one message each of system, user and assistant")
    instruction, question, answer = (m.content for m in conversation.messages)
    return {"instruction": instruction, "input": question, "output": answer, **extra}


def comparison_row(comparison: Comparison, shape: str) -> dict[str, Any]:
    """Write a comparison in one of COMPARISONS. Raises ShapeError."""
    prompt, preferred, rejected = ([_dump(m) for m in part] for part in (comparison.prompt, comparison.preferred, comparison.rejected))
    extra = {} if comparison.metadata is None else {"metadata": comparison.metadata}
    if shape == "trl-preference":
        return {"prompt": prompt, "chosen": preferred, "rejected": rejected, **extra}
    if shape != "openai-preference":
        raise ShapeError(f"{shape} rows are not comparisons")
    return {"input": {"messages": prompt}, "preferred_output": preferred, "non_preferred_output": rejected, **extra}


def problem_conversation(problem: Problem, instructions: str, label_key: str) -> Conversation:
    """A labeled problem as a conversation: instructions, problem, answer as JSON. Raises ShapeError for a problem without a label."""
    if problem.label is None:
        raise ShapeError(f"problem {problem.id!r} has no label")
    answer = Answer(
        label=problem.label, level=problem.level, difficulty=problem.difficulty, concepts=problem.concepts, reason=problem.reason
    )
    metadata = {"id": problem.id} | problem.model_dump(mode="json", exclude_none=True, include={"family", "augmented"})
    turns = (*_prompt(problem, instructions), Message(role="assistant", content=answer_text(answer, label_key)))
    return Conversation(messages=turns, metadata=metadata)


def conversation_problem(conversation: Conversation, label_key: str) -> Problem:
    """The problem of a conversation, the reverse of `problem_conversation`. Raises ShapeError for any other conversation."""
    text, answer = _question(conversation.messages[:-1]), conversation.messages[-1]
    if answer.role != "assistant":
        raise ShapeError("the last message is not the assistant's")
    values, extra = text_answer(answer.content, label_key), conversation.metadata or {}
    kept = {key: extra[key] for key in ("family", "augmented") if key in extra}
    return _built(Problem, id=extra.get("id", content_id(text)), text=text, **kept, **values.model_dump(exclude_none=True))


def pair_comparison(pair: Pair, instructions: str, label_key: str) -> Comparison:
    """A pair as a comparison; weight, slate, origin and the expert's values of the problem become metadata. Raises ShapeError for a tie."""
    if pair.tie:
        raise ShapeError(f"slate {pair.slate_id}: a tie, which preference formats cannot express")
    texts = [answer_text(answer, label_key) for answer in (pair.chosen, pair.rejected)]
    if texts[0] == texts[1]:
        raise ShapeError(f"slate {pair.slate_id}: both answers are the same")
    known = pair.problem.model_dump(mode="json", exclude_none=True, exclude={"text"})
    metadata = {"problem": known, "weight": pair.weight, "slate_id": pair.slate_id, "origin": pair.origin}
    preferred, rejected = ((Message(role="assistant", content=t),) for t in texts)
    return Comparison(prompt=_prompt(pair.problem, instructions), preferred=preferred, rejected=rejected, metadata=metadata)


def comparison_pair(comparison: Comparison, label_key: str) -> Pair:
    """The pair of a comparison; without our metadata it gets weight 1 and ids from its text. Raises ShapeError."""
    text, extra = _question(comparison.prompt), comparison.metadata or {}
    if len(comparison.preferred) != 1 or len(comparison.rejected) != 1:
        raise ShapeError("an answer of several messages is not a classification")
    known = extra.get("problem", {"id": content_id(text)})
    if not isinstance(known, dict):
        raise ShapeError("metadata.problem is not an object")
    chosen, rejected = (text_answer(m.content, label_key) for m in (comparison.preferred[0], comparison.rejected[0]))
    slate = extra.get("slate_id", content_id(text, comparison.preferred[0].content, comparison.rejected[0].content))
    problem = _built(Problem, **{**known, "text": text})
    rest = {"weight": extra.get("weight", 1.0), "origin": extra.get("origin", "votes"), "slate_id": slate}
    return _built(Pair, problem=problem, chosen=chosen, rejected=rejected, **rest)


def answer_text(answer: Answer, label_key: str) -> str:
    """An answer as JSON: the label first, the reason last."""
    values = answer.model_dump(mode="json", exclude_none=True)
    rest = {key: values[key] for key in ("level", "difficulty", "concepts", "reason") if values.get(key) not in (None, [])}
    return json.dumps({label_key: values["label"], **rest}, ensure_ascii=False, separators=(",", ":"))


def text_answer(text: str, label_key: str) -> Answer:
    """Parse an answer that `answer_text` wrote. Raises ShapeError."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or label_key not in values:
        shown = text if len(text) <= 60 else f"{text[:57]}…"
        raise ShapeError(f"the answer is not a JSON object with the key {label_key!r}: {shown!r}")
    return _built(Answer, label=values.pop(label_key), **values)


def _prompt(problem: Problem, instructions: str) -> tuple[Message, ...]:
    return Message(role="system", content=instructions), Message(role="user", content=problem.text)


def _question(messages: tuple[Message, ...]) -> str:
    questions = [m.content for m in messages if m.role == "user"]
    if len(questions) != 1 or any(m.role == "assistant" for m in messages):
        raise ShapeError(f"a problem is one user message; there are {len(questions)}")
    return questions[0]


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
    from prefopt.readers.problem_rows import fault_of

    try:
        return record(**values)
    except (ValidationError, TypeError) as error:
        raise ShapeError(fault_of(error)) from None
