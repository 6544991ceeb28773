"""A round's order for a training service, without a model: two preferred answers, one tie, one pair of two minds."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefopt.config import AdapterSettings, AnswerSettings, ModelSettings, PromptSettings
from prefopt.jobs import run
from prefopt.jobs.record import JobRecord
from prefopt.jobs.service import JobService, Order
from prefopt.model.adapter_card import CARD, AdapterCard, Managed, write_card
from prefopt.protocols import TrainingJob
from prefopt.records import Answer, Pair, Problem
from prefopt.taxonomy import parse_taxonomy
from recipes.openai import OpenAiConfig
from recipes.openai import recipe as openai
from tests.training_service import Service

TAXONOMY = parse_taxonomy("code,name\nadd,덧셈\nsub,뺄셈\nmul,곱셈\n", "labels.csv")


def pair(name: str, chosen: str, rejected: str, **more: Any) -> Pair:
    """A pair on a problem of its own, unanimous unless `more` says otherwise."""
    asked = Problem(id=name, text=f"{name}번 문제: 12 + 9는 얼마인가?")
    fixed = {"weight": 1.0, "share": 1.0, "slate_id": f"slate-{name}", "origin": "votes"}
    return Pair(problem=asked, chosen=Answer(label=chosen, level="B"), rejected=Answer(label=rejected, level="B"), **{**fixed, **more})


STUB = {"adapter_config.json": b"{}", "adapter_model.safetensors": b"weights"}
PAIRS = (
    pair("1", "add", "sub"),
    pair("2", "mul", "add", weight=0.3),
    pair("3", "sub", "add", weight=0.2, share=0.6),
    pair("4", "sub", "mul", weight=1.0, share=0.5, tie=True),
)


def config(url: str, **more: Any) -> OpenAiConfig:
    """Options for a server of one's own, which costs nothing."""
    return OpenAiConfig(**{"url": url, "model": "school/tiny", "price": 0.0, **more})


def parent_of(folder: Path, url: str) -> Path:
    """A parent adapter that the server trained: its card alone."""
    made = folder / "parent"
    made.mkdir(exist_ok=True)
    managed = Managed(service=f"openai at {url}", base="school/tiny", model="ft-parent", job="ftjob-0")
    card = AdapterCard(parent=None, base="", recipe="openai-sft", round=0, seed=0, rank=16, alpha=32, experts=True, managed=managed)
    write_card(made / CARD, card)
    return made


def job_in(folder: Path, url: str, pairs: tuple[Pair, ...] = PAIRS) -> TrainingJob:
    """Round 003 of the project mathclass, whose stage works in `folder`/stage."""
    (folder / "stage").mkdir(exist_ok=True)
    return TrainingJob(
        folder=folder / "stage",
        model=ModelSettings(),
        adapter=AdapterSettings(),
        prompt=PromptSettings(),
        answer=AnswerSettings(),
        taxonomy=TAXONOMY,
        parent=parent_of(folder, url),
        data=pairs,
        round=3,
        project="mathclass",
    )


def advance(folder: Path, url: str, **options: Any) -> JobRecord:
    """What `prefopt round` does for the job, up to the fetched adapter."""
    asked = config(url, **options)
    job, service = job_in(folder, url), openai.service(asked)
    order, rows = openai.order(job, asked, service)
    return run.advance(service, order, rows, job.folder, asked.max_cost)[0]


def opened(folder: Path, url: str, **options: Any) -> tuple[JobService, Order]:
    """The service and the order of `advance`."""
    asked = config(url, **options)
    service = openai.service(asked)
    return service, openai.order(job_in(folder, url), asked, service)[0]


def succeed(service: Service, job: str, adapter: Mapping[str, bytes] = STUB) -> None:
    """End a job with an adapter: name of each file -> content."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in {**adapter, "../evil.sh": b"rm"}.items():
            member = tarfile.TarInfo(f"adapter/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    log = b"step,train_loss\n1,0.7\n2,0.5\n"
    files = [service.result("step_metrics.csv", log), service.result("adapter.tar.gz", packed.getvalue())]
    service.end(job, results=files, model=f"ft-{job}")


def main() -> None:
    """Import once, then run `advance` in a fork for each line {"folder", "url", "kill_at"}, killed at that write or request."""
    import os
    from signal import SIGKILL

    from prefopt.errors import PrefoptError
    from prefopt.jobs.client import JobClient

    def point(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), SIGKILL)

    def guarded(function: Any) -> Any:
        def call(*words: Any, **named: Any) -> Any:
            point()
            found = function(*words, **named)
            point()
            return found

        return call

    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        left = int(asked["kill_at"])
        pid = os.fork()
        if pid:
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
            continue
        for owner, name in ((run, "write_record"), (run, "write_bytes"), (JobClient, "_sent")):
            setattr(owner, name, guarded(getattr(owner, name)))
        try:
            advance(Path(asked["folder"]), asked["url"])
            os._exit(0)
        except PrefoptError as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(3)


if __name__ == "__main__":
    main()
