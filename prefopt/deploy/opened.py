"""A project from Python: its rounds, their stages and numbers, what was predicted and ranked, as typed rows and as data frames.

import prefopt

project = prefopt.open("mathclass")
for rnd in project.rounds:
    print(rnd.number, rnd.summary.accuracy, rnd.summary.outcome)
frame = project.rounds[0].predictions.to_pandas()

Everything that is read is compared with what its stage wrote, as the commands do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from prefopt.calibration.posteriors import StoredPosteriors
from prefopt.calibration.result import Calibration
from prefopt.deploy.predictor import Prediction, Predictor
from prefopt.errors import ProjectError
from prefopt.project.project import Project, Round, open_project
from prefopt.records import Decision, Outcome, Problem, Ranking, Record, Slate
from prefopt.rounds.artifacts import CALIBRATION, DECISION, POSTERIORS, RANKINGS, REPORT, SLATES
from prefopt.rounds.promotion import promotions
from prefopt.rounds.reading import is_done, locate, read
from prefopt.rounds.states import is_finished, round_status

if TYPE_CHECKING:
    import pandas

R = TypeVar("R", bound=Record)


class Rows(Sequence[R], Generic[R]):
    """Typed rows, all of one kind; a sequence that can be made a data frame."""

    def __init__(self, rows: Iterable[R]) -> None:
        self._rows = tuple(rows)

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> Rows[R]: ...
    def __getitem__(self, index: int | slice) -> R | Rows[R]:
        return Rows(self._rows[index]) if isinstance(index, slice) else self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<{len(self)} rows of {type(self._rows[0]).__name__}>" if self._rows else "<no rows>"

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame with a column for each field; lists, tuples and records in a field stay values of its cells.

        Raises:
            ProjectError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError:
            raise ProjectError("data frames need pandas, which is not installed", hint="pip install pandas") from None
        return pandas.DataFrame([{name: getattr(row, name) for name in type(row).model_fields} for row in self._rows])


class RoundSummary(Record):
    """A round in one row, as `prefopt round list` prints it. Numbers are None before its calibration."""

    round: int
    recipe: str
    parent: int | None
    """Number of the round whose adapter it started from."""
    branch_of: int | None
    """Number of the round whose first stages it links."""
    accuracy: float | None
    """Share of the hold-out that is right, with its interval at `calibrate.confidence`."""
    accuracy_low: float | None
    accuracy_high: float | None
    brier: float | None
    """Mean Brier score, from 0 to 2; lower is better."""
    outcome: Outcome | None
    """The latest decision, by the rule or by a person."""
    in_use: bool
    """Whether predictions come from its adapter."""
    finished: bool


class StageSummary(Record):
    """A stage of a round."""

    name: str
    state: str
    """done, ready, waiting, partial, broken or later."""
    seconds: float | None
    """How long it took; None before it is done."""
    what: str
    """What it did, or what is the matter, in a sentence."""


class HoldoutPrediction(Record):
    """The answer of a round's adapter to a held-out problem. Only the id of the problem: its text is in the project's files."""

    id: str
    family: str
    """Problems of one family are near-copies, and count as one in every interval."""
    gold: str
    """The expert's label."""
    label: str
    """The most probable label."""
    probability: float
    """Of the label, as the adapter gives it."""
    gold_probability: float
    """Of the expert's label."""
    right: bool


@dataclass(frozen=True)
class OpenRound:
    """A round, read only. What is read is kept; open the project again to see what has changed."""

    round: Round

    @property
    def number(self) -> int:
        """0 for the SFT stage, then 1, 2, 3 …"""
        return self.round.number

    @cached_property
    def summary(self) -> RoundSummary:
        """The round in one row."""
        known = promotions(self.round.project)
        found = read(self.round, CALIBRATION) if is_done(self.round, CALIBRATION.stage) else None
        return RoundSummary(
            round=self.number,
            recipe=self.round.recipe,
            parent=self.round.parent.number if self.round.parent else None,
            branch_of=self.round.start.get("branch_of"),
            accuracy=found.accuracy.value if found else None,
            accuracy_low=found.accuracy.low if found else None,
            accuracy_high=found.accuracy.high if found else None,
            brier=found.brier.value if found else None,
            outcome=known.outcome(self.number),
            in_use=known.promoted == self.number,
            finished=is_finished(self.round),
        )

    @cached_property
    def stages(self) -> Rows[StageSummary]:
        """All stages in their order. Does not ask the feedback source."""
        return Rows(
            StageSummary(name=s.name, state=s.state.value, seconds=s.seconds, what=s.detail or (s.outcome.line() if s.outcome else ""))
            for s in round_status(self.round)
        )

    @cached_property
    def calibration(self) -> Calibration:
        """All numbers of the evaluation. Raises ProjectError before the stage is done, or where its file was changed."""
        return read(self.round, CALIBRATION)

    @cached_property
    def decision(self) -> Decision:
        """The rule's decision with its grounds. Raises as calibration."""
        return read(self.round, DECISION)

    @cached_property
    def posteriors(self) -> StoredPosteriors:
        """Log-probabilities of every label for every held-out problem. Raises as calibration."""
        return read(self.round, POSTERIORS)

    @cached_property
    def predictions(self) -> Rows[HoldoutPrediction]:
        """The adapter's answer to every held-out problem. Raises as calibration."""
        import numpy as np

        found = self.posteriors
        probs, families = np.exp(found.log_probs), found.groups or found.problem_ids
        best = probs.argmax(axis=1)
        return Rows(
            HoldoutPrediction(
                id=name,
                family=families[i],
                gold=found.labels[found.gold[i]],
                label=found.labels[best[i]],
                probability=float(probs[i, best[i]]),
                gold_probability=float(probs[i, found.gold[i]]),
                right=bool(best[i] == found.gold[i]),
            )
            for i, name in enumerate(found.problem_ids)
        )

    @cached_property
    def slates(self) -> Rows[Slate]:
        """What teachers were asked. Raises as calibration; round 000 has none."""
        found: list[Slate] = read(self.round, SLATES)
        return Rows(found)

    @cached_property
    def rankings(self) -> Rows[Ranking]:
        """What teachers answered, as it was collected. Raises as calibration; round 000 has none."""
        found: list[Ranking] = read(self.round, RANKINGS)
        return Rows(found)

    @cached_property
    def report(self) -> Path:
        """Path of the report. Raises as calibration."""
        return locate(self.round, REPORT)


@dataclass(frozen=True)
class OpenProject:
    """A project, read only."""

    project: Project

    @cached_property
    def rounds(self) -> tuple[OpenRound, ...]:
        """All rounds that were started, oldest first."""
        return tuple(OpenRound(rnd) for rnd in self.project.rounds())

    def round(self, number: int) -> OpenRound:
        """One round. Raises ProjectError where it was not started."""
        return OpenRound(self.project.round(number))

    @cached_property
    def summary(self) -> Rows[RoundSummary]:
        """All rounds, one a row."""
        return Rows(rnd.summary for rnd in self.rounds)

    @property
    def in_use(self) -> OpenRound | None:
        """The round whose adapter is in use; None where none is."""
        number = promotions(self.project).promoted
        return None if number is None else self.round(number)

    @cached_property
    def predictor(self) -> Predictor:
        """The adapter in use, which is loaded at the first prediction. Raises ProjectError where none is."""
        return Predictor.open(self.project.root)

    def predict(self, problems: Sequence[Problem] | Sequence[str], **options: Any) -> Rows[Prediction]:
        """Classify problems, or texts, which then get the ids "1", "2", "3" …

        Args:
            problems: all problems, or all texts.
            options: of Predictor.predict.

        Raises:
            ProjectError: no adapter is in use.
            ModelError: see Predictor.predict.
        """
        given: list[Problem | str] = list(problems)
        asked: list[Problem] = []
        for number, each in enumerate(given, 1):
            asked.append(Problem(id=str(number), text=each) if isinstance(each, str) else each)
        return Rows(self.predictor.predict(asked, **options))


def open(folder: str | Path = ".") -> OpenProject:
    """Open a project to read it from Python.

    Args:
        folder: that of prefopt.toml.

    Raises:
        ConfigError, ProjectError: there is no prefopt.toml in it, or it has a fault.
    """
    return OpenProject(open_project(Path(folder)))
