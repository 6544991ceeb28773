# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""The owner's account of the bundled server: created once, with a generated password and key."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from argilla_server.contexts import accounts
from argilla_server.database import AsyncSessionLocal, async_engine
from argilla_server.models import User, UserRole

OWNER = "owner"


async def ensure_owner(home: Path) -> None:
    """Create the owner if the database has none; write its key to owner-key and its password to accounts.json (mode 600 by umask)."""
    async with AsyncSessionLocal() as db:
        user = await accounts.get_user_by_username(db, OWNER)
        if user is None:
            password = secrets.token_urlsafe(12)
            user = await User.create(
                db, first_name=OWNER, username=OWNER, role=UserRole.owner, password_hash=accounts.hash_password(password)
            )
            (home / "accounts.json").write_text(json.dumps({OWNER: password}, indent=2) + "\n")
        keep_key(home, user)
    await async_engine.dispose()  # its connections belong to this short event loop, not to uvicorn's


def keep_key(home: Path, user: User) -> None:
    """Write the owner's key to owner-key, where prefopt reads it; another account's key is not kept."""
    if user.username == OWNER:
        partial = home / "owner-key.partial"
        with partial.open("w") as file:
            file.write(user.api_key)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(home / "owner-key")
