"""Client for servers with an OpenAI-compatible interface. Failed requests are repeated; the last failure raises ModelError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from prefopt.errors import ModelError
from prefopt.io.retry import attempts

FIRST_WAIT = 0.5
"""Seconds before the second attempt; each later pause is twice as long."""
_TIMEOUT = httpx.Timeout(600.0, connect=10.0)  # a request may wait in a long queue


class NoAnswerError(ModelError):
    """A server did not answer in any attempt, or only with failures of its own: another server may do."""


class RefusedError(ModelError):
    """A server refused a request, and would refuse it again."""


@dataclass(frozen=True)
class Hints:
    """What to type next, by kind of failure."""

    unreachable: str
    refused: str = ""
    key: str = ""


class OpenAiServer:
    """Requests and answers as JSON objects.

    Args:
        url: of the server, with or without /v1.
        hints: printed with the errors.
        tries: attempts for a request that gets no answer, status 429, or a status of 500 and above.
        key: sent as a bearer token unless empty; never printed.
    """

    def __init__(self, url: str, hints: Hints, *, tries: int, key: str = "") -> None:
        self.url, self._hints, self._tries = url.rstrip("/").removesuffix("/v1"), hints, tries
        # how many requests are in flight is the caller's decision
        self._client = httpx.Client(
            timeout=_TIMEOUT, limits=httpx.Limits(max_connections=None), headers={"Authorization": f"Bearer {key}"} if key else {}
        )

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one request and return the answer, a JSON object.

        Raises:
            NoAnswerError: no answer after all attempts.
            RefusedError: the server refuses the request.
            ModelError: it refuses the key, or the answer is not a JSON object.
        """
        content = self.ask_any(method, path, body)
        if not isinstance(content, dict):
            raise ModelError(f"{self.url}{path}: not a JSON object: {str(content)[:200]!r}")
        return content

    def ask_any(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """As `ask`, for an answer that may be any JSON value."""
        reply = self._reply(method, path, body)
        try:
            return reply.json()
        except ValueError:
            raise ModelError(f"{reply.url}: not JSON: {reply.text[:200]!r}") from None

    def tell(self, path: str, body: dict[str, Any]) -> None:
        """Send one request whose answer says only that it was done. Raises as `ask`."""
        self._reply("POST", path, body)

    def _reply(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        for number in attempts(self._tries, FIRST_WAIT):
            try:
                reply = self._client.request(method, self.url + path, json=body)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                fault = f"{type(error).__name__}: {error}"
                last = isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL))  # a wrong address stays wrong
            else:
                if reply.status_code < 500 and reply.status_code != 429:
                    return self._accepted(reply)
                fault, last = f"status {reply.status_code}: {reply.text[:200]}", False
            if last or number == self._tries:
                raise NoAnswerError(f"{self.url}{path}: no answer in {number} tries ({fault})", hint=self._hints.unreachable)
        raise AssertionError("the last attempt returns or raises")

    def _accepted(self, reply: httpx.Response) -> httpx.Response:
        if reply.status_code == 401:
            raise ModelError(f"{reply.url}: the server refuses the key", hint=self._hints.key)
        if reply.status_code != 200:
            raise RefusedError(f"{reply.url}: refused with status {reply.status_code}: {reply.text[:200]}", hint=self._hints.refused)
        return reply
