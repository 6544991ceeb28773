"""A server that speaks one of OpenAI's interfaces: asked, asked again where it did not answer, and nothing guessed where it fails."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx

from prefopt.errors import ModelError

_WAIT = 0.5  # seconds before a second try, doubled each time
_TIMEOUT = httpx.Timeout(600.0, connect=10.0)  # a long queue is no fault


@dataclass(frozen=True)
class Hints:
    """What to type next, by what went wrong."""

    unreachable: str
    refused: str = ""
    key: str = ""


class OpenAiServer:
    """Requests and answers as JSON objects.

    Args:
        url: of the server, with or without /v1.
        hints: said with the errors.
        tries: of a request that finds no answer, status 429, or one of 500 and more.
        key: sent as a bearer token where it is not empty; never printed.
    """

    def __init__(self, url: str, hints: Hints, *, tries: int, key: str = "") -> None:
        self.url, self._hints, self._tries = url.rstrip("/").removesuffix("/v1"), hints, tries
        self._client = httpx.Client(timeout=_TIMEOUT, headers={"Authorization": f"Bearer {key}"} if key else {})

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer. Raises ModelError where nobody answers, the request is refused, or the answer is no JSON object."""
        fault, number = "", 0
        for number in range(1, self._tries + 1):
            time.sleep(_WAIT * 2 ** (number - 2) if number > 1 else 0.0)
            try:
                reply = self._client.request(method, self.url + path, json=body)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                fault = f"{type(error).__name__}: {error}"
                if isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
                    break  # no second try mends an address
                continue
            if reply.status_code >= 500 or reply.status_code == 429:
                fault = f"status {reply.status_code}: {reply.text[:200]}"
                continue
            return self._content(reply)
        raise ModelError(f"{self.url}{path}: no answer in {number} tries ({fault})", hint=self._hints.unreachable)

    def _content(self, reply: httpx.Response) -> dict[str, Any]:
        if reply.status_code == 401:
            raise ModelError(f"{reply.url}: the key is refused", hint=self._hints.key)
        if reply.status_code != 200:
            raise ModelError(f"{reply.url}: refused with status {reply.status_code}: {reply.text[:200]}", hint=self._hints.refused)
        try:
            told = reply.json()
        except ValueError:
            raise ModelError(f"{reply.url}: not JSON: {reply.text[:200]!r}") from None
        if not isinstance(told, dict):
            raise ModelError(f"{reply.url}: no JSON object: {reply.text[:200]!r}")
        return told
