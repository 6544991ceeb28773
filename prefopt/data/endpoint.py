"""A chat model behind any OpenAI-compatible server: asked, asked again where it did not answer, and nothing guessed where it fails.

Without torch and without a tokenizer, unlike the server that serves an adapter (prefopt.model.backends): texts go out and come back.
"""

from __future__ import annotations

import time
from typing import Any

import httpx

from prefopt.errors import ModelError

_TRIES, _WAIT = 4, 0.5  # of a request that found no answer; seconds before the next one, doubled each time
_TIMEOUT = httpx.Timeout(600.0, connect=10.0)


class ChatModel:
    """One model of one server.

    Args:
        url: of the server, with or without /v1.
        model: its name there.
        key: sent as a bearer token where it is not empty; never printed.
    """

    def __init__(self, url: str, model: str, key: str = "") -> None:
        self.url, self.model = url.rstrip("/").removesuffix("/v1"), model
        self._client = httpx.Client(timeout=_TIMEOUT, headers={"Authorization": f"Bearer {key}"} if key else {})

    def say(self, system: str, user: str, *, seed: int, temperature: float, max_tokens: int) -> str | None:
        """The answer's text; None where it did not end within `max_tokens`.

        Raises:
            ModelError: nobody answers, the request is refused, or the answer is none.
        """
        body = {
            "model": self.model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
            "temperature": temperature,
            "max_tokens": max_tokens,
            "seed": seed,
        }
        told = self._post("/v1/chat/completions", body)
        try:
            choice = told["choices"][0]
            content, ended = choice["message"]["content"], choice.get("finish_reason", "stop")
        except (KeyError, IndexError, TypeError, AttributeError):
            raise ModelError(f"{self.url}: an answer without a message: {str(told)[:200]}") from None
        if ended == "length" or content is None:
            return None
        if not isinstance(content, str):
            raise ModelError(f"{self.url}: a message that is no text: {str(content)[:200]}")
        return content.strip()

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        fault = ""
        for number in range(_TRIES):
            time.sleep(_WAIT * 2 ** (number - 1) if number else 0.0)
            try:
                reply = self._client.post(self.url + path, json=body)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                fault = f"{type(error).__name__}: {error}"
                if isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
                    break  # no second try mends an address
                continue
            if reply.status_code >= 500 or reply.status_code == 429:
                fault = f"status {reply.status_code}: {reply.text[:200]}"
                continue
            return self._content(reply)
        raise ModelError(f"{self.url}{path}: no answer ({fault})", hint="start the server, or give its address: --url http://HOST:PORT")

    def _content(self, reply: httpx.Response) -> dict[str, Any]:
        if reply.status_code == 401:
            raise ModelError(f"{reply.url}: the key is refused", hint="put it into a variable and name that: --key-env OPENAI_API_KEY")
        if reply.status_code != 200:
            raise ModelError(f"{reply.url}: refused with status {reply.status_code}: {reply.text[:200]}", hint="is --model served there?")
        try:
            told = reply.json()
        except ValueError:
            raise ModelError(f"{reply.url}: not JSON: {reply.text[:200]!r}") from None
        if not isinstance(told, dict):
            raise ModelError(f"{reply.url}: no JSON object: {reply.text[:200]!r}")
        return told
