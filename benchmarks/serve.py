"""What `prefopt serve` costs and keeps: throughput against `Predictor`, latency, answers lost to SIGKILL, a promotion under load.

    python benchmarks/serve.py [--project DIR] [--clients 32] [--problems 128] [--repeats 8] [--kills 20] [--swaps 4] [--json]

Without --project, a project with generated problems, the tiny model and two rounds is made first (some minutes). With one, its rounds 0 and
1 must be decided; it is copied, and left as it is.

Throughput: `--clients` threads, each with a connection of its own and one problem in a request, against `Predictor.predict` in batches of
32 on the same problems in this process. The two take turns, `--repeats` times each after an untimed one, and every other time the server
comes first; the ratio is the median of the pairs, its interval that of the signs (at least 95 % from 6 pairs on). Latencies are those of
the clients. Lost answers: the server is killed with SIGKILL under a load of one and three problems in a request, chats and corrections
`--kills` times at random moments, after `--requests` replies in all, and started again; an answer with status 200 or a correction with
201 without exactly one line in serve/ is lost. Swaps: rounds 1 and 0 are promoted in turn by `prefopt round decide` under load; swap_s is
the longest time from the change of rounds/promoted.json to the last answer of the adapter before, failed_during_swap counts every reply
but 200.

With --json the last thing on stdout is one object: requests_per_s_vs_predictor, p95_ms, lost, failed_during_swap, swap_s, and what they
were computed from.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from scipy.stats import binom

PREFOPT = [sys.executable, "-m", "prefopt"]
BATCH = 32
PATIENCE = 600.0
SETTINGS = """
[feedback]
source = "file"

[sample]
slates = 12
random_share = 0.5
reasons = false

[round]
recipes = ["dpo"]

[recipes.sft]
learning_rate = 6e-3
num_train_epochs = 1
batch_size = 16
gradient_accumulation_steps = 1
reason_share = 0.0
gradient_checkpointing = false

[recipes.dpo]
num_train_epochs = 1
"""


def run(folder: Path, *words: str, expect: int = 0) -> str:
    """One command of prefopt in a folder; its output."""
    done = subprocess.run([*PREFOPT, *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != expect:
        raise RuntimeError(f"prefopt {' '.join(words)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def made_project(folder: Path) -> Path:
    """A project of generated problems with two decided rounds, and problems to ask."""
    project = folder / "project"
    run(folder, "init", str(project), "--example")
    settings = project / "prefopt.toml"
    kept = settings.read_text(encoding="utf-8").split("\n[sample]")[0].replace('preset = "tiny"', 'preset = ""')
    settings.write_text(f"{kept}\n{SETTINGS}", encoding="utf-8")
    run(project, "sft")
    run(project, "round", "decide", "0", "--promote", "--because", "a first adapter")
    run(project, "round", "--anyway", expect=3)
    run(project, "teachers", "simulate", "--round", "1", "--truth", "data/truth.jsonl", "--teachers", "1")
    run(project, "round", "--collect-now")
    return project


class Server:
    """`prefopt serve` in a process of its own."""

    def __init__(self, project: Path) -> None:
        self.log = (project / "server.log").open("w", encoding="utf-8")
        command = [*PREFOPT, "serve", "--port", "0", "--json"]
        self.process = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=self.log, text=True)
        text = ""
        while not text.rstrip().endswith("}"):
            line = self.process.stdout.readline()  # type: ignore[union-attr]  # a pipe
            if not line:
                raise RuntimeError(f"the server ended: {(project / 'server.log').read_text()}")
            text += line
        self.address = urlsplit(json.loads(text)["url"]).netloc
        end = time.monotonic() + PATIENCE
        while self.get("/readyz")[0] != 200:
            if time.monotonic() > end:
                raise RuntimeError("the server does not get ready")
            time.sleep(0.2)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a reply."""
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        connection.request("GET", path)
        reply = connection.getresponse()
        found = reply.status, reply.read().decode()
        connection.close()
        return found

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send a signal, and wait for the end."""
        self.process.send_signal(number)
        self.process.wait()
        self.log.close()


Reply = tuple[float, float, int, dict[str, Any]]
"""When a reply came (seconds since 1970), seconds it took, its status and body."""


class Clients:
    """Threads that ask over a connection of their own, until they have asked everything, are stopped, or the server is gone.

    Args:
        address: of the server.
        texts: what is asked; each thread takes the next one.
        count: threads.
        limit: requests in all; None: until stop().
        mixed: a tenth of the requests each are chats, corrections and three problems at once; otherwise all are one problem.
    """

    def __init__(self, address: str, texts: Sequence[str], count: int, limit: int | None = None, *, mixed: bool = False) -> None:
        self._address, self._texts, self._limit, self._mixed = address, texts, limit, mixed
        self._taken, self._lock, self._stop = 0, threading.Lock(), threading.Event()
        self.replies: list[Reply] = []
        self.threads = [threading.Thread(target=self._ask) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def _next(self) -> int | None:
        with self._lock:
            if self._stop.is_set() or self._taken == self._limit:
                return None
            self._taken += 1
            return self._taken

    def _request(self, number: int) -> tuple[str, dict[str, Any]]:
        """Path and body of a request."""
        text, kind = self._texts[number % len(self._texts)], number % 10 if self._mixed else 0
        if kind == 7:
            return "/v1/chat/completions", {"model": "project", "messages": [{"role": "user", "content": text}]}
        answers = [row["prediction"] for *_, status, body in self.replies[-50:] if status == 200 for row in body.get("predictions", ())]
        if kind == 8 and answers:
            return "/v1/corrections", {"prediction": answers[number % len(answers)], "label": None, "by": f"teacher-{number}"}
        problems = [{"id": f"p{number}-{i}", "text": text} for i in range(3 if kind == 9 else 1)]
        return "/v1/classify", {"problems": problems}

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=PATIENCE)
        while (number := self._next()) is not None:
            path, body = self._request(number)
            start = time.perf_counter()
            try:
                connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
                reply = connection.getresponse()
                content = json.loads(reply.read())
            except (OSError, http.client.HTTPException, ValueError):
                return  # the server was killed
            self.replies.append((time.time(), time.perf_counter() - start, reply.status, content))
        connection.close()

    def join(self) -> None:
        """Wait for the end of all."""
        for thread in self.threads:
            thread.join()

    def stop(self) -> None:
        """End after the replies that are awaited."""
        self._stop.set()
        self.join()


def throughput(project: Path, server: Server, texts: Sequence[str], clients: int, repeats: int) -> dict[str, Any]:
    """Requests a second of the clients against problems a second of Predictor, in turns; the clients' latencies."""
    from prefopt.deploy.predictor import Predictor
    from prefopt.records import Problem

    predictor, problems = Predictor.open(project), [Problem(id=f"p{i}", text=text) for i, text in enumerate(texts)]
    latencies: list[float] = []

    def directly() -> float:
        start = time.perf_counter()
        for first in range(0, len(problems), BATCH):
            predictor.predict(problems[first : first + BATCH])
        return len(problems) / (time.perf_counter() - start)

    def served() -> float:
        start = time.perf_counter()
        asking = Clients(server.address, texts, clients, len(texts))
        asking.join()
        rate = len(texts) / (time.perf_counter() - start)
        wrong = Counter(status for _, _, status, _ in asking.replies if status != 200)
        if wrong or len(asking.replies) != len(texts):
            raise RuntimeError(f"{len(asking.replies)} of {len(texts)} replies; not 200: {dict(wrong)}")
        latencies.extend(taken for _, taken, _, _ in asking.replies)
        return rate

    directly(), served()
    latencies.clear()
    pairs = [(directly(), served()) if repeat % 2 else (served(), directly())[::-1] for repeat in range(repeats)]
    own, theirs = np.array(pairs).T
    ratios = np.sort(theirs / own)
    fits = [k for k in range(1, repeats // 2 + 1) if binom.cdf(k - 1, repeats, 0.5) <= 0.025]
    k = max(fits, default=1)  # the k-th from either end
    return {
        "requests_per_s_vs_predictor": float(np.median(ratios)),
        "ratio_interval": [float(ratios[k - 1]), float(ratios[-k])],
        "ratios": [round(float(value), 3) for value in theirs / own],
        "requests_per_s": float(np.median(theirs)),
        "predictor_per_s": float(np.median(own)),
        "p95_ms": float(np.quantile(latencies, 0.95) * 1000),
        "p50_ms": float(np.quantile(latencies, 0.5) * 1000),
    }


def kills(project: Path, texts: Sequence[str], clients: int, count: int, requests: int, seed: int) -> dict[str, Any]:
    """Answers with status 200, and corrections with 201, that have not exactly one line after the server was killed."""
    from prefopt.serve.journal import FOLDER, read_corrections, read_predictions

    rng, replies = random.Random(seed), list[Reply]()
    for life in range(count):
        server = Server(project)
        asking = Clients(server.address, texts, clients, mixed=True)
        while not asking.replies or len(replies) + len(asking.replies) < requests * (life + 1) / count:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 2.0))
        server.end(signal.SIGKILL)
        asking.stop()
        replies += asking.replies
    if count:
        Server(project).end()  # which cuts off what the last kill left unfinished
    given = [row["prediction"] for *_, status, body in replies if status == 200 for row in body.get("predictions", ())]
    given += [body["prefopt"]["prediction"] for *_, status, body in replies if status == 200 and "prefopt" in body]
    words = [(body["prediction"], body["by"]) for *_, status, body in replies if status == 201]
    lines = Counter(row.prediction for row in read_predictions(project / FOLDER))
    said = Counter((word.prediction, word.by) for word in read_corrections(project / FOLDER))
    return {
        "lost": sum(lines[name] != 1 for name in given) + sum(said[word] != 1 for word in words),
        "kills": count,
        "replies_before_kills": len(replies),
        "answers_before_kills": len(given),
        "corrections_before_kills": len(words),
        "written_twice": sum(number > 1 for number in (*lines.values(), *said.values())),
    }


def swaps(project: Path, server: Server, texts: Sequence[str], clients: int, count: int) -> dict[str, Any]:
    """Seconds from a promotion to the last answer of the adapter before, and replies that failed meanwhile."""
    asking = Clients(server.address, texts, clients)
    longest, done = 0.0, []
    for turn in range(count):
        number = 1 - turn % 2
        run(project, "round", "decide", str(number), "--promote", "--because", f"swap {turn}")
        start, end = (project / "rounds" / "promoted.json").stat().st_mtime, time.monotonic() + PATIENCE
        while not any(at > start and _round(body) == number for at, _, status, body in asking.replies[-2 * clients :] if status == 200):
            if time.monotonic() > end:
                raise RuntimeError(f"round {number} does not take over: {server.get('/readyz')[1]}")
            time.sleep(0.05)
        time.sleep(1.0)
        before = [at for at, _, status, body in asking.replies if status == 200 and at > start and _round(body) != number]
        done.append(max([at - start for at in before], default=0.0))
        longest = max(longest, done[-1])
    asking.stop()
    failed = sum(status != 200 for _, _, status, _ in asking.replies)
    return {"failed_during_swap": failed, "swap_s": longest, "swaps": [round(value, 2) for value in done], "replies": len(asking.replies)}


def _round(body: dict[str, Any]) -> int:
    return int(body["predictions"][0]["round"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, default=None)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--problems", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--swaps", type=int, default=4)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = (
            made_project(folder) if options.project is None else Path(shutil.copytree(options.project, folder / "project", symlinks=True))
        )
        run(project, "round", "decide", "0", "--promote", "--because", "the first one")
        pool = [json.loads(line)["text"] for line in (project / "data" / "pool.jsonl").read_text(encoding="utf-8").splitlines()]
        texts = (pool * (1 + options.problems // len(pool)))[: options.problems]
        server = Server(project)
        found = throughput(project, server, texts, options.clients, options.repeats) if options.repeats else {}
        found |= swaps(project, server, texts, options.clients, options.swaps) if options.swaps else {}
        server.end()
        found |= kills(project, texts, options.clients, options.kills, options.requests, options.seed)
    threads = os.environ.get("OMP_NUM_THREADS", "")
    found |= {"clients": options.clients, "problems": options.problems, "cores": len(os.sched_getaffinity(0)), "OMP_NUM_THREADS": threads}
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for key, value in found.items():
        print(f"{key:<28} {value:.3g}" if isinstance(value, float) else f"{key:<28} {value}")


if __name__ == "__main__":
    main()
