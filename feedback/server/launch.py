# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""Start the bundled Argilla: migrations, the owner's account, an in-process queue and search engine, then uvicorn.

    python launch.py --home .argilla --host 127.0.0.1 --port 6900

Runs in the server's own interpreter and imports nothing of prefopt. No Elasticsearch, Redis or Docker: see embedded_search.py and
inline_jobs.py. Secrets are read from and written to files of mode 600 below `home`; none is ever in argv or in the log.

Files of `home`: server.lock (held while the server lives; its text is the pid), argilla.db, auth-secret, owner-key, accounts.json, web/.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import secrets
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

WANTED = "2.8.0"
ALREADY_RUNNING = 75  # exit status: another launcher holds the lock of this home


def main() -> None:
    parser = argparse.ArgumentParser(description="The bundled Argilla server.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    if version("argilla-server") != WANTED:
        sys.exit(f"this launcher needs argilla-server {WANTED}, and found {version('argilla-server')} in {sys.prefix}")
    home = args.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.umask(0o077)  # database, keys and log are the user's own
    lock = hold_lock(home / "server.lock")
    prepare_environment(home)
    serve(home, args.host, args.port)
    lock.close()


def hold_lock(path: Path):
    """Lock the home for the life of this process. The kernel drops the lock with the process, so a dead server never looks alive."""
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(ALREADY_RUNNING)
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def prepare_environment(home: Path) -> None:
    """Set what argilla-server reads at import. The signing secret is kept: a new one would sign every teacher out at each start."""
    secret = home / "auth-secret"
    if not secret.exists():
        secret.write_text(secrets.token_hex(32))
    web = home / "web"
    shutil.rmtree(web, ignore_errors=True)  # argilla-server copies its pages to a new temporary folder at each start and never removes it
    web.mkdir()
    tempfile.tempdir = str(web)
    os.environ.update(
        ARGILLA_HOME_PATH=str(home),
        ARGILLA_SEARCH_ENGINE="embedded",
        ARGILLA_AUTH_SECRET_KEY=secret.read_text(),
        ARGILLA_ENABLE_TELEMETRY="false",
        ARGILLA_ENABLE_SHARE_YOUR_PROGRESS="false",
        ARGILLA_REDIS_URL="redis://in-process",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_OFFLINE="1",
    )


def serve(home: Path, host: str, port: int) -> None:
    import inline_jobs

    inline_jobs.replace_redis()

    import argilla_server  # builds the ASGI app; nothing is contacted before uvicorn starts it
    import embedded_search  # noqa: F401  registers the engine named "embedded"
    import korean_ui
    import owner
    import uvicorn
    from alembic import command
    from alembic.config import Config
    from argilla_server.database import ALEMBIC_CONFIG_FILE

    korean_ui.overlay(argilla_server.app)
    command.upgrade(Config(ALEMBIC_CONFIG_FILE), "head")
    asyncio.run(owner.ensure_owner(home))
    inline_jobs.start_worker()
    uvicorn.run(argilla_server.app, host=host, port=port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
