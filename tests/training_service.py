"""A training service with OpenAI's interface of files and fine-tuning jobs, which trains with our own recipes. It gives the adapter as a
result file of the job: a tar.

A job waits until the test calls `work()`, which runs it in a process of its own: `python -m tests.training_worker ORDER`.
"""

from __future__ import annotations

import json
import re
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.http_servers import running

KEY = "sk-school"
Answer = tuple[int, Any]


@dataclass
class Service:
    """State of the server; tests change it while it runs."""

    folder: Path
    url: str = ""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    faults: list[tuple[str, str, int, bool]] = field(default_factory=list)
    """(method, end of the path, status, whether the request is carried out all the same), each once; 0 breaks the connection."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of the requests that create a job."""

    def say(self, job: str, text: str) -> None:
        """Add a line to a job's log."""
        log = self.events[job]
        log.append({"object": "fine_tuning.job.event", "id": f"ftevent-{len(log)}", "created_at": int(time.time()), "level": "info"})
        log[-1] |= {"message": text, "type": "message"}

    def result(self, name: str, content: bytes) -> str:
        """Keep a file; returns its id."""
        file = f"file-{len(self.files) + 1}"
        purpose = "fine-tune" if name.endswith(".jsonl") else "fine-tune-results"
        self.contents[file] = content
        self.files[file] = {"id": file, "object": "file", "bytes": len(content), "created_at": int(time.time()), "filename": name}
        self.files[file] |= {"purpose": purpose, "status": "processed"}
        return file

    def end(self, job: str, error: str = "", results: list[str] | None = None, model: str = "") -> None:
        """End a job."""
        at = int(time.time())
        if error:
            return self.jobs[job].update(status="failed", error={"code": "bad_data", "message": error, "param": None}, finished_at=at)
        self.jobs[job].update(status="succeeded", fine_tuned_model=model, result_files=results or [], finished_at=at, trained_tokens=1000)
        return self.say(job, "The job has successfully completed")

    def work(self, run: Callable[[Path], None]) -> None:
        """Train the jobs that wait, each by `run(order)`, which starts tests/training_worker.py with the file of an order."""
        for job, found in self.jobs.items():
            if found["status"] != "queued":
                continue
            found["status"] = "running"
            self.say(job, "Fine-tuning job started")
            out = self.folder / job
            out.mkdir()
            (out / "rows.jsonl").write_bytes(self.contents[found["training_file"]])
            (out / "order.json").write_text(json.dumps({**found, "parent": str(self.folder / found["model"])}), encoding="utf-8")
            run(out / "order.json")
            with tarfile.open(out / "adapter.tar", "w") as tar:
                tar.add(out / "adapter", "adapter")
            losses = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
            table = "step,train_loss\n" + "".join(f"{n},{line['loss']}\n" for n, line in enumerate(losses, 1) if "loss" in line)
            model = f"ft-{job}"
            (self.folder / model).symlink_to(out / "adapter")
            files = [self.result("step_metrics.csv", table.encode()), self.result("adapter.tar", (out / "adapter.tar").read_bytes())]
            self.end(job, results=files, model=model)

    def answer(self, method: str, path: str, query: dict[str, list[str]], headers: Any, body: bytes) -> Answer:
        """Status, and JSON or bytes."""
        if headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401, "Incorrect API key provided", "invalid_api_key")
        if method == "POST" and path == "/v1/files":
            return 200, self.files[self._upload(headers, body)]
        if method == "GET" and path == "/v1/files":
            wanted = query.get("purpose", [""])[0]
            return 200, _page([f for f in reversed(self.files.values()) if not wanted or f["purpose"] == wanted], query)
        if (found := re.fullmatch(r"/v1/files/([^/]+)(/content)?", path)) and found[1] in self.files:
            return 200, self.contents[found[1]] if found[2] else self.files[found[1]]
        if method == "POST" and path == "/v1/fine_tuning/jobs":
            return self._create(json.loads(body))
        if method == "GET" and path == "/v1/fine_tuning/jobs":
            return 200, _page(list(reversed(self.jobs.values())), query)
        found = re.fullmatch(r"/v1/fine_tuning/jobs/([^/]+)(/events|/cancel)?", path)
        if not found or found[1] not in self.jobs:
            return _error(404, f"no such resource: {path}", "not_found")
        if found[2] == "/events":
            return 200, _page(list(reversed(self.events[found[1]])), query)
        if found[2] == "/cancel" and self.jobs[found[1]]["status"] not in ("queued", "running"):
            return _error(400, "the job has ended", "invalid_state")
        if found[2] == "/cancel":
            self.jobs[found[1]]["status"] = "cancelled"
        return 200, self.jobs[found[1]]

    def _upload(self, headers: Any, body: bytes) -> str:
        form = BytesParser().parsebytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.get_payload()}  # type: ignore[union-attr]  # of a multipart message
        return self.result(str(parts["file"].get_filename()), parts["file"].get_payload(decode=True))

    def _create(self, asked: dict[str, Any]) -> Answer:
        self.asked.append(asked)
        file = asked["training_file"]
        if self.files.get(file, {"status": "deleted"})["status"] != "processed":
            return _error(400, f"File {file} has expired", "invalid_training_file")
        job = f"ftjob-{len(self.jobs) + 1}"
        kept = {key: asked[key] for key in ("model", "training_file", "seed", "method", "metadata") if key in asked}
        fixed = {"validation_file": None, "fine_tuned_model": None, "error": None, "finished_at": None, "trained_tokens": None}
        self.jobs[job] = {"id": job, "object": "fine_tuning.job", "created_at": int(time.time()), "organization_id": "org", "seed": 0}
        self.jobs[job] |= {"status": "queued", "result_files": [], "user_provided_suffix": asked.get("suffix")} | fixed | kept
        self.jobs[job]["hyperparameters"] = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
        self.events[job] = []
        self.say(job, "Created fine-tuning job")
        return 200, self.jobs[job]


def _page(rows: list[dict[str, Any]], query: dict[str, list[str]]) -> dict[str, Any]:
    ids = [row["id"] for row in rows]
    start = ids.index(query["after"][0]) + 1 if "after" in query else 0
    end = start + int(query.get("limit", ["20"])[0])
    return {"object": "list", "data": rows[start:end], "has_more": end < len(rows)}


def _error(status: int, message: str, code: str) -> Answer:
    return status, {"error": {"message": message, "code": code, "type": "invalid_request_error", "param": None}}


@contextmanager
def serve(service: Service) -> Iterator[Service]:
    """Run the server while the body runs."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            parts, body = urlsplit(self.path), self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                service.requests.append((self.command, parts.path))
                fault = next((f for f in service.faults if f[0] == self.command and parts.path.endswith(f[1])), None)
                status, value = 200, b""
                if fault is None or fault[3]:
                    status, value = service.answer(self.command, parts.path, parse_qs(parts.query), self.headers, body)
                if fault is not None:
                    service.faults.remove(fault)
                    status, value = _error(fault[2], "the server has a fault", "server_error")
                content = value if isinstance(value, bytes) else json.dumps(value).encode()
            if status == 0:
                self.connection.close()
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

    with running(Handler) as service.url:
        yield service
