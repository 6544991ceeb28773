"""Posteriors against expert labels: accuracy, calibration, and the decision on the adapter. Without torch."""

from prefopt.calibration.decision import decide
from prefopt.calibration.evaluate import evaluate
from prefopt.calibration.result import Calibration

__all__ = ["Calibration", "decide", "evaluate"]
