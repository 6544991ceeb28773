"""What the command line offers to the commands of plug-ins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefopt.protocols import PublishedSlates


class CommandLoop:
    """protocols.Loop for the project of the working directory. Everything is imported when it is asked for."""

    def published(self, number: int | None) -> PublishedSlates:
        """The published slates of a round, or of the last one that was published. Raises ProjectError where there are none."""
        from prefopt.project.project import open_project
        from prefopt.rounds.teachers import last_published, published_slates

        return published_slates(last_published(open_project(), number))

    def note_simulation(self, number: int, rates: Mapping[str, Any]) -> None:
        """Keep for the report of a round how its simulated teachers err."""
        from prefopt.project.project import open_project
        from prefopt.rounds.simulation import record_simulation

        record_simulation(open_project().round(number), rates)
