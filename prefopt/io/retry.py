"""Repeated attempts with growing pauses. Which failures are worth another attempt is the caller's decision."""

from __future__ import annotations

import time
from collections.abc import Iterator


def attempts(count: int, first_wait: float) -> Iterator[int]:
    """Yield 1, 2, … count, with a pause before each number but the first.

    Leave the loop at the first success; at number == count, report the failure.

    Args:
        count: at least 1.
        first_wait: seconds before the second attempt; each later pause is twice as long.
    """
    for number in range(1, count + 1):
        if number > 1:
            time.sleep(first_wait * 2 ** (number - 2))
        yield number
