"""Parse the assistant's output: Harmony messages, then the final JSON. Malformed output raises ModelError with the fault."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PreTrainedTokenizerFast

from prefopt.config import AnswerSettings
from prefopt.errors import ModelError
from prefopt.records import Answer
from prefopt.taxonomy import Taxonomy

Part = tuple[str, str]
"""("control", "<|end|>") or ("text", "…")."""

_CONTROL_TEXT = re.compile(r"(<\|(?:start|message|channel|end|return|call|endoftext)\|>)")
_SHOWN = 80  # characters of a malformed output in its error


def split_ids(ids: Sequence[int], tokenizer: PreTrainedTokenizerFast, control: Mapping[str, int]) -> list[Part]:
    """Control tokens and the texts between them; control tokens spelled inside a text remain text.

    Args:
        ids: the output.
        tokenizer: decodes the texts.
        control: control token -> token id.
    """
    names = {number: token for token, number in control.items()}
    parts: list[Part] = []
    run: list[int] = []
    for number in [*ids, None]:
        if number is not None and number not in names:
            run.append(number)
            continue
        if run:
            parts.append(("text", tokenizer.decode(run, skip_special_tokens=False, clean_up_tokenization_spaces=False)))
            run = []
        if number is not None:
            parts.append(("control", names[number]))
    return parts


def split_text(text: str) -> list[Part]:
    """As `split_ids`, for a text; every spelled control token counts as one."""
    pieces = [piece for piece in _CONTROL_TEXT.split(text) if piece]
    return [("control" if _CONTROL_TEXT.fullmatch(piece) else "text", piece) for piece in pieces]


def parse_completion(parts: Sequence[Part], settings: AnswerSettings, taxonomy: Taxonomy) -> Answer:
    """The answer of a completion: an optional analysis message, then one final message. Raises ModelError."""
    messages = _messages(parts)
    channels = [channel for channel, _ in messages]
    if channels not in (["final"], ["analysis", "final"]):
        raise ModelError(f"malformed answer: its messages are in the channels {channels}; expected an optional analysis, then final")
    reason = messages[0][1] if len(messages) == 2 else None
    return parse_final(messages[-1][1], settings, taxonomy, reason)


def _messages(parts: Sequence[Part]) -> list[tuple[str, str]]:
    """(channel, text) of each message."""
    left = list(parts)
    messages: list[tuple[str, str]] = []
    if left[:2] == [("control", "<|start|>"), ("text", "assistant")]:
        left = left[2:]
    while left:
        header = left[:3]
        if [kind for kind, _ in header] != ["control", "text", "control"] or (header[0][1], header[2][1]) != ("<|channel|>", "<|message|>"):
            raise _malformed("<|channel|>name<|message|>", left)
        channel = header[1][1]
        left = left[3:]
        text = left.pop(0)[1] if left and left[0][0] == "text" else ""
        messages.append((channel, text))
        end = left.pop(0)[1] if left else "<|return|>"
        if end == "<|end|>" and left:
            if left[:2] != [("control", "<|start|>"), ("text", "assistant")]:
                raise _malformed("<|start|>assistant", left)
            left = left[2:]
        elif left or end not in ("<|return|>", "<|end|>", "<|call|>", "<|endoftext|>"):
            raise _malformed("the end of the answer", [("control", end), *left])
    if not messages:
        raise ModelError("malformed answer: it is empty")
    return messages


def _malformed(expected: str, parts: Sequence[Part]) -> ModelError:
    return ModelError(f"malformed answer: expected {expected}, got {_short(''.join(text for _, text in parts))!r}")


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def parse_final(text: str, settings: AnswerSettings, taxonomy: Taxonomy, reason: str | None) -> Answer:
    """The answer in a final message; a message that stops after the label's closing quote is a partial answer.

    Args:
        text: JSON.
        settings: key of the label, and the fields after it.
        taxonomy: the labels.
        reason: becomes the answer's reason.

    Raises:
        ModelError: the text is not such JSON, or its label is not in the taxonomy.
    """
    try:
        content = _json(text)
    except json.JSONDecodeError:
        try:
            content = _json(text + "}")
        except json.JSONDecodeError as error:
            raise ModelError(f"malformed answer: not JSON ({error.msg} at {error.pos}): {_short(text)!r}") from None
        if not isinstance(content, dict) or list(content) != [settings.label_key]:
            raise ModelError(f"malformed answer: the JSON is incomplete: {_short(text)!r}") from None
    if not isinstance(content, dict) or not content or next(iter(content)) != settings.label_key:
        raise ModelError(f"malformed answer: its first key must be {settings.label_key!r}: {_short(text)!r}")
    label = content.pop(settings.label_key)
    if not isinstance(label, str) or label not in taxonomy:
        raise ModelError(f"malformed answer: label {label!r} is not in the taxonomy")
    unknown = sorted(content.keys() - set(settings.fields))
    if unknown:
        raise ModelError(f"malformed answer: unknown key {unknown[0]!r}; the keys are {settings.label_key}, {', '.join(settings.fields)}")
    _check_fields(content)
    return Answer(label=label, reason=reason, **{**content, "concepts": tuple(content.get("concepts", ()))})


def _json(text: str) -> Any:
    """The value of JSON text. Raises JSONDecodeError where it ends too early, and ModelError for what Python does not read."""
    try:
        return json.loads(text, object_pairs_hook=_pairs)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise ModelError(f"malformed answer: nested too deeply: {_short(text)!r}") from None
    except ValueError as error:  # an integer of thousands of digits
        raise ModelError(f"malformed answer: {error}: {_short(text)!r}") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; json itself keeps the last of equal keys without notice."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ModelError(f"malformed answer: a key appears twice: {[key for key, _ in pairs]}")
    return content


def _check_fields(content: Mapping[str, Any]) -> None:
    level, difficulty, concepts = content.get("level", ""), content.get("difficulty", 1), content.get("concepts", [])
    if not isinstance(level, str):
        raise ModelError(f"malformed answer: level {level!r} is not a text")
    if type(difficulty) is not int or not 1 <= difficulty <= 5:
        raise ModelError(f"malformed answer: difficulty {difficulty!r} is not a whole number from 1 to 5")
    if not isinstance(concepts, list) or not all(isinstance(c, str) for c in concepts):
        raise ModelError(f"malformed answer: concepts {concepts!r} is not a list of texts")
