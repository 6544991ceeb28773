"""The contents of a report. The report stage gathers them; nothing here reads a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from prefopt.calibration.fitness_result import Fitness
from prefopt.calibration.gold_error import GoldEffect
from prefopt.calibration.pool_estimate import PoolAccuracy, PoolShift
from prefopt.calibration.result import Calibration
from prefopt.calibration.wordings import Wordings
from prefopt.errors import CalibrationError
from prefopt.grounds import ComparedInUse, Estimate
from prefopt.project.audit import Opening
from prefopt.rankings.label_skew import OneLabel, SkewedLabel
from prefopt.rankings.rationales import RationaleQuality
from prefopt.rankings.simulation_rates import SimulationRates
from prefopt.rankings.summary import TeachersSummary
from prefopt.records import Decision, Outcome
from prefopt.taxonomy import Taxonomy


@dataclass(frozen=True)
class Overruling:
    """A person's decision, which overrules the rule's."""

    outcome: Outcome
    because: str
    day: str
    """ISO date, UTC."""
    ground: ComparedInUse | None = None
    """The comparison in use on which it rests."""


@dataclass(frozen=True)
class HistoryRow:
    """One round and its decision."""

    round: int
    recipe: str
    parent: int | None
    """Round of the parent adapter; None for the first."""
    calibration: Calibration
    decision: Decision
    """By the written rule."""
    overruled: Overruling | None = None

    @property
    def outcome(self) -> Outcome:
        """The decision in effect: a person's where there is one."""
        return self.overruled.outcome if self.overruled else self.decision.outcome


@dataclass(frozen=True)
class CollectedAnswers:
    """How the round's answers were collected, where there is something to say."""

    from_answers: str | None = None
    """When the feedback source was last read, in UTC, where the answers are those of answers.jsonl; None where it was asked."""
    withdrawn: int = 0
    """Answers that were taken back; they do not count."""
    kept: int = 0
    """Answers that count although the feedback source no longer had them."""
    deleted_slates: int = 0
    """Slates that the feedback source no longer had."""
    older_source: bool = False
    """The feedback source was in an older state than one that was read before."""
    comments_cut: int = 0
    """Comments of which only the beginning is kept."""


@dataclass(frozen=True)
class FeedbackSummary:
    """The teachers' feedback of this round, and the preferences it gave."""

    slates: int
    rankings: int
    teachers: int
    simulated: bool
    """The teachers were programs. The page states it wherever their work is shown."""
    pairs: int
    judged: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Slates that gave no preference, by cause (records.Dropped.cause)."""
    agreement: float | None = None
    """Agreement between teachers on the same slates, at most 1 (Krippendorff's alpha); None where no slate had two teachers."""
    same_label: float | None = None
    """Share of the pairs of teachers on one slate that choose the same label; None as above."""
    compared_slates: int = 0
    """Slates behind the agreement."""
    reasons: RationaleQuality | None = None
    """Of the cards that the teachers saw; None where no card had a reason."""
    median_seconds: float | None = None
    """Median time on a slate; None where it is known for fewer than half of the answers."""
    summary: TeachersSummary | None = None
    """Agreement and reliability of the teachers, one by one and together."""
    simulation: SimulationRates | None = None
    """How simulated teachers err, where it was recorded."""
    collected: CollectedAnswers = field(default_factory=CollectedAnswers)


@dataclass(frozen=True)
class TrainingFacts:
    """How much the round's adapter was trained."""

    examples: int
    """Rows."""
    updates: int
    """Of its weights."""
    planned: int | None
    """Updates planned; None in rounds of earlier versions, and where the recipe does not say."""


@dataclass(frozen=True)
class StageCost:
    """Time that one stage of the round took."""

    stage: str
    seconds: float
    machine: str


@dataclass(frozen=True)
class Disputed:
    """A hold-out problem on which adapter and expert disagree: one of them is wrong, and a person should review it."""

    problem_id: str
    gold: str
    predicted: str
    confidence: float
    """Probability of the adapter's label."""
    of_gold: float
    """Probability that the adapter gives to the expert's label."""


@dataclass(frozen=True)
class Effort:
    """What people gave."""

    teachers: int
    answers: int
    seconds: float | None
    """Of work, at the median time of an answer; None where the time of fewer than half of the answers is known."""


@dataclass(frozen=True)
class Moved:
    """A hold-out problem whose answer changed between right and wrong; in round 000 one that is right or wrong."""

    problem_id: str
    gold: str
    predicted: str
    before: str
    """The parent's answer; empty in round 000."""
    confidence: float


@dataclass(frozen=True)
class Moves:
    """What the round changed in the answers of the adapter alone, the most confident first."""

    parent: int | None
    """None in round 000: nothing is compared."""
    right: tuple[Moved, ...]
    """Right now, and wrong before where there is a parent."""
    wrong: tuple[Moved, ...]


@dataclass(frozen=True)
class Warnings:
    """What is odd about the round's labels."""

    skewed: SkewedLabel | None = None
    one_label: tuple[OneLabel, ...] = ()
    left_out: int = 0
    """Answers of the teachers of `one_label` that do not count."""
    training: str = ""
    """What the recipe warned of, in English, as in metrics.jsonl."""


@dataclass(frozen=True)
class LeadSection:
    """What the first two pages show besides the figures."""

    fitness: Fitness
    goal: float
    """goals.min_accuracy; 0 for none."""
    day: str
    """ISO date, UTC, on which the round was judged."""
    labeled: int
    """Labeled problems to learn from."""
    moves: Moves
    effort: Effort | None = None
    """Of the teachers in this round; None for the base SFT stage."""
    effort_so_far: Effort | None = None
    """In all rounds up to this one."""


@dataclass(frozen=True)
class PoolSection:
    """What the slates of a round say of the pool."""

    parent: int
    """Round of the adapter that is judged: the one that made the slates."""
    accuracy: PoolAccuracy | None
    missing: Literal["", "no_record", "no_random", "too_few"] = ""
    """Why there is no accuracy."""
    shift: PoolShift | None = None
    shift_missing: Literal["", "no_record", "pool_changed", "no_problems"] = ""
    """Why there is no shift, where there is an accuracy."""


@dataclass(frozen=True)
class SchoolSection:
    """What the figures mean for the school's own problems."""

    wordings: Wordings
    pool: PoolSection | None
    """None for the base SFT stage, which asks no teacher."""
    gold: GoldEffect | None
    """None where the error of the expert labels is neither stated nor estimated."""


@dataclass(frozen=True)
class LedgerRow:
    """One use of the hold-out for a decision."""

    kind: Literal["rule", "person", "comparison"]
    round: int
    day: str
    """ISO date, UTC; empty for a look of the rule that has a level: they are in the order of the rounds."""
    outcome: Outcome | None = None
    level: float | None = None
    """What the rule's look spent of its chance of a false promotion."""
    passed: bool | None = None
    """The rule's test was passed, whatever else held the adapter."""
    other: int | None = None
    """The round that was compared with."""
    replaced: bool = False
    """The round was replaced by `prefopt sft --again`."""


@dataclass(frozen=True)
class Ledger:
    """Every use of the hold-out, and what the choices made on it do to the accuracy of the adapter in use."""

    rows: tuple[LedgerRow, ...]
    alpha: float | None
    """Chance of a false promotion over all looks of the rule; None before the first."""
    left: float | None
    """Of it, for all later looks."""
    groups_for_next: int | None
    in_use: int | None
    """Round of the adapter in use; None where there is none."""
    plain: Estimate | None = None
    """Its accuracy on the problems that all adapters of the chain were judged on."""
    corrected: Estimate | None = None
    """The same without the optimism of having been chosen on them; None where the chain cannot be replayed."""
    missing: Literal["", "no_adapter", "by_person", "earlier_version", "removed_round", "few_problems"] = ""
    """Why it cannot."""
    sealed: int = 0
    """Problems of data.audit, which nobody has scored unless they were opened."""
    openings: tuple[Opening, ...] = ()
    """Of the audit, oldest first."""


@dataclass(frozen=True)
class ReportContents:
    """Everything that a report shows.

    Raises:
        CalibrationError: the last row of the history is not this round, or rounds repeat or go backwards.
    """

    project: str
    language: Literal["ko", "en"]
    """The language in which the report opens; it has both."""
    round: int
    recipe: str
    taxonomy: Taxonomy
    history: tuple[HistoryRow, ...]
    """Up to and including this round, oldest first."""
    feedback: FeedbackSummary | None = None
    """None for the base SFT stage."""
    examples: Mapping[str, str] = field(default_factory=dict)
    """Problem id -> text, at least for the examples of the confusions."""
    provenance: Mapping[str, str] = field(default_factory=dict)
    """Adapter and parent id, base fingerprint, versions, seed, hashes of the data."""
    costs: tuple[StageCost, ...] = ()
    """Of the round's stages before the report, in order."""
    disputed: tuple[Disputed, ...] = ()
    """Most confident answers of the adapter first; their texts are in `examples`."""
    in_use: int | None = None
    """Round of the adapter in use when the report is written; None where there is none."""
    school: SchoolSection | None = None
    ledger: Ledger | None = None
    training: TrainingFacts | None = None
    """None where the round's training was not recorded."""
    lead: LeadSection | None = None
    """None where too few of the judged problems are still in the hold-out."""
    warnings: Warnings = field(default_factory=Warnings)
    families: Mapping[str, str] = field(default_factory=dict)
    """Problem id -> family, for the problems in `examples`: of one family, lists show one problem."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Kind of finding -> problems of the pool that no teacher should see, which the round did not ask about."""

    def __post_init__(self) -> None:
        rounds = [row.round for row in self.history]
        if not rounds or rounds[-1] != self.round or rounds != sorted(set(rounds)):
            raise CalibrationError(f"the history of a report on round {self.round} has rounds {rounds}; it must end with this round")

    @property
    def current(self) -> HistoryRow:
        """The round of this report."""
        return self.history[-1]
