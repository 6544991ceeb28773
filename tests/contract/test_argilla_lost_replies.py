"""A connection that breaks while slates are pushed: what was stored is not stored twice, and what was not is pushed again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from desks import ArgillaDesk, make_slates

from feedback.argilla import ArgillaConfig, ArgillaSource
from feedback.client import KEY_VARIABLE, ArgillaClient, find_server
from prefopt.errors import FeedbackError


class BreakingProxy(ThreadingHTTPServer):
    """Passes requests on to Argilla; `breaks` says of each push of records what happens to it: before, after (it was stored), or ok."""

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target = target
        self.breaks: list[str] = []
        self.pushes: list[str] = []
        self.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Passing(BaseHTTPRequestHandler):
    server: BreakingProxy

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        fate = "ok"
        if self.command == "PUT" and "/records/bulk" in self.path:
            fate = self.server.breaks.pop(0) if self.server.breaks else "ok"
            self.server.pushes.append(fate)
        if fate == "before":
            self.connection.close()
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length", "accept-encoding")}
        reply = httpx.request(self.command, self.server.target + self.path, content=body, headers=headers, timeout=60, trust_env=False)
        if fate == "after":
            self.connection.close()
            return
        self.send_response(reply.status_code)
        self.send_header("content-type", reply.headers.get("content-type", "application/json"))
        self.send_header("content-length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _pass  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def proxy(argilla_project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BreakingProxy]:
    url, key = find_server(argilla_project)
    monkeypatch.setenv(KEY_VARIABLE, key)
    with BreakingProxy(url) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def source_behind(proxy: BreakingProxy, desk: ArgillaDesk) -> ArgillaSource:
    return ArgillaSource(ArgillaConfig(url=proxy.url), desk.context())


def records_of(desk: ArgillaDesk) -> list[str]:
    url, key = find_server(desk.project)
    owner = ArgillaClient(url, key=key)
    dataset = owner.dataset(desk.name, owner.ensure_workspace("prefopt"))
    return sorted(str(record["external_id"]) for record in owner.records(dataset["id"])) if dataset else []


def test_a_lost_reply_and_a_lost_request_are_repeated(proxy: BreakingProxy, argilla_desk: ArgillaDesk) -> None:
    slates = make_slates(150)
    proxy.breaks = ["after", "ok", "before", "ok"]
    receipts = source_behind(proxy, argilla_desk).publish(slates)
    assert proxy.pushes == ["after", "ok", "before", "ok"]
    assert records_of(argilla_desk) == sorted(slate.id for slate in slates)
    assert len({receipt.record for receipt in receipts}) == 150


def test_a_connection_that_stays_broken_is_told_and_the_next_try_goes_on(proxy: BreakingProxy, argilla_desk: ArgillaDesk) -> None:
    slates = make_slates(150)
    proxy.breaks = ["ok", *["before"] * 20]
    with pytest.raises(FeedbackError, match="cannot be reached"):
        source_behind(proxy, argilla_desk).publish(slates)
    assert len(records_of(argilla_desk)) == 100
    receipts = argilla_desk.source().publish(slates)
    argilla_desk.rank("kim", slates[0], receipts[0], "1234")
    proxy.breaks, proxy.pushes = [], []
    assert [receipt.record for receipt in source_behind(proxy, argilla_desk).publish(slates)] == [receipt.record for receipt in receipts]
    assert proxy.pushes == [], "what is there is not pushed again"
