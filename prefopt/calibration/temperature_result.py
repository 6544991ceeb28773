"""The temperature of an adapter's posteriors, as stored in calibration.json."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from prefopt.grounds import Numbers


def _value(found: Any) -> Any:
    """The value of a figure that earlier versions stored with an interval, which did not cover as it said."""
    return found["value"] if isinstance(found, dict) and "value" in found else found


Figure = Annotated[float, BeforeValidator(_value)]
"""A number without an interval."""


class TemperatureScores(Numbers):
    """Scores of the judged problems."""

    ece: float
    ece_debiased: float
    log_loss: float
    brier: float


class Temperature(Numbers):
    """P(label)^(1/T), renormalized. T is fitted by log loss on all problems; it is judged by cross-fitting: each half of the problems with
    the temperature of the other, siblings in the same half."""

    value: float
    at_bound: bool
    """The fit reached its bounds: the problems do not determine T."""
    fitted_on: int
    judged_on: int
    halves: tuple[float, float] | None = None
    """Temperatures of the two halves; None in results of earlier versions, which fitted on one half and judged on the other."""
    before: TemperatureScores
    after: TemperatureScores
    log_loss_change: Figure
    """After minus before, on the judged problems. No interval covers it where few answers are wrong."""
    helps: bool
    """Either half has a lower log loss with the temperature of the other."""

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_version(cls, found: Any) -> Any:
        if isinstance(found, dict) and "helps" not in found and isinstance(change := found.get("log_loss_change"), dict):
            return {**found, "helps": change["high"] < 0}
        return found
