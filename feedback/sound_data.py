"""Whether what a bundled server gives out is what it was given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from feedback import bundled
from feedback.backups import HOW_TO_REPAIR
from feedback.client import RefusedError, same_machine
from feedback.server import digests
from prefopt.errors import FeedbackError


@contextmanager
def refusing_damage(home: Path, url: str) -> Iterator[None]:
    """Compare every row of the bundled server's database with its digest after the body has read from the server, or was refused.

    Args:
        home: directory of the project's bundled server.
        url: of the server that is read; another one than the bundled server is not checked.

    Raises:
        FeedbackError: the database was damaged after it was written.
    """
    try:
        yield
    except RefusedError:
        _refuse(home, url)  # a damaged row can be one that the server cannot read
        raise
    _refuse(home, url)


def _refuse(home: Path, url: str) -> None:
    address, database = bundled.last_address(home), home / "argilla.db"
    if address is None or same_machine(url) != same_machine(address.url) or not database.exists():
        return
    if damages := digests.inspect(database, at_rest=False):
        raise FeedbackError(
            f"the database {database} is damaged, so its answers cannot be trusted: {digests.in_words(damages)}", hint=HOW_TO_REPAIR
        ) from None
