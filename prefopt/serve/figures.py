"""What the records of serve/ say of the adapter in use, next to what the hold-out promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from prefopt.deploy.predictor import Prediction, Predictor
from prefopt.errors import ProjectError
from prefopt.inuse.eprocess import FIRST_LOOK
from prefopt.model.adapter_card import adapter_id
from prefopt.project.project import Project
from prefopt.records import Record
from prefopt.rounds.promotion import promoted_round
from prefopt.serve.journal import FOLDER, day_of, read_corrections, read_predictions
from prefopt.serve.loaded import predicted_holdout
from prefopt.serve.records import Correction, ServedPrediction
from prefopt.serve.watching import Held, Watch

SHOWN = 10
"""Labels that are listed, those first whose share differs most."""


class Span(Record):
    """Answers of one day, or of the hold-out. Shares and means are None where there are none."""

    answers: int
    review: float | None
    """Share that goes to review."""
    confidence: float | None
    coverage: float | None
    set_size: float | None
    confirmed: int = 0
    corrected: int = 0
    none_right: int = 0


class Day(Record):
    """A day in UTC."""

    day: str
    span: Span


class LabelShare(Record):
    """How often a label is the answer."""

    label: str
    name: str
    holdout: float
    use: float


class Drifted(Record):
    """Whether a number of the answers is that of the hold-out."""

    of: Literal["confidence", "coverage", "set_size"]
    e: float
    alarm: bool


class InUse(Record):
    """All figures of the report."""

    project: str
    round: int
    adapter: str
    first: str
    """Day of its first answer, YYYYMMDD."""
    last: str
    all: Span
    holdout: Span
    days: tuple[Day, ...]
    agreed_error: float
    alpha: float
    audits: int
    wrong: int
    audit_e: float
    accepting: bool
    labels_e: float
    labels_alarm: bool
    labels: tuple[LabelShare, ...]
    drift: tuple[Drifted, ...]

    @property
    def has_changed(self) -> bool:
        """Whether the answers differ from those on the hold-out."""
        return self.labels_alarm or any(found.alarm for found in self.drift)

    @property
    def is_early(self) -> bool:
        """Whether nothing has been judged yet: no audit, and fewer answers than the first look at the labels needs."""
        return not self.audits and self.all.answers < FIRST_LOOK


def in_use(project: Project) -> InUse:
    """The figures of the adapter in use.

    Raises:
        ProjectError: no adapter is in use, or it has answered nothing yet.
        DataError: a record or the file of the hold-out is damaged.
        CalibrationError: as Predictor.of, or the hold-out's problems are gone.
    """
    predictor = Predictor.of(promoted_round(project))
    folder, adapter = project.root / FOLDER, adapter_id(predictor.adapter)
    rows = list(read_predictions(folder, holding=f'"adapter":"{adapter}"'.encode())) if folder.is_dir() else []
    if not rows:
        raise ProjectError(f"the adapter of round {predictor.round.name} has answered nothing yet", hint="prefopt serve")
    held = predicted_holdout(predictor)
    accepted = predictor.calibration.in_use.acceptance
    alpha = predictor.round.config.decide.alpha
    watch = Watch(folder, adapter, accepted.agreed_error, alpha, Held.of(held, predictor.taxonomy.ids))
    words = {(word.prediction, word.by): word for word in read_corrections(folder)}.values()
    said = {day: [word for word in words if day_of(word.prediction) == day] for day in sorted({day_of(row.prediction) for row in rows})}
    own = {row.prediction for row in rows}
    days = tuple(
        Day(day=day, span=_span([row for row in rows if day_of(row.prediction) == day], [w for w in of if w.prediction in own]))
        for day, of in said.items()
    )
    return InUse(
        project=project.config.project.name,
        round=predictor.round.number,
        adapter=adapter,
        first=days[0].day,
        last=days[-1].day,
        all=_span(rows, [word for word in words if word.prediction in own]),
        holdout=_span(held, []),
        days=days,
        agreed_error=accepted.agreed_error,
        alpha=alpha,
        audits=watch.error.count,
        wrong=watch.error.wrong,
        audit_e=watch.error.e,
        accepting=watch.accepting,
        labels_e=watch.labels.e if watch.labels else 0.0,
        labels_alarm=watch.labels is not None and watch.labels.alarm,
        labels=_labels(rows, held, predictor),
        drift=tuple(Drifted(of=name, e=found.e, alarm=found.alarm) for name, found in watch.drift.items()),  # type: ignore[arg-type]  # WATCHED
    )


def _span(rows: Sequence[ServedPrediction | Prediction], words: Sequence[Correction]) -> Span:
    right = sum(word.right for word in words)
    none = sum(word.label is None for word in words)
    return Span(
        answers=len(rows),
        review=fmean(row.decision == "review" for row in rows) if rows else None,
        confidence=fmean(row.confidence for row in rows) if rows else None,
        coverage=fmean(row.coverage if isinstance(row, ServedPrediction) else row.label_mass for row in rows) if rows else None,
        set_size=fmean(len(row.set) for row in rows) if rows else None,
        confirmed=right,
        corrected=len(words) - right - none,
        none_right=none,
    )


def _labels(rows: Sequence[ServedPrediction], held: Sequence[Prediction], predictor: Predictor) -> tuple[LabelShare, ...]:
    use, expected = Counter(row.label for row in rows), Counter(row.label for row in held)
    shares = {label: (expected[label] / len(held), use[label] / len(rows)) for label in (use.keys() | expected.keys())}
    order = sorted(shares, key=lambda label: (-abs(shares[label][1] - shares[label][0]), label))[:SHOWN]
    names = {label.id: label.name for label in predictor.taxonomy}
    return tuple(LabelShare(label=x, name=names.get(x, ""), holdout=shares[x][0], use=shares[x][1]) for x in order)
