"""A proxy in front of a real Argilla that breaks requests and replies as a test requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

Matches = Callable[[str, str], bool]


def push_of_records(method: str, path: str) -> bool:
    return method == "PUT" and "/records/bulk" in path


def page_of_records(method: str, path: str) -> bool:
    return method == "GET" and "/records?" in path


class BreakingProxy(ThreadingHTTPServer):
    """Forwards requests; `breaks` lists what happens to each one that `matches`.

    ok; before: the connection is reset and Argilla hears nothing; after: Argilla did it, and its reply is lost; half: the reply breaks
    off; 503: refused; stall: nothing happens until the other side gives up.
    """

    def __init__(self, target: str, matches: Matches = push_of_records) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target = target
        self.matches = matches
        self.breaks: list[str] = []
        self.seen: list[str] = []
        self.stalled = threading.Event()
        self.over = threading.Event()
        self.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Passing(BaseHTTPRequestHandler):
    server: BreakingProxy

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        fate = "ok"
        if self.server.matches(self.command, self.path):
            fate = self.server.breaks.pop(0) if self.server.breaks else "ok"
            self.server.seen.append(fate)
        if fate == "stall":
            self.server.stalled.set()
            self.server.over.wait(30)
        if fate in ("before", "stall"):
            self.connection.close()
            return
        if fate == "503":
            self._reply(503, b'{"detail": "not now"}', "application/json")
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length", "accept-encoding")}
        reply = httpx.request(self.command, self.server.target + self.path, content=body, headers=headers, timeout=60, trust_env=False)
        if fate == "after":
            self.connection.close()
            return
        self._reply(reply.status_code, reply.content, reply.headers.get("content-type", "application/json"), whole=fate != "half")

    def _reply(self, status: int, content: bytes, kind: str, whole: bool = True) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if whole else content[: len(content) // 2])
        if not whole:
            self.wfile.flush()
            self.connection.close()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _pass  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def breaking(target: str, matches: Matches = push_of_records) -> Iterator[BreakingProxy]:
    """A running proxy."""
    with BreakingProxy(target, matches) as server:
        server.handle_error = lambda request, address: None  # type: ignore[method-assign]  # a broken connection is what the tests are about
        thread = threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join(10)
