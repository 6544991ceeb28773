"""A room of teachers on the bundled Argilla while records are still being pushed: what fails, what is lost, how long a teacher waits.

    python benchmarks/argilla_load.py [--records 10000] [--teachers 20] [--answers 20] [--pause 0] [--from-nothing] [--json]

A server of its own is started on a free port. Nine tenths of the slates are published as a round publishes them; then the rest is pushed
(one push after the other, as long as anybody answers) while all teachers work at once. A teacher does what the page does: asks for the next
ten records of the queue, submits an answer, asks for the team's and the own progress. `--pause` is the time a teacher thinks about each
record: 0 is a stampede, in which waiting is the server's whole time divided among the teachers. At the end everything is collected as
`prefopt round` does, and compared with every answer that the server acknowledged.

    errors            requests that were refused or broke
    lost              acknowledged answers that `collect` does not give back exactly, or gives back twice
    submit_p50_ms, submit_p95_ms, queue_p50_ms     as the teachers' clients measured them
    server_rss_mb     the most memory that the server ever held (VmHWM)
    install_to_first_answer_s     with --from-nothing: making the server's environment with pip, starting it, publishing, one answer
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from feedback import bundled
from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import ArgillaClient, find_server
from feedback.environment import OWN_PYTHON
from prefopt.protocols import FeedbackContext
from prefopt.records import Answer, Candidate, Problem, Receipt, Slate
from prefopt.taxonomy import builtin_taxonomy

PUSHED_AT_ONCE = 100
QUEUE = {
    "query": {},
    "filters": {
        "and": [
            {"type": "terms", "scope": {"entity": "response", "property": "status"}, "values": ["pending"]},
            {"type": "terms", "scope": {"entity": "record", "property": "status"}, "values": ["pending"]},
        ]
    },
}
"""What the page asks for when a teacher opens the queue."""


@dataclass
class Seen:
    """What the teachers' clients saw."""

    submit: list[float] = field(default_factory=list)
    queue: list[float] = field(default_factory=list)
    acknowledged: list[tuple[str, str, tuple[int, ...]]] = field(default_factory=list)
    """(slate id, teacher, ranks of the cards A, B, C, D)"""
    errors: list[str] = field(default_factory=list)


def make_slates(count: int) -> list[Slate]:
    """Slates of the size of real ones: a word problem and four cards with a reason of three sentences each."""
    taxonomy, chance = builtin_taxonomy(), random.Random(7)
    reason = (
        "문제에 나온 두 수를 더하고 다시 빼는 상황이므로 덧셈과 뺄셈의 관계를 묻는다. 받아올림이 있는 계산이 쓰인다. 답은 두 자리 수이다. "
    )
    slates = []
    for number in range(count):
        labels = chance.sample(list(taxonomy.ids), 4)
        cards = tuple(
            Candidate(id=f"c{i}", answer=Answer(label=label, reason=reason * 2), probability=0.2, adapter="base")
            for i, label in enumerate(labels)
        )
        text = f"구슬 {number}개 가운데 {number % 17}개를 주고 {number % 23}개를 받았습니다. 지금은 몇 개입니까? " * 2
        order = tuple(chance.sample(range(4), 4))
        problem = Problem(id=f"p-{number:06d}", text=text)
        slates.append(Slate(id=f"s-{number:06d}", problem=problem, candidates=cards, order=order, purpose="random", top2_gap=0.1))
    return slates


class Teacher(threading.Thread):
    """One teacher at the page: the next ten records, an answer to each, and both progress bars after every answer."""

    def __init__(self, url: str, key: str, name: str, dataset: str, answers: int, pause: float, seen: Seen) -> None:
        super().__init__(daemon=True)
        self._http = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"X-Argilla-Api-Key": key},
            timeout=60,
            trust_env=False,
            limits=httpx.Limits(max_connections=4),
        )
        self._name, self._dataset, self._answers, self._pause, self._seen = name, dataset, answers, pause, seen
        self._chance = random.Random(name)

    def run(self) -> None:
        done = 0
        while done < self._answers:
            records = self._next_records()
            if not records:
                return
            for record in records[: self._answers - done]:
                time.sleep(self._pause * self._chance.uniform(0.5, 1.5))
                self._answer(record)
                done += 1

    def _next_records(self) -> list[dict[str, Any]]:
        reply = self._timed(
            self._seen.queue,
            "POST",
            f"/me/datasets/{self._dataset}/records/search",
            params={"limit": 10, "offset": 0, "include": ["responses", "suggestions"]},
            json=QUEUE,
        )
        return [item["record"] for item in reply.json()["items"]] if reply is not None else []

    def _answer(self, record: dict[str, Any]) -> None:
        ranks = tuple(self._chance.randint(1, 4) for _ in range(4))
        ranking = [{"value": key, "rank": rank} for key, rank in zip("abcd", ranks, strict=True)]
        body = {"status": "submitted", "values": {"verdict": {"value": "some"}, "ranking": {"value": ranking}}}
        if self._timed(self._seen.submit, "POST", f"/records/{record['id']}/responses", json=body) is not None:
            self._seen.acknowledged.append((record["external_id"], self._name, ranks))
        self._timed([], "GET", f"/datasets/{self._dataset}/progress")
        self._timed([], "GET", f"/me/datasets/{self._dataset}/metrics")

    def _timed(self, times: list[float], method: str, path: str, **options: Any) -> httpx.Response | None:
        begun = time.perf_counter()
        try:
            reply = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            self._seen.errors.append(f"{method} {path}: {type(error).__name__} {error}")
            return None
        times.append(time.perf_counter() - begun)
        if reply.status_code >= 400:
            self._seen.errors.append(f"{method} {path}: {reply.status_code} {reply.text[:200]}")
            return None
        return reply


def measure(project: Path, records: int, teachers: int, answers: int, pause: float) -> dict[str, Any]:
    """Start a server, let the teachers work while the last tenth is pushed, and count."""
    home = bundled.default_home(project)
    begun = time.perf_counter()
    _, pid = bundled.start(home, port=0)
    start_s = time.perf_counter() - begun
    try:
        url, key = find_server(project)
        owner = ArgillaClient(url, key=key)
        keys = make_teachers(owner, teachers)
        slates = make_slates(records)
        source = ArgillaSource(ArgillaConfig(), FeedbackContext(project=project, name="load", taxonomy=builtin_taxonomy(), overlap=3))
        before = max(1, records * 9 // 10)
        begun = time.perf_counter()
        source.publish(slates[:before])
        push_s = time.perf_counter() - begun
        dataset = str((owner.dataset("load", owner.ensure_workspace("prefopt")) or {})["id"])
        seen = Seen()
        room = [Teacher(url, key, name, dataset, answers, pause, seen) for name, key in keys.items()]
        begun = time.perf_counter()
        for teacher in room:
            teacher.start()
        receipts, pushes = push_while(room, source, slates, before)
        for teacher in room:
            teacher.join()
        work_s = time.perf_counter() - begun
        begun = time.perf_counter()
        lost = count_lost(source, slates, receipts, seen)
        collect_s = time.perf_counter() - begun
        peak = peak_rss_mb(pid)
    finally:
        bundled.stop(home)
    return {
        "errors": len(seen.errors),
        "lost": lost,
        "submit_p50_ms": quantile_ms(seen.submit, 0.5),
        "submit_p95_ms": quantile_ms(seen.submit, 0.95),
        "queue_p50_ms": quantile_ms(seen.queue, 0.5),
        "queue_p95_ms": quantile_ms(seen.queue, 0.95),
        "records": records,
        "teachers": teachers,
        "server_rss_mb": peak,
        "answers": len(seen.acknowledged),
        "answers_per_s": round(len(seen.acknowledged) / work_s, 1),
        "pushes_meanwhile": pushes,
        "start_s": round(start_s, 1),
        "push_s": round(push_s, 1),
        "collect_s": round(collect_s, 1),
        "pause_s": pause,
        "first_errors": seen.errors[:5],
    }


def make_teachers(owner: ArgillaClient, count: int) -> dict[str, str]:
    """Name -> API key of `count` annotators of the workspace."""
    workspace = owner.ensure_workspace("prefopt")
    names = [f"teacher-{number}" for number in range(1, count + 1)]
    for name in names:
        owner.add_teacher(name, name, workspace, "teacher-pass-1")
    return {user["username"]: user["api_key"] for user in owner.get("/users")["items"] if user["username"] in names}


def push_while(room: list[Teacher], source: ArgillaSource, slates: list[Slate], before: int) -> tuple[list[Receipt], int]:
    """Publish the rest in steps that last as long as the teachers work; the round's own receipts, and how many pushes there were."""
    pushes, upto = 0, before
    receipts: list[Receipt] = []
    while upto < len(slates) and any(teacher.is_alive() for teacher in room):
        upto = min(len(slates), upto + PUSHED_AT_ONCE)
        receipts = source.publish(slates[:upto])
        pushes += 1
    return (receipts if upto == len(slates) else source.publish(slates)), pushes


def count_lost(source: ArgillaSource, slates: list[Slate], receipts: list[Receipt], seen: Seen) -> int:
    """Acknowledged answers that do not come back exactly once and as they were given."""
    by_id = {slate.id: slate for slate in slates}
    collected = Counter(
        (ranking.slate_id, ranking.teacher, tuple(ranking.ranks[card.id] for card in by_id[ranking.slate_id].shown))
        for ranking in source.collect(slates, receipts)
    )
    return sum(collected[answer] != 1 for answer in seen.acknowledged)


def peak_rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024, 1)


def quantile_ms(seconds: list[float], share: float) -> float:
    """Quantile in milliseconds; raises where nothing was measured."""
    if len(seconds) < 2:
        raise SystemExit(f"{len(seconds)} requests succeeded: nothing to measure")
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return round(1000 * cuts[round(share * 100) - 1], 1)


def install_to_first_answer(project: Path) -> dict[str, Any]:
    """From an empty data folder to the first answer: pip makes the server's environment, the server starts, one slate is answered."""
    os.environ.pop(OWN_PYTHON, None)
    os.environ["XDG_DATA_HOME"] = str(project / "data-home")
    home = bundled.default_home(project)
    begun = time.perf_counter()
    marks: list[float] = []

    def on_line(line: str) -> None:
        if line == "starting Argilla":
            marks.append(time.perf_counter() - begun)

    bundled.start(home, port=0, on_line=on_line)
    try:
        url, key = find_server(project)
        owner = ArgillaClient(url, key=key)
        (name, teacher_key), *_ = make_teachers(owner, 1).items()
        source = ArgillaSource(ArgillaConfig(), FeedbackContext(project=project, name="first", taxonomy=builtin_taxonomy(), overlap=1))
        slates = make_slates(1)
        receipts = source.publish(slates)
        dataset = str((owner.dataset("first", owner.ensure_workspace("prefopt")) or {})["id"])
        seen = Seen()
        teacher = Teacher(url, teacher_key, name, dataset, 1, 0, seen)
        teacher.start()
        teacher.join()
        if count_lost(source, slates, receipts, seen) or not seen.acknowledged:
            raise SystemExit(f"the first answer did not arrive: {seen.errors}")
        total = time.perf_counter() - begun
    finally:
        bundled.stop(home)
    size = sum(path.stat().st_size for path in (project / "data-home").rglob("*") if path.is_file() and not path.is_symlink())
    return {"install_to_first_answer_s": round(total, 1), "install_s": round(marks[0], 1), "environment_mb": round(size / 2**20, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--teachers", type=int, default=20)
    parser.add_argument("--answers", type=int, default=20, help="per teacher")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds a teacher thinks about a record")
    parser.add_argument("--from-nothing", action="store_true", help="first measure from an empty environment to the first answer")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        found |= measure(Path(folder), args.records, args.teachers, args.answers, args.pause)
    if args.from_nothing:
        with tempfile.TemporaryDirectory() as folder:
            found |= install_to_first_answer(Path(folder))
    if args.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
