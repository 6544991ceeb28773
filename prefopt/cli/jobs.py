"""What the command line says of jobs at training services."""

from __future__ import annotations

import json
from typing import Any

SHOWN = 5
"""Newest lines of a job's log."""


def print_job(now: Any) -> None:
    """A round's job: service, state, cost, log."""
    from prefopt.cli import console

    record = now.record
    for attempt in record.attempts:
        console.out.print(f"earlier job {attempt.id}: {attempt.state}{f', {attempt.error}' if attempt.error else ''}", markup=False)
    if not record.is_open:
        return
    state = now.job if now.job is not None else record
    words = ", ".join(filter(None, (state.state, state.progress))) if record.job_id else "not known to be created"
    cost = record.cost if now.job is None else now.job.cost
    paid = f"{cost:.2f} US dollars" if cost is not None else f"up to {record.price:.2f} US dollars"
    console.out.print(f"job {record.job_id or record.suffix} at {record.service}: {words}; {paid}", markup=False)
    for event in now.events[-SHOWN:]:
        console.out.print(f"  {event.at:%Y-%m-%d %H:%M:%S} {event.text}", markup=False)


def print_leaving(rnd: Any, as_json: bool) -> None:
    """What a round's recipe would send to its service."""
    from prefopt.cli import console
    from prefopt.io.strict import json_object
    from prefopt.jobs.run import asked_of
    from prefopt.rounds.managed import leaving_of

    found = leaving_of(rnd)
    order, rows = found.order, found.rows
    first = order.content.decode().partition("\n")[0]
    said = asked_of(order)
    if as_json:
        values = {"service": found.service, "suffix": order.suffix, "file": order.file_name, "sha256": order.sha256, "price": found.price}
        counts = {"rows": len(order.rows), "bytes": len(order.content), "left_out": dict(rows.left_out)}
        console.print_json({"round": rnd.number, **values, **counts, "asked": said, "first_row": json_object(first)})
        return
    lines = [
        f"would go to {found.service}; nothing was sent",
        f"file    {order.file_name}: {len(order.rows)} rows, {len(order.content):,} bytes, sha256 {order.sha256[:12]}",
        f"job     {order.suffix}: {json.dumps(said, ensure_ascii=False)}",
        f"price   {'not known' if found.price is None else f'up to {found.price:.2f} US dollars'}",
        *(f"not sent: {count} {what}" for what, count in rows.left_out.items()),
        "no names, ids, votes or comments; the first row:",
        first,
    ]
    console.out.print("\n".join(lines), markup=False, soft_wrap=True)


def print_cancelled(rnd: Any, as_json: bool) -> None:
    """Cancel a round's job, and say so."""
    from prefopt.cli import console
    from prefopt.rounds.managed import cancel_job

    record = cancel_job(rnd)
    last = record.attempts[-1] if record.attempts else None
    if as_json:
        console.print_json({"round": rnd.number, "job": None if last is None else last.model_dump(mode="json")})
        return
    what = "no job had been created" if last is None else f"{last.id} is cancelled"
    if last is not None and last.state != "cancelled":
        what = f"{last.id} had ended before ({last.state}); its adapter is not used"
    again = "prefopt round" if rnd.number else "prefopt sft"
    here = "; to train here: prefopt round --recipe dpo" if rnd.number else ""
    console.out.print(f"{what}; to send a new job: {again}{here}", markup=False)
