# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""The server's own log of what happened to answers: a table in its database, filled by triggers, and a route that the owner reads.

Each change of a response adds a row with a number and a random mark, in the transaction of the change. So a reader who keeps the last row
that it saw can ask whether this database goes on from there: one that was put back to an earlier state lacks that row. And an answer that
was deleted or became a draft again is in the log; one that is missing without a row was lost with a restore.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from uuid import UUID

BUSY_SECONDS = 30
TABLES = (
    """CREATE TABLE IF NOT EXISTS prefopt_history (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        mark TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))),
        at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
        what TEXT NOT NULL, record_id TEXT, user_id TEXT, by_id TEXT)""",
    "CREATE INDEX IF NOT EXISTS prefopt_history_answer ON prefopt_history (record_id, user_id, number)",
    # who deletes or changes a response, for the length of that transaction: a trigger cannot see the request
    "CREATE TABLE IF NOT EXISTS prefopt_acting (response_id TEXT PRIMARY KEY, user_id TEXT)",
)
ANSWER = "IN ('submitted', 'discarded')"
BY = "(SELECT user_id FROM prefopt_acting WHERE response_id = OLD.id)"
ACTED = "DELETE FROM prefopt_acting WHERE response_id = OLD.id"
ADD = "INSERT INTO prefopt_history (what, record_id, user_id, by_id) VALUES"
REMOVED = """CASE WHEN NOT EXISTS (SELECT 1 FROM records WHERE id = OLD.record_id) THEN 'record'
    WHEN NOT EXISTS (SELECT 1 FROM users WHERE id = OLD.user_id) THEN 'account' ELSE 'deleted' END"""
"""A foreign key deletes responses after their record or account, so what is missing by then says which of the two it was."""
TRIGGERS = {
    "prefopt_inserted": f"AFTER INSERT ON responses BEGIN {ADD} ('given', NEW.record_id, NEW.user_id, NULL); END",
    "prefopt_updated": f"""AFTER UPDATE ON responses BEGIN
        {ADD} (CASE WHEN OLD.status {ANSWER} AND NEW.status = 'draft' THEN 'reset' ELSE 'given' END, OLD.record_id, OLD.user_id, {BY});
        {ACTED}; END""",
    "prefopt_deleted": f"""AFTER DELETE ON responses WHEN OLD.status {ANSWER} BEGIN
        {ADD} ({REMOVED}, OLD.record_id, OLD.user_id, {BY}); {ACTED}; END""",
}
FIRST = "SELECT at FROM prefopt_history ORDER BY number LIMIT 1"
LAST = "SELECT number, mark FROM prefopt_history ORDER BY number DESC LIMIT 1"
EPOCH = "SELECT mark, at, what FROM prefopt_history WHERE what IN ('started', 'restored') ORDER BY number DESC LIMIT 1"
GONE = """SELECT h.record_id, h.user_id, h.what, h.at, u.username
    FROM prefopt_history h JOIN records r ON r.id = h.record_id LEFT JOIN users u ON u.id = h.by_id AND h.by_id <> h.user_id
    WHERE r.dataset_id = :dataset AND h.what IN ('reset', 'deleted', 'account') AND h.number = (
        SELECT max(number) FROM prefopt_history l WHERE l.record_id = h.record_id AND l.user_id = h.user_id
            AND NOT (l.what = 'given' AND NOT EXISTS (
                SELECT 1 FROM responses s WHERE s.record_id = l.record_id AND s.user_id = l.user_id AND s.status <> 'draft')))"""
"""Answers taken away and not given again; a draft that was begun since is no answer."""


def prepare(database: Path) -> None:
    """Add the tables and triggers where they are missing, and the first row. Call after the migrations, before storage.prepare."""
    connection = sqlite3.connect(database, timeout=BUSY_SECONDS)
    try:
        with connection:
            for statement in TABLES:
                connection.execute(statement)
            present = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
            for name, trigger in TRIGGERS.items():
                if present.get(name) != (wanted := f"CREATE TRIGGER {name} {trigger}"):
                    connection.execute(f"DROP TRIGGER IF EXISTS {name}")
                    connection.execute(wanted)
            connection.execute("DELETE FROM prefopt_acting")
            connection.execute("INSERT INTO prefopt_history (what) SELECT 'started' WHERE NOT EXISTS (SELECT 1 FROM prefopt_history)")
    finally:
        connection.close()


def serve(api) -> None:
    """Add the route to the interface, and keep who acts on a response. Raises AttributeError with another Argilla version."""
    from argilla_server.api.policies.v1 import ResponsePolicy
    from argilla_server.contexts import datasets
    from argilla_server.database import get_async_db
    from argilla_server.security import auth
    from fastapi import Depends, HTTPException, Security
    from sqlalchemy import text

    for name in ("delete", "update"):
        _keep_actor(ResponsePolicy, name)
    for name in ("delete_response", "update_response"):
        _name_actor(datasets, name)

    async def history(
        dataset: UUID,
        number: int | None = None,
        mark: str = "",
        db=Depends(get_async_db),  # noqa: B008 - how FastAPI declares what a route needs
        user=Security(auth.get_current_user),  # noqa: B008 - as above
    ) -> dict:
        """Where the log stands, whether it goes on from the row (number, mark), and which answers of the dataset were taken away."""
        if not user.is_owner:
            raise HTTPException(status_code=403, detail="only an owner reads this")

        async def rows(query: str, **values) -> list:
            return list((await db.execute(text(query), values)).all())

        ((since,),), (last,), (epoch,) = await rows(FIRST), await rows(LAST), await rows(EPOCH)
        known = None
        if number is not None:
            known = bool(await rows("SELECT 1 FROM prefopt_history WHERE number = :number AND mark = :mark", number=number, mark=mark))
        gone = await rows(GONE, dataset=dataset.hex)
        return {
            "since": since,
            "number": last.number,
            "mark": last.mark,
            "epoch": epoch.mark,
            "restored_at": epoch.at if epoch.what == "restored" else None,
            "goes_on": known,
            "gone": [_shown(row) for row in gone],
        }

    api.add_api_route("/prefopt/history", history, methods=["GET"])


def _shown(row) -> dict:
    return {"record": str(UUID(row.record_id)), "user": str(UUID(row.user_id)), "what": row.what, "at": row.at, "by": row.username or ""}


def _keep_actor(policy, name: str) -> None:
    """Let a policy note on the response who asks."""
    original = getattr(policy, name)

    def noted(response):
        allowed = original(response)

        async def is_allowed(actor) -> bool:
            response.prefopt_actor = actor.id
            return await allowed(actor)

        return is_allowed

    setattr(policy, name, noted)


def _name_actor(module, name: str) -> None:
    """Let a change of a response say, in its own transaction, who makes it."""
    from sqlalchemy import text

    original = getattr(module, name)

    async def named(db, search_engine, response, *args):
        if (actor := getattr(response, "prefopt_actor", None)) is not None:
            values = {"response": response.id.hex, "user": actor.hex}
            await db.execute(text("INSERT OR REPLACE INTO prefopt_acting VALUES (:response, :user)"), values)
        return await original(db, search_engine, response, *args)

    setattr(module, name, named)
