"""What comes and goes through the doors of `prefopt serve`, as JSON. Unknown keys are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from prefopt.deploy.predictor import Share
from prefopt.frozen import Frozen
from prefopt.records import MAX_TEXT, Id
from prefopt.serve.records import PredictionId, ServedPrediction

MOST = 256
"""Problems in a request."""
Name = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]


class ProblemIn(Frozen):
    """A problem to classify."""

    id: Id
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]

    @field_validator("text")
    @classmethod
    def _has_text(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("is empty; a text is required")
        return value


class ClassifyIn(Frozen):
    """POST /v1/classify."""

    problems: Annotated[tuple[ProblemIn, ...], Field(min_length=1, max_length=MOST)]
    client: Name = ""
    """Who asks, e.g. a school."""

    @model_validator(mode="after")
    def _each_id_once(self) -> ClassifyIn:
        seen: set[str] = set()
        for place, problem in enumerate(self.problems):
            if problem.id in seen:
                what = "problem id {id!r} occurs twice; give each problem an id of its own"
                raise PydanticCustomError("id_twice", what, {"id": problem.id, "field": f"problems.{place}.id"})
            seen.add(problem.id)
        return self


class PredictionOut(Frozen):
    """An answer."""

    prediction: PredictionId
    """Id of the answer, for corrections."""
    id: str
    label: str
    name: str
    probability: Share
    confidence: Share
    set: tuple[str, ...]
    decision: Literal["accept", "review"]
    audit: bool
    """Drawn to be judged by a teacher who does not see the answer."""
    coverage: Share
    adapter: str
    round: int
    arm: str

    @classmethod
    def of(cls, row: ServedPrediction) -> PredictionOut:
        """What a client gets of a recorded answer."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class ClassifyOut(Frozen):
    """Answers, in the order of the problems."""

    predictions: tuple[PredictionOut, ...]
    seconds: float
    """From request to reply."""


class CorrectionIn(Frozen):
    """POST /v1/corrections."""

    prediction: PredictionId
    label: str | None
    """The right label, the one that was answered to confirm it; null: none of the taxonomy is right."""
    by: Annotated[Name, Field(min_length=1)]
    """Who says so."""
    seen: bool | None = None
    """Whether the teacher saw the answer. Not given: only where it is not an audited one."""


class CorrectionOut(Frozen):
    """A teacher's word as it was recorded."""

    prediction: PredictionId
    label: str | None
    by: str
    seen: bool
    right: bool
    """The label is the one that was answered."""


class Part(Frozen):
    """A part of a message's content."""

    type: Literal["text"]
    text: str


class ChatMessage(Frozen):
    """A message of a chat; other keys, as OpenAI's clients send them, mean nothing to a classification."""

    model_config = ConfigDict(extra="allow")
    role: str
    content: str | tuple[Part, ...] | None = None

    @property
    def text(self) -> str:
        """All of its text."""
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content or ())


class ChatIn(Frozen):
    """POST /v1/chat/completions. Options of sampling are accepted, have no effect, and are named in the answer."""

    model_config = ConfigDict(extra="allow")
    model: str
    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1)]
    stream: bool = False
    n: Literal[1] | None = None
    tools: Annotated[tuple[Any, ...], Field(max_length=0)] | None = None
    user: Name | None = None

    @property
    def problem(self) -> str:
        """The last user message."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")

    @property
    def ignored(self) -> list[str]:
        """Keys that have no effect."""
        return sorted((self.model_extra or {}).keys() - {"metadata", "stream_options"})


class Fault(Frozen):
    """What is wrong, in the shape that OpenAI's clients read."""

    message: str
    type: str
    param: str | None = None
    """The field, e.g. problems.3.text."""
    code: str | None = None
    problem: str | None = None
    """Id of the problem."""
    hint: str | None = None


class FaultOut(Frozen):
    """Any reply but 200 and 201."""

    error: Fault
