"""What the command line offers to the commands of plug-ins."""

from __future__ import annotations

from prefopt.protocols import PublishedSlates


class CommandLoop:
    """protocols.Loop for the project of the working directory. Everything is imported when it is asked for."""

    def published(self, number: int | None) -> PublishedSlates:
        """The published slates of a round, or of the last one that was published. Raises ProjectError where there are none."""
        from prefopt.project.project import open_project
        from prefopt.rounds.teachers import last_published, published_slates

        return published_slates(last_published(open_project(), number))
