"""The records that travel between stages: frozen, validated, one JSON object a line on disk.

Unknown keys are refused, so that a misspelled key is not lost silently. The terms are those of docs/design.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel, field_validator, model_validator

from prefopt.frozen import Frozen
from prefopt.grounds import Ground, Look

MAX_TEXT = 20_000  # characters; the longest known problem has under 1,500
MAX_REASON = 8_000
SIMULATED = "simulated-"
"""Names of simulated teachers begin with it, so that they are never mistaken for people."""

Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\s\x00-\x1f]+$")]
Weight = Annotated[float, Field(gt=0)]


def _has_text(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; a text is required")
    return value


class Record(Frozen):
    """Base of all records."""


class Problem(Record):
    """A problem to classify. `label` is a Label id of the taxonomy where an expert gave one."""

    id: Id
    text: Annotated[str, Field(max_length=MAX_TEXT)]
    label: str | None = None
    reason: Annotated[str, Field(max_length=MAX_REASON)] | None = None
    level: str | None = None
    difficulty: Annotated[int, Field(ge=1, le=5)] | None = None
    concepts: tuple[str, ...] = ()
    family: str | None = None
    """Problems of one family (variants of one template) never straddle a split."""
    augmented: Literal["paraphrase", "back-translation", "reason"] | None = None
    """The part that a model wrote (`prefopt data augment`): the text, or the reason; None where a person wrote all of it."""
    figure: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """An image that teachers see beside the text: a .png, .jpg or .svg file, relative to the folder of the data file. No model sees it."""
    figure_alt: Annotated[str, Field(max_length=2_000)] | None = None
    """What the image shows, in words, for teachers who listen to the page."""
    served: Literal["seen", "blind"] | None = None
    """Of a label that teachers gave in use (`prefopt serve collect`): having seen the model's answer, which biases towards it, or not."""

    _text = field_validator("text")(_has_text)

    @property
    def group(self) -> str:
        """The unit that no split separates: the family, or the id, which is the family of the problem's variants."""
        return self.family or self.id

    @property
    def is_augmented(self) -> bool:
        """Whether a model wrote its text: such a problem is for training and never for evaluation."""
        return self.augmented in ("paraphrase", "back-translation")

    @property
    def never_judges(self) -> bool:
        """Whether it is for training and never for evaluation: a model wrote its text, or its teachers had seen the model's answer."""
        return self.is_augmented or self.served == "seen"


class Figure(Record):
    """The image of a problem as a slate keeps it, whatever becomes of its file."""

    type: Literal["image/png", "image/jpeg", "image/svg+xml"]
    data: str
    """Its bytes in Base64."""
    alt: str = ""

    @property
    def address(self) -> str:
        """A data: address, which a page shows without asking anybody."""
        return f"data:{self.type};base64,{self.data}"


class Answer(Record):
    """The model's answer to one problem: the label, the optional fields of the final JSON, and the reason (analysis).

    An answer with a label and no other field is *partial*: recipes train only on its tokens up to the label's closing quote.
    """

    label: str
    level: str | None = None
    difficulty: int | None = None
    concepts: tuple[str, ...] = ()
    reason: Annotated[str, Field(max_length=MAX_REASON)] | None = None

    @property
    def partial(self) -> bool:
        """Whether it has only a label."""
        return self.level is None and self.difficulty is None and not self.concepts


class Candidate(Record):
    """One classification with its reason, by one adapter. `probability` is the posterior of its label, in [0, 1]."""

    id: Id
    answer: Answer
    probability: Annotated[float, Field(ge=0, le=1)]
    adapter: str


class Slate(Record):
    """The candidates of one problem as shown: card i shows candidates[order[i]]."""

    id: Id
    problem: Problem
    candidates: Annotated[tuple[Candidate, ...], Field(min_length=2, max_length=4)]
    order: tuple[int, ...]
    purpose: Literal["margin", "random", "gold", "repeat"]
    """Why this problem is shown: a small margin between the two most probable labels, the random share, a known label (to measure how often
    teachers choose it), or a second time (to measure whether they give the same answer). The last two are never trained on."""
    top2_gap: Annotated[float, Field(ge=0, le=1)]
    """Difference of the two largest probabilities of the posterior."""
    repeat_of: Id | None = None
    """Id of the slate that is shown a second time."""
    inclusion: Annotated[float, Field(gt=0, le=1)] | None = None
    """Probability with which the sampling design drew this problem from the pool; None for gold questions, repeats, and slates of earlier
    versions."""
    figure: Figure | None = None
    """The image beside the problem, as it was when the slate was made."""

    @model_validator(mode="after")
    def _consistent(self) -> Slate:
        if sorted(self.order) != list(range(len(self.candidates))):
            raise ValueError(f"order {self.order} is not a permutation of the {len(self.candidates)} candidates")
        labels = [c.answer.label for c in self.candidates]
        if len(set(labels)) < len(labels):
            raise ValueError(f"a slate shows a label twice: {labels}")
        if len({c.id for c in self.candidates}) < len(labels):
            raise ValueError("two candidates of a slate have the same id")
        if (self.purpose == "repeat") != (self.repeat_of is not None):
            raise ValueError(f"purpose {self.purpose!r} with repeat_of {self.repeat_of!r}")
        if self.purpose == "gold" and self.problem.label is None:
            raise ValueError("a gold slate without the right label of its problem")
        if self.inclusion is not None and self.purpose in ("gold", "repeat"):
            raise ValueError(f"a slate with purpose {self.purpose!r} is not drawn from the pool; it has the inclusion {self.inclusion}")
        return self

    @property
    def gold(self) -> str | None:
        """The right label of a gold slate."""
        return self.problem.label if self.purpose == "gold" else None

    @property
    def shown(self) -> tuple[Candidate, ...]:
        """The candidates in the order of the cards A, B, C, D."""
        return tuple(self.candidates[i] for i in self.order)


class LeftOut(Record):
    """A problem that a round could not ask about, with its place and the reason."""

    id: Id
    file: str
    """Relative to the project; empty where it is not known."""
    line: int | None
    kind: str
    """A kind of finding of `prefopt data check`; "asked-before" or "duplicate"."""
    detail: str


class Receipt(Record):
    """Where a published slate can be found in its source."""

    slate_id: Id
    source: str
    dataset: str
    """The source's own name of the collection of slates (an Argilla dataset, a CSV file)."""
    record: str
    """The source's own id of the slate."""
    url: str = ""


class Ranking(Record):
    """One teacher's judgment of one slate.

    kind "ranked": `ranks` maps every candidate id to its rank, 1 is best, equal ranks are ties, gaps are allowed. With `best_only` the
    teacher chose the best candidate and did not compare the others, which share one rank below it.
    kind "none_right": no candidate is right; `right_label` is the label that is, where the teacher named it.
    kind "discarded": the teacher passed.
    """

    slate_id: Id
    teacher: str
    kind: Literal["ranked", "none_right", "discarded"]
    ranks: dict[str, int] = Field(default_factory=dict)
    best_only: bool = False
    right_label: str | None = None
    comment: str = ""
    submitted_at: datetime | None = None
    seconds: float | None = None
    """Time for this slate, where the source knows it."""

    @model_validator(mode="after")
    def _consistent(self) -> Ranking:
        if (self.kind == "ranked") != bool(self.ranks):
            raise ValueError(f"kind {self.kind!r} with ranks {self.ranks}")
        if any(rank < 1 for rank in self.ranks.values()):
            raise ValueError(f"ranks start at 1: {self.ranks}")
        if self.right_label is not None and self.kind != "none_right":
            raise ValueError("right_label is given only where none is right")
        below = sorted(self.ranks.values())[1:]
        if self.best_only and (not below or below[0] == min(self.ranks.values()) or len(set(below)) > 1):
            raise ValueError(f"best_only with ranks {self.ranks}: one candidate is best, and the others share a rank")
        return self

    def order(self, first: str, second: str) -> int | None:
        """-1 where the first candidate is better, 1 where the second is, 0 where both are level; None where they were not compared."""
        one, other = self.ranks[first], self.ranks[second]
        if one == other and self.best_only:
            return None
        return (one > other) - (one < other)


class Pair(Record):
    """A preference between two answers to one problem.

    `weight`, in (0, 1]: the net share of the votes on one scale with the slate's other pairs, so that the weights of a slate add up to its
    strongest net share; level pairs, which do not count in that sum, have the share of the teachers who ranked on the same scale.
    `share`, in [1/2, 1]: the votes for the chosen answer, of all teachers who did not pass; a vote for neither counts half.
    Rows without a share are of earlier versions, whose weight is the net share itself.
    """

    kind: Literal["pair"] = "pair"
    problem: Problem
    chosen: Answer
    rejected: Answer
    weight: Weight
    slate_id: Id
    origin: Literal["votes", "right_label"]
    tie: bool = False
    """Judged level: neither is preferred, and the order of chosen and rejected is arbitrary."""
    split: bool = False
    """Of a tie: the votes split evenly, where otherwise all teachers who ranked tied the two."""
    share: Annotated[float, Field(ge=0.5, le=1)] | None = None

    @property
    def net(self) -> float:
        """Net share of the votes: for the chosen answer less against it, 0 where the two are level."""
        return 0.0 if self.tie else self.weight if self.share is None else 2 * self.share - 1

    @property
    def votes(self) -> float:
        """Share of the votes for the chosen answer, those for neither counted half; 1/2 where the two are level."""
        return (1 + min(1.0, self.net)) / 2


class Judged(Record):
    """One answer judged alone: desirable or not. `weight`, in (0, 1]: the net share of the votes, on one scale with the slate's other
    judged answers, so that the weights of a slate add up to its strongest net share.
    """

    kind: Literal["judged"] = "judged"
    problem: Problem
    answer: Answer
    desirable: bool
    weight: Weight
    slate_id: Id
    origin: Literal["votes", "tie", "right_label"]


class Vote(Record):
    """One teacher's judgment of a slate."""

    weight: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Of the teacher: 1 where all votes count alike, otherwise how reliable the teacher is."""
    ranks: tuple[Annotated[int, Field(ge=0)], ...]
    """Of each answer of the slate; smaller is better, equal ranks are ties, 0 is an answer that this teacher did not compare. Where none is
    1, the teacher finds that none of them is right.
    """
    best_only: bool = False
    """The answers of equal rank below the best were compared with the best alone, not with each other."""

    def compares(self, first: int, second: int) -> bool:
        """Whether it says how two answers, given by their places, stand to each other."""
        one, other = self.ranks[first], self.ranks[second]
        return bool(one and other) and not (self.best_only and one == other)


class SlateVotes(Record):
    """All votes on one slate: one row, whatever a recipe makes of them."""

    kind: Literal["slate"] = "slate"
    problem: Problem
    slate_id: Id
    answers: Annotated[tuple[Answer, ...], Field(min_length=2)]
    """The candidates of the slate, then the right labels that teachers named who found none of them right, with a label only."""
    shares: tuple[Annotated[float, Field(ge=0, le=1)], ...]
    """Of each answer: the share of the votes that put it first, a vote for several level ones divided among them. What is missing from 1
    are votes that none is right without naming the label, and doubt where all teachers may share an error.
    """
    votes: Annotated[tuple[Vote, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> SlateVotes:
        labels = [answer.label for answer in self.answers]
        if len(set(labels)) < len(labels):
            raise ValueError(f"a label stands twice among the answers: {labels}")
        if any(len(values) != len(labels) for values in (self.shares, *(vote.ranks for vote in self.votes))):
            raise ValueError(f"{len(labels)} answers need as many shares, and as many ranks in every vote")
        if not 0 < sum(self.shares) < 1 + 1e-6:
            raise ValueError(f"the shares {self.shares} add up to {sum(self.shares):g}, which must be above 0 and at most 1")
        return self


class PreferenceRow(RootModel[Annotated[Pair | Judged | SlateVotes, Field(discriminator="kind")]]):
    """One line of preferences.jsonl: a Pair, a Judged, or the SlateVotes that they were made from."""

    model_config = ConfigDict(frozen=True)


Cause = Literal["discarded", "tie", "no_majority", "none_right", "unanswered", "gold", "repeat"]


class Dropped(Record):
    """Feedback that gave no preference, and why."""

    slate_id: Id
    cause: Cause
    detail: str


class Uncounted(Record):
    """Something that a feedback source found and that does not count, or is in doubt: a file, a row, a cell, an answer.

    `kind` is a word for programs; `ko` (for teachers) and `en` say what was found and what to do. `path`, relative to the project, with
    `line`, `column` and `found`, the text of the cell, say where; a source without files has none of them. Where `teacher` is given, what
    was read of them before does not count until this is settled: the answer to `slate_id`, or any answer where that is empty.
    """

    kind: str
    ko: str
    en: str
    teacher: str = ""
    slate_id: str = ""
    path: str = ""
    line: int | None = None
    column: str = ""
    found: str = ""


class Progress(Record):
    """Progress of the teachers: slates with all rankings, slates published, rankings so far per teacher."""

    complete: int
    published: int
    rankings: dict[str, int]

    @classmethod
    def of(cls, published: Iterable[str], answered: Iterable[tuple[str, str]], overlap: int | Mapping[str, int]) -> Progress:
        """Count answers; the one rule for all feedback sources. A slate is complete when as many teachers as it wants have answered it.

        Args:
            published: ids of the published slates.
            answered: (slate id, teacher) of every answer. Discards count: the teacher has judged the slate. Answers to slates that are
                not in `published` do not count.
            overlap: teachers wanted per slate: one number for all, or the number of each slate id.
        """
        per_slate = dict.fromkeys(published, 0)
        per_teacher: dict[str, int] = {}
        for slate_id, teacher in answered:
            if slate_id in per_slate:
                per_slate[slate_id] += 1
                per_teacher[teacher] = per_teacher.get(teacher, 0) + 1
        wanted = dict.fromkeys(per_slate, overlap) if isinstance(overlap, int) else overlap
        complete = sum(count >= wanted[slate_id] for slate_id, count in per_slate.items())
        return cls(complete=complete, published=len(per_slate), rankings=dict(sorted(per_teacher.items())))

    @property
    def done(self) -> bool:
        """Whether every slate has all its rankings."""
        return self.complete >= self.published


Outcome = Literal["promoted", "held", "rejected"]

CLAUSES: dict[str, Outcome] = {
    "beats_majority": "promoted",
    "majority_cannot_tell": "held",
    "below_majority": "rejected",
    "more_accurate": "promoted",
    "better_probabilities": "promoted",
    "brier_rose": "held",
    "parent_cannot_tell": "held",
    "not_above_majority": "held",
    "vetoed": "held",
    "below_baseline": "held",
    "accuracy_not_secured": "held",
    "worse_than_parent": "rejected",
}
"""Code of every clause of the decision rule (prefopt/grounds.py) -> its outcome."""


class Decision(Record):
    """The outcome for a round's adapter, with its grounds."""

    outcome: Outcome
    rule: str
    """Name and version of the written rule (docs/decision.md)."""
    grounds: Annotated[tuple[Ground, ...], Field(min_length=1)]
    """What was compared, then the vetoes, and last the clause of the rule that gave the outcome."""

    @property
    def look(self) -> Look | None:
        """What the decision spent; None for a first adapter and in decisions of earlier versions."""
        return next((ground for ground in self.grounds if isinstance(ground, Look)), None)

    @model_validator(mode="after")
    def _ends_with_its_clause(self) -> Decision:
        *before, last = (ground.code for ground in self.grounds)
        if CLAUSES.get(last) != self.outcome or set(before) & set(CLAUSES):
            raise ValueError(f"outcome {self.outcome!r} with the grounds {[*before, last]}: the last one must be a clause of this outcome")
        return self


class GeneralScores(Record):
    """general.json: nats per token of every text of data.general_texts, by one adapter."""

    ids: tuple[str, ...]
    sha256: str
    """Of the file of texts."""
    nats: tuple[float, ...]


def content_id(*parts: str) -> str:
    """A stable 12-hex-digit id of the parts (sha256, parts kept apart)."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:12]
