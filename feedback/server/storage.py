# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""Prepares the server's SQLite database for many teachers at once: write-ahead log, indices, readable errors, consistent statuses.

Argilla 2.8 uses SQLite's defaults: a rollback journal (readers wait for writers), a busy timeout of five seconds, one pool of 15
connections for requests and their searches (15 requests that each wait for a second connection time out), and queues that scan the
whole table of records. Imported after the environment is set and before argilla_server is.
"""

from __future__ import annotations

import logging
from contextlib import closing

import digests
import search_texts

BUSY_SECONDS = 30
"""How long a writer waits for another one."""
PRAGMAS = (
    "PRAGMA journal_mode = WAL",  # readers and a backup never wait for a writer
    "PRAGMA synchronous = FULL",  # an acknowledged answer survives a power failure
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    "PRAGMA journal_size_limit = 67108864",
)
INDICES = (
    # a queue, its count and the progress are read from these indices alone: a record's row holds kilobytes of text
    "CREATE INDEX IF NOT EXISTS prefopt_records_queue ON records (dataset_id, inserted_at, id, status)",
    "CREATE INDEX IF NOT EXISTS prefopt_records_dataset ON records (id, dataset_id)",
    "CREATE INDEX IF NOT EXISTS prefopt_responses_queue ON responses (record_id, user_id, status)",
    "CREATE INDEX IF NOT EXISTS prefopt_responses_user ON responses (user_id, status, record_id)",
)
SUBMITTED = "(SELECT count(*) FROM responses WHERE record_id = records.id AND status = 'submitted')"
WANTED = "(SELECT json_extract(distribution, '$.min_submitted') FROM datasets WHERE id = records.dataset_id)"
RIGHT_STATUS = f"CASE WHEN {SUBMITTED} >= {WANTED} THEN 'completed' ELSE 'pending' END"
SETTLE = f"UPDATE records SET status = {RIGHT_STATUS} WHERE status <> {RIGHT_STATUS}"  # noqa: S608 - constants of this file


def tune() -> None:
    """Set the pragmas and the triggers' function on every connection, and keep values (keys, password hashes) out of error messages."""
    from argilla_server.database import async_engine, sync_engine
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "connect")
    def set_pragmas(connection, record) -> None:
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(pragma)
        cursor.close()
        digests.register(connection)

    async_engine.sync_engine.hide_parameters = True
    sync_engine.hide_parameters = True


def prepare(database) -> None:
    """Add indices, digests and the texts for searches, and recompute each record's status from its responses. Call it on a sound database,
    after the migrations.

    A response is committed and acknowledged before its record's status is updated in a transaction of its own; a server that is killed
    in between leaves the old status, because jobs in memory die with it.
    """
    with closing(digests.connect(database)) as connection:
        for index in INDICES:
            connection.execute(index)
        connection.execute("BEGIN IMMEDIATE")
        search_texts.prepare(connection)
        connection.execute("COMMIT")
        digests.seal(connection)
        changed = connection.execute(SETTLE).rowcount
        connection.execute("PRAGMA optimize")
    if changed:
        logging.getLogger("prefopt").warning("corrected the status of %d records, which did not match their responses", changed)


def empty_log(database) -> None:
    """Move everything from the write-ahead log into the database, so that a stopped server's data is one file. Raises sqlite3.Error."""
    with closing(digests.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def report_failures(api) -> None:
    """Answer failures of the disk or the database with 507 or 503 and a message, not 500: nothing was stored, a repeat is safe."""
    from fastapi.responses import JSONResponse
    from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError

    def answer(status: int, detail: str, error: Exception):
        logging.getLogger("prefopt").error("%s: %s", detail, getattr(error, "orig", error))
        return JSONResponse(status_code=status, content={"detail": detail})

    @api.exception_handler(OperationalError)
    @api.exception_handler(DBAPIError)
    async def database_failed(request, error):
        cause = str(error.orig)
        if "locked" in cause or "busy" in cause:
            return answer(503, "the database is busy; nothing was stored, try again", error)
        if "malformed" in cause or "not a database" in cause:
            return answer(507, "the database is damaged; nothing was stored: stop the server and repair it", error)
        if "full" in cause or "disk I/O" in cause or "readonly" in cause or "unable to open" in cause:
            return answer(507, "the server's disk is full or cannot be written; nothing was stored", error)
        return answer(500, "the database failed; nothing was stored", error)

    @api.exception_handler(TimeoutError)
    async def no_connection(request, error):
        return answer(503, "too many requests at once; nothing was stored, try again", error)
