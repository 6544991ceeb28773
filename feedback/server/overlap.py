# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""Lets a single record want more teachers than its dataset.

argilla-server 2.8.0 knows one number for all records of a dataset: a record is complete, and leaves the queues, when that many teachers
have submitted it. A record whose hidden metadata hold a larger number is complete when that many have. The status is computed whenever a
record's metadata are written or an answer is saved, so writing a larger number puts the record back into the queue of every teacher who
has not answered it.
"""

from __future__ import annotations

from argilla_server.contexts import distribution
from argilla_server.enums import RecordStatus
from argilla_server.security import auth
from fastapi import Security

TEACHERS = "teachers"
"""As in feedback/record_overlap.py, which this program cannot import."""


def by_record() -> None:
    """Replace the rule. Raises AttributeError with another Argilla version."""
    distribution._update_record_status_with_overlap_strategy  # noqa: B018  raises where the rule to replace is missing
    distribution._update_record_status_with_overlap_strategy = update_status


def serve(api) -> None:
    """Add the route by which a client sees that this server has the rule."""

    async def overlap(user=Security(auth.get_current_user)) -> dict:  # noqa: B008 - how FastAPI declares what a route needs
        return {"by_record": True}

    api.add_api_route("/prefopt/overlap", overlap, methods=["GET"])


async def update_status(db, record):
    """The status of a record whose dataset and submitted responses are loaded."""
    own = (record.metadata_ or {}).get(TEACHERS)
    wanted = max(record.dataset.distribution["min_submitted"], own if isinstance(own, int) else 0)
    record.status = RecordStatus.completed if len(record.responses_submitted) >= wanted else RecordStatus.pending
    return await record.save(db, autocommit=False)
