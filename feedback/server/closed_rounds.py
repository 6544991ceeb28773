# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""A round that was collected takes no more answers of teachers, whatever page or program brings them.

prefopt notes it with the dataset's metadata (feedback/teach.py), which the page for teachers reads, too.
"""

from __future__ import annotations


def install() -> None:
    """Let policies ask whether a round is closed, and argilla-server keep a change of its notes. Call before blind.install."""
    from argilla_server.api.policies.v1 import RecordPolicy
    from argilla_server.contexts import datasets
    from sqlalchemy.orm.attributes import flag_modified

    original = datasets.update_dataset

    async def update_dataset(db, dataset, attrs):
        if "metadata_" in attrs and dataset.metadata_ is not None:
            flag_modified(dataset, "metadata_")  # argilla-server 2.8.0 changes the value in place, which is not written
        return await original(db, dataset, attrs)

    datasets.update_dataset = update_dataset
    RecordPolicy.create_response = create_response


def create_response(record):
    """Policy: members of the workspace answer, as long as the round is open."""

    async def is_allowed(actor) -> bool:
        return actor.is_owner or (not is_closed(record.dataset) and await actor.is_member(record.dataset.workspace_id))

    return is_allowed


def is_closed(dataset) -> bool:
    """Whether the round of a dataset was collected."""
    return bool(((dataset.metadata_ or {}).get("prefopt") or {}).get("closed"))
