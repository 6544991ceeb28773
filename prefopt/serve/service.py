"""The service behind the doors of HTTP: answers with their records, teachers' words, and the adapter that answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from math import ceil

from prefopt.deploy.predictor import Prediction, Predictor
from prefopt.errors import DataError, ModelError, PrefoptError
from prefopt.inuse.assignment import Arm, unit_digest
from prefopt.inuse.records import SecondAnswer, running
from prefopt.io.openai_server import RefusedError
from prefopt.io.stage_folders import now
from prefopt.model.adapter_card import adapter_id
from prefopt.project.project import Project, Round
from prefopt.project.unknown_labels import why_unknown
from prefopt.records import Problem
from prefopt.serve.arms import Arms
from prefopt.serve.away import EngineState
from prefopt.serve.batching import Batcher, QueueFullError
from prefopt.serve.journal import FOLDER, Journal, find_prediction, find_second, read_corrections
from prefopt.serve.loaded import Key, Loaded, answers_on_holdout, key_of, load, self_check
from prefopt.serve.metrics import Metrics
from prefopt.serve.records import Correction, ServedPrediction, new_id, share_of
from prefopt.serve.watching import Held, Watch

LOADING = 5
"""Seconds after which to try again while the model is loading."""
AWAY = 5
"""The same while the servers that score are away."""
REMEMBERED = 10_000
"""Latest answers whose corrections need no file."""


class UnavailableError(Exception):
    """Nothing can be answered now; `seconds`: after which to try again."""

    def __init__(self, why: str, seconds: int) -> None:
        super().__init__(why)
        self.seconds = seconds


class NotRecordedError(Exception):
    """The disk refuses the record of an answer or of a word, so there is none."""


class UnknownPredictionError(Exception):
    """No answer has this id."""


@dataclass(frozen=True)
class Asked:
    """A problem and who asks."""

    problem: Problem
    client: str


class Service:
    """Answers problems with the adapter in use, and writes down what it answers. Any thread may call it.

    Args:
        project: served; its [serve] settings hold until the process ends.
        metrics: what is counted.
        engine: URLs of the servers that score, in place of serve.engine.
        engine_adapter: name of the first adapter there, in place of serve.engine_adapter.
    """

    def __init__(self, project: Project, metrics: Metrics, *, engine: str = "", engine_adapter: str = "") -> None:
        self.project, self.metrics, self.settings = project, metrics, project.config.serve
        self.journal = Journal(project.root / FOLDER)
        self._engine, self._engine_adapter = engine or self.settings.engine, engine_adapter or self.settings.engine_adapter
        self._named: Key | None = None  # the adapter that has this name
        self.engine = EngineState(self.journal, metrics)
        self.current: Loaded | None = None
        self.arms: Arms | None = None
        """The comparison that runs."""
        self._seconds: dict[str, SecondAnswer] = {}
        self.fault = "the model is loading"
        """Why it is not ready; empty where it is."""
        self.swap_fault = ""
        """Why the promoted adapter could not take over; empty where it did."""
        self._pace = 0.1  # seconds a problem, of the last batch
        self._latest: dict[str, ServedPrediction] = {}
        self._correcting = threading.Lock()
        self._said = {(word.prediction, word.by): word.label for word in read_corrections(self.journal.folder)}
        self.batcher: Batcher[Asked, ServedPrediction] = Batcher(
            self._answer,
            self._refuse,
            self._record,
            wait=self.settings.batch_ms / 1000,
            enough=project.config.posterior.batch_size,
            most=2 * project.config.posterior.batch_size,
            queue=self.settings.queue,
        )

    @property
    def loaded(self) -> Loaded:
        """The adapter that answers. Raises UnavailableError while it is loading."""
        if self.current is None:
            raise UnavailableError(self.fault, LOADING)
        return self.current

    @property
    def watch(self) -> Watch | None:
        """The tests of the adapter in use."""
        return None if self.current is None else self.current.watch

    @property
    def names(self) -> dict[str, str]:
        """Names of the labels; empty while the model is loading."""
        return {} if self.current is None else {label.id: label.name for label in self.current.predictor.taxonomy}

    @property
    def active(self) -> list[Loaded]:
        """The adapters that answer now."""
        return list(self.arms.loaded.values()) if self.arms is not None else [self.loaded]

    def predictor_of(self, rnd: Round) -> Predictor:
        """The adapter of a round, with the servers that score. Raises as Predictor.of."""
        predictor = Predictor.of(rnd, engine=self._engine)
        if self._engine_adapter:
            self._named = self._named or key_of(predictor)
            predictor.engine_adapter = self._engine_adapter if key_of(predictor) == self._named else ""
        return predictor

    @property
    def not_checked(self) -> list[str]:
        """What could not be compared when the adapters that answer were loaded, and why."""
        found = []
        for loaded in self.active:
            if loaded.not_compared:
                found.append(f"round {loaded.predictor.round.name} was not compared with its calibration: {loaded.not_compared}")
            if loaded.watch is not None and loaded.watch.labels is None:
                found.append(f"shares of the labels of round {loaded.predictor.round.name} are not watched: its hold-out cannot be read")
        return found

    def start(self, predictor: Predictor) -> None:
        """Load the adapter that answers first. Raises PrefoptError."""
        loaded = self.batcher.between(lambda: load(predictor)).result()
        try:
            loaded.check = check = self_check(predictor)
        except DataError as error:  # somebody is editing the problems, which answers do not need
            if predictor.server:
                raise
            loaded.not_compared = error.message
        else:
            self.compared(loaded, self.batcher.between(lambda: check.refuse_other(loaded)).result())
        loaded.watch = self.watch_of(predictor)
        self.fault = ""
        self.take_over(loaded)

    def compared(self, loaded: Loaded, difference: float) -> None:
        """Note how far an adapter is from what was judged. Raises OSError where the disk refuses the record of an engine."""
        self.metrics.self_check.set(difference)
        if loaded.policy.far is not None:
            self.engine.checked(loaded, difference)

    def take_over(self, loaded: Loaded) -> None:
        """Let an adapter answer from the next batch on."""
        self.current = loaded
        if loaded.watch is not None:
            loaded.watch.reread()
        self.metrics.round.set(loaded.round)
        self.refresh()

    def watch_of(self, predictor: Predictor) -> Watch:
        """The tests of an adapter; the audit alone where the problems it was judged on cannot be read."""
        try:
            held: Held | None = answers_on_holdout(predictor)
        except PrefoptError:
            held = None
        agreed = predictor.calibration.in_use.acceptance.agreed_error
        return Watch(self.journal.folder, adapter_id(predictor.adapter), agreed, predictor.round.config.decide.alpha, held)

    def ask(self, asked: Sequence[Asked]) -> Future[list[ServedPrediction]]:
        """An answer for each problem, in their order; the result may be NotRecordedError, ModelError or DataError.

        Raises:
            UnavailableError: the model is loading, or too many problems wait.
        """
        self.loaded  # noqa: B018  # raises while there is none
        if self.engine.fault:
            raise UnavailableError(self.engine.fault, AWAY)
        try:
            return self.batcher.submit(asked)
        except QueueFullError:
            seconds = max(1, ceil(self.batcher.waiting * self._pace))
            raise UnavailableError(f"{self.batcher.waiting} problems wait, and serve.queue is {self.settings.queue}", seconds) from None

    def correct(self, prediction: str, label: str | None, by: str, seen: bool | None) -> tuple[Correction, bool]:
        """Write down a teacher's word on an answer.

        Args:
            prediction: id of the answer.
            label: the right one; None where none is.
            by: who says so.
            seen: whether the teacher saw the answer; None: only where it is not an audited one.

        Returns:
            the word, and whether it is new: it is not where the same teacher said the same before.

        Raises:
            UnknownPredictionError: there is no such answer.
            DataError: the label is not in the taxonomy, or a record is damaged.
            NotRecordedError: the disk refuses it.
        """
        found = self._latest.get(prediction) or find_prediction(self.journal.folder, prediction)
        if found is None:
            raise UnknownPredictionError
        named = None if label is None else self._known(label)
        word = Correction(
            prediction=prediction,
            at=now(),
            label=named,
            by=by,
            seen=not (found.audit or self._is_compared(found)) if seen is None else seen,
            right=named == found.label,
        )
        with self._correcting:
            if (prediction, by) in self._said and self._said[prediction, by] == named:
                return word, False
            try:
                self.journal.add_correction(word)
            except OSError as error:
                raise NotRecordedError(str(error)) from error
            self._said[prediction, by] = named
        self.metrics.corrections.labels("confirmed" if word.right else "none_right" if named is None else "corrected").inc()
        for loaded in self.active:
            if loaded.watch is not None:
                loaded.watch.corrected(word)
        if found.audit:
            self.metrics.audits.labels("right" if word.right else "wrong").inc()
        self.refresh()
        return word, True

    def _is_compared(self, found: ServedPrediction) -> bool:
        """Whether teachers are asked blind about an answer because the other adapter of the comparison gave another one."""
        if found.comparison is None or (started := running(self.journal.folder)) is None or started.id != found.comparison:
            return False
        second = find_second(self.journal.folder, found.prediction)
        return second is not None and second.label != found.label

    def _known(self, label: str) -> str:
        taxonomy = self.loaded.predictor.taxonomy
        found = taxonomy.find(label)
        if found is None:
            raise DataError(f"label {label!r} is not in the taxonomy", hint=why_unknown(label, taxonomy).hint)
        return found.id

    def refresh(self) -> None:
        """Bring the gauges up to date."""
        self.metrics.ready.set(not (self.fault or self.engine.fault))
        self.metrics.queue.set(self.batcher.waiting)
        if self.watch is not None:
            self.metrics.accepting.set(self.watch.accepting)
            self.metrics.audit_e.set(self.watch.error.e)
            if self.watch.labels is not None:
                self.metrics.labels_e.set(self.watch.labels.e)
                self.metrics.labels_alarm.set(self.watch.labels.alarm)
            for name, found in self.watch.drift.items():
                self.metrics.drift_e.labels(name).set(found.e)
                self.metrics.drift_alarm.labels(name).set(found.alarm)

    def close(self) -> None:
        """Answer what waits, and end the model's thread."""
        self.batcher.close()

    def _answer(self, asked: Sequence[Asked]) -> list[ServedPrediction]:
        start, arms = time.perf_counter(), self.arms
        if arms is None:
            rows = self._answers_of(self.loaded, "a", asked, None)
        else:
            places = [arms.of(one.problem.text, one.client) for one in asked]
            by_place: dict[int, ServedPrediction] = {}
            for arm, loaded in arms.loaded.items():
                own = [i for i, place in enumerate(places) if place == arm]
                by_place |= dict(zip(own, self._answers_of(loaded, arm, [asked[i] for i in own], arms.started.id), strict=True))
            rows = [by_place[i] for i in range(len(asked))]
            if arms.started.mode == "paired":
                found = self._predict(arms.loaded[arms.other], asked)
                self._seconds |= {row.prediction: arms.second(row.prediction, other) for row, other in zip(rows, found, strict=True)}
        seconds = time.perf_counter() - start
        self._pace = seconds / len(asked)
        self.metrics.batch.observe(len(asked))
        self.metrics.model_seconds.inc(seconds)
        self.metrics.cost.inc(seconds * self.settings.price_per_hour / 3600)
        return rows

    def _predict(self, loaded: Loaded, asked: Sequence[Asked]) -> list[Prediction]:
        if not asked:
            return []
        if self.engine.fault:  # lost since these were taken
            raise UnavailableError(self.engine.fault, AWAY)
        loaded.use()
        renderer = loaded.policy.renderer
        self.metrics.tokens.inc(sum(len(renderer.prompt(one.problem, with_reason=False)) for one in asked))
        try:
            return loaded.predictor.predict([one.problem for one in asked])
        except ModelError as error:
            if loaded.policy.far is None or isinstance(error, RefusedError):  # a request that is refused says nothing of others
                raise
            raise UnavailableError(self.engine.lost(loaded, error), AWAY) from error

    def _answers_of(self, loaded: Loaded, arm: Arm, asked: Sequence[Asked], comparison: str | None) -> list[ServedPrediction]:
        accepting = loaded.watch is None or loaded.watch.accepting
        return [
            self._served(one, found, loaded.round, arm, accepting, comparison)
            for one, found in zip(asked, self._predict(loaded, asked), strict=True)
        ]

    def _served(self, asked: Asked, found: Prediction, number: int, arm: Arm, accepting: bool, comparison: str | None) -> ServedPrediction:
        name, text = new_id(), asked.problem.text
        confident = found.decision == "accept"
        return ServedPrediction(
            prediction=name,
            id=asked.problem.id,
            at=now(),
            client=asked.client,
            text=text if self.settings.keep_texts else None,
            text_sha256=unit_digest(text),
            label=found.label,
            name=found.name,
            probability=found.probability,
            confidence=found.confidence,
            set=found.set,
            decision="accept" if confident and accepting else "review",
            confident=confident,
            audit=share_of(name) < self.settings.audit_share,
            coverage=found.label_mass,
            adapter=found.adapter,
            round=number,
            arm=arm,
            comparison=comparison,
            classifier=found.classifier,
            engine=self.loaded.predictor.server,
        )

    def _refuse(self, asked: Sequence[Asked]) -> None:
        self.loaded.policy.refuse_long([one.problem for one in asked])

    def _record(self, rows: Sequence[ServedPrediction]) -> None:
        seconds = [self._seconds.pop(row.prediction) for row in rows if row.prediction in self._seconds]
        try:
            if seconds:
                self.journal.add_seconds(seconds)
            self.journal.add_predictions(rows)
        except OSError as error:
            raise NotRecordedError(str(error)) from error
        self._latest.update((row.prediction, row) for row in rows)
        while len(self._latest) > REMEMBERED:
            del self._latest[next(iter(self._latest))]
        for loaded in self.active:
            if loaded.watch is not None:
                loaded.watch.answered(rows)
        self.metrics.count(rows)
