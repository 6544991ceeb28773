"""Krippendorff's alpha by the krippendorff package, from counts of values (Krippendorff 2004, Content analysis, chapter 11)."""

from __future__ import annotations

from typing import Literal

import krippendorff
import numpy as np
from numpy.typing import NDArray


def krippendorff_alpha(counts: NDArray[np.int64], level: Literal["nominal", "ordinal"]) -> float | None:
    """Alpha: at most 1, and 0 by chance. None where no unit has two values, or where all of them are one and the same.

    Args:
        counts: [U, V] how many teachers gave value v to unit u; units with fewer than two values do not count.
        level: "nominal" for names; "ordinal" where the columns are in the order of the values.
    """
    paired = counts[counts.sum(axis=1) >= 2]
    used = paired[:, paired.any(axis=0)]  # unused values change nothing, and the package's memory grows with U V^2
    return float(krippendorff.alpha(value_counts=used, level_of_measurement=level)) if used.shape[1] >= 2 else None
