"""An inference server that scores for `prefopt serve` and may be away: what clients get meanwhile, what is written down, and its return."""

from __future__ import annotations

from collections.abc import Sequence

from prefopt.errors import PrefoptError
from prefopt.io.stage_folders import now
from prefopt.serve.journal import Journal
from prefopt.serve.loaded import Loaded
from prefopt.serve.metrics import Metrics
from prefopt.serve.records import EngineEvent


class EngineState:
    """Whether the servers that score can be used. They cannot from the first failure until hold-out problems get their posteriors again.

    Args:
        journal: of the service; its engine.jsonl has every change.
        metrics: of the service.
    """

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        self._journal, self._metrics = journal, metrics
        self.fault = ""
        """Why they cannot be used; empty where they can."""

    def checked(self, loaded: Loaded, distance: float) -> None:
        """An adapter's posteriors were compared, at its start or take-over. Raises OSError where the disk refuses the record."""
        self._metrics.engine_up.set(1)
        self._journal.add_engine(_event("checked", loaded, distance=distance))

    def lost(self, loaded: Loaded, error: PrefoptError) -> str:
        """Servers failed; returns the words for clients."""
        if not self.fault:
            self.fault = f"the engine does not score: {error.message}"
            self._metrics.engine_up.set(0)
            try:
                self._journal.add_engine(_event("lost", loaded, why=error.message))
            except OSError as refused:
                self.fault += f" (not recorded: {refused})"
        return self.fault

    def try_again(self, active: Sequence[Loaded]) -> None:
        """Compare every adapter that answers.

        Raises:
            PrefoptError: the servers are still away, or compute other posteriors now.
            OSError: the disk refuses the record.
        """
        try:
            for loaded in active:
                if loaded.check is not None:
                    self._journal.add_engine(_event("back", loaded, distance=loaded.check.refuse_other(loaded)))
        except PrefoptError as error:
            self.fault = f"the engine does not score: {error.message}"
            raise
        self._metrics.engine_up.set(1)
        self.fault = ""


def _event(event: str, loaded: Loaded, *, why: str = "", distance: float | None = None) -> EngineEvent:
    return EngineEvent.model_validate(
        {
            "at": now(),
            "event": event,
            "engine": loaded.predictor.server,
            "adapter": loaded.policy.adapter_id,
            "round": loaded.round,
            "why": why,
            "distance": distance,
        }
    )
