"""A job from the rows to its adapter, one step after the other. Each step is on record before it is sent, so that an interruption at any
point costs a look at the service and never a second job."""

from __future__ import annotations

import math
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from prefopt.errors import TrainingError, WaitingError
from prefopt.io.files import write_bytes
from prefopt.jobs.record import SENT, JobRecord, read_record, write_record
from prefopt.jobs.rows import Rows
from prefopt.jobs.service import TRAIN_HERE, ExpiredFileError, Fetched, Job, JobService, Order, UnansweredError

LOOKS = 4
"""How often a job is looked for whose creation was not answered, with growing pauses."""
FIRST_WAIT = 0.5
UPLOADS = 2
"""How often the rows are uploaded for one job: once more where the service has lost them."""
FETCHED = ".fetched"


def advance(service: JobService, order: Order, rows: Rows, folder: Path, max_cost: float) -> tuple[JobRecord, Path]:
    """Do what can be done now for a job: send it, ask for it, fetch what it trained.

    Args:
        service: that trains.
        order: what is asked.
        rows: of the order, with what was left out.
        folder: of the unfinished stage, which keeps job.json and sent.jsonl.
        max_cost: most US dollars.

    Returns:
        the record, and the folder with the adapter as stock PEFT saves it.

    Raises:
        WaitingError: the job has not ended.
        TrainingError: it failed or was cancelled, costs too much, is another one than the round asks for now, or gives no weights.
        UnansweredError: the service does not say what it did.
    """
    record = read_record(folder)
    if record is not None and (record.request != order.request or record.service != service.name):
        record = _replaced(record, service, order)
    if record is None or not record.is_open:
        record = _begun(service, order, rows, folder, max_cost, record)
    if record.next == "upload":
        record = _uploaded(service, order, folder, record)
    if record.next == "create":
        record = _created(service, order, folder, record)
    if record.next == "wait":
        record = _ended(service, folder, record)
    if record.next == "fetch" or not (folder / FETCHED).is_dir():
        record = _fetched(service, folder, record)
    return record, folder / FETCHED


def cancel(service: JobService, folder: Path) -> JobRecord:
    """Cancel the job of a round, or give up the one that has ended.

    Raises:
        TrainingError: there is no job, or it is at another service.
        UnansweredError: the service does not say whether it is cancelled.
    """
    record = read_record(folder)
    if record is None or not record.is_open:
        raise TrainingError("no job of this round is at a service", hint="prefopt round status")
    if record.service != service.name:
        raise TrainingError(
            f"the job of this round is at {record.service}, and {service.name} cannot cancel it",
            hint="set the recipe's options back to that service, then: prefopt round cancel",
        )
    if not record.job_id:  # interrupted while it was created
        job = _found(service, record)
        record = record if job is None else record.seen(job, _now())
    if not record.job_id:
        given_up = record.given_up("cancelled", "")
        write_record(folder, given_up)
        return given_up
    ended = service.cancel(record.job_id)
    if ended.state not in ("succeeded", "failed", "cancelled"):
        ended = service.job(record.job_id)
    record = record.seen(ended, _now())
    shutil.rmtree(folder / FETCHED, ignore_errors=True)
    given_up = record.given_up(ended.state, ended.error)
    write_record(folder, given_up)
    return given_up


def waiting_for(record: JobRecord) -> str:
    """The job in words, e.g. "ftjob-1 (running, step 3 of 12)"."""
    return f"{record.job_id} ({', '.join(filter(None, (record.state, record.progress)))})"


def _replaced(record: JobRecord, service: JobService, order: Order) -> JobRecord | None:
    """The record where nothing was paid for yet; otherwise TrainingError: the job at the service is not the one that is asked for now."""
    if not record.is_open:
        return record
    asked = asked_of(order)
    changed = [name for name in asked if asked[name] != record.asked.get(name)]
    changed += ["rows"] if record.sha256 != order.sha256 else []
    changed += ["service"] if record.service != service.name else []
    job = record.job_id or "a job that may have been created"
    raise TrainingError(
        f"{job} at {record.service} was asked for with other settings than those of now: {', '.join(changed)}",
        hint="set them back to go on with it; or give it up: prefopt round cancel, then prefopt round",
    )


def _begun(service: JobService, order: Order, rows: Rows, folder: Path, max_cost: float, before: JobRecord | None) -> JobRecord:
    """Ask for the price, and write down what will be sent."""
    price = service.price(order)
    if price is None:
        raise TrainingError(
            f"{service.name} does not say what a job costs",
            hint="set price = 0 under the recipe's name for a server of your own, or US dollars for a million tokens",
        )
    if price > max_cost:
        raise TrainingError(
            f"the job would cost up to {price:.2f} US dollars, and max_cost is {max_cost:.2f}; nothing was sent",
            hint=f"set max_cost = {math.ceil(price * 100) / 100:g} under the recipe's name, or train here: {TRAIN_HERE[order.method]}",
        )
    record = JobRecord(
        service=service.name,
        suffix=order.suffix,
        asked=asked_of(order),
        request=order.request,
        file_name=order.file_name,
        sha256=order.sha256,
        rows=len(order.rows),
        left_out=dict(rows.left_out),
        price=price,
        next="upload",
        attempts=() if before is None else before.attempts,
    )
    write_bytes(folder / SENT, order.content)
    write_record(folder, record)
    return record


def asked_of(order: Order) -> dict[str, object]:
    """What is asked, besides the rows: JSON values."""
    parent = None if order.parent is None else order.parent.model_dump()
    named = {"method": order.method, "model": order.model, "parent": parent}
    return named | {"options": dict(order.options), "epochs": order.epochs, "seed": order.seed}


def _uploaded(service: JobService, order: Order, folder: Path, record: JobRecord) -> JobRecord:
    """The rows at the service: those of an upload whose answer was lost, or now."""
    found = service.find_file(order)
    file_id = service.upload(order) if found is None else found
    record = record.model_copy(update={"file_id": file_id, "next": "create"})
    write_record(folder, record)
    return record


def _created(service: JobService, order: Order, folder: Path, record: JobRecord) -> JobRecord:
    """The job: the one that an interrupted run created, or a new one."""
    job = _found(service, record)
    for upload in range(UPLOADS if job is None else 0):
        try:
            job = service.create(order, record.file_id)
            break
        except UnansweredError:
            job = _found_after_a_while(service, record)
            if job is None:
                raise
            break
        except ExpiredFileError:
            if upload + 1 == UPLOADS:
                raise
            record = record.model_copy(update={"file_id": service.upload(order)})
            write_record(folder, record)
        except TrainingError:  # refused, so there is no job, and the round may ask for another one
            write_record(folder, record.given_up("failed", ""))
            raise
    assert job is not None  # noqa: S101 - found, created, or raised
    record = record.seen(job, _now()).model_copy(update={"next": "wait"})
    write_record(folder, record)
    return record


def _found_after_a_while(service: JobService, record: JobRecord) -> Job | None:
    """The job whose creation was not answered: lists of jobs may lag behind."""
    for look in range(LOOKS):
        time.sleep(FIRST_WAIT * 2**look)
        job = _found(service, record)
        if job is not None:
            return job
    return None


def _found(service: JobService, record: JobRecord) -> Job | None:
    job = service.find(record.suffix, record.request, record.file_id)
    return None if job is None or job.id in {attempt.id for attempt in record.attempts} else job


def _ended(service: JobService, folder: Path, record: JobRecord) -> JobRecord:
    """Ask for the job. Raises WaitingError while it runs, TrainingError where it ended without a model."""
    job = service.job(record.job_id)
    found = record.seen(job, _now())
    if job.state == "succeeded":
        found = found.model_copy(update={"next": "fetch"})
        write_record(folder, found)
        return found
    if job.state in ("failed", "cancelled"):
        write_record(folder, found.given_up(job.state, job.error))
        method = str(record.asked["method"])
        what = f"failed: {job.error or 'the service gives no reason'}" if job.state == "failed" else "was cancelled"
        raise TrainingError(
            f"{job.id} at {service.name} {what}",
            hint=f"to send a new job: prefopt round; to train here: {TRAIN_HERE[method]}",
        )
    write_record(folder, found)
    raise WaitingError(waiting_for(found))


def _fetched(service: JobService, folder: Path, record: JobRecord) -> JobRecord:
    """The adapter of the job in a folder of its own."""
    target = folder / FETCHED
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    try:
        job = service.job(record.job_id)
        found: Fetched = service.fetch(job, target)
        if not found.weights:
            raise TrainingError(
                f"{record.job_id} trained {job.model or 'a model'} at {service.name}, which gives no weights back, so its answers cannot "
                "be calibrated here",
                hint="use a service that gives the adapter (docs/jobs.md); for this round: prefopt round cancel, then to train here: "
                f"{TRAIN_HERE[str(record.asked['method'])]}",
            )
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    done = {"next": "import", "updates": found.steps, "metrics": dict(found.metrics)}
    record = record.seen(job, _now()).model_copy(update=done)
    write_record(folder, record)
    return record


def _now() -> datetime:
    return datetime.now(UTC)
