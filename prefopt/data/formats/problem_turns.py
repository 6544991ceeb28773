"""Problems, pairs and judged answers as messages, and back.

`metadata` keeps what messages have no field for (id, family, weight …), so that the round trip of a record is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from prefopt.data.formats.answers import AnswerForm, answer_meaning, answer_text, text_answer
from prefopt.data.formats.messages import Comparison, Conversation, Judgment, Message
from prefopt.data.formats.shape_faults import error
from prefopt.readers.problem_rows import fault_of
from prefopt.records import Answer, Judged, Pair, Problem, Record, content_id
from prefopt.texts.personal_data import excerpt
from prefopt.texts.same_text import key

T = TypeVar("T", bound=Record)

OF_PROBLEM = ("id", "family", "augmented", "figure", "figure_alt", "served")
"""Keys of the metadata of a conversation that a problem keeps."""
OF_PAIR = ("problem", "weight", "share", "slate_id", "origin")
"""As OF_PROBLEM, of a comparison and a pair."""


def problem_conversation(problem: Problem, instructions: str, label_key: str) -> Conversation:
    """A labeled problem as a conversation: instructions, problem, answer as JSON. Raises ShapeError for a problem without a label."""
    if problem.label is None:
        raise error("label-missing", "record", why=f"problem {problem.id!r} has no label")
    answer = Answer(
        label=problem.label, level=problem.level, difficulty=problem.difficulty, concepts=problem.concepts, reason=problem.reason
    )
    metadata = {"id": problem.id} | problem.model_dump(mode="json", exclude_none=True, include={*OF_PROBLEM[1:]})
    return Conversation(messages=(*_prompt(problem, instructions), _said(answer, label_key)), metadata=metadata)


def conversation_problem(conversation: Conversation, form: AnswerForm) -> Problem:
    """The problem of a conversation, the reverse of `problem_conversation`. Raises ShapeError for any other conversation."""
    text, last = question(conversation.messages[:-1]), conversation.messages[-1]
    if last.role != "assistant":
        raise error("chat-no-answer", "answer last", role=last.role)
    answer, extra = text_answer(last.content, form), conversation.metadata or {}
    kept = {name: extra[name] for name in OF_PROBLEM[1:] if name in extra}
    values = answer.model_dump(exclude_none=True)
    if last.thinking is not None:
        values.setdefault("reason", last.thinking)
    return _built(Problem, id=_id_of(extra, text), text=text, **kept, **values)


def pair_comparison(pair: Pair, instructions: str, label_key: str) -> Comparison:
    """A pair as a comparison; its other values and the expert's values of the problem become metadata.

    Raises:
        ShapeError: a tie, or answers that are the same.
    """
    if pair.tie:
        raise error("preference-equal", "tie", slate=pair.slate_id)
    if answer_meaning(pair.chosen) == answer_meaning(pair.rejected):
        raise error("preference-equal", "equal", text=excerpt(answer_text(pair.chosen, label_key), 60))
    metadata: dict[str, Any] = {"problem": _known(pair.problem), "weight": pair.weight, "slate_id": pair.slate_id, "origin": pair.origin}
    if pair.share is not None:
        metadata["share"] = pair.share
    preferred, rejected = ((_said(answer, label_key),) for answer in (pair.chosen, pair.rejected))
    return Comparison(prompt=_prompt(pair.problem, instructions), preferred=preferred, rejected=rejected, metadata=metadata)


def comparison_pair(comparison: Comparison, form: AnswerForm) -> Pair:
    """The pair of a comparison; without our metadata it gets weight 1 and ids from its text. Raises ShapeError."""
    text, extra = question(comparison.prompt), comparison.metadata or {}
    preferred, rejected = (_only(part, name) for part, name in ((comparison.preferred, "chosen"), (comparison.rejected, "rejected")))
    chosen, other = text_answer(preferred.content, form), text_answer(rejected.content, form)
    if answer_meaning(chosen) == answer_meaning(other):
        raise error("preference-equal", "equal", text=excerpt(preferred.content, 60))
    slate = extra.get("slate_id", content_id(key(text), preferred.content, rejected.content))
    rest = {"weight": extra.get("weight", 1.0), "origin": extra.get("origin", "votes"), "share": extra.get("share"), "slate_id": slate}
    return _built(Pair, problem=_problem(extra, text), chosen=chosen, rejected=other, **rest)


def judged_judgment(judged: Judged, instructions: str, label_key: str) -> Judgment:
    """A judged answer as a prompt, a completion and a label; its other values become metadata."""
    metadata = {"problem": _known(judged.problem), "weight": judged.weight, "slate_id": judged.slate_id, "origin": judged.origin}
    completion = (_said(judged.answer, label_key),)
    return Judgment(prompt=_prompt(judged.problem, instructions), completion=completion, desirable=judged.desirable, metadata=metadata)


def judgment_judged(judgment: Judgment, form: AnswerForm) -> Judged:
    """The judged answer of a judgment; without our metadata it gets weight 1 and ids from its text. Raises ShapeError."""
    text, extra = question(judgment.prompt), judgment.metadata or {}
    said = _only(judgment.completion, "completion").content
    slate = extra.get("slate_id", content_id(key(text), said))
    rest = {"weight": extra.get("weight", 1.0), "origin": extra.get("origin", "votes"), "slate_id": slate}
    return _built(Judged, problem=_problem(extra, text), answer=text_answer(said, form), desirable=judgment.desirable, **rest)


def question(messages: Sequence[Message]) -> str:
    """The text of the one user's message. Raises ShapeError where there are more, or an answer among them."""
    questions = [m.content for m in messages if m.role == "user"]
    if len(questions) != 1 or any(m.role == "assistant" for m in messages):
        raise error("chat-no-question", "questions", count=len(questions))
    return questions[0]


def _problem(extra: dict[str, Any], text: str) -> Problem:
    known = extra.get("problem")
    if known is not None and not isinstance(known, dict):
        raise error("type-wrong", "not object", where="metadata.problem")
    return _built(Problem, **{"id": _id_of(extra, text), **(known or {}), "text": text})


def _id_of(extra: dict[str, Any], text: str) -> Any:
    given = extra.get("id")
    if given is None:
        return content_id(key(text))
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def _known(problem: Problem) -> dict[str, Any]:
    return problem.model_dump(mode="json", exclude_none=True, exclude={"text"})


def _only(part: Sequence[Message], where: str) -> Message:
    if len(part) != 1:
        raise error("preference-output", "several answers", where=where, count=len(part))
    return part[0]


def _said(answer: Answer, label_key: str) -> Message:
    return Message(role="assistant", content=answer_text(answer, label_key))


def _prompt(problem: Problem, instructions: str) -> tuple[Message, ...]:
    system = (Message(role="system", content=instructions),) if instructions.strip() else ()
    return (*system, Message(role="user", content=problem.text))


def _built(record: type[T], **values: Any) -> T:
    try:
        return record(**values)
    except (ValidationError, TypeError) as cause:
        raise error("type-wrong", "record", why=fault_of(cause)) from None
