"""A training service with Together's interface. It does not train: a test ends its jobs, and says which adapter they give.

Its answers have the fields of the SDK's types; tools/together_requests.py has the official SDK talk to it, and keeps what that sends.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.http_servers import running

KEY = "tgp-school"
AT = "2026-11-27T09:00:{:02d}Z"
LIMITS: dict[str, Any] = {
    "model_name": "openai/gpt-oss-20b",
    "default_gradient_accumulation_steps": 1,
    "lora_training": {"default_rank": 8, "max_rank": 64, "min_batch_size": 8, "max_batch_size": 8, "max_batch_size_dpo": 8}
    | {"target_modules": ["k_proj", "o_proj", "q_proj", "v_proj", "w_gate", "w_up", "w_down"]},
    "max_learning_rate": 0.01,
    "min_learning_rate": 1e-8,
    "max_num_checkpoints": 10,
    "max_num_epochs": 20,
    "max_num_evals": 100,
    "max_seq_length_dpo": 8192,
    "max_seq_length_sft": 16384,
    "min_max_seq_length": 32,
    "merge_output_lora": True,
    "supports_full_training": False,
    "supports_reasoning": True,
    "supports_tools": True,
    "supports_vision": False,
}


@dataclass
class Service:
    """State of the server; tests change it while it runs."""

    url: str = ""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    """Method, path and JSON (or form) of every request."""
    keys: dict[str, str | None] = field(default_factory=dict)
    """Path at the storage -> the Authorization that came."""
    faults: list[tuple[str, str, int, bool]] = field(default_factory=list)
    """(method, end of the path, status, whether the request is carried out all the same), each once; 0 breaks the connection."""
    limits: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(LIMITS)))
    estimate: dict[str, Any] = field(default_factory=lambda: {"estimation_available": True, "allowed_to_proceed": True})
    price: float = 1.5
    unchecked: int = 0
    """How many more times an estimate is refused because the rows are not checked yet."""
    adapter: bytes = b""
    status: str = "pending"
    """Of a new job."""
    no_place: bool = False
    """An upload is accepted without a place for the rows."""

    def end(self, job: str, status: str = "completed", error: str = "") -> None:
        """End a job."""
        self.jobs[job].update(status=status, total_price=1_250_000_000, total_steps=12, steps_completed=12)
        if status == "completed":
            self.jobs[job]["model_output_name"] = f"school/gpt-oss-20b-{self.jobs[job]['suffix']}"
        if error:
            self.say(job, "job_error", error)

    def say(self, job: str, kind: str, text: str) -> None:
        """Add a line to a job's log."""
        log = self.jobs[job]["events"]
        log.append({"object": "fine-tune-event", "created_at": AT.format(len(log)), "type": kind, "message": text})

    def answer(self, method: str, path: str, query: dict[str, list[str]], headers: Any, body: bytes) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON or bytes, and headers."""
        if path.startswith("/storage/"):
            return self._stored(method, path, headers, body)
        if headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401, "Invalid API key provided")
        said = self._said(headers, body)
        self.asked.append((method, path, said if method == "POST" else {key: values[0] for key, values in query.items()}))
        if path == "/v1/files":
            return self._upload(said) if method == "POST" else (200, {"data": list(self.files.values())}, {})
        if (found := re.fullmatch(r"/v1/files/([^/]+)(/preprocess)?", path)) and found[1] in self.files:
            return 200, self.files[found[1]], {}
        if path == "/v1/fine-tunes/models/limits":
            known = query["model_name"][0] in (self.limits["model_name"], *self.jobs)
            return (200, self.limits, {}) if known else _error(404, f"model {query['model_name'][0]} is not available for fine-tuning")
        if path == "/v1/fine-tunes/estimate-price":
            return self._estimate(said)
        if path == "/v1/fine-tunes":
            return self._create(said) if method == "POST" else (200, {"data": [_short(job) for job in self.jobs.values()]}, {})
        if path == "/v1/finetune/download":
            assert (query["checkpoint"], self.jobs[query["ft_id"][0]]["status"]) == (["adapter"], "completed")
            return 302, {}, {"Location": f"{self.url}/storage/adapter"}
        found = re.fullmatch(r"/v1/fine-tunes/([^/]+)(/events|/cancel|/metrics)?", path)
        if not found or found[1] not in self.jobs:
            return _error(404, f"no such resource: {path}")
        job = self.jobs[found[1]]
        if found[2] == "/metrics":
            losses = enumerate((0.69, 0.6, 0.41), 10)
            return 200, {"metrics": [{"train/global_step": float(step), "train/loss": loss} for step, loss in losses]}, {}
        if found[2] == "/cancel":
            job["status"] = "cancelled"
        return 200, {"data": job["events"]} if found[2] == "/events" else job, {}

    def _said(self, headers: Any, body: bytes) -> Any:
        kind = headers.get("Content-Type") or ""
        if kind.startswith("multipart/form-data"):
            form = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
            parts: Any = form.get_payload()
            return {part.get_param("name", header="content-disposition"): part.get_payload() for part in parts}
        return json.loads(body) if body else {}

    def _upload(self, said: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        if self.no_place:
            return 200, {"id": "file-1"}, {}
        for name, file in self.files.items():
            if file["checksum"] == said["checksum"] and name in self.contents:
                return 409, {"file_id": name, "message": "the file exists"}, {}
        name = f"file-{len(self.files) + 1}"
        self.files[name] = {"id": name, "object": "file", "filename": said["file_name"], "FileType": said["file_type"], "bytes": 0}
        self.files[name] |= {"purpose": said["purpose"], "created_at": 1_795_000_000, "checksum": said["checksum"]}
        self.files[name] |= {"processing_status": "PENDING"}
        return 302, {}, {"Location": f"{self.url}/storage/{name}", "X-Together-File-Id": name}

    def _stored(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any, dict[str, str]]:
        self.keys[path] = headers.get("Authorization")
        name = path.rpartition("/")[2]
        if method == "GET":
            return 200, self.adapter, {"Content-Type": "application/octet-stream"}
        self.contents[name] = body
        self.files[name].update(bytes=len(body), processing_status="COMPLETED")
        return 200, {}, {}

    def _estimate(self, said: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        if said["training_file"] not in self.contents:
            return _error(404, f"file {said['training_file']} is not found")
        if self.unchecked:
            self.unchecked -= 1
            return 200, {"estimation_available": False, "unavailable_reason": "train_file_not_validated"}, {}
        return 200, {**self.estimate, "estimated_total_price": self.price, "user_limit": 100.0}, {}

    def _create(self, said: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        if said["training_file"] not in self.contents:
            return _error(400, f"Training file {said['training_file']} is not found")
        job = f"ft-{len(self.jobs) + 1}"
        at = AT.format(len(self.jobs))
        self.jobs[job] = {**said, "id": job, "status": self.status, "user_id": "school", "created_at": at, "updated_at": at, "events": []}
        self.jobs[job]["batch_size"] = 8 if said["batch_size"] == "max" else said["batch_size"]
        self.say(job, "job_pending", "Fine tune request created")
        return 200, self.jobs[job], {}


def tar_of(folder: Path, compression: str = "") -> bytes:
    """A tar as the service sends it: files in a folder of their own, and one that nobody needs."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, f"./adapter/{path.name}")
        info = tarfile.TarInfo("./adapter/README.md")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"hello"))
    if compression == "zstd":
        import pyarrow as pa

        return pa.Codec("zstd").compress(target.getvalue(), asbytes=True)  # type: ignore[no-any-return]  # pyarrow has no types
    if compression == "gzip":
        import gzip

        return gzip.compress(target.getvalue())
    return target.getvalue()


def _short(job: dict[str, Any]) -> dict[str, Any]:
    """As a list has it: without the prices of the whole one."""
    return {key: value for key, value in job.items() if key not in ("steps_completed", "total_steps")}


def _error(status: int, message: str) -> tuple[int, Any, dict[str, str]]:
    return status, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}, {}


@contextmanager
def serve(service: Service) -> Iterator[Service]:
    """Run the server while the body runs."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with lock:
                fault = next((f for f in service.faults if f[0] == self.command and parts.path.endswith(f[1])), None)
                status, value, headers = 200, b"", {}
                if fault is None or fault[3]:
                    status, value, headers = service.answer(self.command, parts.path, parse_qs(parts.query), self.headers, body)
                if fault is not None:
                    service.faults.remove(fault)
                    status, value, headers = _error(fault[2], "the server has a fault")
                content = value if isinstance(value, bytes) else json.dumps(value).encode()
            if status == 0:
                self.connection.close()
                return
            self.send_response(status)
            for name, text in {"Content-Type": "application/json", **headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            self.do_GET()

    with running(Handler) as service.url:
        yield service
