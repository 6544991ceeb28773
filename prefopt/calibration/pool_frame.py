"""pool.json: the pool at the moment when a round drew its slates."""

from __future__ import annotations

from prefopt.grounds import Numbers


class PoolFrame(Numbers):
    """The problems that no earlier round had asked, as the adapter that made the slates saw them."""

    round: int
    """The round that drew; a branch shares the draw of another round."""
    problems: int
    asked: int
    """Slates drawn from them, without gold questions and repeats."""
    random: int
    """Of these, the random slice."""
    mean_confidence: float
    """Mean probability of the most probable label over all problems."""
    predicted: dict[str, int]
    """Label -> problems of which it is the most probable label; labels without one are left out."""
    cutoff: float | None
    """Largest gap of the two most probable labels among the slates chosen by gap; None where there are none."""
