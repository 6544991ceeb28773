"""Results about reviewing, as stored in calibration.json: what may be accepted unread, and the label sets. Shares are in [0, 1]."""

from __future__ import annotations

from typing import Literal

from prefopt.grounds import Estimate, Numbers


class RiskPoint(Numbers):
    """If the most confident share `accepted_share` of the problems is accepted, the share `risk` of the accepted ones is wrong."""

    accepted_share: float
    threshold: float
    risk: float


NoAcceptance = Literal["too_few_problems", "confident_errors", "not_sure_yet"]
"""Why nothing can be accepted: even without any error this many problems would not be enough; the most confident answers are wrong more
often than agreed; they are not, but the problems are too few to be sure of it."""


class Acceptance(Numbers):
    """How many problems may be accepted without review at an agreed error rate; `threshold` is None where none can."""

    agreed_error: float
    guarantee: float
    """Probability over hold-outs that the true error of the accepted problems is at most the agreed rate."""
    threshold: float | None
    count: int
    share: float
    errors: int
    error_bound: float | None = None
    """Only in results of earlier versions."""
    cause: NoAcceptance | None = None
    """Why there is no threshold; None where there is one, and in results of earlier versions."""
    examined: int = 0
    """Most confident problems that came closest to acceptance, where there is no threshold."""
    examined_errors: int = 0
    """Wrong answers among them."""
    needed: int | None = None
    """Problems of the same kind that would do, among the most confident; None where more problems would not help."""
    look: int = 1
    """Which adapter of the project this is on this hold-out; the guarantee holds for all of them together."""


class ConformalGroup(Numbers):
    """One group of the taxonomy. Coverage and size are cross-fitted: each half is judged with the thresholds of the other."""

    group: str
    fitted_on: int
    judged_on: int
    threshold: float
    """A label of this group is in the set if its probability is at least this; from all problems."""
    set_coverage: Estimate | None
    """Share of the problems whose right label is in the set; None where there is no problem, or where a half of them is too few for a
    threshold that all of them together have."""
    mean_size: float | None


class Conformal(Numbers):
    """Sets of labels that contain the right one with probability `level` in every group, and always the most probable one."""

    level: float
    mean_size: float
    """Labels in a set, on average."""
    share_single: float
    """Share of the sets with exactly one label."""
    forced: int | None = None
    """Problems where no label reaches its threshold: their set is the most probable label alone. None in results of earlier versions, whose
    sets of such problems are empty."""
    groups: tuple[ConformalGroup, ...]
