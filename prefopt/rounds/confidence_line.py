"""How far an adapter's confidence can be trusted, for one line of output: the two figures that the report shows as well."""

from __future__ import annotations

from prefopt.grounds import Estimate


def gap_in_line(gap: Estimate, known: bool = True) -> str:
    """Mean confidence minus accuracy with its interval; `known`: there are enough wrong and right answers for one."""
    between = f"[{gap.low:+.3f}, {gap.high:+.3f}]" if known else "[cannot tell]"
    return f"{gap.value:+.3f} {between}"


def smooth_in_line(value: float, chance: float) -> str:
    """Smooth ECE with the value that it stays below by chance."""
    return f"{value:.3f} (by chance up to {chance:.3f})"
