"""Whether what the calibration promised still holds in use: what is counted, from which answers, and what an alarm does.

The tests are in prefopt.inuse. All of it is computed again from the records: at the start, and whenever a teacher's word changes it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from prefopt.inuse.eprocess import ErrorAudit, LabelShares
from prefopt.serve.journal import read_corrections, read_lifted, read_predictions
from prefopt.serve.records import Correction, ServedPrediction


class Watch:
    """The tests of one adapter. Any thread may call it.

    Args:
        folder: serve/ of the project.
        adapter: its id.
        agreed: calibrate.agreed_error.
        alpha: chance that a test ever raises a false alarm.
        expected: every label of the taxonomy, with how often it was answered on the hold-out; None where that is not known, and then the
            labels' shares are not tested.
    """

    def __init__(self, folder: Path, adapter: str, agreed: float, alpha: float, expected: Mapping[str, int] | None) -> None:
        self._folder, self.adapter, self._agreed, self._alpha = folder, adapter, agreed, alpha
        self._changing = threading.Lock()
        self._audited: dict[str, ServedPrediction] = {}
        self._words: dict[str, Correction] = {}
        self.labels = _shares(expected, alpha) if expected is not None else None
        for row in read_predictions(folder, holding=f'"adapter":"{adapter}"'.encode()):
            self._count(row)
        self.error = ErrorAudit(agreed, alpha)
        self.reread()

    @property
    def accepting(self) -> bool:
        """Whether confident answers are accepted: no alarm, or a person has lifted it since."""
        return not self.error.alarm

    def answered(self, rows: Iterable[ServedPrediction]) -> None:
        """Count answers that were given."""
        with self._changing:
            for row in rows:
                if row.adapter == self.adapter:
                    self._count(row)

    def corrected(self, word: Correction) -> None:
        """Count a teacher's word; the last one on an answer counts."""
        with self._changing:
            if word.prediction in self._audited:
                self._words[word.prediction] = word
                self.error = self._replayed()

    def reread(self) -> None:
        """Read the teachers' words again, and when acceptance was lifted."""
        with self._changing:
            for word in read_corrections(self._folder):
                if word.prediction in self._audited:
                    self._words[word.prediction] = word
            self.error = self._replayed()

    def _count(self, row: ServedPrediction) -> None:
        if row.audit and row.confident:
            self._audited[row.prediction] = row
        if self.labels is not None:
            self.labels.add(row.label)

    def _replayed(self) -> ErrorAudit:
        """The audit of the blind words on confident answers since acceptance was last lifted, in the order of the answers' first word."""
        since = max((row.at for row in read_lifted(self._folder) if row.adapter == self.adapter), default=None)
        found = ErrorAudit(self._agreed, self._alpha)
        for word in self._words.values():
            if not word.seen and (since is None or word.at > since):
                found.add(not word.right)
        return found


def _shares(expected: Mapping[str, int], alpha: float) -> LabelShares:
    held = sum(expected.values())
    return LabelShares({label: count / held for label, count in expected.items()}, alpha, counted=held)
