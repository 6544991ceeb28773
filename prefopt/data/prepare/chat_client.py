"""A chat model behind an OpenAI-compatible server.

It exchanges texts and needs neither torch nor a tokenizer, unlike the client of a server with an adapter (prefopt.model.backends).
"""

from __future__ import annotations

from prefopt.errors import ModelError
from prefopt.io.leaving import refuse_personal
from prefopt.io.openai_server import Hints, OpenAiServer

_HINTS = Hints(
    setting="--url",
    unreachable="start the server, or give its address: --url http://HOST:PORT",
    refused="does the server serve this --model?",
    key="put it into an environment variable and name that: --key-env OPENAI_API_KEY",
)


class ChatModel:
    """One model of one server.

    Args:
        url: of the server, with or without /v1.
        model: its name on the server.
        key: sent as a bearer token unless empty; never printed.
    """

    def __init__(self, url: str, model: str, key: str = "") -> None:
        self._server, self.model = OpenAiServer(url, _HINTS, tries=4, key=key), model
        self.url = self._server.url

    def complete(self, system: str, user: str, *, seed: int, temperature: float, max_tokens: int) -> str | None:
        """Ask once and return the text of the answer; None where it was cut off at `max_tokens`.

        Args:
            system: instructions.
            user: question.
            seed: of the server's sampling, where it supports one.
            temperature: 0 for the most likely answer.
            max_tokens: of the answer.

        Raises:
            ModelError: no answer, a refused request, or an answer without a message.
            DataError: personal data in what would be sent.
        """
        refuse_personal((("the instructions", system), ("the question", user)), self.url)
        body = {
            "model": self.model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
            "temperature": temperature,
            "max_tokens": max_tokens,
            "seed": seed,
        }
        answer = self._server.ask("POST", "/v1/chat/completions", body)
        try:
            choice = answer["choices"][0]
            content, ended = choice["message"]["content"], choice.get("finish_reason", "stop")
        except (KeyError, IndexError, TypeError, AttributeError):
            raise ModelError(f"{self.url}: an answer without a message: {str(answer)[:200]}") from None
        if ended == "length" or content is None:
            return None
        if not isinstance(content, str):
            raise ModelError(f"{self.url}: a message that is not a text: {str(content)[:200]}")
        return content.strip()
