"""HTTP to a training service: requests that may be repeated, one that must not, uploads and downloads."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from prefopt.errors import ConfigError, TrainingError
from prefopt.io.addresses import is_here, server_address
from prefopt.io.strict import json_value
from prefopt.jobs import archives
from prefopt.jobs.service import State, UnansweredError
from prefopt.model.adapter_card import WEIGHTS

TRIES = 4
FIRST_WAIT = 0.5
"""Seconds before the second attempt; each later pause is twice as long."""
LONGEST_WAIT = 30.0
"""Seconds that a service may ask to wait (Retry-After) before this command gives up for now."""
MOST_BYTES = 2**26
"""Of an answer that is not written to a file."""
_TIMEOUT = httpx.Timeout(120.0, connect=10.0)
_SHOWN = 300


class JobClient:
    """Requests to one service.

    Args:
        url: of the service, with or without /v1.
        setting: that has the address, for errors.
        key_variable: environment variable with the key, sent as a bearer token. It may be empty for an address of this machine alone.

    Raises:
        ConfigError: that is no address of a server, the key is missing or cannot be sent.
    """

    def __init__(self, url: str, setting: str, key_variable: str) -> None:
        self.url, self._variable = server_address(url, setting), key_variable
        self._key = os.environ.get(key_variable, "").strip()
        here = is_here(self.url)
        if not self._key and not here:
            raise ConfigError(f"{self.url} needs a key, and {key_variable} is not set", hint=f"export {key_variable}=…")
        if self.url.startswith("http://") and not here:
            raise ConfigError(
                f"{setting}: {self.url} is not encrypted, so the key and the rows could be read on the way",
                hint="use an address that begins with https://, or a tunnel to this machine",
            )
        if not (self._key.isascii() and self._key.isprintable()):
            raise ConfigError("the service's key has characters that cannot be sent", hint=f"export {key_variable}=…")
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            self._client = httpx.Client(timeout=_TIMEOUT, headers=headers, trust_env=not here)
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise ConfigError(f"the proxy of HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used: {self.shown(str(error))}") from None

    def ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
    ) -> dict[str, Any]:
        """Send a request and return the answer, a JSON object.

        Args:
            method, path: e.g. "GET", "/v1/files".
            body: sent as JSON.
            form, files: sent as a form, files as name -> (file name, content).
            params, headers: of the request.
            repeat: again where there is no answer, or one of status 500 and above. Whatever it says, a request that certainly did nothing
                is repeated: one that reached nobody, or was refused with 429.

        Raises:
            UnansweredError: it is not known whether the service did it.
            TrainingError: it refuses; `status` and `code` are those of its answer.
        """
        content = self._reply(method, path, repeat, json=body, data=form, files=files, params=params, headers=headers)
        try:
            found = json_value(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise UnansweredError(f"{self.url}{path}: not a JSON object: {self.shown(content)!r}", hint=self._hint)
        return found

    def download(self, path: str, target: Path) -> None:
        """Write the content of an answer into a file. Raises as `ask`."""
        self._reply("GET", path, True, target)

    def _reply(self, method: str, path: str, repeat: bool, target: Path | None = None, **how: Any) -> bytes:
        """Content of an answer of status 200 or 201."""
        for number in range(1, TRIES + 1):
            wait, last = FIRST_WAIT * 2 ** (number - 1), number == TRIES
            try:
                reply = self._sent(method, path, target, how)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:  # it reached nobody
                fault, certain = f"{type(error).__name__}: {error}", True
            except httpx.RequestError as error:
                fault, certain = f"{type(error).__name__}: {error}", False
            else:
                if reply.status_code < 500 and reply.status_code != 429:
                    return self._accepted(path, reply)
                fault, certain = f"status {reply.status_code}: {self.said(reply.content)}", reply.status_code == 429
                wait = max(wait, _seconds(reply.headers.get("retry-after", "")))
                last = last or wait > LONGEST_WAIT
            if last or not (repeat or certain):
                raise UnansweredError(f"{self.url}{path}: {self.shown(fault)}", hint=self._hint)
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _sent(self, method: str, path: str, target: Path | None, how: dict[str, Any]) -> httpx.Response:
        """The answer, read whole; its content in `target` where that is given and the request is accepted."""
        with self._client.stream(method, self.url + path, **how) as reply:
            if target is not None and reply.status_code == 200:
                self._keep(reply, target)
                return httpx.Response(200)
            kept = bytearray()
            for part in reply.iter_bytes():
                kept += part
                if len(kept) > MOST_BYTES:
                    raise UnansweredError(f"{self.url}{path}: an answer of more than {MOST_BYTES >> 20} MiB", hint=self._hint)
            return httpx.Response(reply.status_code, headers=_plain(reply.headers), content=bytes(kept))

    def _keep(self, reply: httpx.Response, target: Path) -> None:
        """Write an answer into a file. Raises TrainingError where it is larger than the weights of an adapter can be."""
        left = archives.MOST_BYTES[WEIGHTS]
        with target.open("wb") as file:
            for part in reply.iter_bytes():
                left -= len(part)
                if left < 0:
                    raise TrainingError(f"{self.url} sends more than an adapter can have", hint="look at the job at the service")
                file.write(part)

    def state_of(self, found: Mapping[str, Any], states: Mapping[str, State]) -> State:
        """The state of a job as a service says it. Raises UnansweredError where it is not one of `states`, or the job has no id."""
        said = str(found.get("status", ""))
        if said not in states or "id" not in found:
            raise UnansweredError(
                f"{self.url}: a job in the state {self.shown(said)!r}, which prefopt does not know",
                hint="pip install --upgrade prefopt, or look at the job at the service",
            )
        return states[said]

    def _accepted(self, path: str, reply: httpx.Response) -> bytes:
        if reply.status_code in (200, 201):
            return reply.content
        if reply.has_redirect_location:
            raise TrainingError(f"{self.url}{path} leads to {self.shown(reply.headers['location'])}", hint="set url to that address")
        if reply.status_code in (401, 403):
            raise TrainingError(
                f"{self.url}{path}: the key is refused: {self.said(reply.content)}", hint=f"export {self._variable}=… with a valid key"
            )
        raise RefusedError(f"{self.url}{path}: {self.said(reply.content)}", reply.status_code, _code(reply.content))

    @property
    def _hint(self) -> str:
        return "what is done stays done: prefopt round asks again; nothing is paid twice"

    def said(self, content: bytes) -> str:
        """The message of an error, or what was sent in its place."""
        try:
            message = json_value(content)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            message = content
        return self.shown(message if isinstance(message, (str, bytes)) else str(message))

    def shown(self, words: str | bytes) -> str:
        """The beginning of what a service says, on one line, without the key."""
        text = words[: 8 * _SHOWN].decode("utf-8", "replace") if isinstance(words, bytes) else words[: 8 * _SHOWN]
        if self._key:
            text = text.replace(self._key, "…")
        return "".join(char if char.isprintable() else " " for char in text)[:_SHOWN]


class RefusedError(TrainingError):
    """A service refuses a request, and would refuse it again.

    Args:
        message: with the service's words.
        status: of the answer.
        code: error.code of the answer, if it has one.
    """

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message, hint="correct what the service names, then type prefopt round")
        self.status, self.code = status, code


def _code(content: bytes) -> str:
    try:
        return str(json_value(content)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def _seconds(retry_after: str) -> float:
    try:
        return max(0.0, float(retry_after))
    except ValueError:  # a date, or nothing
        return 0.0


def _plain(headers: httpx.Headers) -> dict[str, str]:
    """Headers of a content that was decoded already."""
    return {
        name: value for name, value in headers.items() if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
    }
