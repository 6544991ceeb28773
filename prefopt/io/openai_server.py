"""Client for servers with an OpenAI-compatible interface. Failed requests are repeated; the last failure raises ModelError."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx

from prefopt.errors import ConfigError, ModelError
from prefopt.io.addresses import is_here, server_address
from prefopt.io.retry import attempts

FIRST_WAIT = 0.5
"""Seconds before the second attempt; each later pause is twice as long."""
MOST_BYTES = 2**28
"""Size of an answer that is read; log-probabilities of 64 prompts of 4,000 tokens are a tenth of it."""
_TIMEOUT = httpx.Timeout(600.0, connect=10.0)  # a request may wait in a long queue
_SHOWN = 200


class NoAnswerError(ModelError):
    """A server did not answer in any attempt, or only with failures of its own: another server may do."""


class RefusedError(ModelError):
    """A server refused a request, and would refuse it again."""


@dataclass(frozen=True)
class Hints:
    """What to type next, by kind of failure."""

    setting: str
    """Name of the setting or option that has the address."""
    unreachable: str
    refused: str = ""
    key: str = ""


class OpenAiServer:
    """Requests and answers as JSON objects. Addresses of this machine are never asked through a proxy.

    Args:
        url: of the server, with or without /v1.
        hints: printed with the errors.
        tries: attempts for a request that gets no answer, status 429, or a status of 500 and above.
        key: sent as a bearer token unless empty; never printed.

    Raises:
        ConfigError: that is no address of a server, the key has characters that cannot be sent, or the environment names a proxy that
            cannot be used.
    """

    def __init__(self, url: str, hints: Hints, *, tries: int, key: str = "") -> None:
        self.url, self._hints, self._tries, self._key = server_address(url, hints.setting), hints, tries, key.strip()
        if not (self._key.isascii() and self._key.isprintable()):
            raise ConfigError("the server's key has characters that cannot be sent", hint=hints.key)
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:  # how many requests are in flight is the caller's decision
            limits = httpx.Limits(max_connections=None)
            self._client = httpx.Client(timeout=_TIMEOUT, limits=limits, headers=headers, trust_env=not is_here(self.url))
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise ConfigError(f"the proxy of HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used: {self._shown(str(error))}") from None

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one request and return the answer, a JSON object.

        Raises:
            NoAnswerError: no answer after all attempts.
            RefusedError: the server refuses the request.
            ModelError: it refuses the key, or the answer is not a JSON object, or too large.
        """
        content = self.ask_any(method, path, body)
        if not isinstance(content, dict):
            self._unusable(path, f"not a JSON object: {self._shown(str(content))!r}")
        return content

    def ask_any(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """As `ask`, for an answer that may be any JSON value."""
        content = self._reply(method, path, body)
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            self._unusable(path, f"not JSON: {self._shown(content)!r}")

    def tell(self, path: str, body: dict[str, Any], *, seconds: float | None = None) -> None:
        """Send one request whose answer says only that it was done, with `seconds` once and no longer. Raises as `ask`."""
        self._reply("POST", path, body, seconds)

    def _reply(self, method: str, path: str, body: dict[str, Any] | None, seconds: float | None = None) -> bytes:
        """Content of the answer with status 200."""
        tries = self._tries if seconds is None else 1
        for number in attempts(tries, FIRST_WAIT):
            try:
                status, content = self._sent(method, path, body, _TIMEOUT if seconds is None else httpx.Timeout(seconds))
            except httpx.RequestError as error:
                fault = self._shown(f"{type(error).__name__}: {error}")
            else:
                if status < 500 and status != 429:
                    return self._accepted(path, status, content)
                fault = f"status {status}: {self._shown(content)}"
            if number == tries:
                raise NoAnswerError(f"{self.url}{path}: no answer in {number} tries ({fault})", hint=self._hints.unreachable)
        raise AssertionError("the last attempt returns or raises")

    def _sent(self, method: str, path: str, body: dict[str, Any] | None, timeout: httpx.Timeout) -> tuple[int, bytes]:
        """Status and content of an answer; of a redirection, where it leads."""
        parts, size = [], 0
        with self._client.stream(method, self.url + path, json=body, timeout=timeout) as reply:
            if reply.has_redirect_location:
                return reply.status_code, f"it leads to {reply.headers['location']}".encode()
            for part in reply.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES:
                    self._unusable(path, f"more than {MOST_BYTES >> 20} MiB")
        return reply.status_code, b"".join(parts)

    def _accepted(self, path: str, status: int, content: bytes) -> bytes:
        if status == 401:
            raise ModelError(f"{self.url}{path}: the server refuses the key", hint=self._hints.key)
        if status != 200:
            raise RefusedError(f"{self.url}{path}: refused with status {status}: {self._shown(content)}", hint=self._hints.refused)
        return content

    def _unusable(self, path: str, why: str) -> NoReturn:
        raise ModelError(f"{self.url}{path}: an answer that cannot be used: {why}", hint=self._hints.refused)

    def _shown(self, words: str | bytes) -> str:
        """The beginning of what a server says, on one line, without what would steer a terminal, and without the key."""
        text = words[: 8 * _SHOWN].decode("utf-8", "replace") if isinstance(words, bytes) else words[: 8 * _SHOWN]
        if self._key:
            text = text.replace(self._key, "…")
        return "".join(char if char.isprintable() else " " for char in text)[:_SHOWN]
