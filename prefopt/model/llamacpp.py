"""The server of llama.cpp as an engine: a GGUF base with adapters that are switched from request to request, or a merged model.

An answer says nothing of tokens that end within a character, so one that is whole is made the next one, and the list of the most probable
tokens, which is of the logits before that, has the others.

Its adapters have numbers, which it gives them when it starts, and it ignores a number that it does not know: every request names the factor
of every adapter, by a list that was read just before. What it keeps of a prompt for the next one (checkpoints of the sliding window) gives
other posteriors (by 0.014 in total variation, measured), and those of another adapter after a switch: every prompt is computed from its
first token.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from prefopt.errors import ModelError
from prefopt.io.openai_server import OpenAiServer, RefusedError
from prefopt.model.engine_answers import OTHER, as_documented, log_probability, refuse_other_length, text_or_none
from prefopt.model.engine_launch import Kind
from prefopt.model.engines import ROUNDING, Given, Request, Written
from prefopt.model.tree_search import Next

TOP = 256
"""Most probable tokens that an answer lists; the probability of any other is asked for by itself."""
_EVERY = 2**24
"""Of n_probs: every token of the vocabulary."""
_CHOSEN = 10_000.0
"""Bias that makes a token the next one. The log-probabilities of an answer are those before it."""
_PLAIN = {
    "temperature": 0.0,
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "repeat_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "dry_multiplier": 0.0,
    "xtc_probability": 0.0,
    "mirostat": 0,
    "samplers": ["top_k", "temperature"],
    "n_predict": 1,
    "cache_prompt": False,
}
"""Named in every request: the server takes what is absent from its command line."""
_OWNER = "llamacpp"


def is_llamacpp(server: OpenAiServer) -> bool:
    """Whether a server is llama.cpp's, by its list of models. Raises NoAnswerError and ModelError as OpenAiServer.ask."""
    try:
        models = server.ask("GET", "/v1/models").get("data")
    except RefusedError:
        return False
    return isinstance(models, list) and any(isinstance(model, dict) and model.get("owned_by") == _OWNER for model in models)


class LlamaCpp:
    """llama.cpp: /completion, whose answers list the most probable tokens, and the probability of any that a bias makes the next one.

    Args:
        server: the client.
        adapter: alias of the model, or the name of an adapter's file without its ending.
    """

    kind: Kind = "llamacpp"

    def __init__(self, server: OpenAiServer, adapter: str) -> None:
        self.server, self._adapter = server, adapter
        self._whole: int | None = None

    def served(self) -> list[str]:
        """Aliases of the model, and the names of the adapters' files without their endings."""
        answer = self.server.ask("GET", "/v1/models")
        with as_documented(self.server.url, "a list of models"):
            models = [str(entry["id"]) for entry in answer["data"]]
        return [*models, *self._files()]

    def load(self, adapter: str, folder: Path) -> None:
        """Raises RefusedError: this server has the adapters that it was started with."""
        raise RefusedError(
            f"{self.server.url}: llama.cpp takes adapters only when it starts",
            hint=f"prefopt export FOLDER --layout gguf-lora, and start it with --lora FOLDER/{adapter}.gguf",
        )

    def unload(self, adapter: str) -> None:
        """Nothing: it is never asked to load one."""

    def next_tokens(self, contexts: Sequence[Sequence[int]], tokens: Sequence[Sequence[int]]) -> list[Next]:
        """As NextTokens.next_tokens: those that are not among the TOP most probable ones have at most what these leave."""
        answers = self._ask(contexts, {"n_probs": TOP, **self._next_is(self._whole_token())})
        return [self._next(answer, wanted) for answer, wanted in zip(answers, tokens, strict=True)]

    def _next(self, answer: dict[str, Any], wanted: Sequence[int]) -> Next:
        listed = {token: log_prob for token, (log_prob, _) in self._listed(answer).items()}
        found = {token: listed[token] for token in wanted if token in listed}
        if len(found) == len(set(wanted)):
            return Next(found)
        left = math.log(max(0.0, 1 - math.fsum(map(math.exp, listed.values()))) + ROUNDING)
        absent = len(set(wanted)) - len(found)
        return Next(found, min(left, min(listed.values()) + math.log(absent)) if listed else left)

    def given(self, contexts: Sequence[Sequence[int]], tokens: Sequence[int]) -> list[float]:
        """As NextTokens.given: one request a token, which a bias makes the next one."""
        return [self._chosen(context, token)[0] for context, token in zip(contexts, tokens, strict=True)]

    def text(self, ids: Sequence[int]) -> Given:
        """As Engine.text, one request a token."""
        found = [self._chosen(ids[:i], ids[i]) for i in range(1, len(ids))]
        return Given([log_prob for log_prob, _ in found], [text for _, text in found])

    def _chosen(self, context: Sequence[int], token: int) -> tuple[float, str | None]:
        """Log-probability and text of a token."""
        (answer,) = self._ask([context], {"n_probs": 1, **self._next_is(token)})
        if not answer.get("completion_probabilities"):  # it ends within a character
            (answer,) = self._ask([context], {"n_probs": _EVERY, **self._next_is(self._whole_token())})
            with as_documented(self.server.url, f"probability of token {token}, which was asked for"):
                return self._listed(answer)[token][0], None
        with as_documented(self.server.url, f"probability of token {token}, which was asked for"):
            entry = answer["completion_probabilities"][0]
            if entry["id"] != token:
                raise ValueError(f"it is of token {entry['id']}")
            return log_probability(entry["logprob"]), text_or_none(entry.get("token"))

    def _listed(self, answer: dict[str, Any]) -> dict[int, tuple[float, str | None]]:
        with as_documented(self.server.url, "completion_probabilities with top_logprobs"):
            rows = answer["completion_probabilities"][0]["top_logprobs"]
            return {int(row["id"]): (log_probability(row["logprob"]), text_or_none(row.get("token"))) for row in rows}

    @staticmethod
    def _next_is(token: int) -> dict[str, Any]:
        return {"logit_bias": [[token, _CHOSEN]]}

    def _whole_token(self) -> int:
        """A token that is a whole character."""
        if self._whole is None:
            answer = self.server.ask("POST", "/tokenize", {"content": "0", "add_special": False})
            with as_documented(self.server.url, "tokens of a text"):
                self._whole = int(answer["tokens"][-1])
        return self._whole

    def complete(self, request: Request) -> Written:
        """As Engine.complete."""
        body = {
            "n_predict": request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed % 2**31,
            "return_tokens": True,
            **({"grammar": request.gbnf} if request.gbnf else {}),
            **({"stop": list(request.end_texts)} if request.end_texts else {}),
            **({"logit_bias": [[token, False] for token in request.banned]} if request.banned else {}),
        }
        (answer,) = self._ask([request.prompt], body)
        with as_documented(self.server.url, "content and tokens"):
            text, tokens, stopped = answer["content"], answer["tokens"], answer["stop_type"]
            if not isinstance(text, str) or not all(isinstance(token, int) for token in tokens):
                raise TypeError("content is not a text, or tokens are not numbers")
        end = next((i for i, token in enumerate(tokens) if token in request.ends), None)
        return Written(text, stopped in ("eos", "word") or end is not None, tokens[:end])

    def _ask(self, prompts: Sequence[Sequence[int]], options: dict[str, Any]) -> list[dict[str, Any]]:
        """Answers to prompts, each an object of /completion."""
        body = {**_PLAIN, "prompt": [list(prompt) for prompt in prompts], "lora": self._scales(), **options}
        content = self.server.ask_any("POST", "/completion", body)
        answers = [content] if isinstance(content, dict) else content
        with as_documented(self.server.url, f"answers to {len(prompts)} prompts"):
            found: dict[int, dict[str, Any]] = {int(answer["index"]): answer for answer in answers}
            rows = [found[i] for i in range(len(prompts))]
            for prompt, row in zip(prompts, rows, strict=True):
                refuse_other_length(self.server.url, {"prompt_tokens": row["tokens_evaluated"]}, len(prompt))
        return rows

    def _scales(self) -> list[dict[str, Any]]:
        """The factor of every adapter. Raises RefusedError where the server has ours no more."""
        files = self._files()
        if self._adapter not in files and self._adapter not in self.served():
            raise RefusedError(f"{self.server.url} serves {self._adapter} no more", hint=f"start it with {self._adapter} again")
        return [{"id": number, "scale": float(name == self._adapter)} for number, name in enumerate(files)]

    def _files(self) -> list[str]:
        """Names of the adapters by their numbers."""
        answer = self.server.ask_any("GET", "/lora-adapters")
        with as_documented(self.server.url, "a list of adapters"):
            found = {int(entry["id"]): PurePath(str(entry["path"])).stem for entry in answer}
            names = [found[number] for number in range(len(found))]
        if len(set(names)) < len(names):
            raise ModelError(f"{self.server.url} has two adapters of one name: {', '.join(names)}", hint=OTHER)
        return names
