# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""Start the bundled Argilla: checks, migrations, the owner's account, an in-process queue and search engine, then uvicorn.

    python start_server.py --home .argilla --host 127.0.0.1 --port 6900

Runs in the server's own interpreter and imports nothing from prefopt. Needs no Elasticsearch, Redis or Docker: see embedded_search.py and
inline_jobs.py. Secrets are read from and written to files of mode 600 in `home`, never passed as arguments or logged.

Files of `home`: server.lock (held while the server runs; its text is the process id), server.json (the address), argilla.db, auth-secret,
owner-key, accounts.json, backups/, web/.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import sys
import tempfile
import traceback
from importlib.metadata import version
from pathlib import Path

import digests
import migrations
import snapshots

WANTED = "2.8.0"
ALREADY_RUNNING = 75  # exit status: another server holds the lock of this home
DAMAGED = 76  # exit status: the database is damaged; the last line of the log is SQLite's message
GONE = 77  # exit status: there are keys or backups, but no database
PORT_TAKEN = 78  # exit status: cannot listen at the address
UNUSABLE = 80  # exit status: the disk is full or the home cannot be written; the last line of the log is the system's message
STOP_SECONDS = 10  # for open requests when the server is stopped


def main() -> None:
    """Serve until SIGTERM; a full or read-only disk ends it with one line in the log."""
    try:
        run()
    except Exception as error:
        cause = getattr(error, "orig", error)  # of SQLAlchemy
        if not isinstance(cause, OSError | sqlite3.Error | snapshots.BackupError):
            raise
        while isinstance(cause, shutil.Error) and cause.args and isinstance(cause.args[0], list):  # one entry for each file
            cause = OSError(cause.args[0][0][-1])
        with contextlib.suppress(OSError):  # the log is on the same disk
            traceback.print_tb(error.__traceback__)
            print(f"cannot start: {cause}", file=sys.stderr, flush=True)
        os._exit(UNUSABLE)  # not through the interpreter's end, which would write the log once more


def run() -> None:
    """Lock the home, check its data, open the socket, and serve."""
    parser = argparse.ArgumentParser(description="The bundled Argilla server.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    if version("argilla-server") != WANTED:
        sys.exit(f"this program needs argilla-server {WANTED}, but found {version('argilla-server')} in {sys.prefix}")
    home = args.home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    os.umask(0o077)  # only the user can read database, keys and log
    home.chmod(0o700)
    lock = hold_lock(home / "server.lock")
    note = check_data(home)
    for name in digests.UNFINISHED:  # of commands that were killed: they worked under the lock that this process holds
        shutil.rmtree(home / name, ignore_errors=True)
    listener = listen(args.host, args.port)
    address = {"host": args.host, "port": listener.getsockname()[1], "pid": os.getpid(), "note": note}
    snapshots.replace(home / "server.json", json.dumps(address) + "\n")
    prepare_environment(home)
    configure_log()
    serve(home, listener)
    lock.close()


def hold_lock(path: Path):
    """Lock the home for the life of this process. The kernel releases the lock with the process, so a dead server never looks alive."""
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(ALREADY_RUNNING)
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def check_data(home: Path) -> str:
    """Exit if starting could lose answers: on a damaged database, or where a new, empty one would replace one that is missing.

    Returns:
        What a person should know of: the rest of a first start that was thrown away, or the end of a log that was not written. Usually
        empty.
    """
    migrations.remove(home / migrations.COPY)
    database, note = home / snapshots.DATABASE, ""
    if (home / digests.REPAIRED).exists():  # a repair that was interrupted in its last step
        digests.take_over(home / digests.REPAIRED, database)
    known = (home / "owner-key").exists()  # written when the first database was complete
    if database.exists() and migrations.is_half_made(home):
        migrations.remove(database)
        note = "an earlier first start was interrupted before anything was stored; its unfinished database was thrown away"
        print(note, file=sys.stderr)
    elif database.exists():
        note = digests.log_fault(database.with_name(f"{database.name}-wal"), torn_too=True)
        damage = snapshots.damage(database)
        if damage:
            print(damage, file=sys.stderr)
            sys.exit(DAMAGED)
    elif known or any(home.glob("backups/*/backup.json")) or any(home.glob("replaced-*/")):
        print(f"{database} is missing", file=sys.stderr)
        sys.exit(GONE)
    for name in (*snapshots.SECRETS, snapshots.DATABASE, f"{snapshots.DATABASE}-wal", f"{snapshots.DATABASE}-shm", "server.log"):
        if (home / name).exists():
            (home / name).chmod(0o600)
    return note


def listen(host: str, port: int) -> socket.socket:
    """A bound socket, opened before the slow steps; requests wait in it until the server is ready."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        print(f"cannot listen on {host}:{port}: {error.strerror or error}", file=sys.stderr)
        sys.exit(PORT_TAKEN)
    return listener


def prepare_environment(home: Path) -> None:
    """Set the variables that argilla-server reads at import. The signing secret is kept: a new one would sign every teacher out."""
    secret = home / "auth-secret"
    if not secret.exists() or not secret.read_text().strip():
        snapshots.replace(secret, secrets.token_hex(32))
    web = home / "web"
    shutil.rmtree(
        web, ignore_errors=True
    )  # argilla-server copies its pages to a new temporary directory at each start and never removes it
    web.mkdir()
    tempfile.tempdir = str(web)
    os.environ.update(
        ARGILLA_HOME_PATH=str(home),
        ARGILLA_SEARCH_ENGINE="embedded",
        ARGILLA_AUTH_SECRET_KEY=secret.read_text().strip(),
        ARGILLA_CORS_ORIGINS="[]",  # no page of another site can use the server
        ARGILLA_ENABLE_TELEMETRY="false",
        ARGILLA_ENABLE_SHARE_YOUR_PROGRESS="false",
        ARGILLA_REDIS_URL="redis://in-process",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_OFFLINE="1",
    )
    os.environ.pop("ARGILLA_DATABASE_URL", None)  # always the database of this home


def configure_log() -> None:
    """One line per message, with its time; argilla-server does not change a logging configuration that exists."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("prefopt").setLevel(logging.INFO)


def serve(home: Path, listener: socket.socket) -> None:
    """Import argilla-server, patch it, migrate the database, and answer requests from `listener`."""
    import inline_jobs
    import lean

    inline_jobs.replace_redis()
    lean.leave_out_unused()

    import argilla_server  # builds the ASGI app; no connection is opened before uvicorn starts it
    import embedded_search  # noqa: F401  registers the engine named "embedded"
    import guard
    import history
    import housekeeping
    import korean_ui
    import overlap
    import owner
    import storage
    import uvicorn
    from argilla_server.api.routes import api_v1

    korean_ui.overlay(argilla_server.app)
    lean.leave_out_repeats()
    overlap.by_record()
    storage.tune()
    storage.report_failures(api_v1)
    migrations.migrate(home)
    history.prepare(home / snapshots.DATABASE)
    storage.prepare(home / snapshots.DATABASE)
    asyncio.run(owner.ensure_owner(home))
    housekeeping.start(home)
    log = logging.getLogger("prefopt")
    log.info("listening at %s port %s (process %d)", *listener.getsockname()[:2], os.getpid())
    app = guard.guarded(argilla_server.app, home)
    history.serve(api_v1)  # after the guard, whose policies it asks
    overlap.serve(api_v1)
    config = uvicorn.Config(
        app, access_log=False, log_level="warning", log_config=None, timeout_graceful_shutdown=STOP_SECONDS, server_header=False
    )
    signal.signal(signal.SIGTERM, lambda number, frame: None)  # uvicorn shuts down in order, then raises the signal again
    inline_jobs.server_with_worker(config).run(sockets=[listener])
    storage.empty_log(home / snapshots.DATABASE)
    log.info("stopped")


if __name__ == "__main__":
    main()
