"""An Argilla as a school might run it: argilla-server 2.8.0 with its own pages and settings, unmodified.

    PYTHONPATH=feedback/server python tests/contract/stock_server.py FOLDER PORT KEY

Runs in the server's interpreter, which has no prefopt. Two parts are replaced, because a test machine lacks them: the search engine
(Elasticsearch) and the job queue (Redis). Database, pages, error replies, connection pool, events and settings are those of the package.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

folder, port, key = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
os.environ.update(
    ARGILLA_HOME_PATH=str(folder), ARGILLA_SEARCH_ENGINE="embedded", ARGILLA_REDIS_URL="redis://in-process", HF_HUB_OFFLINE="1"
)

import inline_jobs  # noqa: E402  argilla-server reads its settings at import
import lean  # noqa: E402  as above

inline_jobs.replace_redis()
lean.leave_out_unused()  # the environment of the tests lacks what these modules need, as datasets, pandas and pyarrow

import argilla_server  # noqa: E402  as above
import embedded_search  # noqa: E402, F401  as above; registers the engine
import uvicorn  # noqa: E402  as above
from alembic import command  # noqa: E402  as above
from alembic.config import Config  # noqa: E402  as above
from argilla_server.contexts import accounts  # noqa: E402  as above
from argilla_server.database import ALEMBIC_CONFIG_FILE, AsyncSessionLocal, async_engine  # noqa: E402  as above
from argilla_server.models import User, UserRole  # noqa: E402  as above


async def make_owner() -> None:
    async with AsyncSessionLocal() as db:
        if await accounts.get_user_by_username(db, "school") is None:
            secret = accounts.hash_password("owners-password-1")
            await User.create(db, first_name="school", username="school", role=UserRole.owner, password_hash=secret, api_key=key)
    await async_engine.dispose()


command.upgrade(Config(ALEMBIC_CONFIG_FILE), "head")
asyncio.run(make_owner())
inline_jobs.server_with_worker(uvicorn.Config(argilla_server.app, host="127.0.0.1", port=port, log_level="warning")).run()
