"""Whether what a bundled server gives out is what it was given."""

from __future__ import annotations

from pathlib import Path

from feedback import bundled
from feedback.client import same_machine
from feedback.server import digests
from prefopt.errors import FeedbackError


def refuse_damage(home: Path, url: str) -> None:
    """Compare every row of the bundled server's database with its digest; call it after the rows were read.

    Args:
        home: directory of the project's bundled server.
        url: of the server that was read; another one than the bundled server is not checked.

    Raises:
        FeedbackError: the database was damaged after it was written.
    """
    address, database = bundled.last_address(home), home / "argilla.db"
    if address is None or same_machine(url) != same_machine(address.url) or not database.exists():
        return
    if damages := digests.inspect(database, at_rest=False):
        raise FeedbackError(
            f"the database {database} is damaged, so its answers cannot be trusted: {digests.in_words(damages)}",
            hint="prefopt argilla down, then `prefopt argilla repair`   (says what it can put right, and asks)",
        )
