"""The bundled server's job queue: its jobs give back the database connections that they use."""

from __future__ import annotations

import time

from feedback import bundled
from tests.contract.desks import ArgillaDesk, make_slates
from tests.contract.test_argilla_faults import owner_of

CONNECTIONS = 15
"""Of the server's pool: five, and ten more where they are needed."""


def test_more_jobs_than_database_connections_leave_the_server_answering(argilla_desk: ArgillaDesk) -> None:
    slates = make_slates(3)
    receipts = argilla_desk.source(overlap=1).publish(slates)
    for slate, receipt in zip(slates, receipts, strict=True):
        argilla_desk.rank("kim", slate, receipt, "1234")
    owner = owner_of(argilla_desk.project)
    dataset = str((owner.dataset(argilla_desk.name, owner.ensure_workspace("prefopt")) or {})["id"])
    records = f"/datasets/{dataset}/records"
    for number in range(CONNECTIONS + 5):
        wanted = 1 + number % 2
        owner.request("PATCH", f"/datasets/{dataset}", json={"distribution": {"strategy": "overlap", "min_submitted": wanted}})
        right = "completed" if wanted == 1 else "pending"
        deadline = time.monotonic() + 30
        while {record["status"] for record in owner.get(records, limit=10)["items"]} != {right}:
            assert time.monotonic() < deadline, f"job {number} has not settled the records"
            time.sleep(0.05)
    log = (bundled.default_home(argilla_desk.project) / "server.log").read_text(encoding="utf-8")
    assert "different event loop" not in log
    assert "QueuePool limit" not in log
