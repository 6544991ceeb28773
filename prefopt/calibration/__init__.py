"""Posteriors against expert labels: how often right, how sure one may be, and what becomes of the adapter. No torch here."""

from prefopt.calibration.decision import decide
from prefopt.calibration.evaluate import evaluate
from prefopt.calibration.result import Calibration

__all__ = ["Calibration", "decide", "evaluate"]
