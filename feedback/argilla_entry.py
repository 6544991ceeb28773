"""Answers of simulated teachers, entered in Argilla as a person does: sign in, read the queue, submit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from feedback import bundled
from feedback.client import ArgillaClient, RefusedError, new_password, sign_in
from feedback.mapping import response_values
from prefopt.errors import FeedbackError
from prefopt.protocols import Question
from prefopt.records import Ranking, Slate

QUEUE_PAGE = 500
SUBMIT_BATCH = 100
"""Responses per request; the server's limit."""
PENDING = {
    "filters": {"and": [{"type": "terms", "scope": {"entity": "response", "property": "status"}, "values": ["pending"]}]},
}


def sign_in_simulated(owner: ArgillaClient, workspace: str, home: Path, name: str) -> ArgillaClient:
    """The client of a simulated teacher; the account is created if it does not exist.

    Args:
        owner: the owner's client.
        workspace: id of the workspace in which the teacher ranks.
        home: folder that keeps the passwords (see feedback.bundled).
        name: user name, e.g. "simulated-1".
    """
    known = bundled.passwords(home).get(name)
    password = known or new_password()
    is_new = owner.add_teacher(name, f"Simulated teacher {name.rpartition('-')[2]}", workspace, password)
    if not is_new and known is None:
        owner.set_password(name, password)
    if known is None:
        bundled.remember_passwords(home, {name: password})
    try:
        return sign_in(owner.url, name, password)
    except RefusedError as error:
        if error.status != 401:
            raise
    password = new_password()  # the kept password is that of another server which this project used before
    owner.set_password(name, password)
    bundled.remember_passwords(home, {name: password})
    return sign_in(owner.url, name, password)


def submit_pending(
    teacher: ArgillaClient, dataset: str, slates: Mapping[str, Slate], rankings: Sequence[Ranking], question: Question, says_unknown: bool
) -> list[Ranking]:
    """Submit a teacher's rankings of the slates that are still in their queue.

    Args:
        teacher: the teacher's own client.
        dataset: id of the dataset.
        slates: external record id -> slate.
        rankings: the teacher's.
        question: what the form asks.
        says_unknown: whether it has an option to say that the right label is not known.

    Returns:
        The rankings that were submitted now, by record id.
    """
    by_slate = {ranking.slate_id: ranking for ranking in rankings}
    submitted: list[Ranking] = []
    responses = []
    for record in sorted(_pending_records(teacher, dataset), key=lambda record: str(record["external_id"])):
        slate = slates.get(str(record["external_id"]))
        ranking = by_slate.get(slate.id) if slate else None
        if slate is None or ranking is None:
            continue
        status = "discarded" if ranking.kind == "discarded" else "submitted"
        values = response_values(slate, ranking, question, says_unknown=says_unknown)
        responses.append({"record_id": record["id"], "status": status, **({"values": values} if values else {})})
        submitted.append(ranking)
    for start in range(0, len(responses), SUBMIT_BATCH):
        batch = {"items": responses[start : start + SUBMIT_BATCH]}
        reply = teacher.request("POST", "/me/responses/bulk", json=batch, repeatable=True)  # upserts: a repeat changes nothing
        refused = [item["error"]["detail"] for item in reply["items"] if item.get("error")]
        if refused:
            raise FeedbackError(f"Argilla refused {len(refused)} answers of a simulated teacher: {refused[0]}")
    return submitted


def _pending_records(teacher: ArgillaClient, dataset: str) -> list[dict[str, Any]]:
    """The teacher's whole queue. It is read before anything is submitted: submitting moves the pages."""
    queue: list[dict[str, Any]] = []
    while True:
        path = f"/me/datasets/{dataset}/records/search"
        reply = teacher.request("POST", path, params={"limit": QUEUE_PAGE, "offset": len(queue)}, json=PENDING, repeatable=True)
        queue += [item["record"] for item in reply["items"]]
        if len(reply["items"]) < QUEUE_PAGE:
            return queue
