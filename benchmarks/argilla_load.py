"""Concurrent teachers on the bundled Argilla during a push: errors, lost answers, and how long a teacher waits.

    python benchmarks/argilla_load.py [--records 10000] [--teachers 20] [--answers 20] [--pause 10] [--search-records 100000] [--json]

A separate server is started on a free port. Nine tenths of the slates are published as a round publishes them; then the rest is pushed (one
push after another, as long as teachers are answering) while all teachers work concurrently. They sign in at the same moment, with passwords
as prefopt makes them, from one address. A teacher sends the requests of the page: the next ten records of the queue, an answer, the team's
progress and their own. `--pause` is the mean time between answers; with 0, the waiting time is the server's whole time divided among the
teachers. At the end everything is collected as `prefopt round` does, and compared with every answer that the server acknowledged. Then the
records are multiplied up to `--search-records`, in the database itself, and searched for words that are rare, common, short and several.

    errors            requests that were refused or broke off
    lost              acknowledged answers that `collect` does not return exactly once and unchanged
    submit_p50_ms, submit_p95_ms, queue_p50_ms, login_p95_ms     measured by the teachers' clients
    submit_cpu_ms     processor time of the server for an answer and what the page asks with it, with nothing else running
    login_cpu_ms, search_cpu_ms     processor time of the server for one sign-in, and for the slowest of the searches
    load_average      of the machine during the measurement: wall times say little where it is above its number of cores
    server_rss_mb     peak memory of the server (VmHWM)
    install_to_first_answer_s     with --from-nothing: creating the server's environment with pip, starting it, publishing, one answer
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import random
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from argilla_costs import WORDS, cpu_ms, multiply_records, peak_rss_mb, quantile_ms, wait_until_idle

from feedback import bundled
from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import ArgillaClient, find_server, new_password
from feedback.environment import OWN_PYTHON
from prefopt.protocols import FeedbackContext
from prefopt.records import Answer, Candidate, Problem, Receipt, Slate
from prefopt.taxonomy import builtin_taxonomy

PUSH_SIZE = 100
QUEUE = {
    "query": {},
    "filters": {
        "and": [
            {"type": "terms", "scope": {"entity": "response", "property": "status"}, "values": ["pending"]},
            {"type": "terms", "scope": {"entity": "record", "property": "status"}, "values": ["pending"]},
        ]
    },
}
"""The search that the page sends when a teacher opens the queue."""


@dataclass
class Measurements:
    """What the teachers' clients measured: seconds per request, acknowledged answers and errors."""

    submit: list[float] = field(default_factory=list)
    queue: list[float] = field(default_factory=list)
    login: list[float] = field(default_factory=list)
    acknowledged: list[tuple[str, str, tuple[int, ...]]] = field(default_factory=list)
    """(slate id, teacher, ranks of the cards A, B, C, D)"""
    errors: list[str] = field(default_factory=list)


def make_slates(count: int) -> list[Slate]:
    """Slates of realistic size: a word problem and four cards with a reason of three sentences each."""
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
    """A teacher using the page: the next ten records, an answer to each, and both progress bars after every answer.

    Args:
        url: address of the server.
        name: the teacher's user name; also the seed of the ranks.
        password: of the account.
        dataset: id of the dataset.
        answers: number of answers to give.
        pause: mean seconds between answers.
        measured: where the client's measurements are added.
        all_there: makes all teachers sign in at the same moment; None signs in at once.
    """

    def __init__(
        self,
        url: str,
        name: str,
        password: str,
        dataset: str,
        answers: int,
        pause: float,
        measured: Measurements,
        all_there: threading.Barrier | None = None,
    ) -> None:
        super().__init__(daemon=True)
        self._http = httpx.Client(base_url=f"{url}/api/v1", timeout=60, trust_env=False, limits=httpx.Limits(max_connections=4))
        self._password, self._all_there = password, all_there
        self._name, self._dataset, self._answers, self._pause, self._measured = name, dataset, answers, pause, measured
        self._chance = random.Random(name)

    def run(self) -> None:
        if self._all_there is not None:
            self._all_there.wait()
        if not self.sign_in():
            return
        done = 0
        while done < self._answers:
            records = self._next_records()
            if not records:
                return
            for record in records[: self._answers - done]:
                time.sleep(self._pause * self._chance.uniform(0.5, 1.5))
                self._answer(record)
                done += 1

    def sign_in(self) -> bool:
        """Get a session. Returns False if that failed."""
        form = {"username": self._name, "password": self._password}
        reply = self._timed(self._measured.login, "POST", "/token", data=form)
        if reply is not None:
            self._http.headers["Authorization"] = f"Bearer {reply.json()['access_token']}"
        return reply is not None

    def search(self, words: str) -> int:
        """Search all records for words, as the page does. Returns how many were found."""
        path, body = f"/me/datasets/{self._dataset}/records/search", {"query": {"text": {"q": words}}}
        reply = self._timed([], "POST", path, params={"limit": 10, "offset": 0}, json=body)
        return int(reply.json()["total"]) if reply is not None else -1

    def _next_records(self) -> list[dict[str, Any]]:
        reply = self._timed(
            self._measured.queue,
            "POST",
            f"/me/datasets/{self._dataset}/records/search",
            params={"limit": 10, "offset": 0, "include": ["responses", "suggestions"]},
            json=QUEUE,
        )
        return [item["record"] for item in reply.json()["items"]] if reply is not None else []

    def answer_next(self) -> None:
        """Answer the next record of the queue."""
        for record in self._next_records()[:1]:
            self._answer(record)

    def _answer(self, record: dict[str, Any]) -> None:
        ranks = tuple(self._chance.randint(1, 4) for _ in range(4))
        ranking = [{"value": key, "rank": rank} for key, rank in zip("abcd", ranks, strict=True)]
        body = {"status": "submitted", "values": {"verdict": {"value": "some"}, "ranking": {"value": ranking}}}
        if self._timed(self._measured.submit, "POST", f"/records/{record['id']}/responses", json=body) is not None:
            self._measured.acknowledged.append((record["external_id"], self._name, ranks))
        self._timed([], "GET", f"/datasets/{self._dataset}/progress")
        self._timed([], "GET", f"/me/datasets/{self._dataset}/metrics")

    def _timed(self, times: list[float], method: str, path: str, **options: Any) -> httpx.Response | None:
        begun = time.perf_counter()
        try:
            reply = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            self._measured.errors.append(f"{method} {path}: {type(error).__name__} {error}")
            return None
        times.append(time.perf_counter() - begun)
        if reply.status_code >= 400:
            self._measured.errors.append(f"{method} {path}: {reply.status_code} {reply.text[:200]}")
            return None
        return reply


def measure(project: Path, records: int, teachers: int, answers: int, pause: float, search_records: int) -> dict[str, Any]:
    """Start a server, let the teachers work while the last tenth is pushed, and measure; then search."""
    home = bundled.default_home(project)
    begun = time.perf_counter()
    _, pid = bundled.start(home, port=0)
    start_s = time.perf_counter() - begun
    try:
        url, key = find_server(project)
        owner = ArgillaClient(url, key=key)
        passwords = make_teachers(owner, teachers)
        slates = make_slates(records)
        source = ArgillaSource(ArgillaConfig(), FeedbackContext(project=project, name="load", taxonomy=builtin_taxonomy(), overlap=3))
        before = max(1, records * 9 // 10)
        begun = time.perf_counter()
        source.publish(slates[:before])
        push_s = time.perf_counter() - begun
        dataset = str((owner.dataset("load", owner.ensure_workspace("prefopt")) or {})["id"])
        measured = Measurements()
        together = threading.Barrier(teachers)
        clients = [Teacher(url, name, password, dataset, answers, pause, measured, together) for name, password in passwords.items()]
        begun = time.perf_counter()
        for teacher in clients:
            teacher.start()
        receipts, pushes = push_while(clients, source, slates, before)
        for teacher in clients:
            teacher.join()
        work_s, load = time.perf_counter() - begun, os.getloadavg()[0]
        begun = time.perf_counter()
        lost = count_lost(source, slates, receipts, measured)
        collect_s = time.perf_counter() - begun
        peak, given = peak_rss_mb(pid), len(measured.acknowledged)
        wait_until_idle(pid)
        (name, password), *_ = passwords.items()
        alone = Teacher(url, name, password, dataset, 0, 0.0, measured)
        costs = {"login_cpu_ms": cpu_ms(pid, alone.sign_in), "submit_cpu_ms": cpu_ms(pid, alone.answer_next, 10)}
    finally:
        bundled.stop(home)
    multiply_records(home, search_records)
    address, pid = bundled.start(home)
    try:
        alone = Teacher(address.url, name, password, dataset, 0, 0.0, measured)
        alone.sign_in()
        wait_until_idle(pid)
        costs["search_cpu_ms"] = max(cpu_ms(pid, functools.partial(alone.search, words)) for words in WORDS)
    finally:
        bundled.stop(home)
    return {
        "errors": len(measured.errors),
        "lost": lost,
        "submit_p50_ms": quantile_ms(measured.submit, 0.5),
        "submit_p95_ms": quantile_ms(measured.submit, 0.95),
        "queue_p50_ms": quantile_ms(measured.queue, 0.5),
        "queue_p95_ms": quantile_ms(measured.queue, 0.95),
        "login_p50_ms": quantile_ms(measured.login[:teachers], 0.5),
        "login_p95_ms": quantile_ms(measured.login[:teachers], 0.95),
        **costs,
        "load_average": round(load, 1),
        "search_records": max(records, search_records),
        "records": records,
        "teachers": teachers,
        "server_rss_mb": peak,
        "answers": given,
        "answers_per_s": round(given / work_s, 1),
        "pushes_meanwhile": pushes,
        "start_s": round(start_s, 1),
        "push_s": round(push_s, 1),
        "collect_s": round(collect_s, 1),
        "pause_s": pause,
        "first_errors": measured.errors[:5],
    }


def make_teachers(owner: ArgillaClient, count: int) -> dict[str, str]:
    """Name -> password of `count` annotators of the workspace."""
    workspace = owner.ensure_workspace("prefopt")
    passwords = {f"teacher-{number}": new_password() for number in range(1, count + 1)}
    for name, password in passwords.items():
        owner.add_teacher(name, name, workspace, password)
    return passwords


def push_while(clients: list[Teacher], source: ArgillaSource, slates: list[Slate], before: int) -> tuple[list[Receipt], int]:
    """Publish the rest in steps as long as the teachers work. Returns the round's receipts and the number of pushes."""
    pushes, upto = 0, before
    receipts: list[Receipt] = []
    while upto < len(slates) and any(teacher.is_alive() for teacher in clients):
        upto = min(len(slates), upto + PUSH_SIZE)
        receipts = source.publish(slates[:upto])
        pushes += 1
    return (receipts if upto == len(slates) else source.publish(slates)), pushes


def count_lost(source: ArgillaSource, slates: list[Slate], receipts: list[Receipt], measured: Measurements) -> int:
    """Number of acknowledged answers that are not collected exactly once and unchanged."""
    by_id = {slate.id: slate for slate in slates}
    collected = Counter(
        (ranking.slate_id, ranking.teacher, tuple(ranking.ranks[card.id] for card in by_id[ranking.slate_id].shown))
        for ranking in source.collect(slates, receipts)
    )
    return sum(collected[answer] != 1 for answer in measured.acknowledged)


def install_to_first_answer(project: Path) -> dict[str, Any]:
    """From an empty data directory to the first answer: pip creates the environment, the server starts, one slate is answered."""
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
        (name, password), *_ = make_teachers(owner, 1).items()
        source = ArgillaSource(ArgillaConfig(), FeedbackContext(project=project, name="first", taxonomy=builtin_taxonomy(), overlap=1))
        slates = make_slates(1)
        receipts = source.publish(slates)
        dataset = str((owner.dataset("first", owner.ensure_workspace("prefopt")) or {})["id"])
        measured = Measurements()
        teacher = Teacher(url, name, password, dataset, 1, 0, measured)
        teacher.start()
        teacher.join()
        if count_lost(source, slates, receipts, measured) or not measured.acknowledged:
            raise SystemExit(f"the first answer did not arrive: {measured.errors}")
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
    parser.add_argument("--pause", type=float, default=10.0, help="mean seconds between a teacher's answers")
    parser.add_argument("--search-records", type=int, default=100_000, help="records among which is searched")
    parser.add_argument("--from-nothing", action="store_true", help="also measure from an empty environment to the first answer")
    parser.add_argument("--json", action="store_true")
    args, figures = parser.parse_args(), {}
    with tempfile.TemporaryDirectory() as folder:
        figures |= measure(Path(folder), args.records, args.teachers, args.answers, args.pause, args.search_records)
    if args.from_nothing:
        with tempfile.TemporaryDirectory() as folder:
            figures |= install_to_first_answer(Path(folder))
    if args.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
