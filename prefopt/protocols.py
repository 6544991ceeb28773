"""The two ports: how to train (Recipe) and where teachers rank slates (FeedbackSource). A plug-in satisfies one of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pydantic import BaseModel

    from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
    from prefopt.domain import DomainSettings
    from prefopt.records import Judged, Pair, Problem, Progress, Ranking, Receipt, Slate, SlateVotes, Uncounted
    from prefopt.taxonomy import Taxonomy

OnStep = Callable[[int, int, str], None]
"""Called during work with (done, total, a note such as "loss 0.53")."""


def ignore_steps(done: int, total: int, note: str) -> None:
    """An OnStep that shows nothing."""


def finite_or_none(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics with None in place of infinity and NaN, which JSON cannot express."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in metrics.items()}


@dataclass(frozen=True)
class TrainingJob:
    """Input of a recipe. It writes into `folder` only: adapter/, metrics.jsonl, and checkpoints/ while it runs (and into `cache`).

    A job whose folder has checkpoints/ resumes from the last complete one, to the same bits as an uninterrupted run.
    """

    folder: Path
    model: ModelSettings
    adapter: AdapterSettings
    prompt: PromptSettings
    answer: AnswerSettings
    taxonomy: Taxonomy
    parent: Path | None
    """Folder of the parent adapter; None for the base SFT stage alone."""
    data: Sequence[Problem] | Sequence[Pair] | Sequence[Judged] | Sequence[SlateVotes]
    """Labeled problems, pairs, judged answers or the votes of slates: the kind that the recipe `needs`."""
    rehearsal: Sequence[Problem] = ()
    """Labeled problems of the SFT stage, which a recipe may mix in against forgetting."""
    earlier: Sequence[Pair] | Sequence[Judged] | Sequence[SlateVotes] = ()
    """Preferences of earlier rounds, of the kind that the recipe needs, for the same purpose."""
    sft: Path | None = None
    """Folder of the adapter of the base SFT stage that the parent descends from; the parent itself in the first round."""
    sft_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the SFT stage's recipe in the round's settings: the table [recipes.sft] as it is written, without defaults."""
    round: int = 0
    project: str = ""
    """Name of the project."""
    seed: int = 0
    cache: Path | None = field(default=None, compare=False)
    """Folder for results that can be computed again and that later runs may use; None: nothing outlives this run."""
    on_step: OnStep = field(default=ignore_steps, compare=False)


@dataclass(frozen=True)
class TrainedAdapter:
    """Result of a recipe."""

    path: Path
    """Folder of the adapter, in the stock PEFT layout."""
    steps: int
    examples: int
    """Rows trained on: all of them, since a row that does not fit is an error."""
    metrics: Mapping[str, float | None]
    """The last value of each training metric; None where it is not a finite number."""
    planned: int | None = None
    """Updates that were planned; more than `steps` where the run ended early. None where the recipe does not say."""


ExtraInput = Literal["sft_adapter", "earlier_preferences"]
"""What a recipe may read besides its rows and its parent: the adapter of the base SFT stage (`TrainingJob.sft`), and the preferences of
earlier rounds (`TrainingJob.earlier`)."""


@runtime_checkable
class Recipe(Protocol):
    """A way to train. `Config` holds its options with their defaults; unknown ones are refused."""

    name: str
    needs: Literal["examples", "pairs", "judged", "slates"]
    Config: type[BaseModel]

    def train(self, job: TrainingJob, config: Any) -> TrainedAdapter:
        """Train and save. Raises TrainingError, ModelError."""
        ...

    def extra_inputs(self, config: Any) -> frozenset[ExtraInput]:
        """What `train` reads with these options besides the job's rows and parent. The loop provides and records exactly these."""
        ...


@runtime_checkable
class PlansUpdates(Protocol):
    """Optional part of a Recipe: it says, without torch, how many updates a job will make."""

    def planned(self, job: TrainingJob, config: Any) -> int:
        """Updates that `train` makes of the job's rows. Its folders, adapters among them, need not exist and are not read.

        Raises:
            TrainingError: the job has no rows that `train` would take.
        """
        ...


@runtime_checkable
class ResolvesOptions(Protocol):
    """Optional part of a Recipe: options of which some come from the job."""

    def resolved(self, job: TrainingJob, config: Any) -> Any:
        """The options with which `train` runs, of the recipe's Config."""
        ...


Question = Literal["best", "ranking"]
"""feedback.question: the best card of a slate, or a rank for every card."""


def _usual_words() -> DomainSettings:
    from prefopt.domain import DomainSettings  # not above: pydantic takes a quarter of a second, and the help pages need none

    return DomainSettings()


@dataclass(frozen=True)
class FeedbackContext:
    """What a feedback source knows of the project."""

    project: Path
    name: str
    """Name of the collection for this round, e.g. "mathclass-001"; the same round always has the same."""
    taxonomy: Taxonomy
    overlap: int
    """Teachers wanted per slate; at first, where more are asked of single slates later."""
    asks_more: bool = False
    """Whether single slates may be shown to more teachers later (AsksMore)."""
    question: Question = "ranking"
    """What teachers are asked of a slate: its best card, or a rank for every card."""
    on_step: OnStep = field(default=ignore_steps, compare=False)
    domain: DomainSettings = field(default_factory=_usual_words)
    """Words in which teachers read."""
    card_fields: tuple[str, ...] = ()
    """What cards show of an answer besides label and reason: level, difficulty, concepts."""


class FeedbackSource(Protocol):
    """Where teachers rank slates. Built as Source(Config(...), FeedbackContext(...)); raises FeedbackError.

    A source may also have the methods of KnowsTeachers, NamesUncounted, ChecksItself, ExplainsAbsences, AsksMore, ClosesRounds and
    AcceptsAnswers.
    """

    name: ClassVar[str]
    Config: ClassVar[type[BaseModel]]

    def __init__(self, config: Any, context: FeedbackContext) -> None: ...

    def publish(self, slates: Sequence[Slate]) -> list[Receipt]:
        """Show the slates to the teachers; again with the same slates changes nothing. One receipt a slate, in order."""
        ...

    def collect(self, slates: Sequence[Slate], receipts: Sequence[Receipt]) -> list[Ranking]:
        """Every submitted judgment, exactly once per (slate, teacher), sorted by slate then teacher."""
        ...

    def progress(self, receipts: Sequence[Receipt]) -> Progress:
        """How far the teachers are: Progress.of the answers given so far."""
        ...


@runtime_checkable
class KnowsTeachers(Protocol):
    """Optional part of a FeedbackSource: it knows its teachers before they answer."""

    def teachers(self) -> list[str]:
        """User names of the teachers who may rank, sorted."""
        ...


@runtime_checkable
class NamesUncounted(Protocol):
    """Optional part of a FeedbackSource: it says what it found and does not count."""

    def read(self, slates: Sequence[Slate], receipts: Sequence[Receipt]) -> tuple[list[Ranking], list[Uncounted]]:
        """What collect() returns, and from the same reading what does not count."""
        ...


@runtime_checkable
class ChecksItself(Protocol):
    """Optional part of a FeedbackSource: it can say before a round whether it could publish now, for `prefopt check`."""

    def check(self) -> None:
        """Change nothing. Raises FeedbackError with what to do where slates could not be published now."""
        ...


AnswerKey = tuple[str, str]
"""(slate id, teacher)."""

Why = Literal["taken_back", "renamed", "account_deleted", "slate_deleted", "lost", "unknown"]
"""Why an answer that was read before is not in the source now: its teacher (or somebody else) took it back, the account has another name
and its answers are there under that name, the account or the slate was deleted, the source was put back to a state from before the answer,
or nothing says why. The first two no longer count; the others count as they were read."""


@dataclass(frozen=True)
class Absence:
    """What is known of an answer that is not there now."""

    why: Why
    at: datetime | None = None
    by: str = ""
    """Who took it away, where it was not its teacher; the new name of a renamed account."""
    certain: bool = True
    """Whether the source proves it."""


@dataclass(frozen=True)
class Held:
    """What was read of a source before."""

    answers: Sequence[Ranking] = ()
    """The last answer of each teacher to each slate, those that are kept although they are gone among them."""
    taken_back: Mapping[AnswerKey, Ranking] = field(default_factory=dict)
    """The last answer where it is certain that it was taken back."""
    absent: Mapping[AnswerKey, Absence] = field(default_factory=dict)
    """Of the answers: those that were not there at the last reading."""
    seen: Mapping[str, Any] = field(default_factory=dict)
    """What the source asked to keep then (SourceReading.seen)."""


@dataclass(frozen=True)
class SourceReading:
    """A source that was read with an eye on what was read before."""

    rankings: list[Ranking]
    """The answers that are there now, sorted by slate then teacher; without older versions of answers that are held."""
    uncounted: list[Uncounted]
    absent: Mapping[AnswerKey, Absence]
    """Why each answer is absent that was read before and is not in `rankings`."""
    deleted: tuple[str, ...] = ()
    """Ids of published slates that are no longer there."""
    older: bool = False
    """Whether the source is in an older state than what was read before, and that is to be said."""
    restored_at: datetime | None = None
    """When it was put back to that state, where it knows."""
    seen: Mapping[str, Any] = field(default_factory=dict)
    """JSON values to be passed back at the next reading."""


@runtime_checkable
class ExplainsAbsences(Protocol):
    """Optional part of a FeedbackSource: it tells an answer that was taken back from one that was lost. Of a source without it, a single
    answer that is gone counts as taken back, and all answers of a teacher together as those of a deleted account.
    """

    def read_after(self, slates: Sequence[Slate], receipts: Sequence[Receipt], held: Held) -> SourceReading:
        """What there is now, and why what was held is not there. A deleted slate costs only its own answers. Raises as collect."""
        ...


@runtime_checkable
class NamesGone(Protocol):
    """Optional part of a FeedbackSource whose answers count only while they are there, as those in files. Elsewhere an answer that was
    read once counts after its account was deleted.
    """

    def gone(self, teacher: str, count: int) -> Uncounted:
        """What to say of a teacher who had `count` answers when the source was read before, and has none now."""
        ...


@runtime_checkable
class AsksMore(Protocol):
    """Optional part of a FeedbackSource: it shows single slates to more teachers than the others, as overlap = "adaptive" needs."""

    def ask_more(
        self, slates: Sequence[Slate], receipts: Sequence[Receipt], answers: Sequence[Ranking], missing: Mapping[str, int]
    ) -> None:
        """Show slates to teachers who have not answered them until they have the answers that are `missing` (slate id -> number) besides
        those that count so far. No more are wanted of other slates, whatever was asked before. Raises as collect.
        """
        ...


@runtime_checkable
class ClosesRounds(Protocol):
    """Optional part of a FeedbackSource: it can refuse answers to a round that was collected, so that nobody gives one in vain."""

    def let_answer(self, receipts: Sequence[Receipt], allowed: bool) -> None:
        """Take answers to these slates from now on, or refuse them. Raises as collect."""
        ...


@runtime_checkable
class AcceptsAnswers(Protocol):
    """Optional part of a FeedbackSource: answers can be entered by a program, so that simulated teachers work with this source."""

    def enter_answers(
        self, slates: Sequence[Slate], receipts: Sequence[Receipt], answers: Mapping[str, Sequence[Ranking]]
    ) -> dict[str, list[Ranking]]:
        """Enter answers the way teachers do; an answer that a teacher has given already stays.

        Args:
            slates: the published slates.
            receipts: what publish() returned for them.
            answers: user name -> rankings by this teacher. Accounts that do not exist are created.

        Returns:
            User name -> the rankings that were entered by this call.

        Raises:
            FeedbackError: as collect.
        """
        ...


@dataclass(frozen=True)
class PublishedSlates:
    """A published round, as a program sees it that answers like teachers do."""

    round: int
    slates: Sequence[Slate]
    receipts: Sequence[Receipt]
    source: FeedbackSource
    """Opened for the collection that the slates were published in."""
    taxonomy: Taxonomy
    overlap: int
    """Teachers that a slate can want."""
    wanted: Callable[[Slate, Sequence[Ranking]], int]
    """How many answers, with those given, a slate wants."""
    question: Question = "ranking"
    """What teachers are asked of a slate."""


class Loop(Protocol):
    """What the command line offers to the commands of plug-ins, as `typer.Context.obj`. Everything it returns was verified."""

    def published(self, number: int | None) -> PublishedSlates:
        """The published slates of a round, or of the last one that was published. Raises ProjectError where there are none."""
        ...

    def note_simulation(self, number: int, rates: Mapping[str, Any]) -> None:
        """Keep for the report of a round how its simulated teachers err (rankings.simulation_rates). Raises pydantic.ValidationError."""
        ...
