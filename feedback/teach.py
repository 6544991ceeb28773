"""The page for teachers that the bundled server has at /teach, as this side sees it: where it is, and what its rounds tell it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from feedback import bundled
from feedback.client import ArgillaClient
from feedback.mapping import GROUPS
from prefopt.taxonomy import Taxonomy

MARK = 'name="prefopt-page" content="teach"'
"""In the page: Argilla answers for any path with its own page."""
NOTE = "prefopt"
"""Key of a dataset's metadata under which a round's notes are."""


def has_page(client: ArgillaClient) -> bool:
    """Whether the server has the page: a bundled one that was started by this version or a later one."""
    return MARK in client.page(bundled.TEACH)


def page_for_teachers(client: ArgillaClient, home: Path) -> str:
    """Address of the page for teachers; empty where the server has none. A server that others can reach is named as they reach it."""
    if not has_page(client):
        return ""
    address = bundled.last_address(home)
    return address.teachers_url if address is not None and address.url == client.url else f"{client.url}{bundled.TEACH}"


def tell(client: ArgillaClient, dataset: Mapping[str, Any], **notes: Any) -> None:
    """Keep notes for the page with a round's dataset, next to those that it has."""
    metadata = dataset.get("metadata") or {}
    known = metadata.get(NOTE) or {}
    if {**known, **notes} != known:
        body = {"metadata": {**metadata, NOTE: {**known, **notes}}}
        client.request("PATCH", f"/datasets/{dataset['id']}", json=body, repeatable=True)


def groups_of(taxonomy: Taxonomy) -> dict[str, str]:
    """Label id -> its groups in words, for those who search for them."""
    return {label.id: GROUPS.join(label.groups) for label in taxonomy if label.groups}
