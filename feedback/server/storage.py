# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""The server's SQLite database made fit for a room full of teachers: write-ahead log, indices, errors in words, statuses that agree.

Argilla 2.8 opens SQLite as it comes: a rollback journal (readers wait for writers), five seconds of patience, one pool of 15 connections
for requests and for their searches alike (15 requests that each wait for a second connection time out), and queues that read the
whole table of records. Imported after the environment is set and before argilla_server is.
"""

from __future__ import annotations

import logging
import sqlite3

PATIENCE_SECONDS = 30
"""How long a writer waits for the one before it."""
PRAGMAS = (
    "PRAGMA journal_mode = WAL",  # readers and a backup never wait for a writer
    "PRAGMA synchronous = FULL",  # an answer that was acknowledged outlives a power cut
    f"PRAGMA busy_timeout = {PATIENCE_SECONDS * 1000}",
    "PRAGMA journal_size_limit = 67108864",
)
INDICES = (
    # a queue, its count and progress are read from these alone: a record's row holds kilobytes of text
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
    """Give every connection the pragmas above, and keep values (keys, hashes of passwords) out of error messages."""
    from argilla_server.database import async_engine, sync_engine
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "connect")
    def set_pragmas(connection, record) -> None:
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    async_engine.sync_engine.hide_parameters = True
    sync_engine.hide_parameters = True


def ready(database) -> None:
    """After the migrations: add the indices, and settle what a killed server left half done.

    A response is committed and acknowledged before its record's status follows in a transaction of its own; jobs in memory die with
    the server. So each record's status is computed anew from its responses.
    """
    connection = sqlite3.connect(database, timeout=PATIENCE_SECONDS)
    try:
        with connection:
            for index in INDICES:
                connection.execute(index)
            changed = connection.execute(SETTLE).rowcount
            connection.execute("PRAGMA optimize")
    finally:
        connection.close()
    if changed:
        logging.getLogger("prefopt").warning("%d records had a status that did not follow from their responses: mended", changed)


def tell_failures(api) -> None:
    """Answer a failure of the disk or the database with 507 or 503 and words, not 500: nothing was stored, and it can be repeated."""
    from fastapi.responses import JSONResponse
    from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError

    def answer(status: int, words: str, error: Exception):
        logging.getLogger("prefopt").error("%s: %s", words, getattr(error, "orig", error))
        return JSONResponse(status_code=status, content={"detail": words})

    @api.exception_handler(OperationalError)
    @api.exception_handler(DBAPIError)
    async def database_failed(request, error):
        cause = str(error.orig)
        if "locked" in cause or "busy" in cause:
            return answer(503, "the database is busy; nothing was stored, try again", error)
        if "malformed" in cause or "not a database" in cause:
            return answer(507, "the database is damaged; nothing was stored: stop the server and restore a backup", error)
        if "full" in cause or "disk I/O" in cause or "readonly" in cause or "unable to open" in cause:
            return answer(507, "the server's disk is full or cannot be written; nothing was stored", error)
        return answer(500, "the database failed; nothing was stored", error)

    @api.exception_handler(TimeoutError)
    async def no_connection(request, error):
        return answer(503, "too many requests at once; nothing was stored, try again", error)
