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
from prefopt.io.disk import is_read_only


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


def damage_of(home: Path) -> str:
    """What is wrong with the database of a running server, in one line; empty if every row is what was written.

    A disk that takes no writes gives no warning: SQLite needs them to read the server's log, without which pages are of several moments.
    """
    database = home / "argilla.db"
    return digests.in_words(digests.inspect(database, at_rest=False)) if database.exists() and not is_read_only(home) else ""


def _refuse(home: Path, url: str) -> None:
    address = bundled.last_address(home)
    if address is None or same_machine(url) != same_machine(address.url):
        return
    if damage := damage_of(home):
        what = f"the database {home / 'argilla.db'} is damaged, so its answers cannot be trusted: {damage}"
        raise FeedbackError(what, hint=HOW_TO_REPAIR) from None
