# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""Signing in: passwords are checked in threads of their own, failures are limited, and a session ends with its password.

argilla-server 2.8.0 hashes in the event loop (a quarter of a second in which nobody else is served), sets no limit, and its tokens and API
keys outlive a change of the password. Here a token carries a digest of the account's hash and key, so that a change of either ends it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path

import bcrypt
import owner
from argilla_server.contexts import accounts
from argilla_server.database import AsyncSessionLocal
from argilla_server.errors import UnauthorizedError
from argilla_server.models import User
from argilla_server.models.database import generate_user_api_key
from argilla_server.security.authentication import JWT, UserInfo
from argilla_server.security.authentication.db import BearerTokenAuthenticationBackend
from argilla_server.security.settings import settings
from fastapi import HTTPException
from sign_in_limits import Limits, network
from sqlalchemy import select, update
from starlette.authentication import AuthCredentials

GENERATED = re.compile(r"(?:[a-km-np-z2-9]{4}-){2}[a-km-np-z2-9]{4}")
"""Passwords as prefopt makes them for teachers: 60 random bits."""
ROUNDS_GENERATED, ROUNDS_CHOSEN = 8, 12
"""Cost of a hash, as a power of two. Slow hashes protect passwords that people choose; 2^60 random ones cannot be tried at any cost: at
20,000 a second, which a graphics card reaches at 2^8, that takes a million years. So a class signs in within a second."""
THREADS = 2
MOST_WAITING = 100
"""Passwords that wait for a thread; further attempts are asked to come again."""
LEAST_SECONDS = 0.5
"""A failure takes at least so long, whatever it was: its time does not tell whether there is such an account."""

client_address: ContextVar[str] = ContextVar("client_address", default="")
"""Address of the client whose request is served; set by gate.py."""
ended: dict[str, float] = {}
"""Digest of a token whose session was ended by signing out -> when the token expires (Unix time)."""

_limits = Limits()
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
_waiting = 0


def install(home: Path) -> None:
    """Replace the functions of argilla-server that deal with passwords, tokens and keys."""
    _home.append(home)
    accounts.hash_password = hash_password
    accounts._DUMMY_HASH = _NOBODYS
    accounts.authenticate_user = authenticate_user
    accounts.update_user = update_user
    accounts.delete_workspace_user = delete_workspace_user
    accounts.generate_user_token = generate_user_token
    BearerTokenAuthenticationBackend.authenticate = authenticate_token


def hash_password(password: str) -> str:
    """A bcrypt hash, at the cost that suits the password."""
    rounds = ROUNDS_GENERATED if GENERATED.fullmatch(password) else ROUNDS_CHOSEN
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds)).decode()


async def authenticate_user(db, username: str, password: str):
    """The user whose name and password these are; None for a wrong one.

    Raises:
        HTTPException: 429 with Retry-After, after too many failures.
    """
    begun, address = time.monotonic(), network(client_address.get())
    known = await _stored_hash(username)
    checked, wait = _limits.begin(username[:200], address, exists=known is not None)
    if checked and await _is_right(username, password, known, address):
        _limits.succeeded(username[:200], address)
        return await accounts.get_user_by_username(db, username)
    await asyncio.sleep(max(0.0, LEAST_SECONDS - (time.monotonic() - begun)))
    if wait:
        raise _too_many(wait)
    return None


async def _is_right(username: str, password: str, known: str | None, address: str) -> bool:
    global _waiting
    if _waiting >= MOST_WAITING:
        _limits.abandoned(username[:200], address)
        raise _too_many(2.0)
    _waiting += 1
    try:
        right, better = await asyncio.get_running_loop().run_in_executor(_pool, _check, password, known)
    finally:
        _waiting -= 1
    if better is not None:
        async with AsyncSessionLocal() as db:  # only if it is still the hash that was checked
            await db.execute(update(User).where(User.username == username, User.password_hash == known).values(password_hash=better))
            await db.commit()
    return right


def _check(password: str, known: str | None) -> tuple[bool, str | None]:
    """Whether the password has this hash, and a hash of the right cost if this one has another. A missing account costs as much as one."""
    right = bcrypt.checkpw(password.encode(), (known or _NOBODYS).encode()) and known is not None
    if right and GENERATED.fullmatch(password) and known.split("$")[2] != f"{ROUNDS_GENERATED:02d}":
        return True, hash_password(password)
    return right, None


async def _stored_hash(username: str) -> str | None:
    async with AsyncSessionLocal() as db:  # a connection of its own: the request's must not be held while this one waits
        return (await db.execute(select(User.password_hash).where(User.username == username))).scalar_one_or_none()


def _too_many(wait: float) -> HTTPException:
    seconds = math.ceil(wait)
    detail = f"로그인에 여러 번 실패했습니다. {seconds}초 뒤에 다시 해 주세요. / Too many failed sign-ins: try again in {seconds} s."
    return HTTPException(status_code=429, detail=detail, headers={"Retry-After": str(seconds)})


async def update_user(db, user, user_attrs: dict):
    """As in argilla-server; a new password also replaces the API key, and so ends every session and program that used the old ones."""
    if "password" in user_attrs:
        attrs = {name: value for name, value in user_attrs.items() if name != "password"}
        loop = asyncio.get_running_loop()
        hashed = await loop.run_in_executor(_pool, hash_password, user_attrs["password"])
        changed = await _update_user(db, user, {**attrs, "password_hash": hashed, "api_key": generate_user_api_key()})
        owner.keep_key(_home[0], changed)
        return changed
    return await _update_user(db, user, user_attrs)


async def delete_workspace_user(db, workspace_user):
    """As in argilla-server; who is removed is also signed out everywhere."""
    user = await User.get(db, workspace_user.user_id)
    if user is not None and not user.is_owner:
        await user.update(db, api_key=generate_user_api_key(), autocommit=False)
    return await _delete_workspace_user(db, workspace_user)


def generate_user_token(user) -> str:
    """A signed session token that the account's present password and key make valid."""
    return JWT.create(UserInfo(identity=str(user.id), username=user.username, version=_version(user)))


async def authenticate_token(self, request):
    """The user of a session token; None if the account is gone, or its password or key has changed since."""
    credentials = await self.scheme(request)
    if not credentials:
        return None
    token = credentials.credentials
    claims = JWT.decode(token)
    user = await accounts.get_user_by_username(request.state.db, str(claims.get("username")))
    if user is None or digest(token) in ended or not hmac.compare_digest(str(claims.get("version", "")), _version(user)):
        return None
    return AuthCredentials(), UserInfo(username=user.username, name=user.first_name, role=user.role, identity=str(user.id))


def end(token: str) -> None:
    """Sign out: the token is refused until it would have expired. An invalid one is ignored."""
    try:
        expires = float(JWT.decode(token)["exp"])
    except (UnauthorizedError, KeyError, TypeError, ValueError):  # whatever is wrong with it, it opens nothing
        return
    now = time.time()
    for old in [known for known, until in ended.items() if until < now]:
        del ended[old]
    ended[digest(token)] = expires


def digest(token: str) -> str:
    """What is kept of a token that was ended."""
    return hashlib.sha256(token.encode()).hexdigest()


def _version(user) -> str:
    return hmac.new(settings.secret_key.encode(), f"{user.id} {user.password_hash} {user.api_key}".encode(), hashlib.sha256).hexdigest()[
        :32
    ]


_home: list[Path] = []
_NOBODYS = hash_password("aaaa-aaaa-aaaa")
_update_user = accounts.update_user
_delete_workspace_user = accounts.delete_workspace_user
