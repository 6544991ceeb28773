"""The stages of a round, one file each. A stage reads only what lies to its left and writes only its own folder.

Each module has NAME, inputs(round) -> the files it reads, and run(context) -> small facts for status lines and the report. A module may
have KEEP (names in the unfinished folder that a resumed run needs) and waiting(context) -> why people are needed, or None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefopt.project.project import Round
from prefopt.protocols import OnStep, ignore_steps

Facts = dict[str, Any]


@dataclass(frozen=True)
class StageContext:
    """What a stage gets: its round, the unfinished folder to write into, and where to report progress."""

    round: Round
    out: Path
    on_step: OnStep = field(default=ignore_steps, compare=False)
    collect_now: bool = False
    """Take the rankings that are there, though not all slates are complete."""


Inputs = Callable[[Round], dict[str, Path]]
