"""How many teachers a single record wants, in its metadata: the bundled server keeps it in the queues until as many have submitted it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from feedback.client import ArgillaClient
from feedback.mapping import record_id, record_metadata
from prefopt.errors import FeedbackError
from prefopt.protocols import FeedbackContext
from prefopt.records import Slate

TEACHERS = "teachers"
"""Hidden metadata of a record: how many teachers it wants, where these are more than the dataset's (feedback/server/overlap.py)."""


def refuse_set_number(client: ArgillaClient, context: FeedbackContext) -> None:
    """Raise FeedbackError where single slates may want more teachers than others, and the server knows one number for all."""
    if context.asks_more and not client.asks_more():
        raise FeedbackError(
            f'overlap = "adaptive", but the Argilla at {client.url} cannot show single slates to a second teacher: only the bundled '
            "server can, started by this version of prefopt",
            hint="set overlap = 1 under [feedback], then prefopt round",
        )


def teachers_changed(
    records: Iterable[Mapping[str, Any]], slates: Sequence[Slate], missing: Mapping[str, int], overlap: int
) -> list[dict[str, Any]]:
    """The records that are to be opened for teachers who have not answered them, or closed, each as the server takes it.

    Args:
        records: of the dataset, with all responses.
        slates: of the round.
        missing: slate id -> further answers wanted. A submission that is no answer, such as "yes" without an order, leaves the record open.
        overlap: teachers that the dataset wants for every record.
    """
    by_record = {record_id(slate.id): slate for slate in slates}
    changes = []
    for record in records:
        slate = by_record.get(str(record["external_id"]))
        if slate is None:
            continue
        submitted = sum(response["status"] == "submitted" for response in record.get("responses") or [])
        held = int((record.get("metadata") or {}).get(TEACHERS, overlap))
        short = missing.get(slate.id, 0)
        wanted = max(overlap, submitted + short)
        if wanted > held if short else wanted < held:
            changes.append({"external_id": record_id(slate.id), "metadata": {**record_metadata(slate), TEACHERS: wanted}})
    return changes
