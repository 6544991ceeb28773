# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""The owner's account of the bundled server: created once, with a generated password and key."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import snapshots
from argilla_server.contexts import accounts
from argilla_server.database import AsyncSessionLocal, async_engine
from argilla_server.models import User, UserRole

OWNER = "owner"


async def ensure_owner(home: Path) -> None:
    """Create the owner if the database has none, and write its key to owner-key.

    Its password is in accounts.json (mode 600 by umask) before the account exists: a start that is killed in between loses nothing, and the
    next one uses the same password.
    """
    async with AsyncSessionLocal() as db:
        user = await accounts.get_user_by_username(db, OWNER)
        if user is None:
            path = home / "accounts.json"
            known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            password = known.setdefault(OWNER, secrets.token_urlsafe(12))
            snapshots.replace(path, json.dumps(known, indent=2, ensure_ascii=False) + "\n")
            user = await User.create(
                db, first_name=OWNER, username=OWNER, role=UserRole.owner, password_hash=accounts.hash_password(password)
            )
        keep_key(home, user)
    await async_engine.dispose()  # its connections belong to this short event loop, not to uvicorn's


def keep_key(home: Path, user: User) -> None:
    """Write the owner's key to owner-key, where prefopt reads it; another account's key is not kept."""
    if user.username == OWNER:
        snapshots.replace(home / "owner-key", user.api_key)
