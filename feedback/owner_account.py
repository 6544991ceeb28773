"""The account with which the engineer signs in to the bundled server."""

from __future__ import annotations

from pathlib import Path

from feedback import bundled
from feedback.client import ArgillaClient, new_password
from prefopt.errors import FeedbackError


def owner_password(home: Path) -> str:
    """The owner's password, which the first start wrote to accounts.json. Raises FeedbackError if it is not there."""
    password = bundled.passwords(home).get(bundled.OWNER)
    if password is None:
        raise FeedbackError(
            f"the owner's password is not in {home / 'accounts.json'}",
            hint="prefopt argilla up, then `prefopt argilla owner --reset` if it is still not there",
        )
    return password


def reset_owner(home: Path) -> str:
    """Give the owner a new password, and store it. Raises FeedbackError if the server does not run."""
    address, key = bundled.last_address(home), bundled.owner_key(home)
    if bundled.running_pid(home) is None or address is None or key is None:
        raise FeedbackError("the Argilla server is not running", hint="prefopt argilla up, then the same command again")
    password = new_password()
    ArgillaClient(address.url, key=key).set_password(bundled.OWNER, password)
    bundled.remember_passwords(home, {bundled.OWNER: password})
    return password
