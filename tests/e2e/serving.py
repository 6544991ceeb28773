"""`prefopt serve` as a process of its own, and clients that ask it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.small import command_server

PATIENCE = 120.0
"""Seconds after which what should happen soon counts as not happening."""


class Serving:
    """A server that runs.

    Args:
        folder: of the project.
        words: options of the command.
        env: of the process.
        module: that is run.
    """

    def __init__(self, folder: Path, *words: str, env: dict[str, str] | None = None, module: str = "prefopt") -> None:
        self.folder, self._ended = folder, False
        self.out, self.err = (folder / f".serve-{name}" for name in ("out", "err"))
        for path in (self.out, self.err):
            path.write_text("", encoding="utf-8")
        command = ("serve", "--port", "0", "--json", *words)
        self.pid = command_server().start(folder, command, module, out=self.out, err=self.err, env=env)
        until(lambda: self.out.read_text().rstrip().endswith("}") or not self.runs, self.said)
        assert self.runs, self.said()
        address = httpx.URL(json.loads(self.out.read_text())["url"]).copy_with(host="127.0.0.1")
        key = (env or {}).get("PREFOPT_SERVE_KEY", "").partition(",")[0]
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.client = httpx.Client(base_url=address, headers=headers, timeout=PATIENCE, trust_env=False)
        until(lambda: self.client.get("/readyz").status_code == 200 or not self.runs, self.said)

    @property
    def runs(self) -> bool:
        """Whether the process is alive."""
        return not self._ended and Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"

    def said(self) -> str:
        """What it printed."""
        return self.out.read_text() + self.err.read_text()

    def classify(self, problems: Sequence[tuple[str, str]], **more: Any) -> httpx.Response:
        """Ask about problems: pairs of id and text."""
        return self.client.post("/v1/classify", json={"problems": [{"id": name, "text": text} for name, text in problems], **more})

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and wait for the end; returns the exit status."""
        self.client.close()
        os.kill(self.pid, number)
        self._ended = True
        return command_server().wait(self.pid)


@contextmanager
def serving(folder: Path, *words: str, env: dict[str, str] | None = None, module: str = "prefopt") -> Iterator[Serving]:
    """A server while the body runs."""
    found = Serving(folder, *words, env=env, module=module)
    try:
        yield found
    finally:
        if found.runs:
            found.end()


def until(is_so: Callable[[], bool], said: Callable[[], str]) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, said()
        time.sleep(0.05)


class Clients:
    """Threads that ask one problem after the other, and keep every reply, until they are stopped or the server is gone.

    Args:
        server: asked.
        problems: pairs of id and text; each thread has its own.
        count: threads.
        mixed: every second request is another one: three problems, a chat, a correction of the answer before.
    """

    def __init__(self, server: Serving, problems: Sequence[tuple[str, str]], count: int = 4, *, mixed: bool = False) -> None:
        self.replies: list[httpx.Response] = []
        self._mixed = mixed
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(server, problems[i::count])) for i in range(count)]
        for thread in self._threads:
            thread.start()

    def _ask(self, server: Serving, problems: Sequence[tuple[str, str]]) -> None:
        turn = 0
        while not self._stop.is_set():
            try:
                self.replies.append(self._request(server, problems, turn))
            except httpx.TransportError:  # it was killed
                return
            turn += 1

    def _request(self, server: Serving, problems: Sequence[tuple[str, str]], turn: int) -> httpx.Response:
        name, text = problems[turn % len(problems)]
        kind = turn % 6 if self._mixed else 0
        if kind == 1:
            return server.classify([(f"{name}-{i}", text) for i in range(3)])
        if kind == 3:
            asked = {"model": "small", "messages": [{"role": "user", "content": text}]}
            return server.client.post("/v1/chat/completions", json=asked)
        if kind == 5 and (given := self.predictions()):
            word = {"prediction": given[-1], "label": None, "by": f"teacher-{turn}-{threading.get_ident()}"}
            return server.client.post("/v1/corrections", json=word)
        return server.classify([(name, text)])

    def predictions(self) -> list[str]:
        """Ids of the answers that were given."""
        bodies = [reply.json() for reply in list(self.replies) if reply.status_code == 200]
        rows = [row for body in bodies for row in body.get("predictions", [body.get("prefopt", body)])]
        return [row["prediction"] for row in rows]

    def stop(self) -> None:
        """End the threads."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
