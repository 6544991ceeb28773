"""How simulated teachers err, as `prefopt teachers simulate` records it for the report."""

from __future__ import annotations

from prefopt.records import Record


class SimulationRates(Record):
    """How simulated teachers err; shares in [0, 1]."""

    teachers: int
    error_rate: float
    """Of a judgment; it rises by `fatigue` to the last slate."""
    fatigue: float
    label_error: float
    """Of the name of a label that no card shows."""
    shared_error: float
    """Of the slates on which all teachers make the same error."""
    position_bias: float
    """Of the slates on which a teacher who is unsure takes the first card."""
    disagreement: float
    discard_rate: float
    copycats: int
    """Teachers who mostly give the model's own order."""
    seed: int
