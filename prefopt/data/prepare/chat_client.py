"""A chat model behind any OpenAI-compatible server.

Without torch and without a tokenizer, unlike the server that serves an adapter (prefopt.model.backends): texts go out and come back.
"""

from __future__ import annotations

from prefopt.errors import ModelError
from prefopt.io.openai_server import Hints, OpenAiServer

_HINTS = Hints(
    unreachable="start the server, or give its address: --url http://HOST:PORT",
    refused="is --model served there?",
    key="put it into a variable and name that: --key-env OPENAI_API_KEY",
)


class ChatModel:
    """One model of one server.

    Args:
        url: of the server, with or without /v1.
        model: its name there.
        key: sent as a bearer token where it is not empty; never printed.
    """

    def __init__(self, url: str, model: str, key: str = "") -> None:
        self._server, self.model = OpenAiServer(url, _HINTS, tries=4, key=key), model
        self.url = self._server.url

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
        told = self._server.ask("POST", "/v1/chat/completions", body)
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
