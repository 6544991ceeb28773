"""What Together's interface does with files beside plain requests: rows are put into a storage elsewhere, adapters are fetched from one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

from prefopt.errors import TrainingError
from prefopt.io.addresses import is_here
from prefopt.io.strict import json_object
from prefopt.jobs.client import JobClient
from prefopt.jobs.service import UnansweredError

KEY_VARIABLE = "TOGETHER_API_KEY"
FILES = "/v1/files"
_TIMEOUT = httpx.Timeout(600.0, connect=10.0)


class TogetherClient(JobClient):
    """Requests to Together. The key goes to Together alone, never to a storage that an answer names."""

    def __init__(self, url: str, setting: str) -> None:
        super().__init__(url, setting, KEY_VARIABLE)

    def put_file(self, name: str, content: bytes) -> str:
        """Upload a file of rows: ask for a place, put it there, and have it read. Returns the file's id. Raises as JobClient.ask."""
        said = {"purpose": "fine-tune", "file_name": name, "file_type": "jsonl", "checksum": hashlib.sha256(content).hexdigest()}
        form = {key: (None, value) for key, value in said.items()}
        name, place = self._place(self._reply("POST", FILES, True, files=form))
        if place:
            try:
                reply = self._stored("PUT", urljoin(self.url, place), content=content)
                fault = "" if reply.status_code in (200, 201) else f"status {reply.status_code}: {self.shown(reply.content)}"
            except (httpx.RequestError, httpx.InvalidURL) as error:
                fault = self.shown(f"{type(error).__name__}: {error}")
            if fault:
                raise UnansweredError(f"{self.url}{FILES}: the storage does not take the rows: {fault}", hint=self._hint)
            self.ask("POST", f"{FILES}/{name}/preprocess")
        return name

    def _place(self, content: bytes) -> tuple[str, str]:
        """Id of an uploaded file and where to put its rows, empty where they are there already: of what _accepted makes of the answer."""
        try:
            found = json_object(content)
            return str(found["id"]), str(found["place"])
        except (ValueError, KeyError):
            raise TrainingError(f"{self.url}{FILES}: no place for the rows in the answer", hint="pip install --upgrade prefopt") from None

    def _accepted(self, path: str, reply: httpx.Response) -> bytes:
        """Where to put a file, and that the same content is there already, are answers to an upload."""
        if path != FILES or reply.status_code not in (302, 409):
            return super()._accepted(path, reply)
        if reply.status_code == 302:
            names = {"id": "x-together-file-id", "place": "location"}
            return json.dumps({key: reply.headers[name] for key, name in names.items() if name in reply.headers}).encode()
        try:
            return json.dumps({"id": json_object(reply.content)["file_id"], "place": ""}).encode()
        except (ValueError, KeyError):
            return super()._accepted(path, reply)

    def _sent(self, method: str, path: str, target: Path | None, how: dict[str, Any]) -> httpx.Response:
        """As JobClient; what is fetched into a file may lie at a storage."""
        reply = super()._sent(method, path, target, how)
        if target is None or not reply.has_redirect_location:
            return reply
        try:
            return self._stored("GET", urljoin(self.url, reply.headers["location"]), target)
        except httpx.InvalidURL as error:
            raise TrainingError(f"{self.url} names a storage without an address: {error}", hint="look at the job at the service") from None

    def _stored(self, method: str, address: str, target: Path | None = None, content: bytes | None = None) -> httpx.Response:
        """The answer of a storage, without the key; its content in `target` where it has the status 200."""
        if not address.startswith("https://") and not is_here(self.url):
            raise TrainingError(f"{self.url} names a storage that is not encrypted", hint="look at the job at the service")
        with (
            httpx.Client(timeout=_TIMEOUT, follow_redirects=True, trust_env=not is_here(self.url)) as storage,
            storage.stream(method, address, content=content) as reply,
        ):
            if target is None or reply.status_code != 200:
                return httpx.Response(reply.status_code, content=reply.read()[:4096])
            self._keep(reply, target)
            return httpx.Response(200)
