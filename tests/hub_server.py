"""A server that answers huggingface_hub as the Hub does, for the few requests that a download makes; and the layout of its cache."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.http_servers import running


def commit_of(number: int) -> str:
    """A commit id."""
    return f"{number:040x}"


def lay_out(cache: Path, repo: str, files: Path, commit: str, branch: str = "main") -> Path:
    """Write a folder's files into a cache as huggingface_hub does: blobs, snapshots of links to them, refs. Returns the snapshot."""
    root = cache / f"models--{repo.replace('/', '--')}"
    snapshot = root / "snapshots" / commit
    for folder in (root / "blobs", root / "refs", snapshot):
        folder.mkdir(parents=True, exist_ok=True)
    for file in files.iterdir():
        blob = hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copyfile(file, root / "blobs" / blob)
        (snapshot / file.name).symlink_to(Path("../../blobs") / blob)
    (root / "refs" / branch).write_text(commit)
    return snapshot


@dataclass
class Hub:
    """State of the server; tests change it while it runs."""

    url: str = ""
    repo: str = "maker/small"
    commits: dict[str, Path] = field(default_factory=dict)
    """Files of each commit."""
    refs: dict[str, str] = field(default_factory=dict)
    refusal: tuple[int, str] | None = None
    """Status and error code of every answer, e.g. (403, "GatedRepo")."""
    cut: int | None = None
    """Bytes of a file after which the connection breaks, once."""
    stall: int | None = None
    """Bytes of a file after which the server sends nothing more until `go` is set."""
    go: threading.Event = field(default_factory=threading.Event)
    stalled: threading.Event = field(default_factory=threading.Event)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and Range header of each."""

    def downloaded(self) -> set[str]:
        """Names of the files whose content was asked for."""
        return {
            path.rsplit("/resolve/", 1)[1].split("/", 1)[1] for method, path, _ in self.requests if method == "GET" and "/resolve/" in path
        }


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """Run the server while the body runs."""
    with running(type("Handler", (_Handler,), {"hub": hub})) as hub.url:
        try:
            yield hub
        finally:
            hub.go.set()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path, self.headers.get("Range", "")))
        if self.hub.refusal:
            status, code = self.hub.refusal
            return self._send(status, b"{}", {"X-Error-Code": code} if code else {})
        if (found := re.fullmatch(rf"/api/models/{self.hub.repo}(?:/(revision|tree)/([^/]+))?", path)) is not None:
            commit = self._commit(found[2] or "main")
            if commit is None:
                return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return self._json(self._tree(commit) if found[1] == "tree" else {"id": self.hub.repo, "sha": commit, "siblings": []})
        if (found := re.fullmatch(rf"/{self.hub.repo}/resolve/([^/]+)/(.+)", path)) is not None:
            commit = self._commit(found[1])
            file = None if commit is None else self.hub.commits[commit] / found[2]
            if commit is None or file is None or not file.is_file():
                return self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return self._file(file, commit)
        return self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"})

    def _commit(self, revision: str) -> str | None:
        return revision if revision in self.hub.commits else self.hub.refs.get(revision)

    def _tree(self, commit: str) -> list[dict[str, Any]]:
        root = self.hub.commits[commit]
        files = sorted(path for path in root.rglob("*") if path.is_file())
        return [
            {"type": "file", "path": path.relative_to(root).as_posix(), "size": path.stat().st_size, "oid": _etag(path)[:40]}
            for path in files
        ]

    def _file(self, file: Path, commit: str) -> None:
        content = file.read_bytes()
        start = int(found[1]) if (found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))) else 0
        end = int(found[2]) + 1 if found and found[2] else len(content)
        body = content[start:end]
        headers = {"ETag": f'"{_etag(file)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if found:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        self._send(206 if found else 200, body, headers)

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.hub.cut is not None and len(body) > self.hub.cut:
            cut, self.hub.cut = self.hub.cut, None
            self.wfile.write(body[:cut])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        if self.hub.stall is not None and len(body) > self.hub.stall:
            self.wfile.write(body[: self.hub.stall])
            self.wfile.flush()
            self.hub.stalled.set()
            self.hub.go.wait()
            return
        self.wfile.write(body)


def _etag(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
